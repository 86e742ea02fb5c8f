package content

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// refusedWait is how long what was refused is not asked for again: each try is a call in the customer's feed and a unit of
// its budget, and only people change the answer.
const refusedWait = 10 * time.Minute

// refusedBy tells of a reason whether an answer with it is a refusal that another try does not change, and whether all parts share it.
func refusedBy(reason string) (refused, all bool) {
	switch reason {
	case "key_refused", "forbidden", "console_key", "feed_off":
		return true, true
	case "refused", "unavailable":
		return true, false
	}
	return false, false
}

// turns has parts that were refused for the same reason ask again one at a time.
type turns struct {
	mu    sync.Mutex
	next  time.Time     // when one of them may ask; zero where none is refused
	freed chan struct{} // closed when none is refused any more
}

// refused notes that all parts are.
func (t *turns) refused() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed == nil {
		t.next, t.freed = time.Now().Add(refusedWait), make(chan struct{})
	}
}

// free has all parts ask again.
func (t *turns) free() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.freed != nil {
		close(t.freed)
		t.next, t.freed = time.Time{}, nil
	}
}

// take waits until who was refused may ask again: it is its turn, or another was answered.
func (t *turns) take(ctx context.Context) error {
	for {
		t.mu.Lock()
		now, freed, wait := time.Now(), t.freed, time.Until(t.next)
		if freed == nil || wait <= 0 {
			if freed != nil {
				t.next = now.Add(refusedWait)
			}
			t.mu.Unlock()
			return nil
		}
		t.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-freed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause waits before the next try after trouble. What was refused waits its time even where other parts are answered: it may be
// refused to this one alone.
func (w *watch) pause(ctx context.Context, err error, wait time.Duration) error {
	refused, all := refusedBy(trouble.Diagnose(err))
	if one := (alone{}); errors.As(err, &one) {
		refused, all = false, false
	}
	if refused {
		wait = max(wait, refusedWait)
	}
	if err := api.Pause(ctx, max(wait, time.Second)); err != nil || !all {
		return err
	}
	return w.all.turns.take(ctx)
}
