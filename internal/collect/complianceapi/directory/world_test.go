package directory_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/directory"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// seeds is how many random worlds are tried.
func seeds() int {
	switch {
	case os.Getenv("TRIPOD_SOAK") != "":
		return 100
	case testing.Short():
		return 1
	}
	return 2
}

// TestWorld has simulated enterprises whose accounts come, go and change, a server that fails in every way and a process
// that crashes between any two steps: in the end the history is what happened, each change told once.
func TestWorld(t *testing.T) {
	for seed := range seeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { oneWorld(t, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

// slow sweeps less often than production does: the weeks of a world are long.
func slow(d sweep.Deps) (sweeptest.Runner, error) {
	return directory.New(directory.Config{Interval: 4 * time.Hour, Batch: 37}, d)
}

func oneWorld(t *testing.T, rng *rand.Rand) {
	const weeks = 2
	begin, from := time.Now(), time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC) // a Friday before somebody leaves
	w := world.New(world.Options{Seed: rng.Uint64()})
	now := func() time.Time { return from.Add(time.Since(begin)) }
	vendor, err := simulated.New(simulated.Options{
		World: w, Now: now, Since: from.AddDate(0, 0, -1).Truncate(24 * time.Hour), Rate: -1,
		Faults: simulated.Faults{Internal: 0.01, Unavailable: 0.01, Overloaded: 0.01, Abort: 0.01},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := sweeptest.Open(t, vendor.Handler(), vendor.Keys().Read)
	stop := b.Run(nil, collector)
	time.Sleep(2 * time.Hour) // who leaves later was seen
	stop()
	for time.Since(begin) < weeks*7*24*time.Hour { // lives that end in a crash, and what goes by until the next
		stop := b.Run(&crashtest.Crash{After: 1 + rng.IntN(150), Before: rng.IntN(2) == 0}, slow)
		time.Sleep(time.Duration(rng.Int64N(int64(30 * time.Hour))))
		stop()
	}
	stop = b.Run(nil, collector)
	time.Sleep(3 * time.Hour)
	stop()
	b.Keep()
	h := history(t, b)
	var want, got []string
	for _, a := range w.Members(now()) {
		if !a.Service {
			want = append(want, a.User+" "+a.Email)
		}
	}
	for key, p := range h {
		if p.there && key == "directory.user "+w.Org.UUID+"  "+p.is["id"] {
			got = append(got, p.is["id"]+" "+p.is["email"])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	joined, left := 0, 0
	for _, a := range w.Accounts {
		p := h["directory.user "+w.Org.UUID+"  "+a.User]
		switch {
		case a.Service || a.Left.Before(from) && !a.Left.IsZero() || a.Joined.After(now()):
			continue
		case p == nil:
			t.Errorf("%s was there and is not in the history", a.Email)
		case a.Left.After(from) && a.Left.Before(now().Add(-3*time.Hour)):
			if left++; p.there || p.is["email"] != a.Email {
				t.Errorf("%s left: %s", a.Email, show(p))
			}
		case a.Joined.After(from):
			joined++
		}
	}
	if joined != weeks || left < weeks {
		t.Errorf("%d joined and %d left in %d weeks: the test shows little", joined, left, weeks)
	}
	roles(t, w, h, from, now())
}

// roles holds the roles in the history against the acts that gave them.
func roles(t *testing.T, w *world.World, h map[string]*past, from, to time.Time) {
	t.Helper()
	given := 0
	for _, act := range w.Between(from, to) {
		if c := act.Control; c != nil && c.Type == "claude_user_role_updated" {
			given++
			if p := h["directory.user "+w.Org.UUID+"  "+c.Object]; p == nil || !slices.Contains(p.was["organization_role"], c.New) {
				t.Errorf("%s was made %s: %s", c.Target, c.New, show(p))
			}
		}
	}
	if given == 0 {
		t.Error("nobody was given a role: the test shows little")
	}
}
