package casebook_test

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

// TestCovering: only grants that are open, of who asks, and that name the record, are offered.
func TestCovering(t *testing.T) {
	t.Parallel()
	b, ctx := newBench(t), context.Background()
	one, other := b.prompt(t, "dana@example.com", "s1"), b.prompt(t, "dana@example.com", "s2")
	ana, priya := person("ana", access.Analyst), person("priya", access.PrivacyOfficer)
	g := b.request(t, ana, b.open(t, ana), one)
	offered := func(want int, seq uint64, container string) {
		t.Helper()
		list, err := b.Covering(ctx, ana, seq, &audit.Record{Container: container})
		if err != nil || len(list) != want {
			t.Errorf("%d grants for record %d: %+v %v", len(list), seq, list, err)
		}
	}
	offered(0, one, "session/s1")
	b.approve(t, priya, g)
	offered(1, one, "session/s1")
	offered(0, other, "session/s2")
	if list, err := b.Usable(ctx, priya); err != nil || len(list) != 0 {
		t.Errorf("who approved may use it: %+v %v", list, err)
	}
	if _, err := b.Withdraw(ctx, ana, g.ID, ""); err != nil {
		t.Fatal(err)
	}
	offered(0, one, "session/s1")
}
