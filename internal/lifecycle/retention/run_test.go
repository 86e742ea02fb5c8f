package retention_test

import (
	"context"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// TestClockIsNotTrustedFar: a clock that leapt, and a restore, leave the next purge to somebody.
func TestClockIsNotTrustedFar(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f := newFixture(t, class("words", retention.Texts, 30))
	f.say("a", said1{container: "session/-/a", texts: []string{"x"}})
	byClock := func(days int) error {
		t.Helper()
		f.now = f.now.AddDate(0, 0, days)
		_, _, err := f.keeper.ByClock(ctx)
		return err
	}
	if err := byClock(0); err != nil {
		t.Fatal(err)
	}
	if err := byClock(7); err != nil {
		t.Error("after a week:", err)
	}
	for range 2 { // it is not forgotten that it asked
		if err := byClock(400); err == nil {
			t.Error("a year later the clock alone purges")
		}
	}
	f.want(map[string]string{"a": "held"})
	if done := f.purge(0); len(done) != 1 || done[0].Records != 1 { // somebody says so
		t.Errorf("by hand: %+v", done)
	}
	if err := byClock(1); err != nil {
		t.Error("after that:", err)
	}
	old, err := f.journal.Cursor(ctx, retention.CursorName)
	if err != nil {
		t.Fatal(err)
	}
	cursors, err := retention.AskFirst(old)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.journal.Append(ctx, journal.Batch{Cursors: cursors}); err != nil {
		t.Fatal(err)
	}
	if err := byClock(0); err == nil {
		t.Error("after a restore the clock alone purges")
	}
	if _, _, err := f.keeper.Purge(ctx, audit.Identity{OSUser: "dana"}); err != nil {
		t.Fatal(err)
	}
	if err := byClock(0); err != nil {
		t.Error("after somebody did:", err)
	}
}
