package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// patience bounds how long a test waits for what takes milliseconds on an idle machine.
const patience = time.Minute

func await(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

// lab is a gateway between two taps.
type lab struct {
	front, back *tap
	data        string
	log         *locked
	stop        func() // ends serve; what it did is durable then
}

// locked is a log that is read while it is written.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newLab starts serve with a gateway in front of an upstream.
func newLab(t *testing.T, upstream http.Handler, change func(*config.Config)) *lab {
	t.Helper()
	l := &lab{back: newTap(t, serveUpstream(t, upstream)), data: filepath.Join(t.TempDir(), "data"), log: &locked{}}
	c := config.Default()
	c.Data = l.data
	c.Listen = config.Listen{Console: "127.0.0.1:0", Gateway: "127.0.0.1:0"}
	c.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	c.Gateway.Upstream = l.back.url
	if change != nil {
		change(&c)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	a, err := app.New(ctx, app.Options{Config: c, Version: "test", Logger: slog.New(slog.NewTextHandler(l.log, nil))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ran:
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("serve ended badly: %v\n%s", err, l.log)
			}
		case <-time.After(patience):
			t.Errorf("serve does not end\n%s", l.log)
		}
	})
	t.Cleanup(l.stop)
	await(t, "serve to be ready", a.Ready())
	at, err := app.ReadAddrs(l.data)
	if err != nil {
		t.Fatal(err)
	}
	l.front = newTap(t, at.Gateway)
	return l
}

// serveUpstream serves until the test ends and gives the URL.
func serveUpstream(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL
}

// simulated is the Messages API.
func simulated(change func(*messagesapi.Options)) http.Handler {
	o := messagesapi.Options{PromptCache: true, PingEvery: 20 * time.Millisecond}
	if change != nil {
		change(&o)
	}
	return messagesapi.New(o)
}

// records stops serve and lists what the gateway has put on record, in order.
func (l *lab) records(t *testing.T) (list []audit.Record) {
	t.Helper()
	l.stop()
	return scan(t, l.data)
}

func scan(t *testing.T, data string) (list []audit.Record) {
	t.Helper()
	j, err := journal.OpenReader(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for s, err := range j.Scan(t.Context(), 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		if r.Source == audit.SourceGatewayLLM {
			list = append(list, *r)
		}
	}
	return list
}

// attribute is the text of an attribute; "" where there is none.
func attribute(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}
