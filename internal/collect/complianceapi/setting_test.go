package complianceapi_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
)

// TestSettingChanged: a change of settings that the feed shows is told once, however often windows overlap, and history
// tells nothing.
func TestSettingChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		change := func(id string, at time.Time) {
			v.add(&activity{id: id, at: at, typ: "org_sso_toggled", extra: `,"enabled":false`})
		}
		change("long_ago", time.Now().Add(-48*time.Hour))
		b := open(t, v)
		stop := b.run(complianceapi.Config{Lookback: 72 * time.Hour}, nil)
		time.Sleep(time.Hour)
		if n := b.changes.Load(); n != 0 {
			t.Errorf("told %d times of history", n)
		}
		for i, id := range []string{"one", "two"} {
			change(id, time.Now())
			time.Sleep(20 * time.Minute)
			if n := b.changes.Load(); n != int64(i+1) {
				t.Errorf("told %d times of %d changes", n, i+1)
			}
		}
		stop()
	})
}
