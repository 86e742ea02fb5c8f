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
	Also          []string // other ids of the same session: the vendor's for a client's, and the reverse
	Items         []Item   // in the order they occurred; see sortItems
	Discrepancies []correlate.Discrepancy
	Unreadable    Unreadable // of the session, and cannot be shown
	More          bool       // a bound left records out
	// Without says why Discrepancies is empty where the view of discrepancies cannot be read; else nil.
	Without *ViewError
}

// Session reads a whole session, under whatever ids its sources know it. A session that nobody knows has no items and no
// error; Behind tells whether it may yet come. The error is a *ViewError where the search view cannot be read, or the journal's.
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
	bytes, err := r.readSession(ctx, s, q, limit, 0)
	if err != nil {
		return nil, err
	}
	if s.Also, err = r.others(ctx, id, s.Items); err != nil {
		return nil, err
	}
	for _, other := range s.Also {
		if q, err = search.Parse("session:"+search.Quote(other), time.Now()); err != nil {
			return nil, err
		}
		if bytes, err = r.readSession(ctx, s, q, limit, bytes); err != nil {
			return nil, err
		}
	}
	sortItems(s.Items)
	slices.Sort(s.Unreadable)
	return s, r.addDiscrepancies(ctx, s)
}

// readSession adds the records that a query finds, up to a limit, and returns how many bytes there are with them.
func (r *Reader) readSession(ctx context.Context, s *Session, q *search.Query, limit, bytes int) (int, error) {
	page := search.Page{Oldest: true, Limit: 1000}
	for full := false; !full; {
		if limit > 0 {
			if page.Limit = min(1000, limit-len(s.Items)); page.Limit <= 0 {
				s.More = true
				return bytes, nil
			}
		}
		found, err := r.Find(ctx, q, page)
		if err != nil {
			return bytes, err
		}
		for i := range found.Items {
			bytes += len(found.Items[i].Bytes)
		}
		s.Items = append(s.Items, found.Items...)
		s.Unreadable = append(s.Unreadable, found.Unreadable...)
		page.Cursor = found.Next
		more := found.Next != ""
		full = !more || limit > 0 && (len(s.Items) >= limit || bytes >= r.sessionBytes)
		s.More = s.More || full && more
	}
	return bytes, nil
}

// addDiscrepancies goes on without the view: it only adds to what the records say.
func (r *Reader) addDiscrepancies(ctx context.Context, s *Session) error {
	found, err := r.Discrepancies(ctx)
	for _, id := range append([]string{s.ID}, s.Also...) {
		var list []correlate.Discrepancy
		if err == nil {
			list, err = found.List(ctx, correlate.Filter{Session: id})
		}
		s.Discrepancies = append(s.Discrepancies, list...)
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
