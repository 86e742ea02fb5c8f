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
	all, to, dropped, err := readRows(parts, drop)
	if err != nil || len(all) == 0 {
		return nil, dropped, err
	}
	e := mergeRows(all, to)
	if e.Keys, err = mergePostings(parts, to, func(p *Part) *Postings { return &p.Keys }); err != nil {
		return nil, nil, err
	}
	if e.IDs, err = mergePostings(parts, to, func(p *Part) *Postings { return &p.IDs }); err != nil {
		return nil, nil, err
	}
	return e, dropped, nil
}

// readRows reads the rows of all parts, one part behind the other. to tells, of each row of each part, its index among
// them, or that it is gone.
func readRows(parts []Part, drop func(uint64) bool) (all []Row, to [][]uint32, dropped []Row, err error) {
	total := 0
	for p := range parts {
		total += parts[p].Rows
	}
	if total > MaxRows {
		return nil, nil, nil, fmt.Errorf("merge segments: %d rows, more than %d", total, MaxRows)
	}
	all = make([]Row, 0, total)
	to = make([][]uint32, len(parts))
	for p := range parts {
		to[p] = make([]uint32, 0, parts[p].Rows)
		for _, data := range parts[p].Blocks {
			b, err := OpenBlock(data)
			if err != nil {
				return nil, nil, nil, err
			}
			for i := range b.Len() {
				if r := b.Row(i); drop != nil && drop(r.Seq) {
					to[p], dropped = append(to[p], gone), append(dropped, r)
				} else {
					to[p] = append(to[p], uint32(len(all)))
					all = append(all, r)
				}
			}
		}
		if len(to[p]) != parts[p].Rows {
			return nil, nil, nil, ErrCorrupt
		}
	}
	return all, to, dropped, nil
}

// mergeRows encodes the rows in order and changes to accordingly.
func mergeRows(all []Row, to [][]uint32) *Encoded {
	order := make([]uint32, len(all))
	for i := range order {
		order[i] = uint32(i)
	}
	compare := func(a, b uint32) int { return Compare(all[a], all[b]) }
	if !slices.IsSortedFunc(order, compare) {
		slices.SortFunc(order, compare)
		place := make([]uint32, len(all))
		for i, from := range order {
			place[from] = uint32(i)
		}
		for _, rows := range to {
			for i, from := range rows {
				if from != gone {
					rows[i] = place[from]
				}
			}
		}
	}
	e := newEncoded(len(all))
	block := make([]Row, 0, BlockRows)
	for chunk := range slices.Chunk(order, BlockRows) {
		block = block[:0]
		for _, from := range chunk {
			block = append(block, all[from])
		}
		e.addBlock(block)
	}
	return e
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
