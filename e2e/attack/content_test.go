package attack

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
)

// Every piece of content that is planted begins with words that queries ask for and goes on with the secret, which nothing may
// say. A word like the first one, which is nowhere, is what answers are held against.
const (
	word    = "zebracorn"
	probe   = "p1b2"
	control = "zebracorm"
	secret  = "c7f3e9x"
)

// canaries have every content field say where it stands.
func canaries() words {
	return words{
		content: func(where string) string {
			if where == "otel.tomorrow" || where == "gateway.command" {
				return word + " " + probe // so that a query can ask for all of it
			}
			return word + " " + probe + " " + secret + " " + where
		},
		name: func(where string) string {
			_, field, _ := strings.Cut(where, ".")
			switch {
			case strings.HasPrefix(where, "vendor."):
				return "" // as the vendor says it
			case strings.Contains(field, "email"):
				return "dana@example.com"
			case where == "csv.uuid" || where == "csv.entity" || field == "account" || field == "org":
				return "0f1e2d3c-4b5a-4678-9abc-def012345678"
			case where == "csv.ip":
				return "192.0.2.7"
			}
			return "n." + strings.NewReplacer(".", "_", " ", "_").Replace(field)
		},
	}
}

// said is what was said, by where.
type said map[string]string

// check wants the secret nowhere.
func (s said) check(t *testing.T) {
	t.Helper()
	for _, where := range slices.Sorted(maps.Keys(s)) {
		if i := strings.Index(strings.ToLower(s[where]), secret); i >= 0 {
			t.Errorf("%s says %.80q", where, s[where][max(0, i-40):min(len(s[where]), i+40)])
		}
	}
}

// TestContentStaysShut plants secrets in all content of every way in and looks for them in everything that can be asked without
// a grant: pages, API, queries of every form, exports, commands beside serve and without, logs, metrics, files, errors.
func TestContentStaysShut(t *testing.T) {
	slow(t)
	c := configuration(t)
	vendorURL, key := vendor(t, canaries())
	c.Environment(func(name string) string {
		return map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": writeFile(t, "key", key), "TRIPOD_COMPLIANCE_URL": vendorURL}[name]
	})
	c.Gateway.Upstream = upstream(t, model(canaries()))
	s := serve(t, c)
	s.feed(canaries())
	list := s.records(func(list []*audit.Record) bool {
		return ofSource(list, audit.SourceOTelLog, audit.SourceOTelMetric, audit.SourceOTelSpan, audit.SourceAuditExport, audit.SourceGatewayLLM,
			audit.SourceComplianceActivity, audit.SourceComplianceSession, audit.SourceComplianceChat)
	})
	held := map[audit.Source]int{}
	for _, r := range list {
		for i := range r.Content {
			if r.Content[i].Withheld == "" {
				held[r.Source]++
			}
		}
	}
	t.Logf("pieces of content held: %v", held)
	for _, source := range []audit.Source{audit.SourceOTelLog, audit.SourceOTelMetric, audit.SourceOTelSpan, audit.SourceAuditExport, audit.SourceGatewayLLM, audit.SourceComplianceSession, audit.SourceComplianceChat} {
		if held[source] < 3 {
			t.Errorf("of %s %d pieces of content are held: the test shows little", source, held[source])
		}
	}
	t.Run("records", func(t *testing.T) {
		for i, r := range list {
			said{fmt.Sprintf("record %d, %s %s", i+1, r.Source, r.Type): string(r.AppendCanonical(nil))}.check(t)
		}
	})
	t.Run("pages", func(t *testing.T) {
		for path, a := range everyPage(s, list, 2).all() {
			said{path: a.body + fmt.Sprint(a.header)}.check(t)
			if strings.HasPrefix(path, "/activity/export") {
				said{path + ", unpacked": unpacked(t, a.body)}.check(t)
			}
		}
		for _, as := range []string{"csv", "ndjson"} {
			path := "/activity/export?q=&as=" + as
			text := unpacked(t, s.get(path).body)
			if strings.Count(text, "\n") < len(list) {
				t.Errorf("%s: the test shows nothing", path)
			}
			said{path: text}.check(t)
		}
	})
	t.Run("queries", func(t *testing.T) { queriesTellNothing(t, s) })
	t.Run("errors", func(t *testing.T) {
		for _, path := range []string{"/activity?q=&cursor=" + word, "/api/v1/search?q=&cursor=AAAA", "/api/v1/search?q=" + url.QueryEscape(`"`+word), "/activity?q=nosuchfield:" + word,
			"/record/" + word, "/record/99999999", "/session/" + word, "/organisation/account?id=" + word} {
			a := s.get(path)
			said{path: a.body}.check(t)
			if a.status < 400 && !strings.HasPrefix(path, "/activity") {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
	tripod := build(t)
	t.Run("commands beside serve", func(t *testing.T) { commandsSayNothing(t, s, tripod, list, 4) })
	s.stop()
	t.Run("commands without", func(t *testing.T) { commandsSayNothing(t, s, tripod, list, 1) })
	t.Run("log", func(t *testing.T) {
		said{"the log": s.log.String()}.check(t)
		if !strings.Contains(s.log.String(), "level=DEBUG") && !strings.Contains(s.log.String(), "level=INFO") {
			t.Error("the log is empty")
		}
	})
	t.Run("files", func(t *testing.T) { filesSayNothing(t, c.Data) })
	t.Run("another key", func(t *testing.T) { otherKeySaysNothing(t, s, tripod) })
}

// unpacked is all that an archive holds.
func unpacked(t *testing.T, archive string) string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range z.File {
		all.WriteString(f.Name + "\n")
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
	}
	return all.String()
}

// own are what differs between two answers to queries that find the same: the query, and times.
var own = regexp.MustCompile(`"(query|start)":"[^"]*"|"(ledger_size|index_behind|step_seconds)":\d+`)

// queriesTellNothing asks in every form for what only content says, and for a word that is nowhere: the answers are the same,
// so that nobody learns by asking what content says.
func queriesTellNothing(t *testing.T, s *served) {
	forms := []string{"%s", `"%s"`, "%s*", "-%s", "%s tool:Bash", `"%s p1b2"`, `"%s p1b2*"`, `p1b2 %s`, "-%s*"}
	for _, field := range []string{"user", "ip", "device", "key", "model", "source", "surface", "activity", "type", "tool", "mcp", "outcome", "session", "prompt", "request", "org", "rule", "case"} {
		forms = append(forms, field+":%s", field+":%s*", "-"+field+":%s", field+`:"%s p1b2*"`, field+`:"%s p1b2"`)
	}
	found := 0
	for _, form := range forms {
		for _, path := range []string{"/api/v1/search?limit=20&q=", "/api/v1/facets?q=", "/api/v1/histogram?q="} {
			answers := map[string]answer{}
			for _, w := range []string{word, control} {
				q := "before:2026-12-31 -source:tripod " + strings.ReplaceAll(form, "%s", w)
				a := s.get(path + url.QueryEscape(q))
				a.body = strings.ReplaceAll(own.ReplaceAllString(a.body, ""), w, "WORD")
				answers[w] = a
			}
			if answers[word].status != answers[control].status || answers[word].body != answers[control].body {
				t.Errorf("%s%s: %d %.300s, and for a word that is nowhere %d %.300s", path, form, answers[word].status, answers[word].body, answers[control].status, answers[control].body)
			}
			if answers[word].status == 200 && strings.Contains(answers[word].body, `"seq"`) {
				found++
			}
		}
	}
	if found == 0 {
		t.Error("no query finds anything: the test shows nothing")
	}
	for _, field := range []string{"tool", "model", "mcp", "type", "user", "session", "rule"} {
		for n := 1; n <= len(word); n++ { // one character after the other, as a guesser would
			with := s.get("/activity/values?q=&field=" + field + "&begins=" + word[:n] + "&value=" + word[:n] + "&prefix=" + word[:n])
			if strings.Contains(with.body, word) && n < len(word) {
				t.Errorf("%s is suggested for %q", field, word[:n])
			}
		}
	}
}

// build makes the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tripod")
	if out, err := exec.Command("go", "build", "-o", path, "github.com/tripod-audit/tripod/cmd/tripod").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// run runs a command and returns all it says.
func (s *served) run(t *testing.T, tripod string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tripod, args...)
	cmd.Env = append(os.Environ(), "TRIPOD_DATA="+s.cfg.Data, "TRIPOD_LISTEN_GATEWAY=")
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	text := string(out)
	err = filepath.WalkDir(cmd.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		text += d.Name() + "\n" + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text, cmd.ProcessState.ExitCode()
}

// commandsSayNothing runs what reads.
func commandsSayNothing(t *testing.T, s *served, tripod string, list []*audit.Record, most int) {
	commands := [][]string{
		{"search", "--limit", "0", ""}, {"search", "--json", "--limit", "0", ""}, {"search", "--csv", "--limit", "0", ""}, {"search", "-o", "all.csv", ""}, {"search", "-o", "all.ndjson", ""},
		{"search", word}, {"search", "--json", "tool:" + word + "*"}, {"search", "nosuch:" + word},
		{"discrepancies"}, {"discrepancies", "--json"}, {"organisation"}, {"organisation", "--json"}, {"organisation", "accounts", "--json"}, {"doctor"}, {"doctor", "--json"}, {"verify"},
		{"reviews", "list"}, {"reviews", "list", "--json"}, {"policy", "rules"}, {"policy", "explain", "1"}, {"case", "list"}, {"hold", "list"}, {"retention", "plan"}, {"keys", "export"},
	}
	kinds, sessions := map[string]bool{}, map[string]bool{}
	for i, r := range list {
		seq := fmt.Sprint(i + 1)
		if kind := string(r.Source) + r.Type; !kinds[kind] && len(r.Content) > 0 && len(kinds) < most {
			kinds[kind] = true
			commands = append(commands, []string{"record", seq}, []string{"record", "--json", seq}, []string{"record", "--content", seq}, []string{"record", "--content", "--grant", "G-2026-0001", seq})
			if len(kinds) == 1 {
				commands = append(commands, []string{"record", "--proof", seq})
			}
		}
		if id := r.Keys.Session; id != "" && !sessions[id] && len(sessions) < min(most, 3) {
			sessions[id] = true
			commands = append(commands, []string{"session", id}, []string{"session", "--json", id})
		}
	}
	shown := 0
	for _, args := range commands {
		text, code := s.run(t, tripod, args...)
		if code == 0 {
			shown++
		}
		if slices.Contains(args, "--content") && code == 0 {
			t.Errorf("%v opens content: %.200s", args, text)
		}
		said{strings.Join(args, " "): strings.ReplaceAll(text, strings.Join(args, " "), "")}.check(t)
	}
	if shown < len(commands)/3 {
		t.Errorf("%d of %d commands say anything", shown, len(commands))
	}
}

// filesSayNothing looks into every file of the data directory, the values of every database among them. Content is encrypted, so
// the secret is nowhere; and no index holds a word of it.
func filesSayNothing(t *testing.T, dir string) {
	files, values := 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Type()&fs.ModeSocket != 0 {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		for _, w := range []string{secret, strings.ToUpper(secret), word} {
			if bytes.Contains(b, []byte(w)) {
				t.Errorf("%s holds %s", name, w)
			}
		}
		if strings.HasSuffix(name, ".db") && name != "content.db" {
			for _, v := range databaseValues(t, path) {
				values++
				if i := bytes.Index(bytes.ToLower(v), []byte(word)); i >= 0 {
					t.Errorf("%s has a value with %q", name, v[max(0, i-40):min(len(v), i+60)])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files, %d values of databases", files, values)
	if files < 8 || values < 1000 {
		t.Error("the test shows little")
	}
}

// otherKeySaysNothing starts with another master key.
func otherKeySaysNothing(t *testing.T, s *served, tripod string) {
	path := filepath.Join(s.cfg.Data, "keys", "master.key")
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := configuration(t)
	if truth, err := app.OpenTruth(t.Context(), app.TruthOptions{Dir: other.Data}); err == nil {
		_ = truth.Close(context.Background())
	}
	wrong, err := os.ReadFile(filepath.Join(other.Data, "keys", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, wrong, 0o600); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.WriteFile(path, kept, 0o600); err != nil {
			t.Error(err)
		}
	}()
	for _, args := range [][]string{{"erase", "--record", "1", "--reason", "x"}, {"record", "1"}, {"doctor"}, {"search", ""}} {
		text, _ := s.run(t, tripod, args...)
		said{"with another key: " + strings.Join(args, " "): text}.check(t)
		if bytes.Contains([]byte(text), bytes.TrimSpace(kept)) || bytes.Contains([]byte(text), bytes.TrimSpace(wrong)) {
			t.Errorf("%v prints a key", args)
		}
	}
}
