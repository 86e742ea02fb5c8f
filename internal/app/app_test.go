package app_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/search"
)

// serving is an App under test.
type serving struct {
	*app.App
	dir   string
	addrs app.Addrs
	log   *bytes.Buffer
	stop  func() error
}

func cfgFor(dir string) config.Config {
	cfg := config.Default()
	cfg.Data = dir
	cfg.Listen = config.Listen{Console: "127.0.0.1:0", OTLPHTTP: "127.0.0.1:0"}
	cfg.CheckpointInterval = 100 * time.Millisecond
	return cfg
}

func serve(t *testing.T, cfg config.Config) *serving {
	t.Helper()
	s := &serving{dir: cfg.Data, log: new(bytes.Buffer)}
	a, err := app.New(context.Background(), app.Options{Config: cfg, Version: "test", Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s.App = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	select {
	case <-a.Ready():
	case err := <-done:
		t.Fatalf("ended before it was ready: %v", err)
	}
	if s.addrs, err = app.ReadAddrs(cfg.Data); err != nil {
		t.Fatal(err)
	}
	return s
}

const export = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"claude-code"}},
 {"key":"service.version","value":{"stringValue":"2.1.330"}}]},
 "scopeLogs":[{"scope":{"name":"com.anthropic.claude_code.events"},"logRecords":[{"timeUnixNano":"1795412750802000000","body":{"stringValue":"claude_code.user_prompt"},
 "attributes":[{"key":"event.name","value":{"stringValue":"user_prompt"}},{"key":"session.id","value":{"stringValue":"s-1"}},
 {"key":"user.id","value":{"stringValue":"device-1"}},{"key":"user.email","value":{"stringValue":"Eve@example.com"}},
 {"key":"event.sequence","value":{"intValue":0}},{"key":"prompt","value":{"stringValue":"hello"}}]}]}]}]}`

// post delivers an export and returns the status.
func (s *serving) post(t *testing.T, token, body string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.addrs.OTLPHTTP+"/v1/logs", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

func (s *serving) get(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := http.Get(s.addrs.Console + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// reading opens the data directory after an orderly stop.
func (s *serving) reading(t *testing.T) *app.Reading {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatalf("stop: %v", err)
	}
	r, err := app.OpenReading(context.Background(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestOrderlyStopLeavesNothingBehind(t *testing.T) {
	s := serve(t, cfgFor(t.TempDir()))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatalf("answered %d", code)
	}
	r := s.reading(t)
	summary, err := app.Summarise(context.Background(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	// start, export, stop
	if summary.Records != 3 || summary.LedgerSize != 3 || !summary.Verified || summary.BySource["otel.log"] != 1 || summary.BySource["tripod"] != 2 {
		t.Errorf("summary = %+v", summary)
	}
	if behind, err := r.Behind(context.Background()); err != nil || behind != 0 {
		t.Errorf("search is %d behind, %v", behind, err)
	}
	for _, leftover := range []string{"serve.json", "tripod.sock", "journal.db-wal", "content.db-wal"} {
		if info, err := os.Stat(filepath.Join(s.dir, leftover)); err == nil && info.Size() > 0 {
			t.Errorf("%s is left behind with %d bytes", leftover, info.Size())
		}
	}
	if again := serve(t, cfgFor(s.dir)); again.post(t, "", export) != http.StatusOK {
		t.Error("does not serve again")
	}
}

func TestConsoleListener(t *testing.T) {
	s := serve(t, cfgFor(t.TempDir()))
	for path, want := range map[string]string{
		"/readyz": "ready", "/healthz": `"conditions":[]`, "/metrics": "tripod_journal_last_seq 1",
	} {
		if code, body := s.get(t, path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s answers %d, without %q:\n%s", path, code, want, body)
		}
	}
	req, err := http.NewRequest(http.MethodGet, s.addrs.Console+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a foreign Host is answered %d", res.StatusCode)
	}
}

// TestConsoleLink signs in with a link asked for over the socket, and finds that on record.
func TestConsoleLink(t *testing.T) {
	s := serve(t, cfgFor(t.TempDir()))
	if code, body := s.get(t, "/"); code != http.StatusUnauthorized || !strings.Contains(body, "tripod console") {
		t.Errorf("without a link / answers %d, without how to get one:\n%s", code, body)
	}
	link, err := app.ConsoleLink(t.Context(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	for _, page := range []string{link, s.addrs.Console + "/"} {
		res, err := browser.Get(page)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s answers %d", page, res.StatusCode)
		}
	}
	if code, _ := s.get(t, strings.TrimPrefix(link, s.addrs.Console)); code != http.StatusUnauthorized {
		t.Errorf("the link works twice: %d", code)
	}
	if revoked, err := app.RevokeConsole(t.Context(), s.dir); err != nil || revoked != (app.Revoked{SignIns: 1}) {
		t.Errorf("revoked %+v: %v", revoked, err)
	}
	res, err := browser.Get(s.addrs.Console + "/")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("after all sign-ins were ended / answers %d", res.StatusCode)
	}
	session, err := s.reading(t).Find(t.Context(), new(search.Query), search.Page{Oldest: true})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, item := range session.Items {
		types = append(types, item.Record.Type)
	}
	want := []string{"tripod.serve.start", signin.TypeEnter, console.TypeOpen, signin.TypeRefused, signin.TypeEndAll, "tripod.serve.stop"}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("on record (-want +got):\n%s", diff)
	}
	if _, err := app.RevokeConsole(t.Context(), s.dir); err == nil || !strings.Contains(err.Error(), "no serve runs here") {
		t.Errorf("revoking in a serve that has ended: %v", err)
	}
	if _, err := app.ConsoleLink(t.Context(), s.dir); err == nil || !strings.Contains(err.Error(), "tripod serve") {
		t.Errorf("a link of a serve that has ended: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	s := serve(t, cfgFor(t.TempDir()))
	_, err := app.New(context.Background(), app.Options{Config: cfgFor(s.dir), Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second one: %v", err)
	}
	if code, _ := s.get(t, "/readyz"); code != http.StatusOK {
		t.Error("the first one suffered")
	}
}

func withToken(t *testing.T, cfg config.Config, value string) config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.OTLP.Tokens = []config.Token{{Name: "dana's laptop", File: path, Email: "dana@example.com"}}
	return cfg
}

func TestIdentityMismatchIsADiscrepancy(t *testing.T) {
	s := serve(t, withToken(t, cfgFor(t.TempDir()), "made-up-token-0001"))
	if code := s.post(t, "", export); code != http.StatusUnauthorized {
		t.Errorf("without a token: %d", code)
	}
	if code := s.post(t, "made-up-token-0001", export); code != http.StatusOK {
		t.Fatalf("with the token: %d", code)
	}
	r := s.reading(t)
	ctx := context.Background()
	session, err := r.Session(ctx, "s-1")
	if err != nil || len(session.Items) != 1 {
		t.Fatalf("session %+v, %v", session, err)
	}
	rec := session.Items[0].Record
	if rec.Account.Asserted.Email != "eve@example.com" || rec.Account.Proved.Email != "dana@example.com" || rec.Account.Proved.Credential != "dana's laptop" {
		t.Errorf("account = %+v", rec.Account)
	}
	if found := session.Discrepancies; len(found) != 1 || found[0].Kind != correlate.KindIdentityMismatch {
		t.Errorf("discrepancies %+v", found)
	}
	q, err := search.Parse("user:dana@example.com flag:identity_mismatch", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if page, err := r.Find(ctx, q, search.Page{}); err != nil || len(page.Items) != 1 {
		t.Errorf("search finds %+v, %v", page, err)
	}
}

func TestReload(t *testing.T) {
	cfg := cfgFor(t.TempDir())
	s := serve(t, withToken(t, cfg, "made-up-token-0001"))
	ctx := context.Background()
	refused := errors.New("line 3: unknown key")
	if err := s.Reload(ctx, func() (config.Config, error) { return config.Config{}, refused }); !errors.Is(err, refused) {
		t.Errorf("error = %v", err)
	}
	if _, health := s.get(t, "/healthz"); !strings.Contains(health, "config.reload") || !strings.Contains(health, "unknown key") {
		t.Errorf("health says nothing of the refused reload: %s", health)
	}
	if code := s.post(t, "made-up-token-0001", export); code != http.StatusOK {
		t.Errorf("the old token after a refused reload: %d", code)
	}
	if err := s.Reload(ctx, func() (config.Config, error) { return withToken(t, cfg, "made-up-token-0002"), nil }); err != nil {
		t.Fatal(err)
	}
	if _, health := s.get(t, "/healthz"); strings.Contains(health, "config.reload") {
		t.Errorf("health still complains: %s", health)
	}
	if old, fresh := s.post(t, "made-up-token-0001", export), s.post(t, "made-up-token-0002", export); old != http.StatusUnauthorized || fresh != http.StatusOK {
		t.Errorf("old token %d, new token %d", old, fresh)
	}
}

func TestRecoverAfterAnOlderJournal(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, cfgFor(dir))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	older, err := os.ReadFile(filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	s = serve(t, cfgFor(dir))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatal(code)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "journal.db"), older, 0o600); err != nil {
		t.Fatal(err)
	}

	s = serve(t, cfgFor(dir))
	if code := s.post(t, "", export); code != http.StatusServiceUnavailable {
		t.Errorf("a journal older than its ledger takes in: %d", code)
	}
	if code, body := s.get(t, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "tripod recover") {
		t.Errorf("readyz answers %d %q", code, body)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	done, err := app.Recover(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Lost) != 1 || done.Lost[0].First != 3 || done.Lost[0].Last != 5 {
		t.Errorf("lost = %+v, want 3 to 5", done.Lost)
	}
	s = serve(t, cfgFor(dir))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Errorf("after recovery: %d", code)
	}
	if session, err := s.reading(t).Session(context.Background(), "s-1"); err != nil || len(session.Items) != 1 {
		t.Errorf("search shows the session as %+v, %v; want the one record delivered again", session, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	summary, err := app.Summarise(context.Background(), dir)
	if err != nil || !summary.Verified {
		t.Errorf("summary = %+v, %v", summary, err)
	}
}
