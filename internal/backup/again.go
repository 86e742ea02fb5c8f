package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Eraser is what erases again: an *erasure.Eraser.
type Eraser interface {
	Container(ctx context.Context, container string, o erasure.Order) (erasure.Receipt, error)
	Record(ctx context.Context, seq uint64, o erasure.Order) (erasure.Receipt, error)
	Records(ctx context.Context, seqs []uint64, content erasure.Selection, o erasure.Order) (erasure.Receipt, error)
	Content(ctx context.Context, seqs []uint64, content erasure.Selection, o erasure.Order) (erasure.Receipt, error)
}

// Again carries erasures out again in a restored journal, each by an order of its own, and returns how many there was something
// left of. It may be called again.
func Again(ctx context.Context, e Eraser, j *journal.Reader, list []Erasure, by audit.Identity) (n int, err error) {
	a := again{eraser: e, journal: j, by: by}
	if err := errors.Join(a.findNeeded(ctx, list), a.findSharing(ctx, list)); err != nil {
		return 0, fmt.Errorf("erase again: %w", err)
	}
	for i := range list {
		did, err := a.erase(ctx, &list[i])
		if err != nil {
			return n, fmt.Errorf("erase again what record %d of the later ledger completed: %w", list[i].Completed, err)
		}
		if did {
			n++
		}
	}
	return n, nil
}

type block struct{ container, address string }

type again struct {
	eraser  Eraser
	journal *journal.Reader
	by      audit.Identity
	needed  map[block]bool               // by records that stay, of what purged records refer to
	sharing map[content.Address][]uint64 // the records that refer to what went by somebody's order
}

func (a *again) erase(ctx context.Context, e *Erasure) (bool, error) {
	o := erasure.Order{By: a.by, Retention: e.Retention, Again: true, Reason: fmt.Sprintf("restored from a backup; erased before, as record %d said", e.Completed)}
	if e.Container != "" {
		_, err := a.eraser.Container(ctx, e.Container, o)
		if errors.Is(err, content.ErrMissing) {
			return false, nil // it came later than the backup
		}
		return err == nil, err
	}
	seqs, err := a.standing(ctx, e)
	if err != nil {
		return false, err
	}
	did := false
	if len(seqs) > 0 {
		if did, err = a.eraseRecords(ctx, e, seqs, o); err != nil {
			return did, err
		}
	}
	return a.eraseShared(ctx, e, seqs, did, o)
}

func (a *again) eraseRecords(ctx context.Context, e *Erasure, seqs []uint64, o erasure.Order) (bool, error) {
	var receipt erasure.Receipt
	var err error
	switch e.Type {
	case audit.TypeEraseRecord:
		receipt, err = a.eraser.Record(ctx, seqs[0], o)
	case audit.TypeEraseRecords:
		var spare erasure.Selection // a purge spares what others need; whoever gave an order wanted all of it gone
		if e.Retention != "" {
			spare = func(f erasure.Found, c audit.Content) bool { return !a.needed[block{f.Record.Container, c.Address}] }
		}
		receipt, err = a.eraser.Records(ctx, seqs, spare, o)
	case audit.TypeEraseContent:
		gone := make(map[block]bool)
		for _, g := range e.Content {
			for _, address := range g.Blocks {
				gone[block{g.Container, address}] = true
			}
		}
		receipt, err = a.eraser.Content(ctx, seqs, func(f erasure.Found, c audit.Content) bool { return gone[block{f.Record.Container, c.Address}] }, o)
	default:
		return false, fmt.Errorf("an order of type %s: use the newer tripod", e.Type)
	}
	return did(receipt, err)
}

func did(receipt erasure.Receipt, err error) (bool, error) {
	if errors.Is(err, erasure.ErrAlreadyErased) {
		return false, nil
	}
	return receipt.Intent > 0, err
}

// eraseShared erases what went with records that are not here, where others that are here refer to it: done are those whose
// content is erased already.
func (a *again) eraseShared(ctx context.Context, e *Erasure, done []uint64, before bool, o erasure.Order) (bool, error) {
	gone := make(map[content.Address]bool)
	var seqs []uint64
	for _, address := range e.Blocks {
		others := a.sharing[address]
		if len(others) == 0 || slices.ContainsFunc(others, func(seq uint64) bool { return slices.Contains(done, seq) }) {
			continue
		}
		gone[address] = true
		seqs = append(seqs, others...)
	}
	slices.Sort(seqs)
	for page := range slices.Chunk(slices.Compact(seqs), audit.MaxErased) {
		now, err := did(a.eraser.Content(ctx, page, func(_ erasure.Found, c audit.Content) bool { return gone[c.Address] }, o))
		if err != nil {
			return before, err
		}
		before = before || now
	}
	return before, nil
}

// findSharing finds the records that refer to what went by somebody's order.
func (a *again) findSharing(ctx context.Context, list []Erasure) error {
	a.sharing = make(map[content.Address][]uint64)
	for i := range list {
		for _, address := range list[i].Blocks {
			a.sharing[address] = nil
		}
	}
	if len(a.sharing) == 0 {
		return nil
	}
	return a.each(ctx, func(stored *journal.Stored, rec *audit.Record) {
		for _, c := range rec.Content {
			if others, ok := a.sharing[c.Address]; ok && c.Address != "" {
				a.sharing[c.Address] = append(others, stored.Seq)
			}
		}
	})
}

// each reads every record that stands. One that is damaged says nothing.
func (a *again) each(ctx context.Context, do func(*journal.Stored, *audit.Record)) error {
	for stored, err := range a.journal.Scan(ctx, 1, 0) {
		var damage *journal.CorruptError
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return err
		}
		if stored.Tombstone != nil {
			continue
		}
		rec, err := stored.Record()
		if err != nil {
			return err
		}
		do(&stored, rec)
	}
	return nil
}

// standing lists those of the records that are there, each being the one that was erased.
func (a *again) standing(ctx context.Context, e *Erasure) (seqs []uint64, err error) {
	last, err := a.journal.Last(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range e.Records {
		if r.Position == 0 || r.Position > last || r.Position >= e.Ordered {
			continue
		}
		list, err := a.journal.Get(ctx, r.Position)
		if err != nil {
			return nil, err
		}
		if list[0].Tombstone != nil {
			continue
		}
		if list[0].Commitment.String() != r.Commitment {
			continue // the position was given anew, after this or an earlier restore: what was erased is not here
		}
		seqs = append(seqs, r.Position)
	}
	return seqs, nil
}

// findNeeded finds out which blocks that purged records refer to are referred to by records that stay as well. A record is known by
// position and commitment: after a restore positions are given anew, and what stands there may be another.
func (a *again) findNeeded(ctx context.Context, list []Erasure) error {
	gone := make(map[ErasedRecord]bool)
	purged := false
	for i := range list {
		if list[i].Type == audit.TypeEraseContent {
			continue
		}
		purged = purged || list[i].Type == audit.TypeEraseRecords && list[i].Retention != ""
		for _, r := range list[i].Records {
			gone[r] = true
		}
	}
	a.needed = make(map[block]bool)
	if !purged {
		return nil
	}
	asked := make(map[block]bool)
	for _, collect := range []bool{true, false} {
		err := a.each(ctx, func(stored *journal.Stored, rec *audit.Record) {
			if collect != gone[ErasedRecord{stored.Seq, stored.Commitment.String()}] {
				return
			}
			for _, c := range rec.Content {
				b := block{rec.Container, c.Address}
				switch {
				case c.Address == "":
				case collect:
					asked[b] = true
				case asked[b]:
					a.needed[b] = true
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
