// Package segment encodes a run of index rows: blocks of columns, ordered by time, and sorted lists of terms with the rows
// that carry them. It is what the index keeps instead of a database row a record: a record takes some thirty bytes, and
// a few thousand rows are looked through in microseconds.
//
// Everything here is a pure function of its arguments and safe for concurrent use; nothing is durable by itself. Bytes
// that were damaged give an error, never a panic and never more rows than the header says.
package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Dims is the number of dictionary columns of a row.
const Dims = 3

// BlockRows is the number of rows in a full block: few enough that reading one for a single row costs little.
const BlockRows = 1024

// MaxRows bounds the rows of one segment.
const MaxRows = 1 << 20

// ErrCorrupt says that bytes were not written by this package, or damaged since.
var ErrCorrupt = errors.New("search index is damaged: run tripod rebuild search")

// Row is what is kept of one record. An id of 0 means that the record has nothing in that dimension.
type Row struct {
	Time int64 // Unix milliseconds
	Seq  uint64
	IDs  [Dims]uint32
}

// Compare orders rows by time, then by position.
func Compare(a, b Row) int {
	switch {
	case a.Time < b.Time || a.Time == b.Time && a.Seq < b.Seq:
		return -1
	case a.Time == b.Time && a.Seq == b.Seq:
		return 0
	}
	return 1
}

// Posting says that a row carries a term. Terms are spread evenly over 64 bits.
type Posting struct {
	Term uint64
	Row  uint32
}

// Encoded is a segment in bytes.
type Encoded struct {
	Rows                int
	FirstTime, LastTime int64
	FirstSeq, LastSeq   uint64
	Starts              []int64  // time of the first row of each block
	Blocks              [][]byte // BlockRows rows each but the last
	Keys, IDs           Postings // terms of keys, and of the ids in Row.IDs
}

// Postings are sorted terms in 2^Bits shards: a term is in the shard of its highest bits.
type Postings struct {
	Bits   uint8
	Shards [][]byte
}

// IDTerm is the term of an id in a dimension: a bijective mix, so that no two ids share one.
func IDTerm(dim int, id uint32) uint64 {
	x := uint64(dim+1)<<32 | uint64(id)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Build encodes rows in any order and the postings of their keys, which name rows by their index. It sorts rows in place.
func Build(rows []Row, keys []Posting) (*Encoded, error) {
	if len(rows) == 0 || len(rows) > MaxRows {
		return nil, fmt.Errorf("build segment: %d rows, want 1 to %d", len(rows), MaxRows)
	}
	if !slices.IsSortedFunc(rows, Compare) {
		sortWithPostings(rows, keys)
	}
	e := newEncoded(len(rows))
	for chunk := range slices.Chunk(rows, BlockRows) {
		e.addBlock(chunk)
	}
	e.Keys = encodePostings(keys, 9)
	e.IDs = encodePostings(idPostings(rows), 2)
	return e, nil
}

// sortWithPostings sorts rows and renames them in the postings.
func sortWithPostings(rows []Row, keys []Posting) {
	type place struct {
		Row
		from uint32
	}
	places := make([]place, len(rows))
	for i, r := range rows {
		places[i] = place{r, uint32(i)}
	}
	slices.SortFunc(places, func(a, b place) int { return Compare(a.Row, b.Row) })
	to := make([]uint32, len(rows))
	for i, p := range places {
		rows[i], to[p.from] = p.Row, uint32(i)
	}
	for i := range keys {
		keys[i].Row = to[keys[i].Row]
	}
}

// idPostings lists, for each id of each dimension, the rows that have it.
func idPostings(rows []Row) []Posting {
	list := make([]Posting, 0, Dims*len(rows))
	for i, r := range rows {
		for dim, id := range r.IDs {
			if id != 0 {
				list = append(list, Posting{IDTerm(dim, id), uint32(i)})
			}
		}
	}
	return list
}

// encodePostings sorts and encodes postings that take so many bytes each, at a guess.
func encodePostings(list []Posting, size int) Postings {
	list = slices.Compact(sortPostings(list))
	w := newPostingsWriter(estimateBits(len(list) * size))
	for i := 0; i < len(list); {
		j := i
		for j < len(list) && list[j].Term == list[i].Term {
			w.rows = append(w.rows, list[j].Row)
			j++
		}
		w.add(list[i].Term)
		i = j
	}
	return w.out
}

// sortPostings sorts by term, then by row. Terms are spread evenly, so they are dealt into buckets by their highest bits,
// a dozen to each, which takes a fifth of the time of sorting them all.
func sortPostings(list []Posting) []Posting {
	width := uint(bits.Len(uint(len(list) / 8)))
	ends := make([]uint32, 1<<width+1)
	for _, p := range list {
		ends[p.Term>>(64-width)+1]++
	}
	for i := range len(ends) - 1 {
		ends[i+1] += ends[i]
	}
	out := make([]Posting, len(list))
	for _, p := range list {
		b := p.Term >> (64 - width)
		out[ends[b]] = p
		ends[b]++
	}
	begin := uint32(0)
	for _, end := range ends[:len(ends)-1] {
		if bucket := out[begin:end]; !slices.IsSortedFunc(bucket, comparePostings) {
			slices.SortFunc(bucket, comparePostings)
		}
		begin = end
	}
	return out
}

func comparePostings(a, b Posting) int {
	switch {
	case a.Term != b.Term:
		if a.Term < b.Term {
			return -1
		}
		return 1
	case a.Row < b.Row:
		return -1
	case a.Row > b.Row:
		return 1
	}
	return 0
}

func newEncoded(rows int) *Encoded { return &Encoded{Rows: rows, FirstSeq: math.MaxUint64} }

// addBlock appends the next BlockRows rows, or the last ones.
func (e *Encoded) addBlock(rows []Row) {
	if len(e.Blocks) == 0 {
		e.FirstTime = rows[0].Time
	}
	e.LastTime = rows[len(rows)-1].Time
	for i := range rows {
		e.FirstSeq, e.LastSeq = min(e.FirstSeq, rows[i].Seq), max(e.LastSeq, rows[i].Seq)
	}
	e.Starts = append(e.Starts, rows[0].Time)
	e.Blocks = append(e.Blocks, encodeBlock(rows))
}

// shardBytes is the size shards aim at: a lookup reads one.
const shardBytes = 1024

func estimateBits(size int) uint8 { return uint8(min(bits.Len(uint(size/shardBytes)), 12)) }

// postingsWriter takes terms in ascending order.
type postingsWriter struct {
	out  Postings
	rows []uint32 // of the term being added, ascending
	last uint64   // term before, in the same shard
	at   int      // shard being written
}

func newPostingsWriter(bits uint8) *postingsWriter {
	return &postingsWriter{out: Postings{Bits: bits, Shards: make([][]byte, 1<<bits)}}
}

// add writes a term with w.rows and empties them.
func (w *postingsWriter) add(term uint64) {
	if shard := ShardOf(term, w.out.Bits); shard != w.at || w.last == 0 {
		w.at, w.last = shard, uint64(shard)<<(64-w.out.Bits)
	}
	b := w.out.Shards[w.at]
	b = binary.AppendUvarint(b, term-w.last)
	b = binary.AppendUvarint(b, uint64(len(w.rows)))
	prev := uint32(0)
	for _, r := range w.rows {
		b = binary.AppendUvarint(b, uint64(r-prev))
		prev = r
	}
	w.out.Shards[w.at], w.last, w.rows = b, term, w.rows[:0]
}

// ShardOf is the number of the shard a term is in.
func ShardOf(term uint64, bits uint8) int { return int(term >> (64 - bits)) }
