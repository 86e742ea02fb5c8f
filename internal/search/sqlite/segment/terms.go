package segment

import "encoding/binary"

// Terms walks over the terms of one shard in ascending order.
type Terms struct {
	Term uint64
	Rows []uint32 // rows that carry it, ascending; valid until the next call
	data []byte
	most int // rows in the segment
	err  error
}

// OpenShard begins walking over shard no of a segment that has so many rows.
func OpenShard(data []byte, no int, bits uint8, rows int) Terms {
	return Terms{Term: uint64(no) << (64 - bits), data: data, most: rows}
}

// Next goes on to the next term; false at the end or where the bytes are damaged, which Err tells.
func (t *Terms) Next() bool {
	delta, count := t.header()
	if t.err != nil || count == 0 {
		return false
	}
	t.Term += delta
	t.Rows = t.Rows[:0]
	row := uint64(0)
	for i := range count {
		step := t.uvarint()
		row += step
		if t.err != nil || row >= uint64(t.most) || i > 0 && step == 0 {
			t.err = ErrCorrupt
			return false
		}
		t.Rows = append(t.Rows, uint32(row))
	}
	return true
}

// Err is ErrCorrupt where the bytes were damaged.
func (t *Terms) Err() error { return t.err }

// header reads what stands before the rows of a term; a count of 0 is the end.
func (t *Terms) header() (delta, count uint64) {
	if t.err != nil || len(t.data) == 0 {
		return 0, 0
	}
	delta, count = t.uvarint(), t.uvarint()
	if count == 0 || count > uint64(t.most) || count > uint64(len(t.data)) || t.Term+delta < t.Term {
		t.err = ErrCorrupt
	}
	return delta, count
}

func (t *Terms) uvarint() uint64 {
	if len(t.data) > 0 && t.data[0] < 0x80 {
		v := uint64(t.data[0])
		t.data = t.data[1:]
		return v
	}
	v, n := binary.Uvarint(t.data)
	if n <= 0 {
		t.err = ErrCorrupt
		t.data = nil
		return 0
	}
	t.data = t.data[n:]
	return v
}

// Lookup appends to rows those that carry a term from lo to hi, which are in this shard. The walk stops behind hi, so it
// notices damage only up to there.
func (t *Terms) Lookup(lo, hi uint64, rows []uint32) ([]uint32, error) {
	data, term := t.data, t.Term // in registers: a lookup passes over a hundred terms
	for at := 0; at < len(data); {
		delta, n := binary.Uvarint(data[at:])
		at += max(n, 0)
		count, m := uvarint(data, at)
		at += max(m, 0)
		if n <= 0 || m <= 0 || count == 0 || count > uint64(t.most) || term+delta < term {
			return rows, ErrCorrupt
		}
		if term += delta; term > hi {
			return rows, nil
		}
		wanted, row := term >= lo, uint64(0)
		for i := range count {
			step, n := uvarint(data, at)
			at += max(n, 0)
			row += step
			if n <= 0 || row >= uint64(t.most) || i > 0 && step == 0 {
				return rows, ErrCorrupt
			}
			if wanted {
				rows = append(rows, uint32(row))
			}
		}
	}
	return rows, nil
}

// uvarint is binary.Uvarint at a place, quick for one byte.
func uvarint(data []byte, at int) (uint64, int) {
	if at < len(data) && data[at] < 0x80 {
		return uint64(data[at]), 1
	}
	return binary.Uvarint(data[at:])
}
