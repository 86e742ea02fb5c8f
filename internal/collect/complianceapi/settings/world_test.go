package settings_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep/sweeptest"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// TestWorld has simulated enterprises over a weekend on which one of them turns single sign-on off and on again, and a
// process that crashes between any two steps: everything meets the baseline but what the incident breaks, for as long.
func TestWorld(t *testing.T) {
	for seed := range 3 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { oneWorld(t, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

func oneWorld(t *testing.T, rng *rand.Rand) {
	begin, from := time.Now(), time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)
	w := world.New(world.Options{Seed: rng.Uint64()})
	vendor, err := simulated.New(simulated.Options{
		World: w, Now: func() time.Time { return from.Add(time.Since(begin)) }, Since: from.Truncate(24 * time.Hour), Rate: -1,
		Faults: simulated.Faults{Internal: 0.02, Unavailable: 0.02, Abort: 0.02},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := sweeptest.Open(t, vendor.Handler(), vendor.Keys().Read)
	rules := shipped(t)
	for time.Since(begin) < 10*time.Hour {
		stop := b.Run(&crashtest.Crash{After: 1 + rng.IntN(60), Before: rng.IntN(2) == 0}, collector(rules))
		time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Hour))))
		stop()
		stop = b.Run(nil, collector(rules)) // the incident takes but two snapshots
		time.Sleep(time.Duration(rng.Int64N(int64(2 * time.Hour))))
		stop()
	}
	stop := b.Run(nil, collector(rules))
	time.Sleep(time.Hour)
	stop()
	b.Keep()
	off, on := w.When(world.SSOOff, from)
	seen := map[string]int{}
	judged := 0
	for _, r := range b.Records(audit.SourceComplianceSettings) {
		key := r.Account.Proved.Org + " " + sweeptest.Attr(r, "id") + " " + sweeptest.Attr(r, "change")
		if seen[key]++; sweeptest.Attr(r, "change") == "first_seen" && seen[key] > 1 {
			t.Errorf("%s: %d times", key, seen[key])
		}
		if _, ok := r.Attributes.Get("baseline"); ok {
			judged++
		}
		if drift := sweeptest.Attr(r, "drift"); drift == "true" && (r.Occurred.Before(off) || r.Occurred.After(on)) {
			t.Errorf("%s is %s at %v, and the baseline expects %s", sweeptest.Attr(r, "setting"), sweeptest.Attr(r, "value"), r.Occurred, sweeptest.Attr(r, "expected"))
		}
	}
	if judged < len(rules.Rules) {
		t.Errorf("%d values were judged by %d rules", judged, len(rules.Rules))
	}
	if last := told(b, w.Org.UUID, "sso_enabled"); len(last) != 1 && len(last) != 3 {
		t.Errorf("single sign-on: %v", last)
	}
}
