package sqlite

import (
	"encoding/binary"
	"slices"

	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

const hourMillis = 3600_000

// tallyID is the key of a tally: the rows of one entry, or of all (dimAll, 0).
func tallyID(dim int, id uint32) int64 { return int64(dim)<<32 | int64(id) }

// pair is a number of rows under an hour of the month, or under an entry.
type pair struct {
	key uint32
	n   int64
}

// decodePairs reads pairs, ascending by key.
func decodePairs(b []byte, pairs []pair) ([]pair, error) {
	key := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, segment.ErrCorrupt
		}
		count, m := binary.Uvarint(b[n:])
		if m <= 0 || key+gap > 1<<32-1 {
			return nil, segment.ErrCorrupt
		}
		key += gap
		pairs = append(pairs, pair{uint32(key), int64(count)})
		b = b[n+m:]
	}
	return pairs, nil
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

// countRows sorts (tally, key) pairs and gives each tally its counts.
func countRows(pairs []tallyKey, each func(id int64, counts []pair) error) error {
	slices.SortFunc(pairs, func(a, b tallyKey) int {
		switch {
		case a.id != b.id:
			if a.id < b.id {
				return -1
			}
			return 1
		case a.key != b.key:
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return 0
	})
	var counts []pair
	for i := range pairs {
		if i > 0 && pairs[i].id == pairs[i-1].id && pairs[i].key == pairs[i-1].key {
			counts[len(counts)-1].n++
		} else {
			counts = append(counts, pair{pairs[i].key, 1})
		}
		if i+1 == len(pairs) || pairs[i+1].id != pairs[i].id {
			if err := each(pairs[i].id, counts); err != nil {
				return err
			}
			counts = counts[:0]
		}
	}
	return nil
}

type tallyKey struct {
	id  int64
	key uint32
}

// updateTallies adds rows to the tallies of their entries, or takes them out (sign −1). An entry that has none left goes.
func (m *month) updateTallies(rows []segment.Row, sign int64) error {
	hours := make([]tallyKey, 0, 4*len(rows))
	var whats []tallyKey
	for i := range rows {
		r := &rows[i]
		hour := uint32((r.Time - m.start) / hourMillis)
		hours = append(hours, tallyKey{tallyID(dimAll, 0), hour})
		for dim, id := range r.IDs {
			if id != 0 {
				hours = append(hours, tallyKey{tallyID(dim, id), hour})
			}
		}
		if r.IDs[dimWho] != 0 {
			whats = append(whats, tallyKey{tallyID(dimWho, r.IDs[dimWho]), r.IDs[dimWhat]})
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
	before, err := decodePairs(old, nil)
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
