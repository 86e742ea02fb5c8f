package backup

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// signerOf is a signing key of the test's ledger.
type signerOf struct {
	note.Signer
	vkey string
}

const testOrigin = "example.test/log"

func newSigner(t *testing.T) signerOf {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signerOf{s, vkey}
}

func handOver(t *testing.T, from, to signerOf, size int64) string {
	t.Helper()
	h := tiles.HandOver{Origin: testOrigin, Key: from.vkey, Next: to.vkey, Tree: tlog.Tree{N: size}}
	msg, err := note.Sign(&note.Note{Text: h.Text()}, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return string(msg)
}

// made puts the manifest of a backup into a repository, signed by a key.
func (r *Repository) made(t *testing.T, id string, by signerOf, size uint64, handOvers ...string) *Manifest {
	t.Helper()
	head, err := tiles.Sign(by, tlog.Tree{N: int64(size)})
	if err != nil {
		t.Fatal(err)
	}
	m := testManifest()
	m.ID, m.Key, m.Position, m.LedgerSize, m.Checkpoint, m.HandOvers = id, by.vkey, size, size, string(head.Note), handOvers
	m.Parts[0].Last, m.Parts[3].Last = size, size
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := note.Sign(&note.Note{Text: statement(b)}, by)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.put(sig, backupsDir, id+".sig"); err != nil {
		t.Fatal(err)
	}
	if err := r.put(b, backupsDir, id+".json"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Manifest(id); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLineage: a manifest that somebody else signed, with the hand-overs of the ledger copied into it, makes neither the key a
// signer nor its ledger one that is held against a restore; nor does what a key signed after it had handed over.
func TestLineage(t *testing.T) {
	t.Parallel()
	r, err := MakeRepository(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	first, second, third, stranger := newSigner(t), newSigner(t), newSigner(t), newSigner(t)
	one, two := handOver(t, first, second, 10), handOver(t, second, third, 30)
	r.made(t, "20261120T200000.000Z-00000000", first, 9)
	m := r.made(t, "20261121T200000.000Z-00000000", second, 20, one)
	r.made(t, "20261122T200000.000Z-00000000", stranger, 9_000, one)
	r.made(t, "20261122T200001.000Z-00000000", first, 8_000)
	longest, err := r.longest(m)
	if err != nil || longest.ID != m.ID {
		t.Errorf("the longest is %s of %d, %v", longest.ID, longest.LedgerSize, err)
	}
	next := r.made(t, "20261123T200000.000Z-00000000", third, 40, one, two)
	if longest, err = r.longest(m); err != nil || longest.ID != next.ID {
		t.Errorf("the longest is %s of %d, %v: not that of the successor", longest.ID, longest.LedgerSize, err)
	}
	keys, err := r.signers(m)
	if want := []string{first.vkey, second.vkey, third.vkey}; err != nil || !slices.Equal(keys, want) {
		t.Errorf("%v, %v, want %v", keys, err, want)
	}
}
