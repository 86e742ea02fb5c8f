package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/search"
)

// What one count may look through; beyond it counts are lower bounds. It is some tens of milliseconds of work, whatever
// the size of the index.
const (
	scanBudget  = 600     // blocks
	tallyBudget = 100_000 // tallies: far more than honest sources make in years
)

// sum is what a count, facets or a histogram add up.
type sum struct {
	total   int64
	byWhat  map[uint32]int64 // if set, by entry of dimWhat
	start   int64            // of the first bucket, Unix milliseconds
	step    int64            // 0: no buckets
	buckets []int64
	exact   bool
	budget  int // blocks left to look through
	tallies int // tallies left to look through
}

func (ix *Index) newSum() *sum { return &sum{exact: true, budget: ix.budget, tallies: ix.tallies} }

func (s *sum) add(at int64, what uint32, n int64) {
	s.total += n
	if s.byWhat != nil {
		s.byWhat[what] += n
	}
	if s.step > 0 {
		if b := (at - s.start) / s.step; b >= 0 && b < int64(len(s.buckets)) {
			s.buckets[b] += n
		}
	}
}

// sum adds up what matches in a month: from tallies as far as they know it, the rest row by row.
func (m *month) sum(ctx context.Context, q *search.Query, s *sum) error {
	return m.read(ctx, func(c *connection) error {
		f, err := m.compile(c, q)
		if err != nil || f.none {
			return err
		}
		windows := m.windows(q)
		switch dim := f.tallied(s); dim {
		case dimRows:
		case dimPairs:
			windows, err = m.sumPairs(c, f, windows, s)
		default:
			windows, err = m.sumHours(c, f, dim, windows, s)
		}
		if err != nil || len(windows) == 0 {
			return err
		}
		return m.sumRows(ctx, c, f, windows, s)
	})
}

// Beside the dimensions, what tallied may answer.
const (
	dimPairs = dimAll + 1 // the tallies of what each account did on each day
	dimRows  = dimAll + 2 // no tallies know it
)

// tallied tells which tallies know what is asked.
func (f *filter) tallied(s *sum) (dim int) {
	restricts := func(dim int) bool { return f.only[dim] != nil || f.not[dim] != nil }
	who, what, where := restricts(dimWho), restricts(dimWhat) || s.byWhat != nil, restricts(dimWhere)
	switch {
	case len(f.rest) > 0 || s.step%hourMillis != 0:
		return dimRows
	case !who && !what && !where:
		return dimAll
	case !who && !where:
		return dimWhat
	case !what && !where:
		return dimWho
	case !what && !who:
		return dimWhere
	case !where && s.step%dayMillis == 0:
		return dimPairs
	}
	return dimRows
}

// sumPairs adds up whole days from the pairs of who and what, and returns what is left of the windows.
func (m *month) sumPairs(c *connection, f *filter, windows []search.Window, s *sum) (left []search.Window, err error) {
	days, left := wholeUnits(windows, dayMillis)
	if len(days) == 0 {
		return left, nil
	}
	var wanted [32]bool
	for _, w := range days {
		for at := w.From; at < w.To; at += dayMillis {
			wanted[(at-m.start)/dayMillis] = true
		}
	}
	add := func(s *sum, sign int64) func(uint32, []byte) error {
		return func(_ uint32, pairs []byte) error {
			return eachPair(pairs, func(key uint32, n int64) {
				what, day := splitWhatDay(key)
				if wanted[day] && (f.only[dimWhat] == nil || f.only[dimWhat].has(what)) && !f.not[dimWhat].has(what) {
					s.add(m.start+int64(day)*dayMillis, what, sign*n)
				}
			})
		}
	}
	if f.only[dimWho] != nil {
		return left, s.eachTally(c, "whats", dimWho, f.only[dimWho], nil, add(s, 1))
	}
	// All rows but those of some accounts; rows without an account are in no account's tally.
	return left, s.whole(func(s *sum) error {
		if _, err := m.sumHours(c, f, dimWhat, days, s); err != nil {
			return err
		}
		return s.eachTally(c, "whats", dimWho, f.not[dimWho], nil, add(s, -1))
	})
}

// sumHours adds up whole hours from the tallies of one dimension and returns what is left of the windows.
func (m *month) sumHours(c *connection, f *filter, dim int, windows []search.Window, s *sum) (left []search.Window, err error) {
	whole, left := wholeUnits(windows, hourMillis)
	if len(whole) == 0 {
		return left, nil
	}
	column, wholeMonth := "hours", s.step == 0 && whole[0] == search.Window{From: m.start, To: m.end}
	if wholeMonth {
		column = "n"
	}
	add := func(s *sum, sign int64) func(uint32, []byte) error {
		if wholeMonth {
			return func(id uint32, total []byte) error {
				n, err := strconv.ParseInt(string(total), 10, 64)
				s.add(m.start, id, sign*n)
				return err
			}
		}
		return func(id uint32, hours []byte) error {
			w := 0
			return eachPair(hours, func(hour uint32, n int64) {
				at := m.start + int64(hour)*hourMillis
				for w < len(whole) && at >= whole[w].To {
					w++
				}
				if w < len(whole) && at >= whole[w].From {
					s.add(at, id, sign*n)
				}
			})
		}
	}
	switch {
	case dim == dimAll:
		return left, s.eachTally(c, column, dimAll, nil, nil, add(s, 1))
	case dim == dimWhat || f.only[dim] != nil:
		return left, s.eachTally(c, column, dim, f.only[dim], f.not[dim], add(s, 1))
	}
	// All rows but those of some entries; rows that have none in this dimension are in none of its tallies.
	return left, s.whole(func(s *sum) error {
		if err := s.eachTally(c, column, dimAll, nil, nil, add(s, 1)); err != nil {
			return err
		}
		return s.eachTally(c, column, dim, f.not[dim], nil, add(s, -1))
	})
}

// whole adds what f adds up, or nothing if the budget does not last to its end: half a difference is no lower bound.
func (s *sum) whole(f func(*sum) error) error {
	part := *s
	part.total, part.exact = 0, true
	part.buckets = make([]int64, len(s.buckets))
	if s.byWhat != nil {
		part.byWhat = make(map[uint32]int64)
	}
	if err := f(&part); err != nil {
		return err
	}
	s.budget, s.tallies = part.budget, part.tallies
	if !part.exact {
		s.exact = false
		return nil
	}
	s.total += part.total
	for i, n := range part.buckets {
		s.buckets[i] += n
	}
	for what, n := range part.byWhat {
		s.byWhat[what] += n
	}
	return nil
}

// wholeUnits splits windows into their whole hours or days and what is left at their ends. They lie within a month after
// 1970.
func wholeUnits(windows []search.Window, unit int64) (whole, left []search.Window) {
	for _, w := range windows {
		from, to := w.From+(unit-w.From%unit)%unit, w.To-w.To%unit
		if from >= to {
			left = append(left, w)
			continue
		}
		whole = append(whole, search.Window{From: from, To: to})
		if w.From < from {
			left = append(left, search.Window{From: w.From, To: from})
		}
		if to < w.To {
			left = append(left, search.Window{From: to, To: w.To})
		}
	}
	return whole, left
}

// eachTally calls f with one column of the tallies of a dimension, of some entries or of all but some, as long as the
// budget lasts.
func (s *sum) eachTally(c *connection, column string, dim int, only, not *idSet, f func(id uint32, data []byte) error) error {
	row := func(id uint32, data []byte) error {
		if not.has(id) || only != nil && !only.has(id) {
			return nil
		}
		return f(id, data)
	}
	var err error
	if only != nil && only.len() <= maxPointReads {
		for _, id := range only.ids {
			err = errors.Join(err, tallies(c, column, tallyID(dim, id), tallyID(dim, id), &s.tallies, row))
		}
	} else {
		err = tallies(c, column, tallyID(dim, 0), tallyID(dim+1, 0)-1, &s.tallies, row)
	}
	if errors.Is(err, errBudget) {
		s.exact = false
		return nil
	}
	return err
}

// maxPointReads bounds the tallies that are read one by one rather than all in a row.
const maxPointReads = 256

var errBudget = errors.New("looked through enough tallies")

// tallies calls f with one column of the tallies in a range, at most budget of them.
func tallies(c *connection, column string, from, to int64, budget *int, f func(id uint32, data []byte) error) error {
	var id int64
	var data sql.RawBytes
	return c.each("SELECT id, "+column+" FROM tally WHERE id BETWEEN ? AND ?", []any{from, to}, []any{&id, &data}, func() error {
		if *budget--; *budget < 0 {
			return errBudget
		}
		return f(uint32(id), data)
	})
}

// sumRows looks at rows one by one, from the newest backwards, as long as the budget lasts.
func (m *month) sumRows(ctx context.Context, c *connection, f *filter, windows []search.Window, s *sum) error {
	if !s.exact {
		return nil
	}
	segments, err := segmentsIn(c, windows[0].From, windows[len(windows)-1].To)
	if err != nil {
		return err
	}
	d, err := f.choose(c)
	if err != nil {
		return err
	}
	slices.SortFunc(segments, func(a, b segmentInfo) int { return cmp.Compare(b.lastTime, a.lastTime) })
	for _, seg := range segments {
		sc, err := newScan(ctx, c, f, d, seg, windows, nil, false)
		if err != nil {
			return err
		}
		for {
			more, err := sc.next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if sc.loads > s.budget {
				s.exact = false
				return nil
			}
			s.add(sc.place.Time, sc.what, 1)
		}
		s.budget = max(s.budget-sc.loads, 0)
	}
	return nil
}
