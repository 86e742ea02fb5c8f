package crash

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// TestKillGateway kills serve while requests pass its LLM gateway. In enforce mode every request that reached the upstream
// is on record, and so is how it ended, or that nobody knows. In observe mode what a kill took is told by the client's retry.
func TestKillGateway(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"enforce", "observe"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			killGateway(t, mode)
		})
	}
}

func killGateway(t *testing.T, mode string) {
	up := newUpstream(t)
	h := newHome(t, captureAll+"policy:\n  mode: "+mode+"\n")
	h.gateway, h.env = "127.0.0.1:0", []string{"TRIPOD_GATEWAY_UPSTREAM=" + up.url}
	rng := seeded(t)
	rounds := 6
	if soak() {
		rounds = 300
	}
	clients := make([]*asker, 4)
	for i := range clients {
		clients[i] = &asker{session: fmt.Sprintf("%08x-0000-4000-8000-000000000000", rng.Uint32())}
	}
	for range rounds {
		s := h.run(t)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() { c.askUntil(ctx, s.Gateway) })
		}
		killAfter(s, rng)
		cancel()
		all.Wait()
	}
	s := h.run(t)
	for _, c := range clients {
		c.flush(t, s.Gateway)
	}
	s.stop(t)
	up.audit(t, h, mode)
}

func killAfter(s *serve, rng *rand.Rand) {
	wait(rng, 600*time.Millisecond)
	s.kill()
}

// upstream is the Messages API, and what reached it.
type upstream struct {
	url     string
	mu      sync.Mutex
	reached map[string]int // by digest of the body
}

func newUpstream(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{reached: make(map[string]int)}
	api := messagesapi.New(messagesapi.Options{Observe: func(x messagesapi.Exchange) {
		if x.Digest == ([32]byte{}) {
			return // the kill cut its body off
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.reached[hex.EncodeToString(x.Digest[:])]++
	}})
	srv := httptest.NewServer(api)
	t.Cleanup(srv.Close)
	u.url = srv.URL
	return u
}

// asker is a client that asks one thing after the other, and again what was not answered.
type asker struct {
	session string
	asked   int
	pending string // body that was not answered
}

func (c *asker) askUntil(ctx context.Context, gateway string) {
	for ctx.Err() == nil {
		retry := c.pending != ""
		if !retry {
			c.asked++
			c.pending = fmt.Sprintf(`{"model":"claude-x","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"question %d of %s"}]}`, c.asked, c.session)
		}
		if err := c.ask(ctx, gateway, retry); err != nil {
			return
		}
		c.pending = ""
	}
}

// flush asks again what was not answered.
func (c *asker) flush(t *testing.T, gateway string) {
	t.Helper()
	if c.pending == "" {
		return
	}
	if err := c.ask(t.Context(), gateway, true); err != nil {
		t.Errorf("the last retry: %v", err)
	}
}

func (c *asker) ask(ctx context.Context, gateway string, retry bool) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, gateway+"/v1/messages", strings.NewReader(c.pending))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Api-Key", messagesapi.FakeKey)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("X-Claude-Code-Session-Id", c.session)
	if retry {
		req.Header.Set("X-Stainless-Retry-Count", "1")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || !strings.Contains(string(b), "message_stop")) {
		err = fmt.Errorf("status %d, %d bytes", res.StatusCode, len(b))
	}
	return err
}

// audit holds the journal against what reached the upstream.
func (u *upstream) audit(t *testing.T, h *home, mode string) {
	t.Helper()
	j, err := journal.OpenReader(t.Context(), h.data)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	requests, retries := map[string]int{}, 0 // requests by digest
	began, ended, prompts, unknown := map[string]bool{}, map[string]int{}, map[string]int{}, 0
	for s, err := range j.Scan(t.Context(), 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		switch r.Type {
		case "llm.request":
			digest := valueOf(r, "digest")
			marked := valueOf(r, "retry_of_unrecorded") == "true"
			if retry := valueOf(r, "retry") == "1"; retry && marked != (requests[digest] == 0) {
				t.Errorf("asked again, %d times on record before, and marked as a retry of what is not on record: %v", requests[digest], marked)
			} else if retry {
				retries++
			}
			requests[digest]++
			began[r.Keys.Body] = true
		case "llm.prompt":
			prompts[r.ID]++
		case "llm.end":
			ended[r.Keys.Body]++
			if valueOf(r, "ended") == "unknown" {
				unknown++
			}
		}
	}
	missing := 0 // one may arrive twice: connections are pooled, and what was not read is sent again
	for digest := range u.reached {
		if requests[digest] == 0 {
			missing++
		}
	}
	if mode == "enforce" && missing > 0 {
		t.Errorf("%d requests reached the upstream and are not on record", missing)
	}
	for id := range began {
		if ended[id] != 1 {
			t.Errorf("exchange %s ended %d times", id, ended[id])
		}
	}
	if len(ended) != len(began) {
		t.Errorf("%d exchanges began and %d ended", len(began), len(ended))
	}
	if len(u.reached) == 0 || len(began) == 0 {
		t.Error("nothing passed")
	}
	t.Logf("%s: %d requests reached the upstream, %d exchanges on record, %d of them closed as unknown, %d not on record, %d retries", mode, len(u.reached), len(began), unknown, missing, retries)
}

func valueOf(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}
