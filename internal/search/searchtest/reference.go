package searchtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
)

// Reference is an index in memory that answers every query by looking at all facts one by one: slow, and evidently right.
type Reference struct {
	mu       sync.Mutex
	rows     []*row // in order
	position uint64
}

type row struct {
	place search.Place
	facts search.Facts
}

var _ search.Index = (*Reference)(nil)

// Apply implements search.Index.
func (r *Reference) Apply(_ context.Context, page []search.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range page {
		if e.Seq <= r.position {
			continue
		}
		if e.Seq != r.position+1 {
			return fmt.Errorf("at %d, got %d: %w", r.position, e.Seq, search.ErrGap)
		}
		if !e.Erased {
			var f search.Facts
			if err := f.Read(e.Bytes); err != nil {
				return err
			}
			r.rows = append(r.rows, &row{search.Place{Time: f.Time, Seq: e.Seq}, f})
			if len(f.Erases) > 0 {
				r.rows = slices.DeleteFunc(r.rows, func(o *row) bool { return slices.Contains(f.Erases, o.place.Seq) })
			}
		}
		r.position = e.Seq
	}
	slices.SortFunc(r.rows, func(a, b *row) int {
		return cmp.Or(cmp.Compare(a.place.Time, b.place.Time), cmp.Compare(a.place.Seq, b.place.Seq))
	})
	return nil
}

// Position implements search.Reader.
func (r *Reference) Position(context.Context) (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.position, nil
}

func (r *Reference) matching(q *search.Query) []*row {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*row
	for i := range r.rows {
		if q.MatchFacts(&r.rows[i].facts) {
			list = append(list, r.rows[i])
		}
	}
	return list
}

// Find implements search.Reader.
func (r *Reference) Find(_ context.Context, q *search.Query, p search.Page) (*search.Result, error) {
	rows := r.matching(q)
	if !p.Oldest {
		slices.Reverse(rows)
	}
	if p.Cursor != "" {
		after, err := search.DecodeCursor(p.Cursor, p.Oldest)
		if err != nil {
			return nil, err
		}
		rows = slices.DeleteFunc(rows, func(o *row) bool {
			return o.place == after || o.place.Before(after) == p.Oldest
		})
	}
	limit := p.Limit
	if limit <= 0 {
		limit = search.DefaultLimit
	}
	limit = min(limit, search.MaxLimit)
	res := &search.Result{}
	for i, o := range rows {
		if i == limit {
			res.Next = search.EncodeCursor(rows[i-1].place, p.Oldest)
			break
		}
		res.Hits = append(res.Hits, search.Hit{Seq: o.place.Seq, Time: time.UnixMilli(o.place.Time).UTC()})
	}
	return res, nil
}

// Count implements search.Reader.
func (r *Reference) Count(_ context.Context, q *search.Query) (search.Count, error) {
	return search.Count{N: int64(len(r.matching(q))), Exact: true}, nil
}

// Facets implements search.Reader.
func (r *Reference) Facets(_ context.Context, q *search.Query, fields []search.Field, top int) (*search.Facets, error) {
	rows := r.matching(q)
	res := &search.Facets{Values: make(map[search.Field][]search.FacetValue), Total: search.Count{N: int64(len(rows)), Exact: true}}
	for _, f := range fields {
		if !f.HasFacets() {
			return nil, search.ErrNotFacet
		}
		counts := make(map[string]int64)
		for i := range rows {
			for _, n := range rows[i].facts.Names {
				if n.Field == f {
					counts[n.Value]++
				}
			}
		}
		list := []search.FacetValue{}
		for v, n := range counts {
			list = append(list, search.FacetValue{Value: v, N: n})
		}
		slices.SortFunc(list, func(a, b search.FacetValue) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
		if top > 0 && len(list) > top {
			list = list[:top]
		}
		res.Values[f] = list
	}
	return res, nil
}

// Histogram implements search.Reader.
func (r *Reference) Histogram(_ context.Context, q *search.Query, buckets int) (*search.Histogram, error) {
	windows := q.Windows()
	if len(windows) == 0 {
		return &search.Histogram{Exact: true}, nil
	}
	span := search.Window{From: windows[0].From, To: windows[len(windows)-1].To}
	r.mu.Lock()
	if span.From == search.Beginning {
		span.From = span.To
		if len(r.rows) > 0 {
			span.From = r.rows[0].place.Time
		}
	}
	if span.To == search.End {
		span.To = span.From
		if len(r.rows) > 0 {
			span.To = r.rows[len(r.rows)-1].place.Time + 1
		}
	}
	r.mu.Unlock()
	if span.From >= span.To {
		return &search.Histogram{Exact: true}, nil
	}
	start, step, count := search.Divide(span, buckets, 0)
	h := &search.Histogram{Start: time.UnixMilli(start).UTC(), Step: step, Counts: make([]int64, count), Exact: true}
	for _, o := range r.matching(q) {
		h.Counts[(o.place.Time-start)/step.Milliseconds()]++
	}
	return h, nil
}
