package frame

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of what goes into one frame.
const (
	MaxRecord  = 16 << 20 // canonical bytes of one record
	MaxRecords = 1000     // records and tombstones
)

const (
	version     = 1
	chunkTarget = 48 << 10                 // a chunk this long is closed
	maxChunk    = 64 << 10                 // of a chunk with more than one record, when it is written
	frameTarget = 5 * chunkTarget          // a frame this long ends with its chunk; SQLite reads a row whole, so it is not too long
	maxRaw      = frameTarget + 2*maxChunk // of a frame with more than one record, when it is written

	// What a reader accepts is a little more: tombstones may be longer than the records they replace.
	maxChunkRead  = 2 * maxChunk
	maxSingleRead = MaxRecord + binary.MaxVarintLen64 // of a chunk with one record
	maxRead       = 2*maxRaw + maxSingleRead          // of all chunks together
)

const (
	tombstoneSize      = 2 + len(audit.Commitment{})
	codeErased    byte = 1
	codeLost      byte = 2
)

// Builder makes frames, one after the other, reusing its buffers.
type Builder struct {
	codec   *Codec
	chunk   []byte // raw bytes of the open chunk
	inChunk int    // records in it
	table   []line
	body    []byte
	records int
	raw     int
}

// line is a line of the frame's table.
type line struct {
	records int
	raw     int
	stored  int
	sum     uint32
}

// NewBuilder makes a builder; the codec must be one that writes.
func NewBuilder(c *Codec) *Builder { return &Builder{codec: c} }

// Fits reports whether a record of n bytes may join what is already in the frame. The first always may.
func (b *Builder) Fits(n int) bool {
	held, raw := b.records+b.inChunk, b.raw+len(b.chunk)
	switch {
	case held == 0:
		return true
	case held == MaxRecords || raw+n+binary.MaxVarintLen32 > maxRaw:
		return false
	}
	return raw < frameTarget || len(b.chunk) < chunkTarget
}

// AddRecord adds a record, which must fit, by its canonical bytes.
func (b *Builder) AddRecord(canonical []byte) {
	b.cut(len(canonical))
	b.putRecord(canonical)
}

// AddTombstone adds a tombstone, which must fit.
func (b *Builder) AddTombstone(t *audit.Tombstone) {
	b.cut(tombstoneSize)
	b.putTombstone(t)
}

// Keep takes over a chunk of another frame as it is.
func (b *Builder) Keep(c Chunk) {
	b.closeChunk()
	b.body = append(b.body, c.data...)
	b.close(line{c.Records, c.raw, len(c.data), c.sum})
}

// Rewrite takes over a chunk of another frame, with a tombstone in place of each record for which replace returns one.
func (b *Builder) Rewrite(c Chunk, replace func(seq uint64, canonical []byte) *audit.Tombstone) error {
	b.closeChunk()
	err := b.codec.Each(c, func(seq uint64, canonical []byte, t *audit.Tombstone) {
		if t == nil {
			t = replace(seq, canonical)
		}
		if t != nil {
			b.putTombstone(t)
		} else {
			b.putRecord(canonical)
		}
	})
	b.closeChunk()
	return err
}

// Finish returns the frame for the given position, padded with zeros to at least length, and empties the builder.
func (b *Builder) Finish(first uint64, length int) []byte {
	b.closeChunk()
	out := make([]byte, 0, max(length, 32+len(b.table)*16+len(b.body)))
	out = append(out, version)
	out = binary.AppendUvarint(out, first)
	out = binary.AppendUvarint(out, uint64(b.records))
	out = binary.AppendUvarint(out, uint64(len(b.table)))
	for _, l := range b.table {
		out = binary.AppendUvarint(out, uint64(l.records))
		out = binary.AppendUvarint(out, uint64(l.raw))
		out = binary.AppendUvarint(out, uint64(l.stored))
		out = binary.BigEndian.AppendUint32(out, l.sum)
	}
	out = binary.BigEndian.AppendUint32(out, checksum(out))
	out = append(out, b.body...)
	if len(out) < length {
		out = append(out, make([]byte, length-len(out))...)
	}
	b.Reset()
	return out
}

// Reset empties the builder; buffers that one large record blew up are given back.
func (b *Builder) Reset() {
	b.table, b.records, b.raw, b.inChunk = b.table[:0], 0, 0, 0
	b.chunk, b.body = shrink(b.chunk), shrink(b.body)
}

func shrink(buffer []byte) []byte {
	if cap(buffer) > 4*maxRaw {
		return nil
	}
	return buffer[:0]
}

// cut closes the chunk that is full, or that n more bytes would make too long.
func (b *Builder) cut(n int) {
	if len(b.chunk) >= chunkTarget || len(b.chunk)+n+binary.MaxVarintLen32 > maxChunk {
		b.closeChunk()
	}
}

// putRecord adds to the open chunk, however long it gets.
func (b *Builder) putRecord(canonical []byte) {
	b.chunk = binary.AppendUvarint(b.chunk, uint64(len(canonical)))
	b.chunk = append(b.chunk, canonical...)
	b.inChunk++
}

func (b *Builder) putTombstone(t *audit.Tombstone) {
	code := codeErased
	if t.Reason == audit.TombstoneLost {
		code = codeLost
	}
	b.chunk = append(b.chunk, 0, code)
	b.chunk = append(b.chunk, t.Commitment[:]...)
	b.inChunk++
}

func (b *Builder) closeChunk() {
	if b.inChunk == 0 {
		return
	}
	at := len(b.body)
	b.body = b.codec.compress(b.body, b.chunk)
	l := line{b.inChunk, len(b.chunk), len(b.body) - at, checksum(b.body[at:])}
	b.chunk, b.inChunk = b.chunk[:0], 0
	b.close(l)
}

func (b *Builder) close(l line) {
	b.table = append(b.table, l)
	b.records += l.records
	b.raw += l.raw
}

// checksum is CRC-32C; the standard library makes its table once.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
