package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// TypeRecovered is the type of the record that names the positions a recovery found lost: first, last, records.
const TypeRecovered = audit.TypeRecover

// event is something in the journal that bears on tombstones.
type event struct {
	kind        eventKind
	seq         uint64 // where it stands
	first, last uint64 // what it names
	commitment  audit.Commitment
	reason      audit.TombstoneReason
	own         audit.Commitment // of the record itself
}

type eventKind uint8

const (
	eventTombstone eventKind = iota
	eventIntent
	eventCompleted
	eventRecovered
)

// eventsOfRecord reads one of Tripod's own records: an order for many is an event for each.
func eventsOfRecord(seq uint64, rec *audit.Record) []event {
	position := func(name string) uint64 {
		v, _ := rec.Attributes.Get(name)
		if n, ok := v.Int64(); ok && n > 0 {
			return uint64(n)
		}
		return 0
	}
	e := event{seq: seq}
	switch rec.Type {
	case audit.TypeEraseRecord, audit.TypeEraseRecords:
		orders := audit.ErasureOrders(rec)
		if n := len(orders); n == 0 || orders[n-1].Position >= seq { // what vouches comes after what it vouches for
			return nil
		}
		events := make([]event, len(orders))
		for i, o := range orders {
			events[i] = event{kind: eventIntent, seq: seq, first: o.Position, last: o.Position, commitment: o.Commitment}
		}
		return events
	case audit.TypeEraseCompleted:
		e.kind, e.first = eventCompleted, position("position")
		e.last = e.first
	case TypeRecovered:
		e.kind, e.first, e.last = eventRecovered, position("first"), position("last")
	default:
		return nil
	}
	if e.first == 0 || e.first > e.last || e.last >= seq {
		return nil
	}
	return []event{e}
}

// grave is a tombstone until a record behind it has vouched for it.
type grave struct {
	seq        uint64
	commitment audit.Commitment
	lost       bool
	done       bool   // nothing more is expected: a loss named, an erasure ordered and completed
	voucher    uint64 // the first record that orders the erasure or names the loss
	wrong      uint64 // a record that names another commitment for this position
}

// graves matches the tombstones of the positions [first, until) with the records that vouch for them. Its memory is
// bounded: when too many are open, until is set, and another round takes the rest. It is not safe for concurrent use.
type graves struct {
	first, until uint64 // until is 0 while there is no bound
	signed       uint64 // records behind this position vouch only once a later checkpoint is found to cover them
	limit        int
	open         []grave             // in order of seq
	intents      map[uint64][]uint64 // positions by intent, while it is not completed
	ordered      int                 // positions in intents
	undone       []event             // completions of erasures whose record seems to be there; last is the record's position

	vouchers map[uint64]audit.Commitment // what open tombstones rest on behind signed: the record's own commitment
	ends     map[uint64]event            // completions behind signed, by intent
}

func newGraves(first, signed uint64, limit int) *graves {
	return &graves{first: first, signed: signed, limit: limit,
		intents: make(map[uint64][]uint64), vouchers: make(map[uint64]audit.Commitment), ends: make(map[uint64]event)}
}

// covers tells whether a position is this round's.
func (g *graves) covers(seq uint64) bool { return seq >= g.first && (g.until == 0 || seq < g.until) }

// see takes in the journal's events in order.
func (g *graves) see(e event) {
	switch e.kind {
	case eventTombstone:
		g.tombstone(e)
	case eventIntent:
		if !g.covers(e.first) {
			return
		}
		if g.ordered < g.limit || len(g.intents[e.seq]) > 0 { // an order is remembered whole
			g.intents[e.seq] = append(g.intents[e.seq], e.first)
			g.ordered++
		}
		if t := g.find(e.first); t != nil && t.commitment == e.commitment {
			g.vouch(t, e)
		} else if t != nil {
			t.wrong = e.seq
		}
	case eventCompleted:
		if e.seq <= g.signed {
			g.completed(e)
		} else if _, ok := g.intents[e.first]; ok {
			g.ends[e.first] = e
		}
	case eventRecovered:
		i, _ := g.search(e.first)
		for ; i < len(g.open) && g.open[i].seq <= e.last; i++ {
			if t := &g.open[i]; t.lost {
				g.vouch(t, e)
				t.done = true
			}
		}
	}
}

// vouch notes the record a tombstone rests on. The first one stays: those behind it are no better signed.
func (g *graves) vouch(t *grave, e event) {
	if t.voucher > 0 {
		return
	}
	t.voucher = e.seq
	if e.seq > g.signed {
		g.vouchers[e.seq] = e.own
	}
}

func (g *graves) tombstone(e event) {
	if !g.covers(e.seq) {
		return
	}
	if len(g.open) >= g.limit {
		g.open = slices.DeleteFunc(g.open, func(t grave) bool { return t.done && t.voucher <= g.signed })
	}
	if len(g.open) >= g.limit {
		g.until = e.seq
		return
	}
	g.open = append(g.open, grave{seq: e.seq, commitment: e.commitment, lost: e.reason == audit.TombstoneLost})
}

func (g *graves) completed(e event) {
	positions := g.intents[e.first] // none: of content alone, or of another round
	delete(g.intents, e.first)
	g.ordered -= len(positions)
	for _, seq := range positions {
		switch t := g.find(seq); {
		case t == nil && len(g.undone) < maxFindings:
			g.undone = append(g.undone, event{seq: e.seq, first: e.first, last: seq})
		case t != nil && t.voucher == e.first:
			t.done = true
		}
	}
}

func (g *graves) search(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(g.open, seq, func(t grave, seq uint64) int {
		switch {
		case t.seq < seq:
			return -1
		case t.seq > seq:
			return 1
		}
		return 0
	})
}

func (g *graves) find(seq uint64) *grave {
	if i, ok := g.search(seq); ok {
		return &g.open[i]
	}
	return nil
}

// bury judges the tombstones: first with what stands behind the checkpoint and what was appended to the journal since its
// end was asked for, then, where there were too many, in further rounds over the journal.
func (v *verifier) bury(ctx context.Context) error {
	last, err := v.opts.Journal.Last(ctx)
	if err != nil {
		return fmt.Errorf("ask the journal for its end: %w", err)
	}
	if last > v.size && (v.late || len(v.graves.open) > 0 || len(v.graves.intents) > 0) {
		if err := v.observe(ctx, v.graves, v.size+1, last, false); err != nil {
			return err
		}
	}
	for {
		if err := v.judgeGraves(ctx, v.graves); err != nil {
			return err
		}
		if v.graves.until == 0 {
			return nil
		}
		v.graves = newGraves(v.graves.until, v.size, v.opts.maxGraves)
		if err := v.observe(ctx, v.graves, v.graves.first, last, true); err != nil {
			return err
		}
	}
}

// observe reads a stretch of the journal for events only; its tombstones are seen already where they are not to count.
func (v *verifier) observe(ctx context.Context, g *graves, first, last uint64, tombstones bool) error {
	for s, err := range v.opts.Journal.Scan(ctx, first, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			continue // reported when the leaves were recomputed
		}
		if err != nil {
			return err
		}
		if s.Tombstone != nil {
			if tombstones {
				g.see(tombstoneEvent(&s))
			}
		} else {
			for _, e := range eventsOf(&s) {
				g.see(e)
			}
		}
	}
	return ctx.Err()
}

func tombstoneEvent(s *journal.Stored) event {
	return event{kind: eventTombstone, seq: s.Seq, commitment: s.Tombstone.Commitment, reason: s.Tombstone.Reason}
}

func (v *verifier) judgeGraves(ctx context.Context, g *graves) error {
	if err := v.judgeLate(ctx, g); err != nil {
		return err
	}
	for i := range g.open {
		switch t := &g.open[i]; {
		case t.voucher > 0: // judged, and an order without a completion is told below
		case t.wrong > 0:
			v.add(Finding{Kind: KindTombstoneDifferent, First: t.seq, Last: t.seq, Found: t.commitment.String(),
				Text: fmt.Sprintf("record %d is gone, and record %d, which orders its erasure, names another commitment", t.seq, t.wrong)})
		case t.lost:
			v.unnamedLoss(t.seq)
		default:
			v.add(Finding{Kind: KindTombstoneUnnamed, First: t.seq, Last: t.seq, Found: t.commitment.String()})
		}
	}
	for intent, positions := range g.intents {
		if _, unsigned := g.vouchers[intent]; unsigned {
			continue
		}
		for _, seq := range positions {
			if g.covers(seq) {
				v.add(Finding{Kind: KindErasureUnfinished, Severity: SeverityNotice, First: seq, Last: seq,
					Text: fmt.Sprintf("record %d orders the erasure of record %d, and its completion is not on record: it is resumed when tripod starts", intent, seq)})
			}
		}
	}
	for _, e := range g.undone {
		if err := v.checkUndone(ctx, g, e); err != nil {
			return err
		}
	}
	return nil
}

// unnamedLoss reports a position given up as lost that no recovery names, and keeps it for one that will.
func (v *verifier) unnamedLoss(seq uint64) {
	v.add(Finding{Kind: KindLossUnnamed, First: seq, Last: seq})
	if n := len(v.lost); n > 0 && v.lost[n-1].Last+1 == seq {
		v.lost[n-1].Last = seq
		return
	}
	v.lost = append(v.lost, Range{seq, seq})
}

// checkUndone looks once more, in the journal itself, before it says that an erasure was undone.
func (v *verifier) checkUndone(ctx context.Context, g *graves, e event) error {
	if !g.covers(e.last) {
		return nil
	}
	for s, err := range v.opts.Journal.Scan(ctx, e.last, e.last) {
		var corrupt *journal.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return err
		}
		if err == nil && s.Seq == e.last && s.Tombstone == nil {
			v.add(Finding{Kind: KindErasureUndone, Severity: SeverityNotice, First: e.last, Last: e.last,
				Text: fmt.Sprintf("record %d says that the erasure ordered by record %d was completed, and record %d is there: the journal may come from a backup; erase it again",
					e.seq, e.first, e.last)})
		}
	}
	return nil
}
