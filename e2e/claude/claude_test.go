//go:build claude

package claude

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/e2e/claude/cli"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

func TestMain(m *testing.M) {
	if os.Getenv(cli.MCPEnv) != "" {
		if err := cli.ServeMCP(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "mcp server:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestClaude(t *testing.T) {
	r := &rig{claude: cli.Binary(t), proxy: cli.NewRefuser(t), tripod: startTripod(t), more: make(chan struct{})}
	r.startAPI(t)
	var mu sync.Mutex
	var sessions []*session
	t.Run("protocols", func(t *testing.T) {
		for _, protocol := range []string{"grpc", "http/protobuf", "http/json"} {
			t.Run(strings.ReplaceAll(protocol, "/", "-"), func(t *testing.T) {
				t.Parallel()
				e := r.newTee(t)
				for _, sc := range scenarios {
					t.Run(sc.name, func(t *testing.T) {
						s := newSession(t, r, e, protocol)
						mu.Lock()
						sessions = append(sessions, s)
						mu.Unlock()
						sc.play(t, s)
						s.sentContent(t)
						s.inTripod(t)
						if t.Failed() {
							t.Logf("session %s, events that reached the tee:\n%s", s.id, describe(s.events()))
						}
					})
				}
				for _, x := range e.all() {
					x.expected(t)
				}
			})
		}
	})
	if asked := r.proxy.String(); asked != "nothing" {
		t.Errorf("the client wanted to leave loopback: %s", asked)
	}
	if r.tripod != nil {
		r.aftermath(t, sessions)
	}
}

// newTee starts a tee in front of serve's listeners.
func (r *rig) newTee(t *testing.T) *tee {
	t.Helper()
	if r.tripod == nil {
		return newTee(t, "", "")
	}
	return newTee(t, r.tripod.otlpHTTP, r.tripod.otlpGRPC)
}

// expected checks that the export could be read, was acknowledged and belongs to a session the test looks at.
func (x *export) expected(t *testing.T) {
	t.Helper()
	if x.err != nil {
		t.Errorf("%s over %s: %v", x.signal, x.transport, x.err)
	}
	if !x.acknowledged && x.verdict != drop {
		t.Errorf("serve answered %s to %s over %s", x.status, x.signal, x.transport)
	}
	if len(x.sessions) != 1 {
		t.Errorf("%s over %s name %d sessions, want 1", x.signal, x.transport, len(x.sessions))
	}
}

// aftermath looks at all that is left when everything has been played: stopped, Tripod tells the same as it did running,
// and content has leaked nowhere.
func (r *rig) aftermath(t *testing.T, sessions []*session) {
	page, err := r.tripod.get(t.Context(), "/metrics")
	if err != nil {
		t.Errorf("read the metrics: %v", err)
	}
	clean(t, "/metrics", page)
	r.tripod.stop(t)
	for _, s := range sessions {
		if len(s.events()) > 0 {
			s.inTripod(t)
		}
	}
	r.tripod.command(t, "verify")
	records := r.tripod.search(t, "")
	for _, rec := range records {
		clean(t, fmt.Sprintf("record %d", rec.Seq), []byte(rec.raw))
	}
	t.Logf("%d records of %d sessions", len(records), len(sessions))
	cleanFiles(t, r.tripod.data, sessions[len(sessions)-1].id)
	clean(t, "serve's log", r.tripod.logged(t))
}

// startAPI starts the simulated Messages API and stops it when the test ends.
func (r *rig) startAPI(t *testing.T) {
	t.Helper()
	api, err := messagesapi.Listen(t.Context(), "127.0.0.1:0", messagesapi.Options{Observe: r.observe, Scripts: extraScripts()})
	if err != nil {
		t.Fatal(err)
	}
	r.api = api
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ran := make(chan error, 1)
	go func() { ran <- api.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}
