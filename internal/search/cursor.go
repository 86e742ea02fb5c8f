package search

import (
	"encoding/base64"
	"encoding/binary"
)

// Place is where a hit stands in the order of an index.
type Place struct {
	Time int64 // Unix milliseconds
	Seq  uint64
}

// Before reports whether p comes before o when the oldest comes first.
func (p Place) Before(o Place) bool { return p.Time < o.Time || p.Time == o.Time && p.Seq < o.Seq }

const cursorVersion = 1

// EncodeCursor makes the cursor that continues behind a place.
func EncodeCursor(last Place, oldest bool) string {
	b := []byte{cursorVersion << 1}
	if oldest {
		b[0] |= 1
	}
	b = binary.AppendVarint(b, last.Time)
	b = binary.AppendUvarint(b, last.Seq)
	return base64.RawURLEncoding.EncodeToString(b)
}

// DecodeCursor reads a cursor back; one of the other order is ErrCursor.
func DecodeCursor(s string, oldest bool) (Place, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) == 0 || b[0]>>1 != cursorVersion || (b[0]&1 == 1) != oldest {
		return Place{}, ErrCursor
	}
	t, n := binary.Varint(b[1:])
	if n <= 0 {
		return Place{}, ErrCursor
	}
	seq, m := binary.Uvarint(b[1+n:])
	if m <= 0 || 1+n+m != len(b) {
		return Place{}, ErrCursor
	}
	return Place{t, seq}, nil
}
