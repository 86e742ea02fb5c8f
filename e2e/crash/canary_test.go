package crash

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/metadata"

	"github.com/tripod-audit/tripod/internal/audit"
)

// aviary makes strings that nobody else says, and remembers them.
type aviary struct {
	erased  uint64            // position of the record that was erased
	content []string          // must open from the content store, and be nowhere else
	never   map[string][]byte // must be nowhere at all, by what they are
}

// bird makes a string to plant as content.
func (a *aviary) bird(where string) string {
	s := fmt.Sprintf("canary%03d%s", len(a.content), strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, where))
	a.content = append(a.content, s)
	return s
}

// lost makes a string to plant where nothing may be kept.
func (a *aviary) lost(where string) string {
	s := "stray" + hex.EncodeToString([]byte(where))
	a.never[where] = []byte(s)
	return s
}

// TestCanaries plants strings wherever a client, an operator or a key file can bring some, and looks for them in everything
// Tripod says and keeps. What is content has to be found by opening it: else this test would pass by keeping nothing.
func TestCanaries(t *testing.T) {
	t.Parallel()
	a := &aviary{never: make(map[string][]byte)}
	token := a.lost("the bearer token")
	h := newHome(t, captureAll+"otlp:\n  tokens:\n    - name: fleet\n      env: CANARY_TOKEN\n")
	h.env = []string{"CANARY_TOKEN=" + token}
	s := h.run(t)
	heard := new(bytes.Buffer) // all that was answered
	send := func(path, contentType string, body []byte, headers ...string) int {
		t.Helper()
		return s.ask(t, heard, s.HTTP+path, contentType, body, headers...)
	}
	auth := []string{"Authorization", "Bearer " + token}
	if err := a.overGRPC(t, s, token, "another-session", a.lost("a prompt that will be erased")); err != nil {
		t.Fatal(err)
	}
	for path, body := range a.bodies() {
		if code := send(path, "application/json", []byte(body), auth...); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
	}
	a.sendHeaders(t, s, heard, token)
	a.sendNonsense(send, auth)
	if err := a.overGRPC(t, s, token, "canary-session", a.bird("prompt over grpc")); err != nil {
		t.Fatal(err)
	}
	if err := a.overGRPC(t, s, a.lost("a wrong token over gRPC"), "canary-session", a.lost("a prompt that is refused")); err == nil {
		t.Error("a wrong token was accepted")
	} else {
		fmt.Fprintln(heard, err)
	}
	s.awaitViews(t)
	var found struct{ Seq uint64 }
	if err := json.Unmarshal([]byte(h.search(t, "session:another-session")), &found); err != nil {
		t.Fatal(err)
	}
	a.erased = found.Seq
	h.command(t, "erase", "--record", strconv.FormatUint(found.Seq, 10), "--reason", a.bird("reason of an erasure"), "--case", "case-1")
	s.awaitViews(t)
	for _, path := range []string{"/metrics", "/healthz", "/readyz", "/", "/" + a.lost("a path of the console"), "/metrics?key=" + a.lost("a query of the console")} {
		s.ask(t, heard, s.Console+path, "", nil, "Cookie", a.lost("a cookie"))
	}
	s.ask(t, heard, s.Console+"/metrics", "", nil, "Host", a.lost("a host"))
	for _, args := range [][]string{
		{"search", "--json", "--limit", "0"}, {"search", "--limit", "0"}, {"search", "--csv", "--limit", "0"}, {"session", "canary-session"},
		{"session", "canary-session", "--json"}, {"record", "3"}, {"record", "3", "--proof", "--json"}, {"doctor"}, {"verify", "--json"}, {"keys", "export"},
	} {
		stdout, stderr, _ := h.try(t, args...)
		fmt.Fprintln(heard, stdout, stderr)
	}
	s.stop(t)
	a.keys(t, h)
	a.listen(t, h, heard)
}

// ask makes a request and hears all of the answer; anything but GET has a body.
func (s *serve) ask(t *testing.T, heard io.Writer, url, contentType string, body []byte, headers ...string) int {
	t.Helper()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(heard, res.Status, res.Header, string(b))
	return res.StatusCode
}

func attribute(name, value string) string { return `{"key":"` + name + `","value":` + value + `}` }

// bodies are exports of all three signals with a bird in every place that can hold one.
func (a *aviary) bodies() map[string]string {
	text := func(where string) string { return `{"stringValue":"` + a.bird(where) + `"}` }
	attrs := func(where string) string {
		list := []string{attribute("session.id", `{"stringValue":"canary-session"}`)}
		for _, name := range []string{"prompt", "tomorrow", "tool_parameters", "full_command", "error", "response", "tool.output", "file_path", "user_prompt"} {
			list = append(list, attribute(name, text(where+name)))
		}
		list = append(list,
			attribute("tool_input", `{"stringValue":"{\"command\":\"`+a.bird(where+"command")+`\",\"mcp_tool_name\":\"x\"}"}`),
			attribute("list", `{"arrayValue":{"values":[`+text(where+"list")+`]}}`),
			attribute("map", `{"kvlistValue":{"values":[`+attribute("k", text(where+"map"))+`]}}`),
			attribute("bytes", `{"bytesValue":"`+base64.StdEncoding.EncodeToString([]byte(a.bird(where+"bytes")))+`"}`),
			attribute("model", `{"stringValue":"`+strings.Repeat(a.bird(where+"model"), 40)+`"}`),
			attribute("workspace.host_paths", `{"arrayValue":{"values":[`+text(where+"paths")+`]}}`))
		return strings.Join(list, ",")
	}
	head := func(where string) string {
		return `"resource":{"attributes":[` + attribute("service.name", `{"stringValue":"claude-code"}`) + `,` + attribute("team", text(where+"team")) + `]}`
	}
	now := fmt.Sprint(time.Now().UnixNano())
	return map[string]string{
		"/v1/logs": `{"resourceLogs":[{` + head("log") + `,"scopeLogs":[{"scope":{"name":"` + a.bird("log scope") + ` x","attributes":[` + attribute("s", text("log scope")) + `]},"logRecords":[` +
			`{"timeUnixNano":"` + now + `","severityText":"` + a.bird("severity") + ` x","body":` + text("log body") + `,"attributes":[` + attribute("event.name", `{"stringValue":"user_prompt"}`) + "," + attrs("log") + `]},` +
			`{"timeUnixNano":"` + now + `","body":{"stringValue":"claude_code.x ` + a.bird("log body alone") + `"},"attributes":[` + attribute("session.id", `{"stringValue":"canary-session"}`) + `]}]}]}]}`,
		"/v1/traces": `{"resourceSpans":[{` + head("span") + `,"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"say ` + a.bird("span name") + ` now","traceState":"k=` + a.bird("trace state") + `",` +
			`"startTimeUnixNano":"` + now + `","endTimeUnixNano":"` + now + `","status":{"code":2,"message":"` + a.bird("span status") + `"},"attributes":[` + attrs("span") + `],` +
			`"events":[{"timeUnixNano":"` + now + `","name":"a ` + a.bird("span event name") + ` b","attributes":[` + attrs("event") + `]}],"links":[{"traceState":"` + a.bird("link state") + `","attributes":[` + attrs("link") + `]}]}]}]}]}`,
		"/v1/metrics": `{"resourceMetrics":[{` + head("metric") + `,"scopeMetrics":[{"metrics":[{"name":"a ` + a.bird("metric name") + ` b","description":"` + a.bird("metric description") + `","unit":"` + a.bird("metric unit") + ` per second","sum":{"dataPoints":[` +
			`{"timeUnixNano":"` + now + `","asInt":"1","attributes":[` + attrs("point") + `],"exemplars":[{"asInt":"1","filteredAttributes":[` + attrs("exemplar") + `]}]}]}}]}]}]}`,
	}
}

// sendHeaders plants strings around a body.
func (a *aviary) sendHeaders(t *testing.T, s *serve, heard io.Writer, token string) {
	t.Helper()
	empty := []byte(`{}`)
	for _, headers := range [][]string{
		{"Authorization", "Bearer " + token, "User-Agent", a.lost("user agent"), "X-Secret", a.lost("a header"), "Cookie", "k=" + a.lost("a cookie of a client")},
		{"Authorization", "Bearer " + a.lost("a wrong token")},
		{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+a.lost("a password")))},
		{"Authorization", a.lost("a scheme")},
		{"Authorization", "Bearer " + token, "Content-Encoding", a.lost("an encoding")},
		{"Authorization", "Bearer " + token, "Origin", "https://" + a.lost("an origin")},
		{"Authorization", "Bearer " + token, "Content-Type", a.lost("a content type")},
	} {
		s.ask(t, heard, s.HTTP+"/v1/logs", "application/json", empty, headers...)
	}
	for _, path := range []string{"/" + a.lost("a path"), "/v1/logs?key=" + a.lost("a query"), "/v1/" + a.lost("a signal")} {
		s.ask(t, heard, s.HTTP+path, "application/json", empty, "Authorization", "Bearer "+token)
		s.ask(t, heard, s.HTTP+path, "", nil)
	}
	// What is not even HTTP.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s NONSENSE/9\r\n%s\r\n\r\n", a.lost("a method"), a.lost("a target"), a.lost("a header line"))
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Logf("nonsense is answered with %v", err)
	}
	_, _ = heard.Write(answer)
}

// sendNonsense sends bodies that are no OTLP.
func (a *aviary) sendNonsense(send func(string, string, []byte, ...string) int, auth []string) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(a.lost("a body in gzip")))
	_ = z.Close()
	for _, path := range []string{"/v1/logs", "/v1/traces", "/v1/metrics"} {
		send(path, "application/json", []byte(a.lost("a JSON body")), auth...)
		send(path, "application/json", []byte(`{"resourceLogs":[{"`+a.lost("a JSON body that is cut")), auth...)
		send(path, "application/json", []byte(`{"`+a.lost("a JSON name")+`":"\u00"}`), auth...)
		send(path, "application/x-protobuf", []byte("\x0a\xff"+a.lost("a protobuf body")), auth...)
		send(path, "application/x-protobuf", zipped.Bytes(), append([]string{"Content-Encoding", "gzip"}, auth...)...)
		send(path, "application/x-protobuf", []byte("\x1f\x8b"+a.lost("a gzip body that is none")), append([]string{"Content-Encoding", "gzip"}, auth...)...)
	}
}

// overGRPC sends one prompt, with metadata.
func (a *aviary) overGRPC(t *testing.T, s *serve, token, session, prompt string) error {
	t.Helper()
	l := s.dial(t)
	defer l.close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token, "x-secret", a.lost("metadata"))
	ld := plog.NewLogs()
	lr := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	lr.Attributes().PutStr("event.name", "user_prompt")
	lr.Attributes().PutStr("session.id", session)
	lr.Attributes().PutStr("prompt", prompt)
	_, err := plogotlp.NewGRPCClient(l.grpc).Export(ctx, plogotlp.NewExportRequestFromLogs(ld))
	return err
}

// keys adds the secrets of the key files, which must be in no other file.
func (a *aviary) keys(t *testing.T, h *home) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.data, "keys", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	master, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(master) != 32 {
		t.Fatalf("the master key is %d bytes in hex: %v", len(master), err)
	}
	a.never["the master key"] = master
	if b, err = os.ReadFile(filepath.Join(h.data, "keys", "ledger.key")); err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(strings.TrimSpace(string(b)), "+", 5) // PRIVATE+KEY+name+hash+base64, which may hold a + of its own
	seed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(seed) != 33 {
		t.Fatalf("the ledger's key is %d bytes: %v", len(seed), err)
	}
	a.never["the ledger's key"] = seed[1:]
}

// forms are the ways in which a string may be written down.
func forms(secret []byte) map[string][]byte {
	quoted, _ := json.Marshal(string(secret))
	return map[string][]byte{
		"": secret, "in hex ": []byte(hex.EncodeToString(secret)), "in upper-case hex ": []byte(strings.ToUpper(hex.EncodeToString(secret))),
		// The end depends on what follows, so it is left out.
		"in base64 ": []byte(base64.StdEncoding.EncodeToString(secret[:len(secret)/3*3])), "in URL base64 ": []byte(base64.URLEncoding.EncodeToString(secret[:len(secret)/3*3])),
		"escaped ": []byte(url.QueryEscape(string(secret))), "quoted ": quoted[1 : len(quoted)-1],
	}
}

// listen looks for all birds in everything that was said and kept.
func (a *aviary) listen(t *testing.T, h *home, heard *bytes.Buffer) {
	t.Helper()
	log, err := os.ReadFile(h.log)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte("level=WARN")) {
		t.Error("the log says nothing of what was refused")
	}
	places := map[string][]byte{"the log": log, "what was answered or printed": heard.Bytes()}
	files := h.files(t)
	opened := a.records(t, h, places)
	for name, raw := range files {
		places[name] = raw
	}
	for _, s := range a.content {
		if !slices.ContainsFunc(opened, func(b []byte) bool { return bytes.Contains(b, []byte(s)) }) {
			t.Errorf("%s was sent, is to be kept, and no content opens to it", s)
		}
		search(t, places, s, map[string][]byte{"": []byte(s)})
		if found := h.search(t, s); found != "" {
			t.Errorf("a search for %s finds %.200s", s, found)
		}
	}
	for what, secret := range a.never {
		search(t, places, what, forms(secret))
		for _, b := range opened {
			if bytes.Contains(b, secret) {
				t.Errorf("%s is kept as content", what)
			}
		}
	}
	t.Logf("%d places, %d strings to be opened only, %d never; %d pieces of content", len(places), len(a.content), len(a.never), len(opened))
}

// search looks for one string, in its forms, everywhere but in the key files.
func search(t *testing.T, places map[string][]byte, what string, forms map[string][]byte) {
	t.Helper()
	for place, said := range places {
		if strings.HasPrefix(place, "keys/") && strings.HasSuffix(place, ".key") {
			continue
		}
		for form, b := range forms {
			if at := bytes.Index(said, b); at >= 0 {
				t.Errorf("%s is %sin %s: %.200q", what, form, place, said[max(0, at-80):min(len(said), at+len(b)+80)])
			}
		}
	}
}

// records reads every record, decompressed, and opens all content.
func (a *aviary) records(t *testing.T, h *home, places map[string][]byte) (opened [][]byte) {
	t.Helper()
	r := h.open(t)
	defer r.close(t)
	last, err := r.journal.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for s, err := range r.journal.Scan(t.Context(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Seq == a.erased {
			continue
		}
		places[fmt.Sprintf("record %d", s.Seq)] = bytes.Clone(s.Bytes)
		rec, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rec.Content {
			if c.Address == "" {
				continue
			}
			b, err := r.content.Open(t.Context(), r.grant.For(audit.ClassText), rec.Container, c.Address)
			if err != nil {
				t.Errorf("record %d: open %s: %v", s.Seq, c.Name, err)
				continue
			}
			opened = append(opened, b)
		}
	}
	return opened
}

// files reads all files of a data directory on which nothing serves.
func (h *home) files(t *testing.T) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(h.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(h.data, path)
		if err == nil {
			all[rel], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"journal.db", "content.db", "index/head.db"} {
		if len(all[want]) == 0 {
			t.Errorf("%s was not looked at", want)
		}
	}
	return all
}
