package journal

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// chunkRef is one chunk of a parsed frame, still compressed.
type chunkRef struct {
	first   int // index of its first record in the frame
	records int
	raw     int
	sum     uint32
	data    []byte
}

// parseFrame reads a frame's table without decompressing anything. What it returns is bounded by what Tripod writes,
// whatever the bytes say: at most maxFrameRecords records and maxFrameRead bytes once decompressed.
func parseFrame(b []byte) (records int, chunks []chunkRef, err error) {
	r := byteReader{b: b}
	if v := r.byte(); r.err == nil && v != frameVersion {
		return 0, nil, fmt.Errorf("frame version %d is not %d", v, frameVersion)
	}
	records, n := r.int(maxFrameRecords), r.int(maxFrameRecords)
	if r.err == nil && (records == 0 || n == 0 || n > records) {
		return 0, nil, fmt.Errorf("frame of %d records in %d chunks", records, n)
	}
	if r.err != nil {
		return 0, nil, r.err
	}
	chunks = make([]chunkRef, n)
	first, raw := 0, 0
	for i := range chunks {
		c := chunkRef{first: first, records: r.int(maxFrameRecords), raw: r.int(maxChunkRaw)}
		stored := r.int(len(b))
		c.sum = r.uint32()
		if r.err != nil {
			return 0, nil, r.err
		}
		if c.records == 0 || c.raw < c.records || c.records > 1 && c.raw > maxChunkRead {
			return 0, nil, fmt.Errorf("chunk of %d records in %d bytes", c.records, c.raw)
		}
		first += c.records
		if raw += c.raw; raw > maxFrameRead {
			return 0, nil, fmt.Errorf("frame of more than %d bytes", maxFrameRead)
		}
		c.data = b[:stored] // placed below, once the table has ended
		chunks[i] = c
	}
	table := b[:r.at]
	if sum := r.uint32(); r.err != nil || sum != checksum(table) {
		return 0, nil, errors.New("the frame's table does not match its checksum")
	}
	if first != records {
		return 0, nil, fmt.Errorf("chunks hold %d records, the frame says %d", first, records)
	}
	for i := range chunks {
		chunks[i].data = r.bytes(len(chunks[i].data))
	}
	for _, c := range r.rest() {
		if c != 0 {
			return 0, nil, errors.New("something stands behind the frame's last chunk")
		}
	}
	return records, chunks, r.err
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
