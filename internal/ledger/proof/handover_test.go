package proof_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/proof"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// grown is a ledger of several positions, in memory.
type grown struct {
	tb     testing.TB
	hashes []tlog.Hash
	size   int64
}

// body is what stands at a position.
func body(seq int64, word string) (audit.Salt, string, audit.Commitment) {
	salt, canonical := audit.Salt{byte(seq)}, fmt.Sprintf(`{"v":1,"type":%q}`, word)
	return salt, canonical, audit.Commit(salt, []byte(canonical))
}

func grow(tb testing.TB, words ...string) *grown {
	g := &grown{tb: tb}
	for _, word := range words {
		_, _, c := body(g.size+1, word)
		list, err := tlog.StoredHashesForRecordHash(g.size, tiles.LeafHash(c), g)
		if err != nil {
			tb.Fatal(err)
		}
		g.hashes = append(g.hashes, list...)
		g.size++
	}
	return g
}

func (g *grown) ReadHashes(at []int64) (list []tlog.Hash, err error) {
	for _, i := range at {
		list = append(list, g.hashes[i])
	}
	return list, nil
}

func (g *grown) tree(n int64) tlog.Tree {
	g.tb.Helper()
	root, err := tlog.TreeHash(n, g)
	if err != nil {
		g.tb.Fatal(err)
	}
	return tlog.Tree{N: n, Hash: root}
}

// link is a hand-over at a size, as a file of a checkpoint of another size has it.
func (g *grown) link(h tiles.HandOver, from, to note.Signer, size int64) proof.Link {
	g.tb.Helper()
	msg, err := note.Sign(&note.Note{Text: h.Text()}, from, to)
	if err != nil {
		g.tb.Fatal(err)
	}
	l := proof.Link{Note: string(msg)}
	if h.Tree.N > 0 && h.Tree.N < size {
		hashes, err := tlog.ProveTree(size, h.Tree.N, g)
		if err != nil {
			g.tb.Fatal(err)
		}
		for _, h := range hashes {
			l.Consistency = append(l.Consistency, h.String())
		}
	}
	return l
}

// file proves a position under a checkpoint of a size.
func (g *grown) file(seq, size int64, word string, signer note.Signer, links ...proof.Link) *proof.File {
	g.tb.Helper()
	head, err := tiles.Sign(signer, g.tree(size))
	if err != nil {
		g.tb.Fatal(err)
	}
	path, err := tlog.ProveRecord(size, seq-1, g)
	if err != nil {
		g.tb.Fatal(err)
	}
	salt, canonical, c := body(seq, word)
	leaf := tiles.LeafHash(c)
	return &proof.File{Record: json.RawMessage(fmt.Sprintf(`{"seq":%d,`, seq) + canonical[1:]), Proof: &proof.Proof{
		Salt: hex.EncodeToString(salt[:]), Commitment: c.String(), LeafHash: base64.StdEncoding.EncodeToString(leaf[:]), LeafIndex: uint64(seq - 1),
		Canonical: base64.StdEncoding.EncodeToString([]byte(canonical)), TlogProof: string(tiles.FormatProof(head, uint64(seq-1), path)), HandOvers: links,
	}}
}

// TestHandOvers: who holds the first key alone can check a proof from before a hand-over and after it, and neither the old key nor the
// new one signs what it was not entitled to.
func TestHandOvers(t *testing.T) {
	t.Parallel()
	words := []string{"a", "b", "c", "d", "e", "f", "g"}
	const name = "example.test/log"
	k0, k1, k2 := newLog(t, name, 1), newLog(t, name, 2), newLog(t, name, 3)
	g := grow(t, words...)
	to := func(g *grown, from, next *testLog, n int64) tiles.HandOver {
		return tiles.HandOver{Origin: name, Key: from.key, Next: next.key, Tree: g.tree(n)}
	}
	first := func(size int64) proof.Link { return g.link(to(g, k0, k1, 3), k0.signer, k1.signer, size) }
	second := func(size int64) proof.Link { return g.link(to(g, k1, k2, 5), k1.signer, k2.signer, size) }
	f := func(name string, file *proof.File, key, want string, verified bool, handOvers ...string) {
		t.Helper()
		r, err := proof.Check(reread(t, file), key, nil, handOvers...)
		if err != nil || r.Verified != verified || !strings.Contains(r.Statement, want) {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
	for seq := int64(1); seq <= 7; seq++ {
		word := words[seq-1]
		if seq <= 3 {
			f("before", g.file(seq, 3, word, k0.signer), k0.key, "verified against key", true)
			f("before, and the hand-over is known", g.file(seq, 3, word, k0.signer), k0.key, "verified against key", true, first(7).Note)
		}
		if seq <= 5 {
			f("one", g.file(seq, 5, word, k1.signer, first(5)), k0.key, "handed over to", true)
		}
		both := g.file(seq, 7, word, k2.signer, first(7), second(7))
		f("two", both, k0.key, "handed over to", true)
		f("the second of three", both, k1.key, "handed over to", true)
		f("the last", both, k2.key, "verified against key", true)
		f("nothing held", both, "", "not anchored", true)
	}
	f("at the moment", g.file(2, 3, "b", k1.signer, first(3)), k0.key, "handed over to", true)
	f("known by other means", g.file(2, 3, "b", k1.signer), k0.key, "handed over to", true, first(3).Note)
	empty := g.link(to(g, k0, k1, 0), k0.signer, k1.signer, 7)
	f("of nothing", g.file(2, 7, "b", k1.signer, empty), k0.key, "handed over to", true)

	// The new key alone rewrites what came before it took over.
	forged := grow(t, "a", "forged", "c", "d", "e", "f", "g")
	f("rewritten", forged.file(2, 7, "forged", k1.signer, first(7)), k0.key, "may have been rewritten", false)
	f("rewritten, later record", forged.file(6, 7, "f", k1.signer, first(7)), k0.key, "may have been rewritten", false)
	bare := first(7)
	bare.Consistency = nil
	f("nothing shown", g.file(2, 7, "b", k1.signer, bare), k0.key, "may have been rewritten", false)
	f("rewritten at once", forged.file(2, 3, "forged", k1.signer, first(3)), k0.key, "another tree of 3 records", false)
	f("of before", forged.file(2, 2, "forged", k1.signer, first(2)), k0.key, "before it took over", false)
	own := forged.link(to(forged, k0, k1, 3), k1.signer, k1.signer, 7)
	f("hand-over forged", forged.file(2, 7, "forged", k1.signer, own), k0.key, "did not sign it", false)
	f("two forged, the middle one", forged.file(4, 7, "d", k2.signer, first(7), second(7)), k0.key, "may have been rewritten", false)
	bad := first(7)
	bad.Consistency[0] = "x"
	f("hashes that are none", g.file(2, 7, "b", k1.signer, bad), k0.key, "cannot be read", false)

	// The old key alone signs after it handed over.
	f("old key, hand-over in the file", forged.file(2, 7, "forged", k0.signer, first(7)), k0.key, "after it had handed over at 3", false)
	f("old key, hand-over known", forged.file(2, 7, "forged", k0.signer), k0.key, "after it had handed over at 3", false, first(7).Note)
	f("old key, another tree at the moment", forged.file(2, 3, "forged", k0.signer), k0.key, "another tree of 3 records", false, first(3).Note)
	f("old key, the new one held", forged.file(2, 7, "forged", k0.signer), k1.key, "not signed by the key", false)
	f("old key, the new one held, hand-over there", g.file(2, 2, "b", k0.signer, first(2)), k1.key, "with the key of the time", false)
	stolen := forged.link(to(forged, k0, k2, 3), k0.signer, k2.signer, 7)
	f("handed over twice", forged.file(2, 7, "forged", k2.signer, stolen), k0.key, "handed over twice", false, first(7).Note)
	f("of another ledger", g.file(2, 7, "b", newLog(t, "example.test/other", 4).signer), k0.key, "not signed", false, first(7).Note)
}
