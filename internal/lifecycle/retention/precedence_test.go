package retention_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// TestJudge is the whole table: hold > statutory > erasure > retention > preference.
func TestJudge(t *testing.T) {
	t.Parallel()
	for i := range 32 {
		c := retention.Claims{Held: i&16 > 0, Statutory: i&8 > 0, Erasure: i&4 > 0, Expired: i&2 > 0, Preferred: i&1 > 0}
		destroy, ground := false, retention.GroundPreference
		for _, row := range []struct {
			claim   bool
			ground  retention.Ground
			destroy bool
		}{ // the weakest first: each stronger one overrules
			{c.Expired, retention.GroundRetention, true},
			{c.Erasure, retention.GroundErasure, true},
			{c.Statutory, retention.GroundStatutory, false},
			{c.Held, retention.GroundHold, false},
		} {
			if row.claim {
				destroy, ground = row.destroy, row.ground
			}
		}
		if gotDestroy, gotGround := retention.Judge(c); gotDestroy != destroy || gotGround != ground {
			t.Errorf("%+v: %v by %s, want %v by %s", c, gotDestroy, gotGround, destroy, ground)
		}
	}
}
