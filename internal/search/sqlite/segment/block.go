package segment

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

const blockVersion = 1

const columns = 2 + Dims // time, position, ids

// Block is some rows of a segment, in columns: numbers of one width above a base. The zero Block has no rows.
type Block struct {
	rows int
	cols [columns]column
}

type column struct {
	base  uint64 // two's complement for times
	width uint8  // bytes a number
	data  []byte
}

func encodeBlock(rows []Row) []byte {
	b := []byte{blockVersion}
	b = binary.AppendUvarint(b, uint64(len(rows)))
	numbers := make([]uint64, len(rows))
	for c := range columns {
		for i := range rows {
			numbers[i] = rows[i].number(c)
		}
		b = appendColumn(b, numbers, c == 0)
	}
	return b
}

// number is the value of one column of the row.
func (r *Row) number(c int) uint64 {
	switch c {
	case 0:
		return uint64(r.Time)
	case 1:
		return r.Seq
	}
	return uint64(r.IDs[c-2])
}

// appendColumn writes base, width and numbers. Signed numbers are sorted, so that the first is the least.
func appendColumn(b []byte, numbers []uint64, signed bool) []byte {
	base, most := numbers[0], uint64(0)
	if !signed {
		for _, n := range numbers {
			base = min(base, n)
		}
	}
	for _, n := range numbers {
		most = max(most, n-base)
	}
	width := (bits.Len64(most) + 7) / 8
	b = binary.LittleEndian.AppendUint64(b, base)
	b = append(b, byte(width))
	for _, n := range numbers {
		n -= base
		for range width {
			b = append(b, byte(n))
			n >>= 8
		}
	}
	return b
}

// OpenBlock reads a block; it shares the bytes.
func OpenBlock(data []byte) (Block, error) {
	var blk Block
	if len(data) == 0 || data[0] != blockVersion {
		return blk, ErrCorrupt
	}
	n, size := binary.Uvarint(data[1:])
	if size <= 0 || n > BlockRows {
		return blk, ErrCorrupt
	}
	data = data[1+size:]
	for c := range blk.cols {
		if len(data) < 9 || data[8] > 8 {
			return Block{}, ErrCorrupt
		}
		col := column{base: binary.LittleEndian.Uint64(data), width: data[8]}
		data = data[9:]
		need := int(n) * int(col.width)
		if len(data) < need {
			return Block{}, ErrCorrupt
		}
		col.data, data = data[:need:need], data[need:]
		blk.cols[c] = col
	}
	if len(data) != 0 {
		return Block{}, ErrCorrupt
	}
	blk.rows = int(n)
	return blk, nil
}

// Len is the number of rows.
func (b *Block) Len() int { return b.rows }

// Time, Seq and ID read one row, which must be below Len.
func (b *Block) Time(i int) int64         { return int64(b.cols[0].at(i)) }
func (b *Block) Seq(i int) uint64         { return b.cols[1].at(i) }
func (b *Block) ID(dim int, i int) uint32 { return uint32(b.cols[2+dim].at(i)) }

// Row reads one row whole.
func (b *Block) Row(i int) Row {
	r := Row{Time: b.Time(i), Seq: b.Seq(i)}
	for dim := range r.IDs {
		r.IDs[dim] = b.ID(dim, i)
	}
	return r
}

// Search finds the first row at or behind a place in the order of the segment.
func (b *Block) Search(time int64, seq uint64) int {
	return sort.Search(b.rows, func(i int) bool {
		t := b.Time(i)
		return t > time || t == time && b.Seq(i) >= seq
	})
}

func (c *column) at(i int) uint64 {
	switch c.width {
	case 0:
		return c.base
	case 1:
		return c.base + uint64(c.data[i])
	case 2:
		return c.base + uint64(binary.LittleEndian.Uint16(c.data[2*i:]))
	case 4:
		return c.base + uint64(binary.LittleEndian.Uint32(c.data[4*i:]))
	}
	var n uint64
	for k := int(c.width) - 1; k >= 0; k-- {
		n = n<<8 | uint64(c.data[i*int(c.width)+k])
	}
	return c.base + n
}
