package llmgateway_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// upstream is the simulated API and what it was asked.
type upstream struct {
	url string

	mu    sync.Mutex
	asked []messagesapi.Exchange
}

func (u *upstream) exchanges() []messagesapi.Exchange {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]messagesapi.Exchange(nil), u.asked...)
}

func simulated(t *testing.T, opts messagesapi.Options) *upstream {
	t.Helper()
	u := &upstream{}
	opts.Observe = func(e messagesapi.Exchange) {
		u.mu.Lock()
		defer u.mu.Unlock()
		e.Header = e.Header.Clone()
		u.asked = append(u.asked, e)
	}
	s := httptest.NewServer(messagesapi.New(opts))
	t.Cleanup(s.Close)
	u.url = s.URL
	return u
}

// buffer is a log that several goroutines write to.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// proxied is a gateway under test.
type proxied struct {
	*llmgateway.Gateway
	url     string
	log     *buffer
	health  *health.Registry
	metrics *prometheus.Registry
	door    *door
	stop    func() // and everything is on record
}

// rules is an engine for tests: what a function says, enforced at the points it names.
type rules struct {
	*policy.Engine // streams
	evaluate       func(policy.Event) policy.Verdict
	points         []policy.Point
	failures       policy.Failures
	mode           policy.Mode // "": enforce
}

func (r *rules) Mode() policy.Mode { return cmp.Or(r.mode, policy.Enforce) }

func (r *rules) Evaluate(_ context.Context, ev policy.Event) policy.Verdict {
	if r.evaluate == nil {
		return policy.Verdict{Effect: policy.Allow}
	}
	return r.evaluate(ev)
}

func (r *rules) Enforces(p policy.Point) bool { return slices.Contains(r.points, p) }

func (r *rules) Failures() policy.Failures { return r.failures.For(policy.Enforce) }

// denies is an engine that denies what holds a word at some point.
func denies(t *testing.T, point policy.Point, word string) *rules {
	return &rules{Engine: engine(t), points: []policy.Point{point}, evaluate: func(ev policy.Event) policy.Verdict {
		v := policy.Verdict{Effect: policy.Allow, RuleSet: "v1"}
		if text := ev.Text + string(ev.Arguments); ev.Point == point && strings.Contains(text, word) {
			v.Effect, v.Rule, v.Message = policy.Deny, "r", "Not with \"us\" <please>."
			v.Matches = []policy.Match{{Rule: "r", Effect: policy.Deny, Mode: policy.Enforce}}
		}
		return v
	}}
}

// engines are made once for each set of rules: compiling detectors is what takes longest here.
var engines = struct {
	sync.Mutex
	of map[string]*policy.Engine
}{of: map[string]*policy.Engine{}}

func engine(t *testing.T) *policy.Engine { return engineOf(t, policy.Observe, "") }

// enforcing is the real engine with rules in force.
func enforcing(t *testing.T, rules string) *policy.Engine { return engineOf(t, policy.Enforce, rules) }

func engineOf(t *testing.T, mode policy.Mode, rules string) *policy.Engine {
	t.Helper()
	engines.Lock()
	defer engines.Unlock()
	if e := engines.of[string(mode)+rules]; e != nil {
		return e
	}
	cfg := policy.DefaultConfig()
	cfg.Mode, cfg.Starter = mode, false
	if rules != "" {
		cfg.Files = []string{filepath.Join(t.TempDir(), "policy.yaml")}
		if err := os.WriteFile(cfg.Files[0], []byte(rules), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Budget.Least, cfg.Budget.Most = cfg.Budget.Most*20, cfg.Budget.Most*20 // a busy machine is no reason to fail
	e, err := policy.New(cfg, policy.Deps{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	engines.of[string(mode)+rules] = e
	return e
}

// begin serves a gateway until the test ends, and waits for it.
func begin(t *testing.T, cfg llmgateway.Config, callers caller.Config, judges ...llmgateway.Engine) *proxied {
	t.Helper()
	if len(judges) == 0 {
		judges = []llmgateway.Engine{engine(t)}
	}
	p := &proxied{log: new(buffer), health: new(health.Registry), metrics: prometheus.NewRegistry(), door: new(door)}
	log := slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if callers.Addr == "" {
		callers.Addr = "127.0.0.1:0"
	}
	gate, err := caller.New(callers, caller.Deps{Logger: log, Health: p.health})
	if err != nil {
		t.Fatal(err)
	}
	key := [32]byte{1}
	cfg.Key = &key
	rec, err := recorder.New(recorder.Config{}, recorder.Deps{Door: p.door, Cursors: p.door, Logger: log, Health: p.health, Key: key[:]})
	if err != nil {
		t.Fatal(err)
	}
	if p.Gateway, err = llmgateway.New(cfg, llmgateway.Deps{Callers: gate, Engine: judges[0], Recorder: rec, Logger: log, Registerer: p.metrics, Health: p.health}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	work, cut := context.WithCancelCause(context.Background())
	server := httptest.NewUnstartedServer(p.Gateway)
	server.Config.BaseContext = func(net.Listener) context.Context { return work }
	server.Start()
	p.url = server.URL
	done, recorded := make(chan error, 1), make(chan error, 1)
	record, end := context.WithCancel(context.Background())
	go func() { done <- p.Run(ctx) }()
	go func() { recorded <- rec.Run(record) }()
	p.stop = sync.OnceFunc(func() {
		cut(llmgateway.ErrStopped)
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		end()
		if err := <-recorded; err != nil && p.door.refuse == nil {
			t.Error(err)
		}
	})
	t.Cleanup(p.stop)
	return p
}

// reply is an answer as it came.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func ask(t *testing.T, c *http.Client, method, url, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		req.Body = http.NoBody
	}
	req.Header.Set("X-Api-Key", messagesapi.FakeKey)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Transfer-Encoding" {
			req.ContentLength = -1
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, header: res.Header, body: b, err: err}
}

func asking(stream bool, prompt string) string {
	return `{"model":"claude-opus-4-8","max_tokens":100,"stream":` + map[bool]string{true: "true", false: "false"}[stream] +
		`,"tools":[{"name":"Bash","description":"runs","input_schema":{"type":"object"}},{"name":"Read","input_schema":{"type":"object"}}]` +
		`,"messages":[{"role":"user","content":"` + prompt + `"}]}`
}

// serveHandler serves a handler as the upstream.
func serveHandler(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
