package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// segmentInfo is what a query knows of a segment before it reads from it.
type segmentInfo struct {
	header
	firstTime, lastTime int64
	starts              []int64 // time of the first row of each block
}

// segmentsIn lists the segments that have rows between two times.
func segmentsIn(c *connection, from, to int64) (list []segmentInfo, err error) {
	var s segmentInfo
	var starts sql.RawBytes
	err = c.each("SELECT id, rows, first_time, last_time, key_bits, id_bits, starts FROM segment WHERE last_time >= ? AND first_time < ?", []any{from, to},
		[]any{&s.id, &s.rows, &s.firstTime, &s.lastTime, &s.keyBits, &s.idBits, &starts}, func() error {
			if len(starts) == 0 || len(starts)%8 != 0 || s.rows < 1 || s.rows > segment.MaxRows {
				return segment.ErrCorrupt
			}
			s.starts = make([]int64, len(starts)/8)
			for i := range s.starts {
				s.starts[i] = int64(binary.LittleEndian.Uint64(starts[8*i:]))
			}
			list = append(list, s)
			return nil
		})
	return list, err
}

// scan goes through the rows of one segment that match, in order, newest or oldest first.
type scan struct {
	ctx    context.Context //nolint:containedctx // lives as long as one call
	c      *connection
	f      *filter
	seg    segmentInfo
	oldest bool

	spans      [][2]int // rows to visit, in the order of visiting
	candidates []uint32 // if driven, the rows worth looking at
	driven     bool
	rest       [][]uint32 // rows that satisfy f.rest by a key
	span, at   int        // at: row, or index of candidates

	block  segment.Block
	number int // of block, -1 if none is loaded
	data   []byte
	loads  int // blocks loaded

	place search.Place // of the row the scan stands on
	what  uint32
}

// newScan prepares a scan of the windows, behind a place if there is one.
func newScan(ctx context.Context, c *connection, f *filter, d *driver, seg segmentInfo, windows []search.Window, after *search.Place, oldest bool) (*scan, error) {
	s := &scan{ctx: ctx, c: c, f: f, seg: seg, oldest: oldest, number: -1}
	if err := s.lookUp(d); err != nil {
		return nil, err
	}
	if s.driven && len(s.candidates) == 0 {
		return s, nil
	}
	for _, w := range windows {
		lo, err := s.rank(w.From, 0)
		if err != nil {
			return nil, err
		}
		hi, err := s.rank(w.To, 0)
		if err != nil {
			return nil, err
		}
		if after != nil {
			if lo, hi, err = s.behind(lo, hi, *after); err != nil {
				return nil, err
			}
		}
		if s.driven {
			lo, hi = indexOf(s.candidates, lo), indexOf(s.candidates, hi)
		}
		if lo < hi {
			s.spans = append(s.spans, [2]int{lo, hi})
		}
	}
	if !oldest {
		slices.Reverse(s.spans)
	}
	s.enter()
	return s, nil
}

// indexOf is the index of the first candidate at or behind a row.
func indexOf(candidates []uint32, row int) int {
	i, _ := slices.BinarySearch(candidates, uint32(row))
	return i
}

// behind cuts a span to the rows behind a place in the order of the scan.
func (s *scan) behind(lo, hi int, after search.Place) (int, int, error) {
	if s.oldest {
		from, err := s.rank(after.Time, after.Seq+1)
		return max(lo, from), hi, err
	}
	to, err := s.rank(after.Time, after.Seq)
	return lo, min(hi, to), err
}

// lookUp fetches the candidates, and takes out what other postings exclude: that is cheaper than reading the blocks the
// rows are in.
func (s *scan) lookUp(d *driver) (err error) {
	s.rest = make([][]uint32, len(s.f.rest))
	for i, cond := range s.f.rest {
		s.rest[i] = cond.rows[s.seg.id]
	}
	if d == nil {
		return nil
	}
	s.driven = true
	s.candidates = append(s.candidates, d.rows[s.seg.id]...)
	for dim, ids := range d.ids {
		if s.candidates, err = s.rowsOf(dim, ids, s.candidates); err != nil {
			return err
		}
	}
	slices.Sort(s.candidates)
	s.candidates = slices.Compact(s.candidates)
	for i, cond := range s.f.rest {
		if cond.ids == [segment.Dims]*idSet{} {
			s.candidates = intersect(s.candidates, s.rest[i], !cond.not)
		}
	}
	for dim, only := range s.f.only {
		if len(d.ids[dim]) > 0 || only == nil || 2*only.len() > blocksOf(s.candidates) {
			continue
		}
		rows, err := s.rowsOf(dim, only.ids, nil)
		if err != nil {
			return err
		}
		slices.Sort(rows)
		s.candidates = intersect(s.candidates, rows, true)
	}
	return nil
}

// rowsOf appends the rows that have one of some entries.
func (s *scan) rowsOf(dim int, ids []uint32, rows []uint32) ([]uint32, error) {
	for _, id := range ids {
		term := segment.IDTerm(dim, id)
		no := segment.ShardOf(term, s.seg.idBits)
		var data sql.RawBytes
		err := s.c.each("SELECT data FROM shard WHERE id = ?", []any{shardID(s.seg.id, idShards+no)}, []any{&data}, func() (err error) {
			terms := segment.OpenShard(data, no, s.seg.idBits, s.seg.rows)
			rows, err = terms.Lookup(term, term, rows)
			return err
		})
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// intersect keeps, in place, the rows that are in other, or those that are not. Both are ascending.
func intersect(rows, other []uint32, in bool) []uint32 {
	kept := rows[:0]
	for _, r := range rows {
		for len(other) > 0 && other[0] < r {
			other = other[1:]
		}
		if (len(other) > 0 && other[0] == r) == in {
			kept = append(kept, r)
		}
	}
	return kept
}

// blocksOf counts the blocks rows are in.
func blocksOf(rows []uint32) (n int) {
	last := -1
	for _, r := range rows {
		if no := int(r / segment.BlockRows); no != last {
			n, last = n+1, no
		}
	}
	return n
}

// rank is the number of rows before a place.
func (s *scan) rank(time int64, seq uint64) (int, error) {
	if time < s.seg.firstTime || time == s.seg.firstTime && seq == 0 {
		return 0, nil
	}
	if time > s.seg.lastTime {
		return s.seg.rows, nil
	}
	// The place is in the last block that begins before its time, or in one of those that begin at it.
	no := max(sort.Search(len(s.seg.starts), func(i int) bool { return s.seg.starts[i] >= time })-1, 0)
	for ; no < len(s.seg.starts); no++ {
		if err := s.load(no); err != nil {
			return 0, err
		}
		if i := s.block.Search(time, seq); i < s.block.Len() {
			return no*segment.BlockRows + i, nil
		}
	}
	return s.seg.rows, nil
}

// load makes a block the current one.
func (s *scan) load(no int) error {
	if no == s.number {
		return nil
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	s.loads++
	var data sql.RawBytes
	s.data = s.data[:0]
	err := s.c.each("SELECT data FROM block WHERE id = ?", []any{blockID(s.seg.id, no)}, []any{&data}, func() error {
		s.data = append(s.data, data...)
		return nil
	})
	if err != nil {
		return err
	}
	if s.block, err = segment.OpenBlock(s.data); err != nil {
		return err
	}
	if want := min(segment.BlockRows, s.seg.rows-no*segment.BlockRows); s.block.Len() != want {
		return segment.ErrCorrupt
	}
	s.number = no
	return nil
}

// enter sets the scan before the first row of its span.
func (s *scan) enter() {
	if s.span < len(s.spans) {
		s.at = s.spans[s.span][0] - 1
		if !s.oldest {
			s.at = s.spans[s.span][1]
		}
	}
}

// next goes on to the next row that matches; false at the end.
func (s *scan) next() (bool, error) {
	for s.span < len(s.spans) {
		step, end := -1, s.spans[s.span][0]-1
		if s.oldest {
			step, end = 1, s.spans[s.span][1]
		}
		for s.at += step; s.at != end; s.at += step {
			row := s.at
			if s.driven {
				row = int(s.candidates[s.at])
			}
			if no := row / segment.BlockRows; no != s.number {
				if err := s.load(no); err != nil {
					return false, err
				}
			}
			i := row % segment.BlockRows
			if s.f.matches(&s.block, i) && s.restMatches(row, i) {
				s.place = search.Place{Time: s.block.Time(i), Seq: s.block.Seq(i)}
				s.what = s.block.ID(dimWhat, i)
				return true, nil
			}
		}
		s.span++
		s.enter()
	}
	return false, nil
}

func (s *scan) restMatches(row, i int) bool {
	for k := range s.f.rest {
		cond := &s.f.rest[k]
		_, hit := slices.BinarySearch(s.rest[k], uint32(row))
		for dim, set := range cond.ids {
			hit = hit || set != nil && set.has(s.block.ID(dim, i))
		}
		if hit == cond.not {
			return false
		}
	}
	return true
}
