package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

// frame is a parsed frame, its chunks still compressed.
type frame struct {
	first   uint64
	records int
	chunks  []chunkRef
}

type chunkRef struct {
	first   int // index of its first record in the frame
	records int
	raw     int
	sum     uint32
	data    []byte
}

// parseFrame reads a frame's table without decompressing anything. What it returns is bounded by what Tripod writes,
// whatever the bytes say: at most maxFrameRecords records and maxFrameRead bytes once decompressed.
func parseFrame(b []byte) (frame, error) {
	r := byteReader{b: b}
	if v := r.byte(); r.err == nil && v != frameVersion {
		return frame{}, fmt.Errorf("frame version %d is not %d", v, frameVersion)
	}
	f := frame{first: uint64(r.int(math.MaxInt64)), records: r.int(maxFrameRecords)}
	n := r.int(maxFrameRecords)
	if r.err != nil {
		return frame{}, r.err
	}
	if f.records == 0 || n == 0 || n > f.records {
		return frame{}, fmt.Errorf("frame of %d records in %d chunks", f.records, n)
	}
	stored, err := f.parseTable(&r, n)
	if err != nil {
		return frame{}, err
	}
	table := b[:r.at]
	if sum := r.uint32(); r.err != nil || sum != checksum(table) {
		return frame{}, errors.New("the frame's table does not match its checksum")
	}
	for i, n := range stored {
		f.chunks[i].data = r.bytes(n)
	}
	for _, c := range r.rest() {
		if c != 0 {
			return frame{}, errors.New("something stands behind the frame's last chunk")
		}
	}
	return f, r.err
}

// parseTable reads a line for each of n chunks and returns how many bytes each takes in the frame.
func (f *frame) parseTable(r *byteReader, n int) (stored []int, err error) {
	f.chunks, stored = make([]chunkRef, n), make([]int, n)
	first, raw := 0, 0
	for i := range f.chunks {
		c := chunkRef{first: first, records: r.int(maxFrameRecords), raw: r.int(maxChunkRaw)}
		stored[i], c.sum = r.int(len(r.b)), r.uint32()
		if r.err != nil {
			return nil, r.err
		}
		if c.records == 0 || c.raw < c.records || c.records > 1 && c.raw > maxChunkRead {
			return nil, fmt.Errorf("chunk of %d records in %d bytes", c.records, c.raw)
		}
		first += c.records
		if raw += c.raw; raw > maxFrameRead {
			return nil, fmt.Errorf("frame of more than %d bytes", maxFrameRead)
		}
		f.chunks[i] = c
	}
	if first != f.records {
		return nil, fmt.Errorf("chunks hold %d records, the frame says %d", first, f.records)
	}
	return stored, nil
}

// open decompresses a chunk after checking its checksum.
func (c *codec) open(ref chunkRef) ([]byte, error) {
	if checksum(ref.data) != ref.sum {
		return nil, errors.New("a chunk does not match its checksum")
	}
	return c.decompress(ref.data, ref.raw)
}

// splitChunk hands out the records of a decompressed chunk: bytes, which are part of raw, or a tombstone.
func splitChunk(raw []byte, records int, each func(i int, canonical []byte, t *audit.Tombstone)) error {
	r := byteReader{b: raw}
	for i := range records {
		if n := r.int(MaxRecord); n > 0 {
			canonical := r.bytes(n)
			if r.err != nil {
				return r.err
			}
			each(i, canonical[:n:n], nil)
			continue
		}
		code := r.byte()
		t := new(audit.Tombstone)
		copy(t.Commitment[:], r.bytes(len(t.Commitment)))
		if r.err != nil {
			return r.err
		}
		switch code {
		case codeErased:
			t.Reason = audit.TombstoneErased
		case codeLost:
			t.Reason = audit.TombstoneLost
		default:
			return fmt.Errorf("tombstone of unknown kind %d", code)
		}
		each(i, nil, t)
	}
	if len(r.rest()) != 0 {
		return errors.New("a chunk is longer than its records")
	}
	return nil
}

// byteReader reads with one error check at the end of a run of reads; after an error it returns zeros.
type byteReader struct {
	b   []byte
	at  int
	err error
}

var errShort = errors.New("the frame is cut short")

func (r *byteReader) byte() byte {
	b := r.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *byteReader) uint32() uint32 {
	b := r.bytes(4)
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// int reads a uvarint of at most limit.
func (r *byteReader) int(limit int) int {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.at:])
	switch {
	case n == 0:
		r.err = errShort
		return 0
	case n < 0 || v > uint64(limit):
		r.err = fmt.Errorf("a length in the frame exceeds %d", limit)
		return 0
	}
	r.at += n
	return int(v)
}

func (r *byteReader) bytes(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b)-r.at {
		r.err = errShort
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

func (r *byteReader) rest() []byte { return r.b[r.at:] }
