package complianceapi_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestCollector: on the worst of days, a client that overlaps its windows, tries again and sweeps comes to the truth, own
// calls included; one that only tiles its windows does not.
func TestCollector(t *testing.T) {
	t.Parallel()
	tiling := 0
	for seed := range uint64(3) {
		f := complianceapi.Rough()
		f.Late, f.Abort = 0.05, 0
		b := newBench(t, complianceapi.Options{World: world.New(world.Options{Seed: seed}), Seed: seed, Faults: f, Volume: 2000, Since: noon().Add(-time.Hour)})
		tiled, overlapped := map[string]bool{}, map[string]bool{}
		read := func(into map[string]bool, from, to time.Time) {
			for cursor := ""; ; {
				q := append(window(from, to), "limit", strconv.Itoa(50+int(seed)*300))
				if cursor != "" {
					q = append(q, "after_id", cursor)
				}
				r := b.do(http.MethodGet, b.api.Keys().Read, "/activities", q...)
				if r.status != http.StatusOK {
					b.clock.pass(time.Second)
					continue
				}
				for _, id := range ids(r.data()) {
					into[id] = true
				}
				if cursor = r.text("last_id"); r.body["has_more"] != true {
					return
				}
			}
		}
		from := b.clock.now().Add(-time.Hour)
		last := from
		for range 18 {
			to := b.clock.now().Add(-time.Minute)
			read(tiled, last, to)
			read(overlapped, last.Add(-25*time.Minute), to)
			last = to
			b.clock.pass(10 * time.Minute)
		}
		b.clock.pass(30 * time.Minute)
		read(overlapped, last.Add(-time.Hour), last)
		truth := b.api.Truth(from, last)
		var got []string
		for id := range overlapped {
			got = append(got, id)
		}
		if diff := cmp.Diff(sorted(slices.Clone(truth)), sorted(got)); diff != "" {
			t.Errorf("seed %d (-truth +overlapping windows):\n%s", seed, diff)
		}
		tiling += len(truth) - len(tiled)
	}
	if tiling == 0 {
		t.Error("windows that only tile lose nothing")
	}
}
