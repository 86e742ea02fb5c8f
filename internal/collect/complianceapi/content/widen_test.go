package content_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
)

// TestPolicyKeepsLess: what is said while the policy keeps less is not asked for, not even where it waited to be read, and is
// read once the policy keeps it again.
func TestPolicyKeepsLess(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := open(t, everything(), simulated.Options{})
	said := func(path string) bool {
		return strings.HasSuffix(path, "/messages") || strings.HasSuffix(path, "/content")
	}
	cfg := content.Config{Start: noon().Add(-20 * time.Hour)}
	b.clock.pass(-6 * time.Hour)
	settled, stop := b.run(cfg, &crashtest.Crash{After: 150}) // amid transcripts
	if settled() {
		t.Error("it was not killed")
	}
	stop()
	asked := b.asked(said)
	b.keep(capture.Config{})
	for range 2 {
		b.clock.pass(150 * time.Minute)
		b.finished(cfg)
	}
	if n := b.asked(said) - asked; n > 0 || asked == 0 {
		t.Errorf("%d requests for what was said, after %d when it was kept", n, asked)
	}
	b.keep(everything())
	b.clock.pass(time.Hour)
	b.finished(cfg)
	b.compareSaid(cfg.Start)
}

// compareSaid compares what was said in local sessions with what the vendor shows.
func (b *bench) compareSaid(since time.Time) {
	b.t.Helper()
	_, messages := b.truth(since)
	have, missing := map[string]int{}, 0
	for _, r := range b.records() {
		have[r.ID]++
		for _, c := range r.Content {
			if messages[r.ID] && c.Withheld == audit.WithheldPolicy {
				b.t.Errorf("%s of %s is withheld", c.Name, r.ID)
			}
		}
	}
	for id := range messages {
		if have[id] != 1 {
			missing++
		}
	}
	if missing > 0 || len(messages) < 100 {
		b.t.Errorf("%d of %d messages are not in the journal once", missing, len(messages))
	}
}

// TestNewSurface: the first session of a surface that was not seen before is read, and nothing else again.
func TestNewSurface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, v := script(t)
		v.add(3, "cowork")
		_, stop := b.run(content.Config{Start: time.Now().Add(-time.Hour)}, nil)
		time.Sleep(3 * time.Hour) // they have settled
		v.add(1, "claude_in_chrome")
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		stop()
		for i := range 4 {
			if n := v.asked[i]; n != 2 {
				t.Errorf("%s was read %d times, want once and once when it settled", session(i), n)
			}
		}
		if n := len(b.said()); n != 4 {
			t.Errorf("%d of 4 sessions were read", n)
		}
	})
}
