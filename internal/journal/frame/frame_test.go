package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

func testCodec(tb testing.TB) *Codec {
	tb.Helper()
	c, err := NewCodec(true)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// content is what a frame holds, in order: canonical bytes or a tombstone.
type content struct {
	Bytes     []byte
	Tombstone *audit.Tombstone
}

func build(c *Codec, length int, list ...content) []byte {
	b := NewBuilder(c)
	for _, x := range list {
		if x.Tombstone != nil {
			b.AddTombstone(x.Tombstone)
		} else {
			b.AddRecord(x.Bytes)
		}
	}
	return b.Finish(1, length)
}

func unpack(c *Codec, frame []byte) (list []content, err error) {
	f, err := Parse(frame)
	if err != nil {
		return nil, err
	}
	for _, chunk := range f.Chunks {
		err := c.Each(chunk, func(seq uint64, b []byte, t *audit.Tombstone) {
			if seq != f.First+uint64(len(list)) {
				err = fmt.Errorf("seq %d follows %d records", seq, len(list))
			}
			list = append(list, content{b, t})
		})
		if err != nil {
			return nil, err
		}
	}
	return list, err
}

// sample makes records that are alike, as real ones are, with tombstones among them.
func sample(tb testing.TB, n int) (list []content) {
	tb.Helper()
	b, err := os.ReadFile("../testdata/templates.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	for i := range n {
		x := content{Bytes: fmt.Appendf(nil, "%s %d", lines[i%len(lines)], i*7919)}
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

func diff(want, got []content) string { return cmp.Diff(want, got, cmp.Comparer(bytes.Equal)) }

func TestRoundTrip(t *testing.T) {
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
		if d := diff(list, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	some := sample(t, 100)
	f("one", 0, some[0])
	f("a tombstone", 0, some[3])
	f("many", 0, some...)
	f("padded", 1<<20, some...)
	f("large among small", 0, some[0], large, some[1])
	f("only large", 0, large, large)
	f("one byte", 0, content{Bytes: []byte("x")})
}

// A record costs the decoding of one chunk, a chunk is small, and a frame ends with a full one.
func TestChunks(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	b := NewBuilder(c)
	n := 0
	for _, x := range sample(t, 400) {
		if x.Tombstone != nil {
			continue
		}
		if !b.Fits(len(x.Bytes)) {
			break
		}
		b.AddRecord(x.Bytes)
		n++
	}
	f, err := Parse(b.Finish(100, 0))
	if err != nil || f.Records != n || f.First != 100 || len(f.Chunks) != frameTarget/chunkTarget {
		t.Fatalf("%d of %d records in %d chunks, %v", f.Records, n, len(f.Chunks), err)
	}
	next := f.First
	for i, chunk := range f.Chunks {
		if chunk.raw > maxChunk || chunk.raw < chunkTarget || chunk.First != next {
			t.Errorf("chunk %d has %d bytes and starts at %d, want %d", i, chunk.raw, chunk.First, next)
		}
		next = chunk.Last() + 1
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	b := NewBuilder(testCodec(t))
	if !b.Fits(MaxRecord) {
		t.Error("a large record does not fit an empty frame")
	}
	b.AddRecord([]byte("x"))
	if b.Fits(maxRaw) {
		t.Error("a large record fits beside another")
	}
	for range MaxRecords - 1 {
		b.AddRecord([]byte("x"))
	}
	if b.Fits(1) {
		t.Error("too many records fit")
	}
	if f, err := Parse(b.Finish(1, 0)); err != nil || f.Records != MaxRecords {
		t.Errorf("%d records, %v", f.Records, err)
	}
}

// Chunks without a replacement are taken over byte for byte; the others keep their boundaries.
func TestRewrite(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	list := sample(t, 150)
	frame := build(c, 0, list...)
	f, err := Parse(frame)
	if err != nil || len(f.Chunks) < 3 {
		t.Fatal(len(f.Chunks), err)
	}
	b := NewBuilder(c)
	b.Keep(f.Chunks[0])
	gone := audit.Tombstone{Commitment: audit.Commitment{1, 2, 3}, Reason: audit.TombstoneErased}
	for _, chunk := range f.Chunks[1:] {
		err := b.Rewrite(chunk, func(seq uint64, canonical []byte) *audit.Tombstone {
			if seq%2 == 0 {
				list[seq-1] = content{Tombstone: &gone}
				return &gone
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	again := b.Finish(1, len(frame))
	got, err := unpack(c, again)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(list, got); d != "" {
		t.Error(d)
	}
	g, err := Parse(again)
	if err != nil || len(g.Chunks) != len(f.Chunks) || !bytes.Equal(g.Chunks[0].data, f.Chunks[0].data) || len(again) != len(frame) {
		t.Errorf("%d chunks of %d, %d bytes of %d, %v", len(g.Chunks), len(f.Chunks), len(again), len(frame), err)
	}
}

// Whatever byte of a frame changes, reading it fails, before or while the chunk it stands in is opened.
func TestEveryFlipIsFound(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	frame := build(c, 1000, sample(t, 4)...)
	for i := range frame {
		frame[i] ^= 1 << (i % 8)
		if _, err := unpack(c, frame); err == nil {
			t.Errorf("byte %d of %d flipped, and nobody noticed", i, len(frame))
		}
		frame[i] ^= 1 << (i % 8)
	}
	for n := range len(frame) - 1 {
		if _, err := unpack(c, frame[:n]); err == nil && len(bytes.Trim(frame[n:], "\x00")) > 0 {
			t.Errorf("cut at %d of %d, and nobody noticed", n, len(frame))
		}
	}
}

// Lengths that promise too much are refused before memory is taken.
func TestBounds(t *testing.T) {
	t.Parallel()
	f := func(name string, table ...line) {
		t.Helper()
		n := 0
		for _, l := range table {
			n += l.records
		}
		b := []byte{version, 1}
		b = binary.AppendUvarint(b, uint64(n))
		b = binary.AppendUvarint(b, uint64(len(table)))
		for _, l := range table {
			b = binary.AppendUvarint(b, uint64(l.records))
			b = binary.AppendUvarint(b, uint64(l.raw))
			b = binary.AppendUvarint(b, uint64(l.stored))
			b = binary.BigEndian.AppendUint32(b, l.sum)
		}
		b = binary.BigEndian.AppendUint32(b, checksum(b))
		if _, err := Parse(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	f("no chunk")
	f("no record", line{records: 0, raw: 10})
	f("too many records", line{records: MaxRecords + 1, raw: 10_000})
	f("large record", line{records: 1, raw: maxSingleRead + 1})
	f("large chunk", line{records: 2, raw: maxChunkRead + 1})
	f("large frame", line{records: 1, raw: maxSingleRead}, line{records: 1, raw: maxSingleRead})
	f("records without bytes", line{records: 2, raw: 1})
	f("longer than the frame", line{records: 1, raw: 10, stored: 1 << 40})
}

// Every line of a dictionary is a canonical record.
func TestDictionary(t *testing.T) {
	t.Parallel()
	for id, text := range dictionaries() {
		for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
			r, err := audit.Decode(line)
			if err != nil {
				t.Fatalf("dictionary %d, line %d: %v", id, i+1, err)
			}
			if got := r.AppendCanonical(nil); !bytes.Equal(got, line) {
				t.Errorf("dictionary %d, line %d is not canonical:\n%s\n%s", id, i+1, line, got)
			}
		}
	}
}

// Frames that were written once stay readable: each file in testdata was made by the build that introduced its version
// or dictionary, and is never made again.
func TestOldFramesStayReadable(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	f := func(name string, want []content) {
		t.Helper()
		frame, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := unpack(c, frame)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	f("version1-dictionary1.frame", sample(t, 30))
}

func FuzzFrame(f *testing.F) {
	c := testCodec(f)
	some := sample(f, 20)
	f.Add(build(c, 0, some[0]))
	f.Add(build(c, 0, some[3], some[7]))
	f.Add(build(c, 0, some...))
	f.Add(build(c, 9000, some[:2]...))
	f.Add([]byte{version, 1, 1, 1, 1, 200, 1, 0})
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
		if d := diff(list, again); d != "" {
			t.Error(d)
		}
	})
}

// The decoder proper, behind the checksums.
func FuzzChunk(f *testing.F) {
	c := testCodec(f)
	for i, x := range slices.DeleteFunc(sample(f, 6), func(x content) bool { return x.Bytes == nil }) {
		raw := append(binary.AppendUvarint(nil, uint64(len(x.Bytes))), x.Bytes...)
		f.Add(c.compress(nil, raw), len(raw), 1)
		f.Add(raw, 10*i, i)
	}
	f.Fuzz(func(t *testing.T, data []byte, size, records int) {
		chunk := Chunk{First: 1, Records: records & 0x3ff, raw: size & 0xffff, data: data, sum: checksum(data)}
		n := uint64(0)
		each := func(seq uint64, b []byte, tomb *audit.Tombstone) {
			if n++; seq != n || (b == nil) == (tomb == nil) {
				t.Errorf("record %d after %d: %q, %v", seq, n, b, tomb)
			}
		}
		if err := c.Each(chunk, each); err == nil && n != uint64(chunk.Records) {
			t.Errorf("%d records of %d", n, chunk.Records)
		}
		n = 0
		if err := split(data, chunk, each); err == nil && n != uint64(chunk.Records) {
			t.Errorf("%d records of %d", n, chunk.Records)
		}
	})
}
