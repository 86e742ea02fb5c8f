package journal

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

func testCodec(tb testing.TB) *codec {
	tb.Helper()
	c, err := newCodec(true)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.close)
	return c
}

// content is what a frame holds, in order: canonical bytes or a tombstone.
type content struct {
	Bytes     []byte
	Tombstone *audit.Tombstone
}

func build(c *codec, length int, list ...content) []byte {
	b := frameBuilder{codec: c}
	for _, x := range list {
		if x.Tombstone != nil {
			b.addTombstone(x.Tombstone)
		} else {
			b.addRecord(x.Bytes)
		}
	}
	return b.finish(1, length)
}

func unpack(c *codec, frame []byte) (list []content, err error) {
	f, err := parseFrame(frame)
	if err != nil {
		return nil, err
	}
	for _, ref := range f.chunks {
		raw, err := c.open(ref)
		if err != nil {
			return nil, err
		}
		err = splitChunk(raw, ref.records, func(_ int, b []byte, t *audit.Tombstone) { list = append(list, content{b, t}) })
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func sampleContent(tb testing.TB, n int) (list []content) {
	for i, e := range corpus(tb, 7, n) {
		x := content{Bytes: e.Bytes}
		switch i % 10 {
		case 3:
			x = content{Tombstone: &audit.Tombstone{Commitment: audit.Commitment{byte(i)}, Reason: audit.TombstoneErased}}
		case 7:
			x = content{Tombstone: &audit.Tombstone{Commitment: audit.Commitment{byte(i)}, Reason: audit.TombstoneLost}}
		}
		list = append(list, x)
	}
	return list
}

func TestFrameRoundTrip(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	large := content{Bytes: bytes.Repeat([]byte("large "), 100_000)}
	f := func(name string, length int, list ...content) {
		t.Helper()
		frame := build(c, length, list...)
		got, err := unpack(c, frame)
		if err != nil || len(frame) < length {
			t.Fatalf("%s: %d bytes, %v", name, len(frame), err)
		}
		if diff := cmp.Diff(list, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	some := sampleContent(t, 100)
	f("one", 0, some[0])
	f("a tombstone", 0, some[3])
	f("many", 0, some...)
	f("padded", 1<<20, some...)
	f("large among small", 0, some[0], large, some[1])
	f("only large", 0, large, large)
	f("one byte", 0, content{Bytes: []byte("x")})
}

// A record costs the decoding of one chunk, and a chunk is small.
func TestFrameChunks(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	frame := build(c, 0, sampleContent(t, 200)...)
	got, err := parseFrame(frame)
	if err != nil || got.records != 200 || len(got.chunks) < 4 {
		t.Fatalf("%d records in %d chunks, %v", got.records, len(got.chunks), err)
	}
	for i, ref := range got.chunks {
		if ref.raw > maxChunk || ref.raw < chunkTarget && i < len(got.chunks)-1 {
			t.Errorf("chunk %d has %d bytes", i, ref.raw)
		}
	}
}

// Whatever byte of a frame changes, reading it fails, before or while the chunk it stands in is opened.
func TestFrameFindsEveryFlip(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	frame := build(c, 1000, sampleContent(t, 4)...)
	for i := range frame {
		frame[i] ^= 1 << (i % 8)
		if _, err := unpack(c, frame); err == nil {
			t.Errorf("byte %d of %d flipped, and nobody noticed", i, len(frame))
		}
		frame[i] ^= 1 << (i % 8)
	}
	for n := range len(frame) - 1 {
		if _, err := unpack(c, frame[:n]); err == nil && !bytes.Equal(bytes.Trim(frame[n:], "\x00"), nil) {
			t.Errorf("cut at %d of %d, and nobody noticed", n, len(frame))
		}
	}
}

// Lengths that promise too much are refused before memory is taken.
func TestFrameBounds(t *testing.T) {
	t.Parallel()
	f := func(name string, chunks ...chunkInfo) {
		t.Helper()
		n := 0
		for _, c := range chunks {
			n += c.records
		}
		b := []byte{frameVersion, 1}
		b = binary.AppendUvarint(b, uint64(n))
		b = binary.AppendUvarint(b, uint64(len(chunks)))
		for _, c := range chunks {
			b = binary.AppendUvarint(b, uint64(c.records))
			b = binary.AppendUvarint(b, uint64(c.raw))
			b = binary.AppendUvarint(b, uint64(c.stored))
			b = binary.BigEndian.AppendUint32(b, c.sum)
		}
		b = binary.BigEndian.AppendUint32(b, checksum(b))
		if _, err := parseFrame(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	f("no chunk")
	f("no record", chunkInfo{records: 0, raw: 10})
	f("too many records", chunkInfo{records: maxFrameRecords + 1, raw: 10_000})
	f("large record", chunkInfo{records: 1, raw: maxChunkRaw + 1})
	f("large chunk", chunkInfo{records: 2, raw: maxChunkRead + 1})
	f("large frame", chunkInfo{records: 1, raw: maxChunkRaw}, chunkInfo{records: 1, raw: maxChunkRaw})
	f("records without bytes", chunkInfo{records: 2, raw: 1})
	f("longer than the frame", chunkInfo{records: 1, raw: 10, stored: 1 << 40})
}

func FuzzFrame(f *testing.F) {
	c := testCodec(f)
	some := sampleContent(f, 20)
	f.Add(build(c, 0, some[0]))
	f.Add(build(c, 0, some[3], some[7]))
	f.Add(build(c, 0, some...))
	f.Add(build(c, 9000, some[:2]...))
	f.Add([]byte{frameVersion, 1, 1, 1, 1, 200, 1, 0})
	f.Fuzz(func(t *testing.T, frame []byte) {
		list, err := unpack(c, frame)
		if err != nil {
			return
		}
		// What can be read means the same once it is written again.
		again, err := unpack(c, build(c, 0, list...))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list, again, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Error(diff)
		}
	})
}

// The decoder proper, behind the checksums.
func FuzzChunk(f *testing.F) {
	c := testCodec(f)
	r := rand.New(rand.NewPCG(1, 1))
	for _, x := range sampleContent(f, 5) {
		raw := append(binary.AppendUvarint(nil, uint64(len(x.Bytes))), x.Bytes...)
		f.Add(c.compress(nil, raw), len(raw), 1)
		f.Add(raw, r.IntN(100), r.IntN(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, size, records int) {
		if raw, err := c.open(chunkRef{raw: size & 0xffff, data: data, sum: checksum(data)}); err == nil && len(raw) != size&0xffff {
			t.Errorf("%d bytes, %d promised", len(raw), size&0xffff)
		}
		n := 0
		err := splitChunk(data, records&0x3ff, func(i int, b []byte, tomb *audit.Tombstone) {
			if i != n || (b == nil) == (tomb == nil) {
				t.Errorf("record %d: %q, %v", i, b, tomb)
			}
			n++
		})
		if err == nil && n != records&0x3ff {
			t.Errorf("%d records of %d", n, records&0x3ff)
		}
	})
}
