package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// This file holds the ledger against an implementation that shares no code with it: transparency-dev's. Tiles are read
// as https://c2sp.org/tlog-tiles describes them, by the few lines below.

// commitments is the journal of these tests: one commitment a seq, and nothing else.
type commitments struct{ n uint64 }

func (c commitments) commitment(seq uint64) audit.Commitment {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seq)
	return audit.Commitment(sha256.Sum256(b[:]))
}

func (c commitments) Last(context.Context) (uint64, error) { return c.n, nil }

func (c commitments) Scan(_ context.Context, from, to uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for seq := from; seq <= min(to, c.n); seq++ {
			if !yield(journal.Stored{Seq: seq, Commitment: c.commitment(seq)}, nil) {
				return
			}
		}
	}
}

type follower struct {
	commitments
	next uint64
}

func (f *follower) Next(ctx context.Context) ([]journal.Stored, error) {
	var batch []journal.Stored
	for ; f.next <= f.n && len(batch) < 1000; f.next++ {
		batch = append(batch, journal.Stored{Seq: f.next, Commitment: f.commitment(f.next)})
	}
	if len(batch) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return batch, nil
}

// growTo runs the ledger until a checkpoint covers n records, and returns its verifier key.
func growTo(t *testing.T, dir string, n uint64) string {
	t.Helper()
	c := commitments{n}
	l, err := ledger.Open(t.Context(), dir, ledger.Options{Journal: c, Origin: "example.test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, &follower{c, l.Size() + 1}) }()
	if _, err := l.Wait(ctx, n); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return l.Key()
}

// stock is a verifier of tiled logs made of stock parts.
type stock struct {
	t    *testing.T
	dir  string
	head *log.Checkpoint
}

func openStock(t *testing.T, dir, key string) *stock {
	t.Helper()
	msg, err := os.ReadFile(filepath.Join(dir, "ledger", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	return &stock{t, dir, checkpoint(t, key, msg)}
}

// checkpoint checks a signed note (https://c2sp.org/signed-note) with nothing but Ed25519, and reads its body.
func checkpoint(t *testing.T, key string, msg []byte) *log.Checkpoint {
	t.Helper()
	name, rest, _ := strings.Cut(key, "+")
	_, key64, _ := strings.Cut(rest, "+")
	public, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || public[0] != 1 {
		t.Fatalf("key %q: %v", key, err)
	}
	text, sigs, _ := bytes.Cut(msg, []byte("\n\n"))
	text = append(text, '\n')
	sig64, ok := strings.CutPrefix(strings.TrimSuffix(string(sigs), "\n"), "— "+name+" ")
	if !ok {
		t.Fatalf("checkpoint without a signature by %s: %q", name, msg)
	}
	sig, err := base64.StdEncoding.DecodeString(sig64)
	if err != nil {
		t.Fatal(err)
	}
	if id := sha256.Sum256([]byte(name + "\n" + string(public))); !bytes.Equal(id[:4], sig[:4]) {
		t.Fatalf("signature by key %x, want %x", sig[:4], id[:4])
	}
	if !ed25519.Verify(public[1:], text, sig[4:]) {
		t.Fatal("the checkpoint's signature does not verify")
	}
	var head log.Checkpoint
	if rest, err := head.Unmarshal(text); err != nil || len(rest) > 0 || head.Origin != name {
		t.Fatalf("checkpoint %q: %v", text, err)
	}
	return &head
}

// file reads tile n of a level ("entries" for bundles), the partial one where the tree of the checkpoint has no more.
func (s *stock) file(level string, shift uint, n uint64) []byte {
	s.t.Helper()
	name := fmt.Sprintf("%03d", n%1000)
	for rest := n / 1000; rest > 0; rest /= 1000 {
		name = fmt.Sprintf("x%03d/%s", rest%1000, name)
	}
	if count := s.head.Size >> shift; count < (n+1)*256 {
		name += fmt.Sprintf(".p/%d", count-n*256)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "ledger", "tile", level, filepath.FromSlash(name)))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

// node is the hash of a node of the tree, computed within the tile that spans it.
func (s *stock) node(id compact.NodeID) []byte {
	s.t.Helper()
	level := id.Level / 8
	within := id.Level % 8
	first := id.Index << within
	tile := s.file(fmt.Sprint(level), level*8, first/256)
	var hashes [][]byte
	for i := first % 256; i < first%256+1<<within; i++ {
		hashes = append(hashes, tile[i*32:(i+1)*32])
	}
	for len(hashes) > 1 {
		for i := range len(hashes) / 2 {
			hashes[i] = rfc6962.DefaultHasher.HashChildren(hashes[2*i], hashes[2*i+1])
		}
		hashes = hashes[:len(hashes)/2]
	}
	return hashes[0]
}

// root computes a tree's root from the entry bundles alone.
func (s *stock) root(size uint64) []byte {
	s.t.Helper()
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for n := uint64(0); n*256 < size; n++ {
		b := s.file("entries", 0, n)
		for range min(size-n*256, 256) {
			if got := binary.BigEndian.Uint16(b); got != 32 {
				s.t.Fatalf("bundle %d has an entry of %d bytes", n, got)
			}
			if err := r.Append(rfc6962.DefaultHasher.HashLeaf(b[2:34]), nil); err != nil {
				s.t.Fatal(err)
			}
			b = b[34:]
		}
	}
	if size == 0 {
		return rfc6962.DefaultHasher.EmptyRoot()
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return root
}

func TestProofsAreAcceptedByStockVerifiers(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	for _, sizes := range [][]uint64{
		{1, 2, 3, 5, 8, 100}, {255, 256, 257}, {1, 300, 1000}, {512}, {65535, 65536, 65537}, {65536 + 256, 70000},
	} {
		t.Run(fmt.Sprint(sizes), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, size := range sizes {
				key := growTo(t, dir, size)
				s := openStock(t, dir, key)
				if s.head.Size != size {
					t.Fatalf("checkpoint of size %d, want %d", s.head.Size, size)
				}
				if root := s.root(size); string(root) != string(s.head.Hash) {
					t.Fatalf("size %d: the bundles give root %x, the checkpoint has %x", size, root, s.head.Hash)
				}
				for _, seq := range []uint64{1, 2, 255, 256, 257, size / 2, size - 1, size} {
					if seq >= 1 && seq <= size {
						s.checkInclusion(key, seq)
					}
				}
				for _, older := range []uint64{1, 2, 255, 256, 257, size / 3, size - 1, size} {
					if older >= 1 && older <= size {
						s.checkConsistency(older)
					}
				}
			}
		})
	}
}

func (s *stock) checkInclusion(key string, seq uint64) {
	s.t.Helper()
	got, err := ledger.Prove(s.t.Context(), s.dir, seq)
	if err != nil {
		s.t.Fatal(err)
	}
	var p tlogproof.TLogProof
	if err := p.Unmarshal(got.Text); err != nil {
		s.t.Fatal(err)
	}
	if p.Index != seq-1 {
		s.t.Errorf("record %d has index %d", seq, p.Index)
	}
	head := checkpoint(s.t, key, p.Checkpoint)
	c := commitments{}.commitment(seq)
	leaf := rfc6962.DefaultHasher.HashLeaf(c[:])
	var hashes [][]byte
	for i := range p.Hashes {
		hashes = append(hashes, p.Hashes[i][:])
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, seq-1, head.Size, leaf, hashes, head.Hash); err != nil {
		s.t.Errorf("size %d, record %d: %v", head.Size, seq, err)
	}
	if err := ledger.CheckProof(key, c, got.Text); err != nil {
		s.t.Errorf("size %d, record %d: %v", head.Size, seq, err)
	}
	if err := ledger.CheckProof(key, commitments{}.commitment(seq+1), got.Text); err == nil {
		s.t.Errorf("size %d: the proof of record %d was accepted for another", head.Size, seq)
	}
	// The same proof made by stock parts from the tiles is the same proof.
	nodes, err := proof.Inclusion(seq-1, head.Size)
	if err != nil {
		s.t.Fatal(err)
	}
	want := s.hashes(nodes)
	if len(want) != len(hashes) {
		s.t.Fatalf("size %d, record %d: %d hashes, want %d", head.Size, seq, len(hashes), len(want))
	}
	for i := range want {
		if string(want[i]) != string(hashes[i]) {
			s.t.Errorf("size %d, record %d: hash %d differs from the tiles'", head.Size, seq, i)
		}
	}
}

func (s *stock) hashes(nodes proof.Nodes) [][]byte {
	s.t.Helper()
	var list [][]byte
	for _, id := range nodes.IDs {
		list = append(list, s.node(id))
	}
	list, err := nodes.Rehash(list, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *stock) checkConsistency(older uint64) {
	s.t.Helper()
	got, err := ledger.Consistency(s.t.Context(), s.dir, older, s.head.Size)
	if err != nil {
		s.t.Fatal(err)
	}
	var hashes [][]byte
	for i := range got {
		hashes = append(hashes, got[i][:])
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, older, s.head.Size, hashes, s.root(older), s.head.Hash); err != nil {
		s.t.Errorf("from size %d to %d: %v", older, s.head.Size, err)
	}
}
