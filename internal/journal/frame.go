package journal

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/tripod-audit/tripod/internal/audit"
)

// A frame holds the records of one row, in order. Version 1:
//
//	byte     1                       version
//	uvarint  first seq               so that a frame is known to stand where it belongs
//	uvarint  records                 1 to 1,000
//	uvarint  chunks
//	for each chunk:
//	  uvarint  records
//	  uvarint  raw length            bytes before compression
//	  uvarint  stored length         bytes in this frame
//	  4 bytes  CRC-32C, big endian   of the stored bytes
//	4 bytes  CRC-32C, big endian     of everything before
//	chunks                           one after the other, each a zstd frame of its own
//	zeros                            to the end: a frame that was rewritten keeps its length
//
// A chunk holds, for each of its records, a uvarint length and the canonical bytes; or the length 0, a byte that says why
// (1 erased, 2 lost) and the 32 bytes of the commitment, for a tombstone. Chunks are cut at 48 to 64 KiB, so that one
// record costs the decoding of one chunk; a larger record has a chunk to itself.
//
// The checksums find accidents and say where they are. That nobody rewrote a frame is for the ledger to prove.
const (
	frameVersion    = 1
	maxFrameRecords = 1000
	maxFrameRaw     = 1 << 20  // of a frame with more than one record
	chunkTarget     = 48 << 10 // a chunk this long is closed
	maxChunk        = 64 << 10 // of a chunk with more than one record, when it is written

	// What a reader accepts is a little more: tombstones may be longer than the records they replace.
	maxChunkRead = 2 * maxChunk
	maxChunkRaw  = MaxRecord + binary.MaxVarintLen64 // of a chunk with one record
	maxFrameRead = 2*maxFrameRaw + maxChunkRaw       // of all chunks together
)

// MaxRecord bounds the canonical bytes of one record.
const MaxRecord = 16 << 20

const (
	tombstoneSize      = 2 + len(audit.Commitment{})
	codeErased    byte = 1
	codeLost      byte = 2
)

// chunkInfo is a line of the frame's table.
type chunkInfo struct {
	records int
	raw     int
	stored  int
	sum     uint32
}

// frameBuilder makes frames, one after the other, reusing its buffers.
type frameBuilder struct {
	codec   *codec
	chunk   []byte // raw bytes of the open chunk
	inChunk int    // records in it
	table   []chunkInfo
	body    []byte
	records int
	raw     int
}

// fits reports whether a record of n bytes may join what is already in the frame.
func (b *frameBuilder) fits(n int) bool {
	held := b.size()
	return held == 0 || held < maxFrameRecords && b.raw+len(b.chunk)+n+binary.MaxVarintLen32 <= maxFrameRaw
}

func (b *frameBuilder) addRecord(canonical []byte) {
	b.open(len(canonical))
	b.putRecord(canonical)
}

func (b *frameBuilder) addTombstone(t *audit.Tombstone) {
	b.open(tombstoneSize)
	b.putTombstone(t)
}

// putRecord adds to the open chunk, however long it gets.
func (b *frameBuilder) putRecord(canonical []byte) {
	b.chunk = binary.AppendUvarint(b.chunk, uint64(len(canonical)))
	b.chunk = append(b.chunk, canonical...)
	b.inChunk++
}

func (b *frameBuilder) putTombstone(t *audit.Tombstone) {
	code := codeErased
	if t.Reason == audit.TombstoneLost {
		code = codeLost
	}
	b.chunk = append(b.chunk, 0, code)
	b.chunk = append(b.chunk, t.Commitment[:]...)
	b.inChunk++
}

// open closes the chunk that is full, or that n more bytes would make too long.
func (b *frameBuilder) open(n int) {
	if len(b.chunk) >= chunkTarget || b.inChunk > 0 && len(b.chunk)+n+binary.MaxVarintLen32 > maxChunk {
		b.closeChunk()
	}
}

func (b *frameBuilder) closeChunk() {
	if b.inChunk == 0 {
		return
	}
	at := len(b.body)
	b.body = b.codec.compress(b.body, b.chunk)
	b.table = append(b.table, chunkInfo{b.inChunk, len(b.chunk), len(b.body) - at, checksum(b.body[at:])})
	b.records += b.inChunk
	b.raw += len(b.chunk)
	b.chunk, b.inChunk = b.chunk[:0], 0
}

// addStored takes over a chunk of another frame as it is.
func (b *frameBuilder) addStored(c chunkRef) {
	b.closeChunk()
	b.body = append(b.body, c.data...)
	b.table = append(b.table, chunkInfo{c.records, c.raw, len(c.data), c.sum})
	b.records += c.records
	b.raw += c.raw
}

// finish returns the frame for the given position, padded with zeros to at least length, and empties the builder.
func (b *frameBuilder) finish(first uint64, length int) []byte {
	b.closeChunk()
	out := make([]byte, 0, max(length, 32+len(b.table)*16+len(b.body)))
	out = append(out, frameVersion)
	out = binary.AppendUvarint(out, first)
	out = binary.AppendUvarint(out, uint64(b.records))
	out = binary.AppendUvarint(out, uint64(len(b.table)))
	for _, c := range b.table {
		out = binary.AppendUvarint(out, uint64(c.records))
		out = binary.AppendUvarint(out, uint64(c.raw))
		out = binary.AppendUvarint(out, uint64(c.stored))
		out = binary.BigEndian.AppendUint32(out, c.sum)
	}
	out = binary.BigEndian.AppendUint32(out, checksum(out))
	out = append(out, b.body...)
	if len(out) < length {
		out = append(out, make([]byte, length-len(out))...)
	}
	b.reset()
	return out
}

// reset empties the builder; buffers that one large record blew up are given back.
func (b *frameBuilder) reset() {
	b.table, b.records, b.raw, b.inChunk = b.table[:0], 0, 0, 0
	b.chunk, b.body = shrink(b.chunk), shrink(b.body)
}

func shrink(b []byte) []byte {
	if cap(b) > 2*maxFrameRaw {
		return nil
	}
	return b[:0]
}

// size counts what is in the builder, closed chunks and the open one.
func (b *frameBuilder) size() int { return b.records + b.inChunk }

// checksum is CRC-32C; the standard library makes its table once.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
