package retention

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// Purged is what a purge did to one class.
type Purged struct {
	Class   string    `json:"class"`
	What    What      `json:"what"`
	Records int       `json:"records"` // that went, or whose content went
	Blocks  int       `json:"blocks"`  // of content that went
	First   uint64    `json:"first"`   // positions
	Last    uint64    `json:"last"`
	Held    int       `json:"held"`   // passed over: a hold or a law keeps them
	Before  time.Time `json:"before"` // nothing of the class that was recorded before is left, but what is held
	Seq     uint64    `json:"record"` // that tells of it
	// At and By are when it was recorded and who ordered it, by that record.
	At time.Time      `json:"at,omitzero"`
	By audit.Identity `json:"by,omitzero"`

	seqs []uint64
}

// Purge destroys what outlived its period, oldest first, up to a bound; more is false where nothing is left to do. What was
// done before an error is on record, by whom it was ordered; the zero Identity is the clock.
func (k *Keeper) Purge(ctx context.Context, by audit.Identity) (done []Purged, more bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cfg.idle() {
		return nil, false, nil
	}
	if reflect.DeepEqual(by, audit.Identity{}) {
		by = audit.Identity{Service: "tripod retention"}
	}
	done, more, err = k.purge(ctx, by)
	if err != nil {
		return done, false, fmt.Errorf("purge: %w", err)
	}
	return done, more, nil
}

func (k *Keeper) purge(ctx context.Context, by audit.Identity) (done []Purged, more bool, err error) {
	now := k.deps.Now().UTC()
	p, err := k.progress(ctx, now)
	if err != nil {
		return nil, false, err
	}
	b, err := k.collect(ctx, now, p)
	if err != nil {
		return nil, false, err
	}
	if err := b.ask(ctx, k.deps.Journal); err != nil {
		return nil, false, err
	}
	for i := range b.work {
		w := &b.work[i]
		err := k.destroy(ctx, w, b.going, by)
		if w.Records > 0 {
			var failed error
			if w.Seq, failed = k.tell(context.WithoutCancel(ctx), w, p, by); failed == nil {
				done = append(done, *w)
			}
			err = errors.Join(err, failed)
		}
		switch {
		case errors.Is(err, erasure.ErrHeld), errors.Is(err, ErrStatutory): // since it was looked at: look again
			return done, true, nil
		case err != nil:
			return done, false, err
		}
	}
	// Only now: what was cut short is looked at again from where this purge began.
	b.next.Looked = now
	if b.next.Ended = p.Ended; !b.more {
		b.next.Ended = now
	}
	cursor, err := b.next.cursor()
	if err != nil {
		return done, false, err
	}
	if _, err := k.deps.Cursors.Append(ctx, journal.Batch{Cursors: cursor}); err != nil {
		return done, false, fmt.Errorf("write how far it came: %w", err)
	}
	return done, b.more, nil
}

// batch is what one purge is to destroy.
type batch struct {
	*going
	work []Purged
	next progress
	n    int
	more bool // it is not all
}

// slack is how far a survey goes on beyond what is due: months differ in length, and clocks were set.
const slack = 7 * 24 * time.Hour

// collect lists by class what is to go.
func (k *Keeper) collect(ctx context.Context, now time.Time, p progress) (*batch, error) {
	held, err := k.deps.Holds.Holding(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{going: newGoing(), next: progress{Rules: p.Rules, Classes: make(map[string]stage)}, work: make([]Purged, len(k.cfg.Classes))}
	for i := range k.cfg.Classes {
		c := &k.cfg.Classes[i]
		st := p.Classes[c.Name]
		b.work[i].Class, b.work[i].What = c.Name, c.What
		if !c.Keep.Forever() {
			b.work[i].Before = k.before(i, now)
			if err := k.collectClass(ctx, now, held, i, b, &st); err != nil {
				return nil, err
			}
		}
		st.Reached = max(st.Reached, st.From)
		b.next.Classes[c.Name] = st
	}
	return b, nil
}

// collectClass adds what is to go of one class, and moves its stage on.
func (k *Keeper) collectClass(ctx context.Context, now time.Time, held *hold.Holding, class int, b *batch, st *stage) error {
	c, x := &k.cfg.Classes[class], &b.work[class]
	from, stop := uint64(0), x.Before.Add(slack)
	end := st.From
	err := k.survey(ctx, st.From, func(seq uint64, r *audit.Record) (bool, error) {
		end = seq
		if r.Recorded.After(stop) {
			return false, nil
		}
		end++
		v := k.cfg.judge(seq, r, c.What, now, held)
		if v.class != class {
			return true, nil
		}
		switch v.ground {
		case GroundPreference: // its time will come
			if from == 0 {
				from = seq
			}
			return true, nil
		case GroundHold, GroundStatutory:
			x.Held++
			if v.ground == GroundStatutory && (st.Again.IsZero() || v.until.Before(st.Again)) {
				st.Again = v.until
			}
			return true, nil
		}
		if seq < st.Reached {
			if there, err := k.due(ctx, r, c.What); err != nil || !there {
				return true, err
			}
		}
		if b.n >= k.most {
			end, b.more = seq, true
			return false, nil
		}
		b.n++
		b.add(seq, r, c.What)
		x.seqs = append(x.seqs, seq)
		return true, nil
	})
	st.From = end
	if from > 0 {
		st.From = min(from, end)
	}
	return err
}

// before is the time before which everything of a class is due.
func (k *Keeper) before(class int, now time.Time) time.Time {
	keep := k.cfg.Classes[class].Keep
	return now.AddDate(0, -keep.Months, -keep.Days)
}

// destroy erases the records, or the content, of one class, in orders of a size that the ledger reads at once.
func (k *Keeper) destroy(ctx context.Context, w *Purged, g *going, by audit.Identity) error {
	erase := k.deps.Eraser.Content
	if w.What == Records {
		erase = k.deps.Eraser.Records
	}
	order := erasure.Order{By: by, Retention: w.Class}
	for len(w.seqs) > 0 {
		page := w.seqs[:min(len(w.seqs), audit.MaxErased)]
		w.seqs = w.seqs[len(page):]
		if err := g.ask(ctx, k.deps.Journal); err != nil { // what came meanwhile
			return err
		}
		receipt, err := erase(ctx, page, g.selection(w.What), order)
		switch {
		case errors.Is(err, erasure.ErrAlreadyErased):
			continue
		case err != nil:
			return fmt.Errorf("class %q: %w", w.Class, err)
		}
		if receipt.Intent > 0 {
			if w.First == 0 {
				w.First = page[0]
			}
			w.Last = page[len(page)-1]
			w.Records += len(page)
			w.Blocks += receipt.Blocks
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(k.deps.Pause):
		}
	}
	return nil
}

// tell writes the record of what went. It moves no cursor yet: other classes of this purge are not done.
func (k *Keeper) tell(ctx context.Context, w *Purged, p progress, by audit.Identity) (uint64, error) {
	seq, err := k.deps.Door.Record(ctx, intake.Act{
		Type: TypePurge, Activity: audit.ActivityErasure, Account: by,
		Attributes: audit.Attrs{
			audit.TextAttr("class", w.Class), audit.TextAttr("what", string(w.What)), audit.CountAttr("records", int64(w.Records)),
			audit.CountAttr("blocks", int64(w.Blocks)), audit.CountAttr("first", int64(w.First)), audit.CountAttr("last", int64(w.Last)),
			audit.CountAttr("held", int64(w.Held)), audit.TextAttr("before", w.Before.Format(time.RFC3339)), audit.TextAttr("rules", p.Rules),
		},
	}, nil)
	if err != nil {
		return 0, fmt.Errorf("record purge of class %q: %w", w.Class, err)
	}
	return seq, nil
}
