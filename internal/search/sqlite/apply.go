package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// pieceEntries bounds the entries of one transaction, whatever the page holds.
const pieceEntries = 16384

var errReadOnly = errors.New("the search index is open for reading only")

// Apply implements search.Index.
func (ix *Index) Apply(ctx context.Context, page []search.Entry) error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	switch {
	case ix.closed:
		return search.ErrClosed
	case !ix.writable:
		return errReadOnly
	}
	for len(page) > 0 && page[0].Seq <= ix.position {
		page = page[1:]
	}
	if len(page) > 0 && page[0].Seq != ix.position+1 {
		return fmt.Errorf("search index stands at %d, the page begins at %d: %w", ix.position, page[0].Seq, search.ErrGap)
	}
	for piece := range slices.Chunk(page, pieceEntries) {
		if err := ix.applyPiece(ctx, piece); err != nil {
			return err
		}
	}
	return nil
}

// Unreadable implements search.Skipper.
func (ix *Index) Unreadable() search.Unreadable {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return ix.unreadable
}

// applyPiece commits the rows month by month, then carries out erasures, then moves the position. Done again after a
// crash at any point, it changes nothing that was done before.
func (ix *Index) applyPiece(ctx context.Context, page []search.Entry) error {
	touched := make(map[string]*month)
	defer func() {
		for _, m := range touched {
			ix.months.release(m)
		}
	}()
	erase, err := ix.collect(ctx, page, touched)
	if err != nil {
		return errors.Join(err, abandon(touched))
	}
	last := page[len(page)-1].Seq
	promised := make(map[string]uint64, len(touched))
	for _, name := range slices.Sorted(maps.Keys(touched)) {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, abandon(touched))
		}
		if err := touched[name].commit(last); err != nil {
			return errors.Join(fmt.Errorf("search index of %s: %w", name, err), abandon(touched))
		}
		promised[name] = touched[name].applied
	}
	if err := ix.erase(ctx, erase); err != nil {
		return err
	}
	if err := ix.head.write(last, promised, false); err != nil {
		return err
	}
	ix.position = last
	return nil
}

// collect reads the facts of a page into the batches of their months and returns the positions to erase.
func (ix *Index) collect(ctx context.Context, page []search.Entry, touched map[string]*month) (erase []uint64, err error) {
	var m *month
	for i := range page {
		e := &page[i]
		if e.Seq != page[0].Seq+uint64(i) {
			return nil, fmt.Errorf("position %d is followed by %d: %w", page[0].Seq+uint64(i)-1, e.Seq, search.ErrGap)
		}
		if e.Erased {
			continue
		}
		if ix.facts.Read(e.Bytes) != nil { // it never will be readable, and must not keep those after it from being found
			if e.Seq > ix.unreadable.Last {
				ix.unreadable.Count++
				ix.unreadable.Last = e.Seq
			}
			continue
		}
		erase = append(erase, ix.facts.Erases...)
		if m == nil || ix.facts.Time < m.start || ix.facts.Time >= m.end {
			if m, err = ix.touch(ctx, monthOf(ix.facts.Time), touched); err != nil {
				return nil, err
			}
		}
		if e.Seq <= m.applied {
			continue
		}
		if err := m.add(e.Seq, &ix.facts); err != nil {
			return nil, fmt.Errorf("search index of %s: %w", m.name, err)
		}
	}
	return erase, nil
}

func (ix *Index) touch(ctx context.Context, name string, touched map[string]*month) (*month, error) {
	if m, ok := touched[name]; ok {
		return m, nil
	}
	m, err := ix.months.acquire(ctx, name)
	if err == nil {
		touched[name] = m
	}
	return m, err
}

// abandon forgets batches that were not committed.
func abandon(touched map[string]*month) error {
	var errs []error
	for _, m := range touched {
		errs = append(errs, m.loadWriter())
	}
	return errors.Join(errs...)
}

// batch is what waits to be committed to a month. Its memory is used again.
type batch struct {
	rows    []segment.Row
	keys    []segment.Posting
	entries []newEntry
	who     []byte // scratch: dimension and encoded names
	what    []byte
	where   []byte
}

func (b *batch) reset() {
	b.rows, b.keys, b.entries = b.rows[:0], b.keys[:0], nil
}

// add puts one record into the batch.
func (m *month) add(seq uint64, f *search.Facts) error {
	b := &m.batch
	b.who, b.what, b.where = append(b.who[:0], dimWho), append(b.what[:0], dimWhat), append(b.where[:0], dimWhere)
	for _, n := range f.Names {
		switch dimOf(n.Field) {
		case dimWho:
			b.who = appendName(b.who, n.Field, n.Value)
		case dimWhat:
			b.what = appendName(b.what, n.Field, n.Value)
		case dimWhere:
			b.where = appendName(b.where, n.Field, n.Value)
		}
	}
	row := uint32(len(b.rows))
	for i, k := range f.Keys {
		if i == 0 || f.Keys[i-1].Field != k.Field {
			b.what = appendName(b.what, k.Field, "") // so that session:* finds it
		}
		b.keys = append(b.keys, segment.Posting{Term: m.keyTerm(k.Field, k.Value), Row: row})
	}
	r := segment.Row{Time: f.Time, Seq: seq}
	for dim, key := range [...][]byte{dimWho: b.who, dimWhat: b.what, dimWhere: b.where} {
		if len(key) == 1 {
			continue
		}
		id, err := m.entryID(key)
		if err != nil {
			return err
		}
		r.IDs[dim] = id
	}
	b.rows = append(b.rows, r)
	return nil
}

// commit writes the batch. After an error the month must be abandoned.
func (m *month) commit(last uint64) error {
	if last <= m.applied {
		return nil
	}
	err := m.writer.transaction("BEGIN IMMEDIATE", func() error {
		if err := m.alone(); err != nil {
			return err
		}
		if len(m.batch.rows) > 0 {
			if err := m.writeBatch(); err != nil {
				return err
			}
		}
		return m.setMeta("applied", int64(last))
	})
	if err != nil {
		return err
	}
	m.applied = last
	m.batch.reset()
	if m.dict.size > maxDictionary {
		m.dict.reset()
	}
	return nil
}

// alone makes sure that nobody else has written since: the dictionary in memory would be wrong.
func (m *month) alone() error {
	applied, err := metaInt(m.writer, "applied")
	if err == nil && uint64(applied) != m.applied {
		err = errors.New("another process writes this index: stop one of them")
	}
	return err
}

func (m *month) writeBatch() error {
	if err := m.insertEntries(); err != nil {
		return err
	}
	if err := m.updateTallies(m.batch.rows, 1); err != nil {
		return err
	}
	e, err := segment.Build(m.batch.rows, m.batch.keys)
	if err != nil {
		return err
	}
	if _, err := m.insertSegment(e); err != nil {
		return err
	}
	return m.compact()
}

func encodeStarts(starts []int64) []byte {
	b := make([]byte, 0, 8*len(starts))
	for _, s := range starts {
		b = binary.LittleEndian.AppendUint64(b, uint64(s))
	}
	return b
}
