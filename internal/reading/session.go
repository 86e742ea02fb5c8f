package reading

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/search"
)

// Session is what is known of one session, from all sources.
type Session struct {
	ID            string
	Items         []Item // in the order they occurred; see sortItems
	Discrepancies []correlate.Discrepancy
	Unreadable    Unreadable // of the session, and cannot be shown
	More          bool       // a bound left records out
	// Without says why Discrepancies is empty where the view of discrepancies cannot be read; else nil.
	Without *ViewError
}

// Session reads a whole session. A session that nobody knows has no items and no error; Behind tells whether it may yet
// come. The error is a *ViewError where the search view cannot be read, or the journal's.
func (r *Reader) Session(ctx context.Context, id string) (*Session, error) {
	return r.SessionUpTo(ctx, id, 0)
}

// SessionUpTo is Session with at most so many records, and at most 32 MiB of them, the oldest ones; 0 is for all, which
// must fit in memory.
func (r *Reader) SessionUpTo(ctx context.Context, id string, limit int) (*Session, error) {
	q, err := search.Parse("session:"+search.Quote(id), time.Now())
	if err != nil {
		return nil, err
	}
	s := &Session{ID: id}
	page, bytes := search.Page{Oldest: true, Limit: 1000}, 0
	for full := false; !full; {
		if limit > 0 {
			page.Limit = min(1000, limit-len(s.Items))
		}
		found, err := r.Find(ctx, q, page)
		if err != nil {
			return nil, err
		}
		for i := range found.Items {
			bytes += len(found.Items[i].Bytes)
		}
		s.Items = append(s.Items, found.Items...)
		s.Unreadable = append(s.Unreadable, found.Unreadable...)
		page.Cursor, s.More = found.Next, found.Next != ""
		full = !s.More || limit > 0 && (len(s.Items) >= limit || bytes >= r.sessionBytes)
	}
	sortItems(s.Items)
	slices.Sort(s.Unreadable)
	return s, r.addDiscrepancies(ctx, s)
}

// addDiscrepancies goes on without the view: it only adds to what the records say.
func (r *Reader) addDiscrepancies(ctx context.Context, s *Session) error {
	found, err := r.Discrepancies(ctx)
	if err == nil {
		s.Discrepancies, err = found.List(ctx, correlate.Filter{Session: s.ID})
	}
	if err == nil {
		return nil
	}
	var ok bool
	if s.Without, ok = err.(*ViewError); ok {
		return nil
	}
	return err
}

// sortItems orders the records of one session: by the source's time; where some share it, by source, then by the source's
// own counter, those without one first, then by position.
func sortItems(items []Item) {
	counter := func(i Item) int64 {
		if i.Record.Sequence == nil {
			return -1
		}
		return *i.Record.Sequence
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(a.Record.Occurred.Compare(b.Record.Occurred), cmp.Compare(a.Record.Source, b.Record.Source),
			cmp.Compare(counter(a), counter(b)), cmp.Compare(a.Seq, b.Seq))
	})
}
