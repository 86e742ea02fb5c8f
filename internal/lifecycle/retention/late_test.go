package retention_test

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// TestEnded: when a purge last came to its end is told by the keeper and by the cursors of its journal alike.
func TestEnded(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t, class("words", retention.Texts, 30))
	if at, due, err := f.keeper.Ended(ctx); err != nil || !due || !at.IsZero() {
		t.Fatalf("before any purge: %v %v %v", at, due, err)
	}
	f.purge(1)
	at, _, err := f.keeper.Ended(ctx)
	if err != nil || !at.Equal(f.now) {
		t.Errorf("after a purge: %v, want %v, %v", at, f.now, err)
	}
	_, cursors, err := f.journal.Reader().Mark(ctx)
	if got := retention.EndedIn(cursors); err != nil || !got.Equal(at) {
		t.Errorf("by the cursors: %v, %v", got, err)
	}
	if got := retention.EndedIn(nil); !got.IsZero() {
		t.Errorf("without a cursor: %v", got)
	}
	forever := newFixture(t, class("law", retention.Records, 0))
	if _, due, err := forever.keeper.Ended(ctx); due || err != nil {
		t.Errorf("where nothing ends: %v %v", due, err)
	}
}
