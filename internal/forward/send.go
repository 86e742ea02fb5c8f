package forward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// batch is what is sent at once: items of one kind.
type batch struct {
	items []Item
	track *tracker // nil where no lane waits for it
	last  uint64   // end of the stretch it settles
}

// deliver sends items until each is acknowledged, a dead letter, or erased. It ends early only with the context, or when what it
// learnt cannot be made durable.
func (f *feed) deliver(ctx context.Context, items []Item) error {
	for {
		if err := f.pace.wait(ctx); err != nil {
			return err
		}
		if items = f.erased.without(items); len(items) == 0 {
			return nil
		}
		begun := time.Now()
		outcomes, err := f.send(ctx, items)
		if ctx.Err() != nil && err != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrTooLarge) && len(items) > 1 {
			half := len(items) / 2
			if err := f.deliver(ctx, items[:half]); err != nil {
				return err
			}
			items = items[half:]
			continue
		}
		if errors.Is(err, ErrTooLarge) {
			outcomes, err = []Outcome{{Dead, err.Error()}}, nil
		}
		if err != nil {
			f.failed(ctx, begun, err)
			continue
		}
		if items, err = f.settle(ctx, begun, items, outcomes); err != nil || len(items) == 0 {
			return err
		}
	}
}

// send calls the sink, with no more calls at once than it bears.
func (f *feed) send(ctx context.Context, items []Item) ([]Outcome, error) {
	select {
	case f.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-f.slots }()
	outcomes, err := f.sink.Send(ctx, items)
	if err == nil && outcomes != nil && len(outcomes) != len(items) {
		err = fmt.Errorf("the sink told of %d items of %d", len(outcomes), len(items))
	}
	return outcomes, err
}

// settle books what became of each item and returns those to send again.
func (f *feed) settle(ctx context.Context, begun time.Time, items []Item, outcomes []Outcome) (again []Item, err error) {
	if outcomes == nil {
		f.acknowledged(len(items), 0)
		return nil, nil
	}
	var dead []refused
	var sent, duplicates int
	why := ""
	for i, o := range outcomes {
		switch o.Code {
		case Accepted:
			sent++
		case Duplicate:
			duplicates++
		case Again:
			again, why = append(again, items[i]), o.Reason
		case Dead:
			dead = append(dead, refused{items[i], o.Reason})
		default:
			return nil, fmt.Errorf("sink %s: unknown outcome %d", f.cfg.Name, o.Code)
		}
	}
	if err := f.bury(ctx, dead); err != nil {
		return nil, err
	}
	switch {
	case sent+duplicates > 0 || len(again) == 0:
		f.acknowledged(sent, duplicates)
		if len(again) > 0 {
			f.pace.fail(begun)
		}
	default:
		f.failed(ctx, begun, errors.New("every item is to be sent again: "+why))
	}
	return again, nil
}

// failed books a failure of a whole batch and says how long to wait.
func (f *feed) failed(ctx context.Context, begun time.Time, err error) {
	var auth *AuthError
	var later *RetryAfter
	switch {
	case errors.As(err, &auth):
		f.pace.refused()
		f.health.Raise(f.condition("auth"), health.Critical, fmt.Sprintf("sink %s: %v: replace the credential; it is tried again every %v and on reload", f.cfg.Name, err, f.pace.backoff.Auth))
	case errors.As(err, &later):
		f.pace.hold(begun, later.After)
	default:
		f.pace.fail(begun)
	}
	f.log.WarnContext(ctx, "sending failed, trying again", "sink", f.cfg.Name, "error", err)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending.err, f.pending.errAt = err.Error(), time.Now()
	f.failing = true
}

// acknowledged books what the receiver has.
func (f *feed) acknowledged(sent, duplicates int) {
	f.pace.fine()
	f.mu.Lock()
	f.pending.sent += uint64(sent)
	f.pending.duplicates += uint64(duplicates)
	f.pending.at = time.Now()
	f.pending.err = ""
	f.unsaved += sent + duplicates
	full, recovered := f.unsaved >= syncItems, f.failing
	f.failing = false
	f.mu.Unlock()
	if recovered {
		f.health.Clear(f.condition("auth"))
	}
	if full {
		f.saveSoon()
	}
}

// bury makes items dead letters. Where no room is left it waits for some: nothing is dropped.
func (f *feed) bury(ctx context.Context, dead []refused) error {
	if len(dead) == 0 {
		return nil
	}
	for _, d := range dead {
		f.log.WarnContext(ctx, "refused for good, kept as a dead letter", "sink", f.cfg.Name, "item", d.item.ID, "seq", d.item.Seq, "reason", d.reason)
	}
	for {
		woken := f.pace.signal()
		dead = f.erased.withoutRefused(dead)
		err := f.state.bury(ctx, f.cfg.Name, dead, f.cfg.DeadBytes, time.Now())
		if err == nil {
			return f.countDead(ctx)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		text := fmt.Sprintf("sink %s: %v: sending waits", f.cfg.Name, err)
		if errors.Is(err, errNoRoom) {
			text = fmt.Sprintf("sink %s: dead letters fill the %d bytes they may: sending waits until some are sent again (tripod forward redrive %s) or dead_bytes is raised", f.cfg.Name, f.cfg.DeadBytes, f.cfg.Name)
		}
		f.health.Raise(f.condition("full"), health.Critical, text)
		if err := f.pace.nap(ctx, f.pace.backoff.Most, woken); err != nil {
			return err
		}
	}
}

// countDead tells health and metrics how many dead letters there are.
func (f *feed) countDead(ctx context.Context) error {
	n, _, err := f.state.deadCount(ctx, f.cfg.Name)
	if err != nil {
		return err
	}
	f.health.Clear(f.condition("full"))
	if n == 0 {
		f.health.Clear(f.condition("dead"))
		return nil
	}
	f.health.Raise(f.condition("dead"), health.Warning, fmt.Sprintf("sink %s: %d items were refused for good and are kept: see tripod forward list, and tripod forward redrive %s once the cause is gone", f.cfg.Name, n, f.cfg.Name))
	return nil
}
