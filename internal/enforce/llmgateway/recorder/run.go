package recorder

import (
	"context"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	drainFor   = 10 * time.Second // how long a journal that refuses is waited for at the end
	// gatherFor is how long what nobody waits for may wait for more: each commit costs as much as dozens of records.
	gatherFor = 25 * time.Millisecond
)

// Run closes what an earlier run left open, then writes what is noted until ctx ends, and then what waits. It returns an
// error where something was left unwritten because the journal refused until the end.
func (r *Recorder) Run(ctx context.Context) error {
	// A batch that is being written is finished: whoever is asked to stop in the middle could not say what is durable.
	write := context.WithoutCancel(ctx)
	closing := func() error {
		err := r.closeEarlier(write)
		r.settle(nil, err)
		return err
	}
	if !r.repeat(ctx, closing) {
		return r.drain(write)
	}
	for {
		select {
		case <-ctx.Done():
			return r.drain(write)
		case <-r.wake:
		}
		for {
			r.gather(ctx)
			batch := r.batch()
			if len(batch) == 0 {
				break
			}
			if !r.repeat(ctx, func() error { return r.write(write, batch) }) {
				return r.drain(write)
			}
		}
		r.recordLoss(write)
	}
}

// gather lets more notes come, unless somebody waits for those there are or they are many.
func (r *Recorder) gather(ctx context.Context) {
	r.mu.Lock()
	none := len(r.waiting) == 0
	r.mu.Unlock()
	if none {
		return
	}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-r.hurry:
	case <-timer.C:
	}
}

// hasten has the writer write what there is.
func (r *Recorder) hasten() {
	select {
	case r.hurry <- struct{}{}:
	default:
	}
}

// repeat does something until it succeeds; false where ctx ended first.
func (r *Recorder) repeat(ctx context.Context, do func() error) bool {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if err == nil {
			r.deps.Health.Clear(ConditionWaiting)
			return true
		}
		r.stats.failed.Inc()
		r.deps.Health.Raise(ConditionWaiting, health.Warning, fmt.Sprintf("the LLM gateway cannot record what passes: %v. It waits in memory, and is lost beyond %d notes or %d MiB",
			err, r.cfg.MaxExchanges, r.cfg.MaxBytes>>20))
		r.deps.Logger.WarnContext(ctx, "exchanges could not be recorded, trying again", "error", err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
	}
}

// drain writes what waits at the end.
func (r *Recorder) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.drainFor)
	defer cancel()
	for {
		batch := r.batch()
		if len(batch) == 0 {
			r.recordLoss(ctx)
			return nil
		}
		var err error
		if !r.repeat(ctx, func() error { err = r.write(ctx, batch); return err }) {
			return fmt.Errorf("%d notes of the LLM gateway are not on record: %w", len(batch), err)
		}
	}
}

// write writes a batch: one delivery, with the set of open exchanges as it is after it.
func (r *Recorder) write(ctx context.Context, batch []*note) error {
	start := time.Now()
	r.markRetries(ctx, batch)
	open, changed := r.openAfter(batch)
	del := intake.Delivery{}
	twice := make(map[string]bool)
	for _, n := range batch {
		for i := range n.entries {
			e := &n.entries[i]
			if e.forever { // equal ones of one delivery would be told apart, and these are the same
				if key := n.x.credential + "\x00" + string(e.form); twice[key] {
					continue
				} else {
					twice[key] = true
				}
			}
			rec := e.rec
			pieces := make([]intake.Piece, len(e.pieces))
			for k := range e.pieces {
				pieces[k] = intake.Piece(e.pieces[k])
			}
			del.Drafts = append(del.Drafts, intake.Draft{Record: &rec, Pieces: pieces, Form: e.form, Forever: e.forever, Credential: n.x.credential})
		}
	}
	if changed {
		value, err := encodeOpen(open)
		if err != nil {
			return err
		}
		del.Cursors = map[string][]byte{Cursor: value}
	}
	_, err := r.deps.Door.Submit(ctx, del)
	if err == nil {
		r.open = open
		r.stats.wrote(batch, len(open), time.Since(start))
	}
	r.settle(batch, err)
	return err
}

// recordLoss puts on record what passed unrecorded, now that the journal works.
func (r *Recorder) recordLoss(ctx context.Context) {
	r.mu.Lock()
	lost := r.lost
	r.mu.Unlock()
	if lost.first.IsZero() {
		return
	}
	text := fmt.Sprintf("%d exchanges passed the LLM gateway unrecorded, and parts of others, from %s to %s: the journal did not keep up",
		lost.exchanges, lost.first.Format(time.RFC3339), lost.last.Format(time.RFC3339))
	r.deps.Health.Raise(ConditionLost, health.Critical, text)
	_, err := r.deps.Door.Record(ctx, intake.Act{
		Type: TypeLost, Activity: audit.ActivityOperation, Outcome: audit.OutcomeFailure,
		Attributes: audit.Attrs{
			audit.CountAttr("exchanges", int64(lost.exchanges)), audit.CountAttr("parts", int64(lost.notes)),
			audit.TextAttr("first", lost.first.Format(time.RFC3339Nano)), audit.TextAttr("last", lost.last.Format(time.RFC3339Nano)),
		},
	}, nil)
	if err != nil {
		r.deps.Logger.WarnContext(ctx, "a loss could not be recorded yet", "exchanges", lost.exchanges, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost.exchanges -= lost.exchanges
	r.lost.notes -= lost.notes
	if r.lost.exchanges == 0 && r.lost.notes == 0 {
		r.lost = loss{}
		r.deps.Health.Clear(ConditionLost)
		return
	}
	r.lost.first = lost.last
}
