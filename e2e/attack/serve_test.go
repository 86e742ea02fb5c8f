package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// slow leaves a test out where -short is asked for.
func slow(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("serves a whole installation; the packages below are tested with the race detector")
	}
}

// served is a whole serve, and a browser's worth of somebody signed in to it.
type served struct {
	*app.App
	t      testing.TB
	cfg    config.Config
	addrs  app.Addrs
	log    *transcript
	client *http.Client
	stop   func()
}

// transcript is what a process said, from all its goroutines.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// configuration keeps all text, in a directory of its own, on free ports.
func configuration(t testing.TB) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = filepath.Join(t.TempDir(), "data")
	c.Listen = config.Listen{Console: "127.0.0.1:0", OTLPHTTP: "127.0.0.1:0", Gateway: "127.0.0.1:0"}
	c.CheckpointInterval = 100 * time.Millisecond
	c.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	c.Access.Local = []signin.Local{{OSUser: me.Username, Roles: access.Roles(), Until: time.Now().AddDate(1, 0, 0)}} // who may see most
	return c
}

// serve runs a serve until the test ends, and logs in both forms at the lowest level.
func serve(t testing.TB, c config.Config) *served {
	t.Helper()
	s := &served{t: t, cfg: c, log: new(transcript)}
	debug := &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}
	var err error
	ctx, cancel := context.WithCancel(context.Background())
	s.App, err = app.New(ctx, app.Options{Config: c, Version: "test", Logger: slog.New(slog.NewMultiHandler(slog.NewTextHandler(s.log, debug), slog.NewJSONHandler(s.log, debug)))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	select {
	case <-s.Ready():
	case err := <-done:
		t.Fatalf("ended before it was ready: %v", err)
	}
	if s.addrs, err = app.ReadAddrs(c.Data); err != nil {
		t.Fatal(err)
	}
	s.client = s.browser()
	s.signIn(s.client)
	return s
}

// browser is a client with a jar of its own, that follows no redirect.
func (s *served) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// link signs whoever opens it in.
func (s *served) link() string {
	s.t.Helper()
	link, err := app.ConsoleLink(s.t.Context(), s.cfg.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	return link
}

func (s *served) signIn(client *http.Client) answer {
	s.t.Helper()
	a := s.ask(client, http.MethodGet, strings.TrimPrefix(s.link(), s.addrs.Console), nil)
	if a.status != http.StatusOK {
		s.t.Fatalf("sign in: %d %s", a.status, a.body)
	}
	return a
}

// answer is what was answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request to the console, which edit may change first; client nil is somebody with no cookie.
func (s *served) ask(client *http.Client, method, path string, edit func(*http.Request)) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.addrs.Console+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	if client == nil {
		client = s.browser()
		defer client.CloseIdleConnections()
	}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func (s *served) get(path string) answer {
	s.t.Helper()
	return s.ask(s.client, http.MethodGet, path, nil)
}

// form is a request's body as pages send it.
func form(r *http.Request, body string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
}

// records waits until the journal has enough of them, and the views have taken them in.
func (s *served) records(enough func([]*audit.Record) bool) []*audit.Record {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	r, err := journal.OpenReader(ctx, s.cfg.Data)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var list []*audit.Record
	for !enough(list) || !s.caughtUp(uint64(len(list))) {
		for stored, err := range r.Scan(ctx, uint64(len(list))+1, 0) {
			if err != nil {
				s.t.Fatal(err)
			}
			rec, err := stored.Record()
			if err != nil {
				s.t.Fatal(err)
			}
			list = append(list, rec)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.t.Fatalf("%d records after %v", len(list), patience)
		}
	}
	return list
}

func (s *served) caughtUp(seq uint64) bool {
	var status app.Status
	if err := json.Unmarshal([]byte(s.ask(s.client, http.MethodGet, "/healthz", nil).body), &status); err != nil {
		s.t.Fatal(err)
	}
	for _, at := range status.Views {
		if at < seq {
			return false
		}
	}
	return status.LedgerSize >= seq
}

// upstream answers as a server of the test's.
func upstream(t testing.TB, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
