package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// Count implements search.Reader.
func (ix *Index) Count(ctx context.Context, q *search.Query) (search.Count, error) {
	s := ix.newSum()
	err := ix.eachMonth(ctx, q, false, func(m *month) (bool, error) { return true, m.sum(ctx, q, s) })
	return search.Count{N: s.total, Exact: s.exact}, err
}

// Facets implements search.Reader.
func (ix *Index) Facets(ctx context.Context, q *search.Query, fields []search.Field, top int) (*search.Facets, error) {
	for _, f := range fields {
		if !f.HasFacets() {
			return nil, fmt.Errorf("%s: %w", f, search.ErrNotFacet)
		}
	}
	values := make(map[search.Field]map[string]int64, len(fields))
	for _, f := range fields {
		values[f] = make(map[string]int64)
	}
	s := ix.newSum()
	err := ix.eachMonth(ctx, q, false, func(m *month) (bool, error) {
		s.byWhat = make(map[uint32]int64)
		if err := m.sum(ctx, q, s); err != nil {
			return false, err
		}
		return true, m.addValues(ctx, s.byWhat, values)
	})
	if err != nil {
		return nil, err
	}
	facets := &search.Facets{Values: make(map[search.Field][]search.FacetValue, len(fields)), Total: search.Count{N: s.total, Exact: s.exact}}
	for f, counts := range values {
		facets.Values[f] = mostFrequent(counts, top)
	}
	return facets, nil
}

func mostFrequent(counts map[string]int64, top int) []search.FacetValue {
	list := make([]search.FacetValue, 0, len(counts))
	for v, n := range counts {
		list = append(list, search.FacetValue{Value: v, N: n})
	}
	slices.SortFunc(list, func(a, b search.FacetValue) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Value, b.Value)) })
	if top > 0 && len(list) > top {
		list = slices.Clip(list[:top])
	}
	return list
}

// addValues resolves the entries of a month into values.
func (m *month) addValues(ctx context.Context, byWhat map[uint32]int64, values map[search.Field]map[string]int64) error {
	if len(byWhat) == 0 {
		return nil
	}
	return m.read(ctx, func(c *connection) error {
		generation, err := metaInt(c, "generation")
		if err != nil {
			return err
		}
		for id, n := range byWhat {
			if n == 0 { // added and taken out again
				continue
			}
			names, err := m.entryNames(c, generation, id)
			if err != nil {
				return err
			}
			for _, name := range names {
				if counts, ok := values[name.Field]; ok {
					counts[name.Value] += n
				}
			}
		}
		return nil
	})
}

func (m *month) entryNames(c *connection, generation int64, id uint32) ([]search.Name, error) {
	if names, ok := m.names.get(generation, id); ok {
		return names, nil
	}
	var stored []byte
	if _, err := c.first("SELECT names FROM entry WHERE id = ?", []any{int64(id)}, &stored); err != nil {
		return nil, err
	}
	names, err := decodeNames(stored)
	if err == nil {
		m.names.put(generation, id, names)
	}
	return names, err
}

// Histogram implements search.Reader.
func (ix *Index) Histogram(ctx context.Context, q *search.Query, buckets int) (*search.Histogram, error) {
	span, err := ix.span(ctx, q)
	if err != nil || span.From >= span.To {
		return &search.Histogram{Exact: true}, err
	}
	start, step, count := search.Divide(span, buckets, 0)
	if least := leastTallied(q); step < least { // rows must be looked at one by one; if they are too many, wider steps must do
		in, err := ix.rowsIn(ctx, q, span)
		if err != nil {
			return nil, err
		}
		if in > int64(ix.budget)*segment.BlockRows/2 {
			start, step, count = search.Divide(span, buckets, least)
		}
	}
	s := ix.newSum()
	s.start, s.step, s.buckets = start, step.Milliseconds(), make([]int64, count)
	err = ix.eachMonth(ctx, q, false, func(m *month) (bool, error) { return true, m.sum(ctx, q, s) })
	if err != nil {
		return nil, err
	}
	return &search.Histogram{Start: time.UnixMilli(start).UTC(), Step: step, Counts: s.buckets, Exact: s.exact}, nil
}

// leastTallied is the narrowest step for which tallies can know what is asked.
func leastTallied(q *search.Query) time.Duration {
	var dims [segment.Dims]bool
	for _, cl := range q.Clauses() {
		dims[dimOf(cl.Field)] = true
	}
	if dims[dimWho] && dims[dimWhat] {
		return 24 * time.Hour
	}
	return time.Hour
}

// span is the time a histogram covers: the query's, and where that is open, that of the rows there are.
func (ix *Index) span(ctx context.Context, q *search.Query) (search.Window, error) {
	windows := q.Windows()
	if len(windows) == 0 {
		return search.Window{}, nil
	}
	span := search.Window{From: windows[0].From, To: windows[len(windows)-1].To}
	edge := func(oldest bool, query string, use func(int64)) error {
		return ix.eachMonth(ctx, &search.Query{}, oldest, func(m *month) (more bool, err error) {
			var at *int64
			err = m.read(ctx, func(c *connection) error {
				_, err := c.first(query, nil, &at)
				return err
			})
			if at != nil {
				use(*at)
			}
			return at == nil, err
		})
	}
	if span.From == search.Beginning {
		span.From = span.To
		if err := edge(true, "SELECT min(first_time) FROM segment", func(at int64) { span.From = at }); err != nil {
			return span, err
		}
	}
	if span.To == search.End {
		span.To = span.From
		if err := edge(false, "SELECT max(last_time) FROM segment", func(at int64) { span.To = at + 1 }); err != nil {
			return span, err
		}
	}
	return span, nil
}

// rowsIn counts the rows of a stretch of time, to the hour.
func (ix *Index) rowsIn(ctx context.Context, q *search.Query, w search.Window) (n int64, err error) {
	err = ix.eachMonth(ctx, q, false, func(m *month) (bool, error) {
		return true, m.read(ctx, func(c *connection) error {
			budget := 1
			return tallies(c, "hours", tallyID(dimAll, 0), tallyID(dimAll, 0), &budget, func(_ uint32, hours []byte) error {
				return eachPair(hours, func(hour uint32, rows int64) {
					if at := m.start + int64(hour)*hourMillis; at < w.To && at+hourMillis > w.From {
						n += rows
					}
				})
			})
		})
	})
	return n, err
}
