package correlate

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// onePage is a follower with one page.
type onePage struct{ page []journal.Stored }

func (o *onePage) Next(ctx context.Context) ([]journal.Stored, error) {
	if page := o.page; page != nil {
		o.page = nil
		return page, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// failing refuses to apply until failures are used up.
type failing struct {
	failures int
	applied  chan uint64
}

func (f *failing) Apply(_ context.Context, batch []journal.Stored) error {
	if f.failures > 0 {
		f.failures--
		return errors.New("database or disk is full")
	}
	f.applied <- batch[len(batch)-1].Seq
	return nil
}

// TestRunTriesAgain: a view that cannot be written must not end what runs beside it.
func TestRunTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var registry health.Registry
		view := &failing{failures: 5, applied: make(chan uint64, 1)}
		ended := make(chan error, 1)
		go func() {
			ended <- Runner(&registry, slog.New(slog.DiscardHandler)).Run(ctx, &onePage{[]journal.Stored{{Seq: 7}}}, view)
		}()
		time.Sleep(time.Second) // of the bubble: nobody waits
		raised := registry.Conditions()
		if len(raised) != 1 || raised[0].Code != ConditionBehind || !strings.Contains(raised[0].Text, "disk is full") {
			t.Errorf("conditions = %+v", raised)
		}
		if at := <-view.applied; at != 7 {
			t.Errorf("applied up to %d, want 7", at)
		}
		synctest.Wait()
		if left := registry.Conditions(); len(left) != 0 {
			t.Errorf("still raised: %+v", left)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}
