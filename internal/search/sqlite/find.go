package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
)

// Find implements search.Reader.
func (ix *Index) Find(ctx context.Context, q *search.Query, p search.Page) (*search.Result, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = search.DefaultLimit
	}
	limit = min(limit, search.MaxLimit)
	var after *search.Place
	if p.Cursor != "" {
		place, err := search.DecodeCursor(p.Cursor, p.Oldest)
		if err != nil {
			return nil, err
		}
		after = &place
	}
	result := &search.Result{}
	err := ix.eachMonth(ctx, q, p.Oldest, func(m *month) (bool, error) {
		if after != nil && (p.Oldest && m.end <= after.Time || !p.Oldest && m.start > after.Time) {
			return true, nil
		}
		err := m.read(ctx, func(c *connection) error { return m.find(ctx, c, q, after, p.Oldest, limit+1, result) })
		return len(result.Hits) <= limit, err
	})
	if err != nil {
		return nil, err
	}
	if len(result.Hits) > limit {
		result.Hits = result.Hits[:limit]
		last := result.Hits[limit-1]
		result.Next = search.EncodeCursor(search.Place{Time: last.Time.UnixMilli(), Seq: last.Seq}, p.Oldest)
	}
	return result, nil
}

// eachMonth calls f for the months a query can match in, in order, until it returns false.
func (ix *Index) eachMonth(ctx context.Context, q *search.Query, oldest bool, f func(*month) (bool, error)) error {
	names, err := ix.head.names()
	if err != nil {
		return err
	}
	if !oldest {
		slices.Reverse(names)
	}
	for _, name := range names {
		start, end, err := monthBounds(name)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(q.Windows(), func(w search.Window) bool { return w.From < end && start < w.To }) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := ix.months.acquire(ctx, name)
		if err != nil {
			return err
		}
		more, err := f(m)
		ix.months.release(m)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// find appends hits of one month until there are limit in all.
func (m *month) find(ctx context.Context, c *connection, q *search.Query, after *search.Place, oldest bool, limit int, result *search.Result) error {
	f, err := m.compile(c, q)
	if err != nil || f.none {
		return err
	}
	d, err := f.choose(c)
	if err != nil {
		return err
	}
	windows := m.windows(q)
	segments, err := segmentsIn(c, windows[0].From, windows[len(windows)-1].To)
	if err != nil {
		return err
	}
	merge := merger{oldest: oldest, open: func(s segmentInfo) (*scan, error) {
		return newScan(ctx, c, f, d, s, windows, after, oldest)
	}}
	for _, s := range segments {
		merge.add(s, after)
	}
	for len(result.Hits) < limit {
		place, ok, err := merge.next()
		if err != nil || !ok {
			return err
		}
		result.Hits = append(result.Hits, search.Hit{Seq: place.Seq, Time: time.UnixMilli(place.Time).UTC()})
	}
	return nil
}

// merger merges the scans of segments into one order. A segment is opened when its turn comes: its first row cannot come
// before the bound its times give.
type merger struct {
	oldest  bool
	open    func(segmentInfo) (*scan, error)
	sources []*source
}

type source struct {
	segment segmentInfo
	scan    *scan // nil until opened
	place   search.Place
}

func (g *merger) add(s segmentInfo, after *search.Place) {
	src := &source{segment: s, place: search.Place{Time: s.firstTime}}
	if !g.oldest {
		src.place = search.Place{Time: s.lastTime, Seq: 1<<64 - 1}
	}
	if after != nil && (g.oldest && s.lastTime < after.Time || !g.oldest && s.firstTime > after.Time) {
		return
	}
	g.sources = append(g.sources, src)
}

// next returns the place of the next row; false at the end.
func (g *merger) next() (search.Place, bool, error) {
	for len(g.sources) > 0 {
		best := 0
		for i, s := range g.sources[1:] {
			if b := g.sources[best].place; g.oldest && s.place.Before(b) || !g.oldest && b.Before(s.place) {
				best = i + 1
			}
		}
		src := g.sources[best]
		opened := src.scan != nil
		place := src.place
		if !opened {
			scan, err := g.open(src.segment)
			if err != nil {
				return place, false, err
			}
			src.scan = scan
		}
		more, err := src.scan.next()
		if err != nil {
			return place, false, err
		}
		src.place = src.scan.place
		if !more {
			g.sources = slices.Delete(g.sources, best, best+1)
		}
		if opened {
			return place, true, nil
		}
	}
	return search.Place{}, false, nil
}
