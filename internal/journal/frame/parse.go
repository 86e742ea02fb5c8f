package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Frame is a parsed frame, its chunks still compressed.
type Frame struct {
	First   uint64 // seq of its first record
	Records int    // records and tombstones in it
	Chunks  []Chunk
}

// Chunk is a part of a frame that is decompressed as a whole.
type Chunk struct {
	First   uint64 // seq of its first record
	Records int
	raw     int
	sum     uint32
	data    []byte
}

// Last is the seq of the chunk's last record.
func (c *Chunk) Last() uint64 { return c.First + uint64(c.Records) - 1 }

// Parse reads a frame's table without decompressing anything. What it returns is bounded by what Tripod writes, whatever
// the bytes say. It refers to b.
func Parse(b []byte) (Frame, error) {
	r := reader{b: b}
	if v := r.byte(); r.err == nil && v != version {
		return Frame{}, fmt.Errorf("frame version %d is not %d", v, version)
	}
	f := Frame{First: uint64(r.int(math.MaxInt64)), Records: r.int(MaxRecords)}
	n := r.int(MaxRecords)
	if r.err != nil {
		return Frame{}, r.err
	}
	if f.Records == 0 || n == 0 || n > f.Records {
		return Frame{}, fmt.Errorf("frame of %d records in %d chunks", f.Records, n)
	}
	stored, err := f.parseTable(&r, n)
	if err != nil {
		return Frame{}, err
	}
	table := b[:r.at]
	if sum := r.uint32(); r.err != nil || sum != checksum(table) {
		return Frame{}, errors.New("the frame's table does not match its checksum")
	}
	for i, n := range stored {
		f.Chunks[i].data = r.bytes(n)
	}
	for _, c := range r.rest() {
		if c != 0 {
			return Frame{}, errors.New("something stands behind the frame's last chunk")
		}
	}
	return f, r.err
}

// parseTable reads a line for each of n chunks and returns how many bytes each takes in the frame.
func (f *Frame) parseTable(r *reader, n int) (stored []int, err error) {
	f.Chunks, stored = make([]Chunk, n), make([]int, n)
	records, raw := 0, 0
	for i := range f.Chunks {
		c := Chunk{First: f.First + uint64(records), Records: r.int(MaxRecords), raw: r.int(maxSingleRead)}
		stored[i], c.sum = r.int(len(r.b)), r.uint32()
		if r.err != nil {
			return nil, r.err
		}
		if c.Records == 0 || c.raw < c.Records || c.Records > 1 && c.raw > maxChunkRead {
			return nil, fmt.Errorf("chunk of %d records in %d bytes", c.Records, c.raw)
		}
		records += c.Records
		if raw += c.raw; raw > maxRead {
			return nil, fmt.Errorf("frame of more than %d bytes", maxRead)
		}
		f.Chunks[i] = c
	}
	if records != f.Records {
		return nil, fmt.Errorf("chunks hold %d records, the frame says %d", records, f.Records)
	}
	return stored, nil
}

// Each checks and decompresses a chunk and hands out its records in order: canonical bytes, which are part of memory
// made for this chunk and stay valid, or a tombstone. When it fails it may have handed out some.
func (c *Codec) Each(chunk Chunk, each func(seq uint64, canonical []byte, t *audit.Tombstone)) error {
	if checksum(chunk.data) != chunk.sum {
		return errors.New("a chunk does not match its checksum")
	}
	raw, err := c.decompress(chunk.data, chunk.raw)
	if err != nil {
		return err
	}
	return split(raw, chunk, each)
}

func split(raw []byte, chunk Chunk, each func(seq uint64, canonical []byte, t *audit.Tombstone)) error {
	r := reader{b: raw}
	for i := range chunk.Records {
		seq := chunk.First + uint64(i)
		if n := r.int(MaxRecord); n > 0 {
			canonical := r.bytes(n)
			if r.err != nil {
				return r.err
			}
			each(seq, canonical, nil)
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
		each(seq, nil, t)
	}
	if len(r.rest()) != 0 {
		return errors.New("a chunk is longer than its records")
	}
	return nil
}

// reader reads with one error check at the end of a run of reads; after an error it returns zeros.
type reader struct {
	b   []byte
	at  int
	err error
}

var errShort = errors.New("the frame is cut short")

func (r *reader) byte() byte {
	b := r.bytes(1)
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

func (r *reader) uint32() uint32 {
	b := r.bytes(4)
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

// int reads a uvarint of at most limit.
func (r *reader) int(limit int) int {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.at:])
	switch {
	case n == 0:
		r.err = errShort
		return 0
	case n < 0 || v > uint64(limit):
		r.err = fmt.Errorf("a number in the frame exceeds %d", limit)
		return 0
	}
	r.at += n
	return int(v)
}

func (r *reader) bytes(n int) []byte {
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

func (r *reader) rest() []byte { return r.b[r.at:] }
