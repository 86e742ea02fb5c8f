// Package segment encodes a run of index rows: blocks of columns, ordered by time, and sorted lists of terms with the rows
// that carry them. It is what the index keeps instead of a database row a record: a record takes some thirty bytes, and
// a few thousand rows are looked through in microseconds.
//
// Everything here is a pure function of its arguments and safe for concurrent use; nothing is durable by itself. Bytes
// that were damaged give an error, never a panic and never more rows than the header says.
package segment

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Dims is the number of dictionary columns of a row.
const Dims = 3

// BlockRows is the number of rows in a full block.
const BlockRows = 4096

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
func Compare(a, b Row) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Seq, b.Seq)) }

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
	slices.SortFunc(keys, comparePostings)
	e := encodeRows(rows)
	w := newPostingsWriter(estimateBits(len(keys) * 9))
	for i := 0; i < len(keys); {
		j := i
		for j < len(keys) && keys[j].Term == keys[i].Term {
			w.rows = append(w.rows, keys[j].Row)
			j++
		}
		w.add(keys[i].Term)
		i = j
	}
	e.Keys = w.out
	e.IDs = idPostings(rows)
	return e, nil
}

func comparePostings(a, b Posting) int {
	return cmp.Or(cmp.Compare(a.Term, b.Term), cmp.Compare(a.Row, b.Row))
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
func idPostings(rows []Row) Postings {
	pairs := make([]Posting, 0, Dims*len(rows))
	for i, r := range rows {
		for dim, id := range r.IDs {
			if id != 0 {
				pairs = append(pairs, Posting{IDTerm(dim, id), uint32(i)})
			}
		}
	}
	slices.SortFunc(pairs, comparePostings)
	w := newPostingsWriter(estimateBits(2 * len(pairs)))
	for i := 0; i < len(pairs); {
		j := i
		for j < len(pairs) && pairs[j].Term == pairs[i].Term {
			w.rows = append(w.rows, pairs[j].Row)
			j++
		}
		w.add(pairs[i].Term)
		i = j
	}
	return w.out
}

// encodeRows fills the part of a segment that needs no postings.
func encodeRows(rows []Row) *Encoded {
	e := &Encoded{Rows: len(rows), FirstTime: rows[0].Time, LastTime: rows[len(rows)-1].Time, FirstSeq: math.MaxUint64}
	for _, r := range rows {
		e.FirstSeq, e.LastSeq = min(e.FirstSeq, r.Seq), max(e.LastSeq, r.Seq)
	}
	for chunk := range slices.Chunk(rows, BlockRows) {
		e.Starts = append(e.Starts, chunk[0].Time)
		e.Blocks = append(e.Blocks, encodeBlock(chunk))
	}
	return e
}

// shardBytes is the size shards aim at: a lookup reads one.
const shardBytes = 2048

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
