package segment

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample makes rows in arrival order with a few hundred terms among them.
func sample(r *rand.Rand, n int, firstSeq uint64) ([]Row, []Posting) {
	rows := make([]Row, n)
	var keys []Posting
	for i := range rows {
		rows[i] = Row{
			Time: r.Int64N(1<<31) - 1<<20, Seq: firstSeq + uint64(i),
			IDs: [Dims]uint32{uint32(r.IntN(300)), 1 + uint32(r.IntN(7)), uint32(r.IntN(2) * r.IntN(70_000))},
		}
		for k := range r.IntN(4) {
			keys = append(keys, Posting{Term: term(uint64(k)<<32 | uint64(r.IntN(n/3+1))), Row: uint32(i)})
		}
	}
	return rows, keys
}

func term(x uint64) uint64 { return IDTerm(7, uint32(x)) ^ x*0x9e3779b97f4a7c15 }

// content is what a segment says, in a form that does not depend on how it came about.
type content struct {
	Rows  []Row
	Terms map[uint64][]uint64 // positions
}

func read(t *testing.T, e *Encoded, which func(*Encoded) Postings) content {
	t.Helper()
	c := content{Terms: map[uint64][]uint64{}}
	for _, data := range e.Blocks {
		b, err := OpenBlock(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Len() {
			c.Rows = append(c.Rows, b.Row(i))
		}
	}
	p := which(e)
	for no, data := range p.Shards {
		for terms := OpenShard(data, no, p.Bits, e.Rows); ; {
			if !terms.Next() {
				if terms.Err() != nil {
					t.Fatal(terms.Err())
				}
				break
			}
			if _, twice := c.Terms[terms.Term]; twice || ShardOf(terms.Term, p.Bits) != no {
				t.Fatalf("term %x in shard %d: twice (%v) or in the wrong one", terms.Term, no, twice)
			}
			for _, r := range terms.Rows {
				c.Terms[terms.Term] = append(c.Terms[terms.Term], c.Rows[r].Seq)
			}
			slices.Sort(c.Terms[terms.Term])
		}
	}
	return c
}

func keysOf(e *Encoded) Postings { return e.Keys }
func idsOf(e *Encoded) Postings  { return e.IDs }

func want(rows []Row, keys []Posting) (byKey, byID content) {
	byKey.Terms, byID.Terms = map[uint64][]uint64{}, map[uint64][]uint64{}
	for _, k := range keys {
		if seq := rows[k.Row].Seq; !slices.Contains(byKey.Terms[k.Term], seq) {
			byKey.Terms[k.Term] = append(byKey.Terms[k.Term], seq)
		}
	}
	for _, r := range rows {
		for dim, id := range r.IDs {
			if id != 0 {
				byID.Terms[IDTerm(dim, id)] = append(byID.Terms[IDTerm(dim, id)], r.Seq)
			}
		}
	}
	byKey.Rows = slices.SortedFunc(slices.Values(rows), Compare)
	byID.Rows = byKey.Rows
	return byKey, byID
}

func TestBuildAndMerge(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var parts []Part
	var all []Row
	var allKeys []Posting
	for _, n := range []int{1, 3, 100, BlockRows, BlockRows + 1} {
		rows, keys := sample(r, n, uint64(len(all)+1))
		base := uint32(len(all))
		all = append(all, rows...)
		for _, k := range keys {
			allKeys = append(allKeys, Posting{k.Term, k.Row + base})
		}
		byKey, byID := want(rows, keys)
		e, err := Build(slices.Clone(rows), dedupe(keys))
		if err != nil {
			t.Fatal(err)
		}
		check(t, e, byKey, byID)
		parts = append(parts, Part{e.Rows, e.Blocks, e.Keys, e.IDs})
	}
	e, dropped, err := Merge(parts, nil)
	if err != nil || len(dropped) != 0 {
		t.Fatal(err, dropped)
	}
	byKey, byID := want(all, allKeys)
	check(t, e, byKey, byID)

	odd := func(seq uint64) bool { return seq%2 == 1 }
	e, dropped, err = Merge([]Part{{e.Rows, e.Blocks, e.Keys, e.IDs}}, odd)
	if err != nil {
		t.Fatal(err)
	}
	var kept []Row
	var keptKeys []Posting
	for i, row := range all {
		if odd(row.Seq) {
			continue
		}
		for _, k := range allKeys {
			if int(k.Row) == i {
				keptKeys = append(keptKeys, Posting{k.Term, uint32(len(kept))})
			}
		}
		kept = append(kept, row)
		if len(kept) > 300 { // enough of the quadratic check
			break
		}
	}
	if len(dropped) != (len(all)+1)/2 || e.Rows != len(all)/2 {
		t.Errorf("dropped %d and kept %d of %d", len(dropped), e.Rows, len(all))
	}
	got := read(t, e, keysOf)
	byKey, _ = want(kept, keptKeys)
	for term, seqs := range byKey.Terms {
		if !subset(seqs, got.Terms[term]) {
			t.Fatalf("term %x lost rows: %v of %v", term, got.Terms[term], seqs)
		}
	}
	for term, seqs := range got.Terms {
		if slices.ContainsFunc(seqs, odd) || len(seqs) == 0 {
			t.Fatalf("term %x still names dropped rows or none: %v", term, seqs)
		}
	}
	if e, dropped, err = Merge(parts[:1], func(uint64) bool { return true }); e != nil || len(dropped) != 1 || err != nil {
		t.Errorf("dropping all: %v, %v, %v", e, dropped, err)
	}
}

func subset(a, b []uint64) bool {
	return !slices.ContainsFunc(a, func(x uint64) bool { return !slices.Contains(b, x) })
}

func dedupe(keys []Posting) []Posting {
	slices.SortFunc(keys, comparePostings)
	return slices.Compact(keys)
}

func check(t *testing.T, e *Encoded, byKey, byID content) {
	t.Helper()
	if diff := cmp.Diff(byKey, read(t, e, keysOf)); diff != "" {
		t.Fatalf("keys (-want +got):\n%.2000s", diff)
	}
	if diff := cmp.Diff(byID, read(t, e, idsOf)); diff != "" {
		t.Fatalf("ids (-want +got):\n%.2000s", diff)
	}
	for term, seqs := range byKey.Terms {
		no := ShardOf(term, e.Keys.Bits)
		shard := OpenShard(e.Keys.Shards[no], no, e.Keys.Bits, e.Rows)
		rows, err := shard.Lookup(term, term, nil)
		if err != nil || len(rows) != len(seqs) {
			t.Fatalf("look up %x: %v, %v, want %d rows", term, rows, err, len(seqs))
		}
	}
	first, last := byKey.Rows[0], byKey.Rows[len(byKey.Rows)-1]
	if e.FirstTime != first.Time || e.LastTime != last.Time || e.Starts[0] != first.Time || len(e.Starts) != len(e.Blocks) {
		t.Errorf("header %d to %d, starts %v", e.FirstTime, e.LastTime, e.Starts)
	}
}

func TestBlockSearch(t *testing.T) {
	t.Parallel()
	rows := []Row{{Time: -5, Seq: 9}, {Time: 1, Seq: 3}, {Time: 1, Seq: 7}, {Time: math.MaxInt64, Seq: math.MaxUint64}}
	b, err := OpenBlock(encodeBlock(rows))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		time int64
		seq  uint64
		want int
	}{{-6, 0, 0}, {-5, 9, 0}, {-5, 10, 1}, {1, 0, 1}, {1, 4, 2}, {1, 8, 3}, {2, 0, 3}, {math.MaxInt64, math.MaxUint64, 3}} {
		if got := b.Search(tc.time, tc.seq); got != tc.want {
			t.Errorf("Search(%d, %d) = %d, want %d", tc.time, tc.seq, got, tc.want)
		}
	}
}

// TestSipHash checks the vectors of the reference implementation (https://github.com/veorq/SipHash).
func TestSipHash(t *testing.T) {
	t.Parallel()
	key := HashKey{0x0706050403020100, 0x0f0e0d0c0b0a0908}
	in := make([]byte, 0, 16)
	for n, want := range map[int]uint64{
		0: 0x726fdb47dd0e0e31, 1: 0x74f839c593dc67fd, 7: 0xab0200f58b01d137, 8: 0x93f5f5799a932462, 15: 0xa129ca6149be45e5,
	} {
		in = in[:0]
		for i := range n {
			in = append(in, byte(i))
		}
		if got := key.Sum(string(in)); got != want {
			t.Errorf("SipHash of %d bytes = %#x, want %#x", n, got, want)
		}
	}
}

func TestIDTermsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for dim := range Dims {
		for id := range uint32(10_000) {
			if k := IDTerm(dim, id); seen[k] {
				t.Fatalf("dimension %d, id %d shares its term", dim, id)
			} else {
				seen[k] = true
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	rows, keys := sample(rand.New(rand.NewPCG(3, 4)), 50, 1)
	e, err := Build(rows, dedupe(keys))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Blocks[0], e.Keys.Shards[0])
	f.Add([]byte{1}, binary.AppendUvarint([]byte{0xff}, 9))
	f.Fuzz(func(t *testing.T, block, shard []byte) {
		b, err := OpenBlock(block)
		for i := range b.Len() {
			b.Row(i)
		}
		b.Search(0, 0)
		if err == nil && b.Len() > 0 {
			_, _, err = Merge([]Part{{Rows: b.Len(), Blocks: [][]byte{block}, Keys: Postings{Shards: [][]byte{shard}}, IDs: Postings{Shards: [][]byte{bytes.Clone(shard)}}}}, nil)
		}
		terms := OpenShard(shard, 0, 0, 1000)
		n := 0
		for terms.Next() {
			n += len(terms.Rows)
		}
		if n > len(shard) {
			t.Fatalf("%d rows out of %d bytes", n, len(shard))
		}
		found, lookupErr := (&Terms{data: shard, most: 1000}).Lookup(0, math.MaxUint64, nil)
		if (lookupErr == nil) != (terms.Err() == nil) || lookupErr == nil && len(found) != n {
			t.Fatalf("walking gives %d rows (%v), looking up %d (%v)", n, terms.Err(), len(found), lookupErr)
		}
		_ = err
	})
}

func BenchmarkBuild(b *testing.B) {
	rows, keys := sample(rand.New(rand.NewPCG(5, 6)), 8192, 1)
	keys = dedupe(keys)
	for b.Loop() {
		if _, err := Build(slices.Clone(rows), slices.Clone(keys)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192, "ns/row")
}

func BenchmarkMerge(b *testing.B) {
	var parts []Part
	r := rand.New(rand.NewPCG(5, 6))
	size := 0
	for i := range 8 {
		rows, keys := sample(r, 8192, uint64(i*8192+1))
		e, err := Build(rows, dedupe(keys))
		if err != nil {
			b.Fatal(err)
		}
		parts = append(parts, Part{e.Rows, e.Blocks, e.Keys, e.IDs})
	}
	for b.Loop() {
		e, _, err := Merge(parts, nil)
		if err != nil {
			b.Fatal(err)
		}
		size = 0
		for _, list := range [][][]byte{e.Blocks, e.Keys.Shards, e.IDs.Shards} {
			for _, s := range list {
				size += len(s)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/8192/8, "ns/row")
	b.ReportMetric(float64(size)/8192/8, "B/row")
}

func BenchmarkSipHash(b *testing.B) {
	for b.Loop() {
		HashKey{1, 2}.Sum("935a6087-6de9-4d30-b901-c1bed1902f6f")
	}
}
