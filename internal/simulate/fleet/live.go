package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// mostAtOnce is how many exports of a process may be on their way at a time.
const mostAtOnce = 30

// Live lets a session begin every few seconds, paced by the clock, until ctx ends. Each client exports at its own intervals.
// What was not sent when ctx ends is gone, as with a client that is killed: that is no error.
func (f *Fleet) Live(ctx context.Context) (Report, error) {
	began := time.Now()
	t := tally{most: mostListed}
	var sessions sync.WaitGroup
	next := time.NewTimer(0)
	defer next.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			sessions.Wait()
			return t.take(began), nil
		case <-next.C:
		}
		acts := f.cfg.World.Live(n, time.Now())
		sessions.Go(func() { f.session(ctx, acts, &t) })
		next.Reset(f.cfg.Pace)
	}
}

// session plays the acts of one session as they happen and returns when all of them were sent or ctx has ended.
func (f *Fleet) session(ctx context.Context, acts []world.Act, t *tally) {
	var exports []*export
	for _, of := range byProcess(acts) {
		pl := newPlayer(of[0].Process, f.cfg.Org)
		pl.play(of)
		pk := packer{exact: true}
		list, missed := pk.pack(pl, pl.last.Add(1000*time.Hour))
		exports = append(exports, list...)
		t.update(func(r *Report) { r.Missed += missed })
	}
	slices.SortStableFunc(exports, func(a, b *export) int { return a.due.Compare(b.due) })
	var sending sync.WaitGroup
	defer sending.Wait()
	slots := make(chan struct{}, mostAtOnce)
	for i, e := range exports {
		fate := f.cfg.Faults.fate(e)
		due := e.due
		if next := successor(exports[i:]); fate.late && next != nil {
			due = next.due.Add(time.Second)
			t.note(reordered, e, "")
		} else if !wait(ctx, due) {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		sending.Go(func() {
			defer func() { <-slots }()
			if !wait(ctx, due) {
				return
			}
			if _, err := f.deliver(ctx, e, fate, t, nil); err != nil && !errors.Is(err, context.Canceled) {
				f.cfg.Logger.DebugContext(ctx, "export abandoned")
			}
		})
	}
}

// byProcess groups acts by process, each in its order.
func byProcess(acts []world.Act) [][]*world.Act {
	var list [][]*world.Act
	at := map[string]int{}
	for i := range acts {
		a := &acts[i]
		if a.Process == nil {
			continue
		}
		n, ok := at[a.Process.ID]
		if !ok {
			n = len(list)
			at[a.Process.ID] = n
			list = append(list, nil)
		}
		list[n] = append(list[n], a)
	}
	return list
}

// wait waits until a time and reports whether it came before ctx ended.
func wait(ctx context.Context, until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
