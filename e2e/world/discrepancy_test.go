package world

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestDiscrepancies holds what Tripod concludes from a week against the truth: each incident that telemetry can show is
// found, and a week without incidents shows nothing.
func TestDiscrepancies(t *testing.T) {
	if testing.Short() {
		t.Skip("TestFaults plays a week through the same parts")
	}
	for _, seed := range seeds(t, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			from, to := week(t, seed)
			t.Run("calm", func(t *testing.T) { calm(t, seed, from, to) })
			t.Run("incidents", func(t *testing.T) {
				want, got := shown(t, seed, from, to)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("discrepancies (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestCalmEdges moves a history through the week: where it begins and ends, nothing seems lost.
func TestCalmEdges(t *testing.T) {
	step := 5*time.Hour + 40*time.Minute
	if testing.Short() {
		t.Skip("TestFaults plays a whole week")
	}
	for end := monday(); end.After(monday().Add(-aWeek)); end = end.Add(-step) {
		t.Run(end.Format("2006-01-02T15:04Mon"), func(t *testing.T) {
			t.Parallel()
			calm(t, 1, end.Add(-30*time.Hour), end)
		})
	}
}

// TestEdges ends weeks where processes run and incidents are under way: a week holds each incident once at the most, and once if
// it touches no edge.
func TestEdges(t *testing.T) {
	ends := []string{ // hours and minutes into a week
		"13h24m", "31h40m", "45h40m", "112h", "7h40m", "13h40m", "33h30m", "61h40m", "81h40m", "104h45m",
	}
	if testing.Short() {
		t.Skip("TestFaults plays a whole week")
	}
	whole := 0
	for _, text := range ends {
		into, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		end := monday().Add(into - aWeek)
		cut := touches(world.New(world.Options{Seed: 1}), end)
		if !cut {
			whole++
		}
		t.Run(end.Format("2006-01-02T15:04Mon"), func(t *testing.T) {
			t.Parallel()
			want, got := shown(t, 1, end.Add(-aWeek), end)
			for what, n := range got {
				if n > want[what] {
					t.Errorf("%d × %s, want %d at the most", n, what, want[what])
				}
			}
			if !cut && !maps.Equal(want, got) {
				t.Errorf("found %v, want %v", got, want)
			}
		})
	}
	if whole == 0 || whole == len(ends) {
		t.Errorf("%d of %d weeks have no incident at an edge: some should", whole, len(ends))
	}
}

// touches reports whether an incident that telemetry shows is under way at a time, or its process, or what shows it: in a week
// that ends then, it is cut.
func touches(w *world.World, end time.Time) bool {
	for _, i := range []world.Incident{world.Silenced, world.LostBatches, world.MismatchedIdentity} {
		from, to := w.When(i, end.Add(-3*time.Hour))
		if end.After(from.Add(-time.Hour)) && end.Before(to.Add(15*time.Minute)) {
			return true
		}
	}
	return false
}

// calm plays a stretch in which nothing goes wrong.
func calm(t *testing.T, seed uint64, from, to time.Time) {
	t.Helper()
	w := world.New(world.Options{Seed: seed, Without: world.Incidents()})
	s := newStand(t, w)
	if report := s.play(t, w, from, to, fleet.Faults{}); report.Records == 0 {
		t.Error("nothing was sent")
	}
	for _, d := range s.discrepancies(t) {
		t.Errorf("nothing went wrong, and yet: %s: %s", d.Kind, d.Statement)
	}
}

// shown plays a week with its incidents, and counts the discrepancies it should show and those it does, by kind and account.
func shown(t *testing.T, seed uint64, from, to time.Time) (want, got map[string]int) {
	t.Helper()
	w := world.New(world.Options{Seed: seed})
	s := newStand(t, w)
	s.play(t, w, from, to, fleet.Faults{})
	got = map[string]int{}
	for _, d := range s.discrepancies(t) {
		email := ""
		if d.Account != nil {
			email = d.Account.Email
		}
		got[fmt.Sprintf("%s %s", d.Kind, email)]++
	}
	// A laptop that is wiped says nothing any more, and the rest of it leaves no gap in anybody's numbers.
	want = map[string]int{}
	add := func(kind correlate.Kind, i world.Incident, n int) {
		at, _ := w.When(i, from)
		who := w.Whose(i, at)
		want[fmt.Sprintf("%s %s", kind, who.Email)] += n
	}
	add(correlate.KindSequenceGap, world.Silenced, 1)
	add(correlate.KindSequenceGap, world.LostBatches, 2)
	want[fmt.Sprintf("%s %s", correlate.KindIdentityMismatch, claimed(w, from, to))]++
	return want, got
}

// claimed is the account that telemetry names in the place of another.
func claimed(w *world.World, from, to time.Time) string {
	acts := w.Between(from, to)
	for i := range acts {
		if acts[i].Incident == world.MismatchedIdentity && acts[i].Process != nil {
			return acts[i].Process.Claims.Email
		}
	}
	return ""
}
