package journal

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// row is one row of frames with the salts of (part of) its records, as read in one statement and so at one moment.
type row struct {
	first uint64
	count int
	frame []byte
	salts []byte // 16 bytes a record, from saltsFrom on; zeros where one is missing
	from  uint64 // position of the first salt
	fault error  // SQLite could not read the row

	moved int64 // where the frame was moved to, and the length of the reference in its place; only when erasing
	place int
}

// end is the position after the row, as far as the row itself knows.
func (r *row) end() uint64 { return r.first + uint64(max(r.count, 1)) }

// scanned is one outcome of reading: a record or tombstone, or what is wrong with one or more positions.
type scanned struct {
	stored Stored
	err    *CorruptError
}

// wanted says which positions a reader asked for: lo to hi, or of those only some.
type wanted struct {
	lo, hi uint64
	only   []uint64 // sorted; nil for all
}

func (w *wanted) has(seq uint64) bool {
	if seq < w.lo || seq > w.hi {
		return false
	}
	if w.only == nil {
		return true
	}
	_, ok := slices.BinarySearch(w.only, seq)
	return ok
}

// any reports whether some position of first to last is wanted.
func (w *wanted) any(first, last uint64) bool {
	if last < w.lo || first > w.hi {
		return false
	}
	if w.only == nil {
		return true
	}
	i, _ := slices.BinarySearch(w.only, first)
	return i < len(w.only) && w.only[i] <= last
}

// decode appends what is wanted of the row, in order, decompressing only the chunks that hold it.
func (r *row) decode(c *frame.Codec, out []scanned, w wanted) []scanned {
	if r.fault != nil {
		return damaged(out, r.first, r.count, w, r.fault)
	}
	f, err := r.parse()
	if err != nil {
		return damaged(out, r.first, r.count, w, err)
	}
	for _, chunk := range f.Chunks {
		if !w.any(chunk.First, chunk.Last()) {
			continue
		}
		at := len(out)
		err := c.Each(chunk, func(seq uint64, canonical []byte, t *audit.Tombstone) {
			if w.has(seq) {
				out = append(out, r.scanned(seq, canonical, t))
			}
		})
		if err != nil {
			out = damaged(out[:at], chunk.First, chunk.Records, w, err)
		}
	}
	return out
}

// parse reads the frame's table and checks that row and frame mean the same positions.
func (r *row) parse() (frame.Frame, error) {
	f, err := frame.Parse(r.frame)
	if err == nil && (f.First != r.first || f.Records != r.count) {
		err = fmt.Errorf("the frame holds %d records from %d on, its row says %d from %d on", f.Records, f.First, r.count, r.first)
	}
	return f, err
}

// scanned joins a record with its salt and computes its commitment.
func (r *row) scanned(seq uint64, canonical []byte, t *audit.Tombstone) scanned {
	if t != nil {
		return scanned{stored: Stored{Seq: seq, Commitment: t.Commitment, Tombstone: t}}
	}
	salt, err := r.salt(seq)
	if err != nil {
		return scanned{stored: Stored{Seq: seq}, err: &CorruptError{First: seq, Count: 1, Err: err}}
	}
	return scanned{stored: Stored{Seq: seq, Bytes: canonical, Salt: salt, Commitment: audit.Commit(salt, canonical)}}
}

func (r *row) salt(seq uint64) (audit.Salt, error) {
	at := (seq - r.from) * uint64(len(audit.Salt{}))
	if seq < r.from || at+uint64(len(audit.Salt{})) > uint64(len(r.salts)) {
		return audit.Salt{}, errors.New("its salt is missing")
	}
	salt := audit.Salt(r.salts[at:])
	if salt == (audit.Salt{}) {
		return salt, errors.New("its salt is missing or was destroyed, and no tombstone says so")
	}
	return salt, nil
}

// damaged appends one error for the wanted part of count positions from first on.
func damaged(out []scanned, first uint64, count int, w wanted, err error) []scanned {
	lo, hi := max(first, w.lo), min(first+uint64(max(count, 1))-1, w.hi)
	if lo > hi {
		return out
	}
	return append(out, scanned{stored: Stored{Seq: lo}, err: &CorruptError{First: lo, Count: hi - lo + 1, Err: err}})
}

// decodeRows decodes consecutive rows between two positions, and reports positions that no row covers.
func decodeRows(c *frame.Codec, rows []row, from, to uint64) (out []scanned) {
	n := 0
	for i := range rows {
		n += min(max(rows[i].count, 1), frame.MaxRecords)
	}
	out = make([]scanned, 0, n)
	for i := range rows {
		r := &rows[i]
		end := r.end()
		if i+1 < len(rows) {
			end = min(end, rows[i+1].first)
		}
		if r.first > from {
			out = damaged(out, from, int(min(r.first-from, math.MaxInt32)), wanted{lo: from, hi: to}, errNoRow)
		}
		if end > from {
			out = r.decode(c, out, wanted{lo: max(r.first, from), hi: min(to, end-1)})
			from = end
		}
	}
	return out
}

var errNoRow = errors.New("no row of the journal covers them")
