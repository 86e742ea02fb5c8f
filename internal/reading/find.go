package reading

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

// Page is one page of records found.
type Page struct {
	Items      []Item     // in the order of the search view
	Next       string     // cursor of the next page; "" when this was the last
	Unreadable Unreadable // found, and cannot be shown
}

// Find reads one page of the records that match a query. A page may hold fewer items than its limit, even none, and still
// have a next one: it ends early once it holds 8 MiB of records, and what was erased since the view read it is left out.
//
// The error is a *ViewError where the search view is at fault, search.ErrCursor for a cursor of another query, or the
// journal's.
func (r *Reader) Find(ctx context.Context, q *search.Query, p search.Page) (*Page, error) {
	return r.FindUpTo(ctx, q, p, math.MaxUint64)
}

// FindUpTo is Find without the records behind a position: pages of one query then tell of one moment of the journal.
func (r *Reader) FindUpTo(ctx context.Context, q *search.Query, p search.Page, upTo uint64) (*Page, error) {
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	found, err := index.Find(ctx, q, p)
	if err != nil {
		return nil, err
	}
	last, err := r.Last(ctx) // an older copy of the journal may stand under a newer view
	if err != nil {
		return nil, err
	}
	f := fetching{Reader: r, query: q, upTo: min(upTo, last), room: r.pageBytes}
	read, err := f.fetch(ctx, found.Hits)
	if err != nil {
		return nil, err
	}
	f.page.Next = found.Next
	if read < len(found.Hits) {
		end := found.Hits[read-1]
		f.page.Next = search.EncodeCursor(search.Place{Time: end.Time.UnixMilli(), Seq: end.Seq}, p.Oldest)
	}
	slices.Sort(f.page.Unreadable)
	return &f.page, nil
}

// fetching reads the records of hits into a page.
type fetching struct {
	*Reader
	query *search.Query
	upTo  uint64
	room  int // canonical bytes that the page may still take
	page  Page
}

// Hits whose records are read from the journal at once: few while it is not known how large they are.
const (
	firstFetch = 4
	mostFetch  = 32
)

// fetch reads until the page is full and tells how many hits it has dealt with: at least one, if there are any.
func (f *fetching) fetch(ctx context.Context, hits []search.Hit) (read int, err error) {
	for n := firstFetch; read < len(hits) && f.room > 0; {
		some := hits[read:min(read+n, len(hits))]
		stored, err := f.stored(ctx, some)
		if err != nil {
			return read, err
		}
		for _, h := range some {
			s := stored[h.Seq]
			if s != nil && len(s.Bytes) > f.room && len(f.page.Items) > 0 {
				return read, nil
			}
			if err := f.add(ctx, h.Seq, s); err != nil {
				return read, err
			}
			read++
		}
		mean := max(1, (f.pageBytes-f.room)/read)
		n = max(1, min(2*n, mostFetch, f.room/mean))
	}
	return read, nil
}

// stored reads hits by position. Those behind upTo and those that cannot be read are not in the map.
func (f *fetching) stored(ctx context.Context, hits []search.Hit) (map[uint64]*journal.Stored, error) {
	seqs := make([]uint64, 0, len(hits))
	for _, h := range hits {
		if h.Seq <= f.upTo {
			seqs = append(seqs, h.Seq)
		}
	}
	list, _, err := f.parts.Journal.GetReadable(ctx, seqs...)
	if err != nil {
		return nil, fmt.Errorf("read the records found: %w", err)
	}
	stored := make(map[uint64]*journal.Stored, len(list))
	for i := range list {
		stored[list[i].Seq] = &list[i]
	}
	return stored, nil
}

// add puts what stands at a position on the page, unless it was erased since or only a collision of hashes brought it in.
// Decoding takes long enough to look first whether anybody still waits.
func (f *fetching) add(ctx context.Context, seq uint64, s *journal.Stored) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("read the records found: %w", err)
	}
	switch {
	case seq > f.upTo:
		return nil
	case s == nil:
		f.page.Unreadable = append(f.page.Unreadable, seq)
		return nil
	case s.Tombstone != nil:
		return nil
	}
	f.room -= len(s.Bytes)
	item, err := newItem(s)
	if err != nil {
		f.page.Unreadable = append(f.page.Unreadable, seq)
	} else if f.query.Match(item.Record) {
		f.page.Items = append(f.page.Items, item)
	}
	return nil
}

// Record reads one position. The error wraps journal.ErrNotFound where there is none, or is a *journal.CorruptError. No
// view is needed.
func (r *Reader) Record(ctx context.Context, seq uint64) (*Item, error) {
	stored, err := r.parts.Journal.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	item, err := newItem(&stored[0])
	if err != nil {
		return nil, err
	}
	return &item, nil
}
