package llmgateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/health"
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
	stop    func()
}

// begin serves a gateway until the test ends, and waits for it.
func begin(t *testing.T, cfg llmgateway.Config, callers caller.Config) *proxied {
	t.Helper()
	p := &proxied{log: new(buffer), health: new(health.Registry), metrics: prometheus.NewRegistry()}
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
	if p.Gateway, err = llmgateway.New(cfg, llmgateway.Deps{Callers: gate, Logger: log, Registerer: p.metrics, Health: p.health}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	work, cut := context.WithCancelCause(context.Background())
	server := httptest.NewUnstartedServer(p.Gateway)
	server.Config.BaseContext = func(net.Listener) context.Context { return work }
	server.Start()
	p.url = server.URL
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cut(llmgateway.ErrStopped)
		server.Close()
		cancel()
		if err := <-done; err != nil {
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
		`,"messages":[{"role":"user","content":"` + prompt + `"}]}`
}
