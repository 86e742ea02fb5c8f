package reading

import (
	"context"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/search"
)

// Page is one page of records found.
type Page struct {
	Items      []Item     // in the order of the search view
	Next       string     // cursor of the next page; "" when this was the last
	Unreadable Unreadable // found, and cannot be shown
}

// Find reads one page of the records that match a query. A page may hold fewer items than its limit and still have a next
// one: what was erased since the view read it is left out.
//
// The error is a *ViewError where the search view is at fault, search.ErrCursor for a cursor of another query, or the
// journal's.
func (r *Reader) Find(ctx context.Context, q *search.Query, p search.Page) (*Page, error) {
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	found, err := index.Find(ctx, q, p)
	if err != nil {
		return nil, r.viewError(ctx, "search", err)
	}
	page := &Page{Next: found.Next}
	page.Items, page.Unreadable, err = r.fetch(ctx, q, found.Hits)
	if err != nil {
		return nil, err
	}
	return page, nil
}

// fetch reads the records of hits and drops those that a hash collision brought in, those erased since, and those behind
// the journal's end: an older copy of the journal may stand under a newer view.
func (r *Reader) fetch(ctx context.Context, q *search.Query, hits []search.Hit) ([]Item, Unreadable, error) {
	last, err := r.Last(ctx)
	if err != nil {
		return nil, nil, err
	}
	seqs := make([]uint64, 0, len(hits))
	for _, h := range hits {
		if h.Seq <= last {
			seqs = append(seqs, h.Seq)
		}
	}
	stored, unreadable, err := r.parts.Journal.GetReadable(ctx, seqs...)
	if err != nil {
		return nil, nil, fmt.Errorf("read the records found: %w", err)
	}
	items := make([]Item, 0, len(stored))
	for i := range stored {
		if stored[i].Tombstone != nil {
			continue
		}
		item, err := newItem(&stored[i])
		if err != nil {
			unreadable = append(unreadable, item.Seq)
			continue
		}
		if q.Match(item.Record) {
			items = append(items, item)
		}
	}
	slices.Sort(unreadable)
	return items, unreadable, nil
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
