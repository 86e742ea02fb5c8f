package segment

import (
	"fmt"
	"math"
	"slices"
)

// Part is a segment as it was stored, to be merged.
type Part struct {
	Rows      int
	Blocks    [][]byte
	Keys, IDs Postings
}

// gone marks a row that the merged segment leaves out.
const gone = math.MaxUint32

// Merge makes one segment of several, without the rows drop names (nil drops none). Where nothing is left it returns nil.
// Dropped rows are returned as they were.
func Merge(parts []Part, drop func(seq uint64) bool) (merged *Encoded, dropped []Row, err error) {
	rows, to, dropped, err := mergeRows(parts, drop)
	if err != nil || len(rows) == 0 {
		return nil, dropped, err
	}
	e := encodeRows(rows)
	if e.Keys, err = mergePostings(parts, to, func(p *Part) *Postings { return &p.Keys }); err != nil {
		return nil, nil, err
	}
	if e.IDs, err = mergePostings(parts, to, func(p *Part) *Postings { return &p.IDs }); err != nil {
		return nil, nil, err
	}
	return e, dropped, nil
}

// mergeRows sorts the rows of all parts into one list and tells where each row of each part went.
func mergeRows(parts []Part, drop func(uint64) bool) (rows []Row, to [][]uint32, dropped []Row, err error) {
	type place struct {
		Row
		part, row uint32
	}
	var places []place
	to = make([][]uint32, len(parts))
	for p := range parts {
		n := uint32(0)
		to[p] = make([]uint32, parts[p].Rows)
		for _, data := range parts[p].Blocks {
			b, err := OpenBlock(data)
			if err != nil {
				return nil, nil, nil, err
			}
			for i := range b.Len() {
				if int(n) == parts[p].Rows {
					return nil, nil, nil, ErrCorrupt
				}
				if r := b.Row(i); drop != nil && drop(r.Seq) {
					to[p][n], dropped = gone, append(dropped, r)
				} else {
					places = append(places, place{r, uint32(p), n})
				}
				n++
			}
		}
		if int(n) != parts[p].Rows {
			return nil, nil, nil, ErrCorrupt
		}
	}
	if len(places) > MaxRows {
		return nil, nil, nil, fmt.Errorf("merge segments: %d rows, more than %d", len(places), MaxRows)
	}
	compare := func(a, b place) int { return Compare(a.Row, b.Row) }
	if !slices.IsSortedFunc(places, compare) {
		slices.SortFunc(places, compare)
	}
	rows = make([]Row, len(places))
	for i, p := range places {
		rows[i], to[p.part][p.row] = p.Row, uint32(i)
	}
	return rows, to, dropped, nil
}

// mergePostings merges one kind of postings, naming rows by their new places.
func mergePostings(parts []Part, to [][]uint32, of func(*Part) *Postings) (Postings, error) {
	size := 0
	sources := make([]termSource, 0, len(parts))
	for p := range parts {
		for _, s := range of(&parts[p]).Shards {
			size += len(s)
		}
		s := termSource{postings: of(&parts[p]), rows: parts[p].Rows, to: to[p]}
		s.next()
		sources = append(sources, s)
	}
	w := newPostingsWriter(estimateBits(size))
	for {
		least, some := uint64(math.MaxUint64), false
		for i := range sources {
			if s := &sources[i]; s.err != nil {
				return Postings{}, s.err
			} else if s.more {
				least, some = min(least, s.terms.Term), true
			}
		}
		if !some {
			return w.out, nil
		}
		for i := range sources {
			if s := &sources[i]; s.more && s.terms.Term == least {
				w.rows = s.appendRows(w.rows)
				s.next()
			}
		}
		if len(w.rows) == 0 {
			continue
		}
		if !slices.IsSorted(w.rows) {
			slices.Sort(w.rows)
		}
		w.add(least)
	}
}

// termSource walks over all terms of one part.
type termSource struct {
	postings *Postings
	rows     int
	to       []uint32
	shard    int // next to open
	terms    Terms
	more     bool
	err      error
}

func (s *termSource) next() {
	for {
		if s.more = s.terms.Next(); s.more {
			return
		}
		if s.err = s.terms.Err(); s.err != nil || s.shard == len(s.postings.Shards) {
			return
		}
		keep := s.terms.Rows
		s.terms = OpenShard(s.postings.Shards[s.shard], s.shard, s.postings.Bits, s.rows)
		s.terms.Rows = keep
		s.shard++
	}
}

func (s *termSource) appendRows(rows []uint32) []uint32 {
	for _, r := range s.terms.Rows {
		if n := s.to[r]; n != gone {
			rows = append(rows, n)
		}
	}
	return rows
}
