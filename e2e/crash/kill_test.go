package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/correlate"
)

// TestKill kills serve under load, again and again on the same directory.
func TestKill(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	rng := seeded(t)
	rounds, clients := 20, 4
	if soak() {
		rounds = 1000
	}
	b := newBook()
	all := newCrowd(rng, b, clients)
	anchor := new(anchor)
	for round := range rounds {
		s := h.start(t)
		if round > 0 && rng.IntN(5) == 0 {
			wait(rng, 250*time.Millisecond) // before it has begun to serve
			s.kill()
		} else {
			s.awaitReady(t)
			killUnderLoad(t, s, all, rng)
		}
		if round%2 == 0 { // as it lies there, before anybody mends anything
			b.audit(t, h)
			anchor.check(t, h)
		}
	}
	s := h.run(t)
	all.flush(t, s)
	s.awaitViews(t)
	s.stop(t)
	b.auditAll(t, h)
	for key, r := range b.records {
		if !r.acked || r.seq == 0 {
			t.Errorf("%s was not acknowledged in the end, or is not there: position %d", key, r.seq)
		}
	}
	anchor.check(t, h)
	compareRebuilt(t, h, b)
	t.Logf("%d kills, %d records sent and there, %d starts on record", rounds, len(b.records), b.own["tripod.serve.start"])
}

// killUnderLoad kills serve at a random moment while all clients send.
func killUnderLoad(t *testing.T, s *serve, all crowd, rng *rand.Rand) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.send(ctx, t, s)
	}()
	wait(rng, 500*time.Millisecond)
	s.kill()
	cancel()
	<-done
}

// wait lets a random time pass.
func wait(rng *rand.Rand, most time.Duration) { <-time.After(time.Duration(rng.Int64N(int64(most)))) }

// anchor is what an auditor holds: the key, and a checkpoint from earlier.
type anchor struct {
	key, checkpoint string // files
}

// check verifies against what is held, and then takes the checkpoint that is there now.
func (a *anchor) check(t *testing.T, h *home) {
	t.Helper()
	if a.key == "" {
		a.key = filepath.Join(filepath.Dir(h.config), "held.pub")
		if err := os.WriteFile(a.key, []byte(h.command(t, "keys", "export")), 0o600); err != nil {
			t.Fatal(err)
		}
		h.verify(t, "--key", a.key)
	} else {
		a.verify(t, h)
	}
	a.take(t, h)
}

func (a *anchor) verify(t *testing.T, h *home) {
	t.Helper()
	h.verify(t, "--key", a.key, "--checkpoint", a.checkpoint)
}

func (a *anchor) take(t *testing.T, h *home) {
	t.Helper()
	a.checkpoint = filepath.Join(filepath.Dir(h.config), "held.checkpoint")
	b, err := os.ReadFile(filepath.Join(h.data, "ledger", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.checkpoint, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// compareRebuilt holds the views against views rebuilt in a copy of the directory. Nothing may serve on it.
func compareRebuilt(t *testing.T, h *home, b *book) {
	t.Helper()
	fresh := h.copyOf(t)
	fresh.rebuild(t)
	queries := []string{
		"", "source:otel.log", "activity:prompt", "activity:tool_result tool:Bash -outcome:failure", "source:otel.metric", "type:tripod.*",
		"user:dana@example.com source:otel.span", "model:nothing",
	}
	sessions := make(map[string]bool)
	for _, r := range b.records {
		if !sessions[r.session] && len(sessions) < 5 {
			sessions[r.session] = true
			queries = append(queries, "session:"+r.session)
		}
	}
	for _, q := range queries {
		was, is := h.search(t, q), fresh.search(t, q)
		if was != is {
			t.Errorf("query %q finds %d records, %d in a rebuilt index%s", q, len(lines(was)), len(lines(is)), firstDifference(was, is))
		}
		if q == "source:otel.log" && len(lines(was)) == 0 {
			t.Error("the comparison found nothing to compare")
		}
	}
	was, is := discrepancies(t, h, b), discrepancies(t, fresh, b)
	if !bytes.Equal(was, is) {
		t.Errorf("discrepancies differ from rebuilt ones:\n%.1000s\n%.1000s", was, is)
	}
	for session := range sessions {
		was, _, _ := h.try(t, "session", "--json", session) // none is left of a session whose records were all lost
		is, _, _ := fresh.try(t, "session", "--json", session)
		if was != is {
			t.Errorf("session %s differs from one of rebuilt views", session)
		}
	}
}

// rebuild rebuilds all views. Rebuilding one leaves the others alone.
func (h *home) rebuild(t *testing.T) {
	t.Helper()
	h.command(t, "rebuild", "search")
	if _, stderr, code := h.try(t, "search", "--limit", "1"); code != 0 {
		t.Errorf("once the search view was rebuilt, tripod search ended with %d: %s", code, stderr)
	}
	h.command(t, "rebuild", "correlate")
}

func firstDifference(a, b string) string {
	la, lb := lines(a), lines(b)
	for i := range la {
		if i >= len(lb) || la[i] != lb[i] {
			return fmt.Sprintf("; the first that differs is\n%.300s", la[i])
		}
	}
	if len(lb) > len(la) {
		return fmt.Sprintf("; the first that differs is\n%.300s", lb[len(la)])
	}
	return ""
}

func discrepancies(t *testing.T, h *home, b *book) []byte {
	t.Helper()
	v, err := correlate.OpenReader(t.Context(), h.data)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list, err := v.List(t.Context(), correlate.Filter{Limit: -1})
	if err != nil {
		t.Fatal(err)
	}
	// The clients resend what was not acknowledged, in order: nothing is missing, so no gap may be claimed.
	if b.gaps {
		return encode(t, list)
	}
	if i := slices.IndexFunc(list, func(d correlate.Discrepancy) bool { return d.Kind == correlate.KindSequenceGap }); i >= 0 {
		t.Errorf("a gap is claimed where there is none: %+v", list[i])
	}
	return encode(t, list)
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
