package sqlite

import (
	"encoding/binary"
	"slices"

	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

const (
	hourMillis = 3600_000
	dayMillis  = 24 * hourMillis
)

// tallyID is the key of a tally: the rows of one entry, or of all (dimAll, 0).
func tallyID(dim int, id uint32) int64 { return int64(dim)<<32 | int64(id) }

// whatDay is the key of a pair of who and what: what was done, and on which day of the month, from 0.
func whatDay(what uint32, day int64) uint32 { return what<<5 | uint32(day) }

func splitWhatDay(key uint32) (what, day uint32) { return key >> 5, key & 31 }

// maxEntries is how many entries fit into a whatDay. It takes a hundred million different ones in one month to get there.
const maxEntries = 1<<27 - 1

// pair is a number of rows under an hour of the month, or under a whatDay.
type pair struct {
	key uint32
	n   int64
}

// eachPair calls f with the pairs of a tally, ascending by key.
func eachPair(b []byte, f func(key uint32, n int64)) error {
	key := uint64(0)
	for len(b) > 0 {
		gap, n := uint64(b[0]), 1
		if gap >= 0x80 {
			gap, n = binary.Uvarint(b)
		}
		if n <= 0 || n == len(b) || key+gap > 1<<32-1 {
			return segment.ErrCorrupt
		}
		b = b[n:]
		count := uint64(b[0])
		if n = 1; count >= 0x80 {
			count, n = binary.Uvarint(b)
		}
		if n <= 0 {
			return segment.ErrCorrupt
		}
		key += gap
		f(uint32(key), int64(count))
		b = b[n:]
	}
	return nil
}

func decodePairs(b []byte) (pairs []pair, err error) {
	err = eachPair(b, func(key uint32, n int64) { pairs = append(pairs, pair{key, n}) })
	return pairs, err
}

func encodePairs(pairs []pair) []byte {
	b := make([]byte, 0, 3*len(pairs))
	last := uint32(0)
	for _, p := range pairs {
		b = binary.AppendUvarint(b, uint64(p.key-last))
		b = binary.AppendUvarint(b, uint64(p.n))
		last = p.key
	}
	return b
}

// addPairs sums two lists that are ascending by key; keys that come to nothing are left out.
func addPairs(a, b []pair) []pair {
	out := make([]pair, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		var p pair
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].key < b[0].key:
			p, a = a[0], a[1:]
		case len(a) == 0 || b[0].key < a[0].key:
			p, b = b[0], b[1:]
		default:
			p, a, b = pair{a[0].key, a[0].n + b[0].n}, a[1:], b[1:]
		}
		if p.n != 0 {
			out = append(out, p)
		}
	}
	return out
}

// tallyKey packs a tally and a key under which it counts, so that sorting numbers sorts by both.
func tallyKey(dim int, id, key uint32) uint64 { return uint64(dim)<<59 | uint64(id)<<32 | uint64(key) }

// countRows sorts keys and gives each tally its counts.
func countRows(keys []uint64, each func(id int64, counts []pair) error) error {
	slices.Sort(keys)
	var counts []pair
	for i, k := range keys {
		if i > 0 && keys[i-1] == k {
			counts[len(counts)-1].n++
		} else {
			counts = append(counts, pair{uint32(k), 1})
		}
		if i+1 == len(keys) || keys[i+1]>>32 != k>>32 {
			if err := each(tallyID(int(k>>59), uint32(k>>32)&maxEntries), counts); err != nil {
				return err
			}
			counts = counts[:0]
		}
	}
	return nil
}

// updateTallies adds rows to the tallies of their entries, or takes them out (sign −1). An entry that has none left goes.
func (m *month) updateTallies(rows []segment.Row, sign int64) error {
	hours := make([]uint64, 0, (segment.Dims+1)*len(rows))
	whats := make([]uint64, 0, len(rows))
	for i := range rows {
		r := &rows[i]
		hour := uint32((r.Time - m.start) / hourMillis)
		hours = append(hours, tallyKey(dimAll, 0, hour))
		for dim, id := range r.IDs {
			if id != 0 {
				hours = append(hours, tallyKey(dim, id, hour))
			}
		}
		if who := r.IDs[dimWho]; who != 0 {
			whats = append(whats, tallyKey(dimWho, who, whatDay(r.IDs[dimWhat], (r.Time-m.start)/dayMillis)))
		}
	}
	byWho := make(map[int64][]pair)
	if err := countRows(whats, func(id int64, counts []pair) error {
		byWho[id] = slices.Clone(counts)
		return nil
	}); err != nil {
		return err
	}
	return countRows(hours, func(id int64, counts []pair) error { return m.updateTally(id, counts, byWho[id], sign) })
}

func (m *month) updateTally(id int64, hours, whats []pair, sign int64) error {
	var n int64
	var oldHours, oldWhats []byte
	if _, err := m.writer.first("SELECT n, hours, whats FROM tally WHERE id = ?", []any{id}, &n, &oldHours, &oldWhats); err != nil {
		return err
	}
	newHours, delta, err := changePairs(oldHours, hours, sign)
	if err != nil {
		return err
	}
	newWhats, _, err := changePairs(oldWhats, whats, sign)
	if err != nil {
		return err
	}
	if n += delta; n > 0 {
		return m.writer.exec("INSERT OR REPLACE INTO tally VALUES (?, ?, ?, ?)", id, n, newHours, newWhats)
	}
	if err := m.writer.exec("DELETE FROM tally WHERE id = ?", id); err != nil {
		return err
	}
	if dim := id >> 32; dim != dimAll {
		return m.deleteEntry(uint32(id))
	}
	return nil
}

func changePairs(old []byte, change []pair, sign int64) (changed []byte, delta int64, err error) {
	before, err := decodePairs(old)
	if err != nil {
		return nil, 0, err
	}
	signed := make([]pair, len(change))
	for i, p := range change {
		signed[i] = pair{p.key, sign * p.n}
		delta += sign * p.n
	}
	return encodePairs(addPairs(before, signed)), delta, nil
}
