package erasure

import (
	"context"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
)

// Blocks are content blocks of one container.
type Blocks struct {
	Container string            `json:"container"`
	Blocks    []content.Address `json:"blocks"`
}

// Target is what an erasure would destroy.
type Target struct {
	Container string   // the whole of which goes; "" where records are named
	Records   []Found  // that go, or whose content goes
	Content   []Blocks // that go, those other records refer to included
	Stay      bool     // the records stay, their content goes
	Order     Order
}

// Found is a record that is to be erased.
type Found struct {
	Seq        uint64
	Commitment audit.Commitment
	Record     *audit.Record
}

// Selection chooses what goes of the content of records; nil is all of it.
type Selection func(f Found, c audit.Content) bool

// Records erases up to audit.MaxErased records by one order, with the content they refer to that the selection chooses: what
// other records need of it may stay. Positions that hold a tombstone are passed over; where none is left, the error wraps
// ErrAlreadyErased. A position that does not exist, an act of Tripod's own that vouches for others, or a hold on one of them
// stops all, and nothing is on record.
func (e *Eraser) Records(ctx context.Context, seqs []uint64, content Selection, o Order) (Receipt, error) {
	return e.many(ctx, TypeRecords, seqs, content, o)
}

// Content erases content of up to audit.MaxErased records, which stay. Where the selection leaves nothing to erase there is
// no order, and the receipt is empty.
func (e *Eraser) Content(ctx context.Context, seqs []uint64, content Selection, o Order) (Receipt, error) {
	return e.many(ctx, TypeContent, seqs, content, o)
}

func (e *Eraser) many(ctx context.Context, typ string, seqs []uint64, content Selection, o Order) (Receipt, error) {
	seqs = slices.Compact(slices.Sorted(slices.Values(seqs)))
	if n := len(seqs); n == 0 || n > audit.MaxErased {
		return Receipt{}, fmt.Errorf("erase %d records: an order names 1 to %d", n, audit.MaxErased)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	found, err := e.read(ctx, seqs, o)
	if err != nil {
		return Receipt{}, fmt.Errorf("erase records %d to %d: %w", seqs[0], seqs[len(seqs)-1], err)
	}
	return e.erase(ctx, typ, found, content, o)
}

// read reads the records at the positions that are not erased already.
func (e *Eraser) read(ctx context.Context, seqs []uint64, o Order) ([]Found, error) {
	stored, err := e.journal.Reader().Get(ctx, seqs...)
	if err != nil {
		return nil, err
	}
	found := make([]Found, 0, len(stored))
	for i := range stored {
		if stored[i].Tombstone != nil {
			continue
		}
		rec, err := stored[i].Record()
		if err != nil {
			return nil, err
		}
		if rec.Source == audit.SourceTripod && (o.Retention == "" || !Expendable(rec.Type)) {
			return nil, fmt.Errorf("record %d is one of Tripod's own acts, which vouch for others and are kept", stored[i].Seq)
		}
		found = append(found, Found{stored[i].Seq, stored[i].Commitment, rec})
	}
	if len(found) == 0 {
		return nil, ErrAlreadyErased
	}
	return found, nil
}

// erase orders and carries out the erasure of records, or of their content.
func (e *Eraser) erase(ctx context.Context, typ string, found []Found, selection Selection, o Order) (Receipt, error) {
	t := Target{Records: found, Content: group(found, selection), Stay: typ == TypeContent, Order: o}
	if t.Stay && len(t.Content) == 0 {
		return Receipt{}, nil
	}
	if err := e.free(ctx, t); err != nil {
		return Receipt{}, fmt.Errorf("erase %s: %w", t.name(), err)
	}
	orders, positions := make([]audit.Ordered, len(found)), make([]uint64, len(found))
	for i, f := range found {
		orders[i], positions[i] = audit.Ordered{Position: f.Seq, Commitment: f.Commitment}, f.Seq
	}
	attrs := audit.ErasureAttrs(orders)
	switch typ {
	case TypeRecord:
		attrs = audit.Attrs{
			{Name: "position", Value: audit.Int(int64(positions[0]))}, {Name: "commitment", Value: audit.String(orders[0].Commitment.String())},
		}
	case TypeContent:
		attrs = attrs[:1]
		positions = nil
	}
	if !t.Stay && o.Retention == "" {
		attrs = append(attrs, audit.Attr{Name: AttrBlocks, Value: addresses(t.Content)})
	}
	return e.begin(ctx, orderAct(typ, o, attrs), task{Seqs: positions, Content: t.Content})
}

// AttrBlocks names, in an order that somebody gave to erase records, the addresses of the blocks that go with them: after a restore the
// records may be gone with the order, and equal content that an older record refers to be back. Without its container's key an address
// says nothing. A purge needs none: it takes nothing that others refer to.
const AttrBlocks = "blocks"

func addresses(groups []Blocks) audit.Value {
	list := []audit.Value{}
	for _, g := range groups {
		for _, a := range g.Blocks {
			list = append(list, audit.String(a))
		}
	}
	return audit.Array(list...)
}

// group lists the chosen blocks by container, each once.
func group(found []Found, selection Selection) (groups []Blocks) {
	type block struct{ container, address string }
	at, seen := make(map[string]int), make(map[block]bool)
	for _, f := range found {
		for _, c := range f.Record.Content {
			b := block{f.Record.Container, c.Address}
			if c.Address == "" || seen[b] || selection != nil && !selection(f, c) {
				continue
			}
			seen[b] = true
			i, ok := at[b.container]
			if !ok {
				i = len(groups)
				at[b.container] = i
				groups = append(groups, Blocks{Container: b.container})
			}
			groups[i].Blocks = append(groups[i].Blocks, b.address)
		}
	}
	return groups
}

// free asks whether anything is held.
func (e *Eraser) free(ctx context.Context, t Target) error {
	if e.Held == nil || t.Order.Again {
		return nil
	}
	return e.Held(ctx, t)
}

// name is what a target is called in errors.
func (t *Target) name() string {
	switch n := len(t.Records); {
	case t.Container != "":
		return fmt.Sprintf("container %q", t.Container)
	case n == 1:
		return fmt.Sprintf("record %d", t.Records[0].Seq)
	default:
		return fmt.Sprintf("%d records from %d to %d", n, t.Records[0].Seq, t.Records[n-1].Seq)
	}
}
