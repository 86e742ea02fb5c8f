package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
)

// editor is the page of the capture policy, as the local administrator uses it.
type editor struct {
	t       *testing.T
	client  *http.Client
	console string
}

func openEditor(t *testing.T, s *serving) *editor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	link := s.ConsoleLink(context.Background())
	u, err := url.Parse(link)
	if err != nil || link == "" {
		t.Fatalf("%q: %v", link, err)
	}
	e := &editor{t, &http.Client{Jar: jar}, u.Scheme + "://" + u.Host}
	e.answer(e.client.Get(link))
	return e
}

func (e *editor) answer(res *http.Response, err error) (int, string) {
	if err != nil {
		e.t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Error(err)
	}
	return res.StatusCode, string(b)
}

var hidden = regexp.MustCompile(`name="(csrf|version)" value="([^"]*)"`)

// look asks what one rule would change, and returns the form that writes it.
func (e *editor) look(rule map[string]string) url.Values {
	e.t.Helper()
	form := make(url.Values)
	for _, name := range []string{"at", "source", "plane", "surface", "group", "credential", "keep"} {
		form.Set(name, rule[name])
	}
	_, body := e.answer(e.client.Get(e.console + "/settings/capture?" + form.Encode()))
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], m[2])
	}
	return form
}

func (e *editor) write(form url.Values) (int, string) {
	return e.answer(e.client.PostForm(e.console+"/settings/capture", form))
}

// TestCaptureIsWrittenToTheFile: from the page into the file, with all else in it as it was, on record and in force; and
// refused, with nothing changed, where the file is not what the page was made of.
func TestCaptureIsWrittenToTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tripod.yaml")
	file := "# ours\ndata: " + filepath.Join(dir, "data") + "\nlisten: {console: 127.0.0.1:0, otlp_http: 127.0.0.1:0, otlp_grpc: '', gateway: ''}\n" +
		"# agreed\ncapture:\n  rules: []\n# the log\nlog:\n  level: warn\n"
	put := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	put(file)
	load := func() (config.Config, error) { return config.Load(path) }
	cfg, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, cfg)
	e := openEditor(t, s)

	if status, body := e.write(e.look(map[string]string{"keep": "text", "credential": "nobody"})); status != http.StatusBadRequest || !strings.Contains(body, "no token is named") {
		t.Errorf("a configuration that would not stand: %d", status)
	}
	stale := e.look(map[string]string{"keep": "detail"})
	if status, body := e.write(e.look(map[string]string{"keep": "metadata", "group": "council"})); status != http.StatusOK || !strings.Contains(body, "and in force") {
		t.Fatalf("%d\n%s", status, body)
	}
	want := strings.Replace(file, "  rules: []\n", "  rules:\n    - group:\n        - council\n      keep: metadata\n", 1)
	if got := read(path); got != want || read(path+".bak") != file {
		t.Errorf("the file holds:\n%s", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v: %v", info.Mode(), err)
	}
	if status, body := e.write(stale); status != http.StatusConflict || !strings.Contains(body, "change is in force since") {
		t.Errorf("of a page from before: %d", status)
	}

	// Two at once: one of them is of a page from before.
	forms := []url.Values{e.look(map[string]string{"keep": "metadata"}), e.look(map[string]string{"keep": "detail", "plane": "agent"})}
	var both sync.WaitGroup
	statuses := make([]int, 2)
	for i := range forms {
		both.Go(func() { statuses[i], _ = e.write(forms[i]) })
	}
	both.Wait()
	if statuses[0]+statuses[1] != http.StatusOK+http.StatusConflict {
		t.Errorf("two at once: %v", statuses)
	}

	// An editor was at the file meanwhile.
	form := e.look(map[string]string{"keep": "text"})
	other := read(path) + "owners:\n  otel.log: IT\n"
	put(other)
	if status, body := e.write(form); status != http.StatusConflict || !strings.Contains(body, "(owners)") || read(path) != other {
		t.Errorf("a file that was changed: %d\n%s", status, body)
	}
	if err := s.Reload(context.Background(), load); err != nil {
		t.Fatal(err)
	}
	// It is mounted from elsewhere.
	aside := filepath.Join(dir, "mounted.yaml")
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(aside, path); err != nil {
		t.Fatal(err)
	}
	if status, body := e.write(form); status != http.StatusConflict || !strings.Contains(body, "symbolic link") || !strings.Contains(body, "keep: text") || read(aside) != other {
		t.Errorf("a link: %d", status)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	checkCaptureActs(t, cfg.Data)
}

// checkCaptureActs holds that each of the two changes is on record twice: as ordered and as in force, by who did it.
func checkCaptureActs(t *testing.T, dir string) {
	t.Helper()
	r, err := journal.OpenReader(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var types []string
	first := capture.Config{Rules: []capture.Rule{{Group: []string{"council"}, Keep: audit.ClassMetadata}}}
	for stored, err := range r.Scan(context.Background(), 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		rec, err := stored.Record()
		if err != nil || !strings.HasPrefix(rec.Type, "tripod.capture.") {
			continue
		}
		if types = append(types, rec.Type); rec.Account.Proved.OSUser == "" || rec.Outcome != audit.OutcomeSuccess {
			t.Errorf("%+v", rec)
		}
		after, _ := rec.Attributes.Get("after")
		if len(types) <= 2 && after.Text() != first.Digest() {
			t.Errorf("%s is about another policy", rec.Type)
		}
	}
	if got := strings.Join(types, " "); got != "tripod.capture.write tripod.capture.change tripod.capture.write tripod.capture.change" {
		t.Errorf("on record: %s", got)
	}
}
