package tiles_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// A bundle that is accepted is the only spelling of its entries.
func FuzzParseBundle(f *testing.F) {
	f.Add(bundle(3), 3)
	f.Add(bundle(256), 256)
	f.Add([]byte{0, 32, 1}, 1)
	f.Add([]byte{0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		list, err := tiles.ParseBundle(b, w)
		if err != nil {
			return
		}
		var again []byte
		for _, c := range list {
			again = tiles.AppendEntry(again, c)
		}
		if len(list) != w || !bytes.HasPrefix(b, again) {
			t.Errorf("%d entries of %d, written again: %x, want a prefix of %x", len(list), w, again, b)
		}
	})
}

func FuzzParseTile(f *testing.F) {
	f.Add(make([]byte, 64), 2)
	f.Add(make([]byte, 63), 2)
	f.Fuzz(func(t *testing.T, b []byte, w int) {
		list, err := tiles.ParseTile(b, w)
		if err != nil {
			return
		}
		for i, h := range list {
			if !bytes.Equal(h[:], b[i*32:(i+1)*32]) {
				t.Fatalf("hash %d differs", i)
			}
		}
	})
}

// fuzzSigner is the same key in every process: inputs signed in one are run in others.
func fuzzSigner(f *testing.F) (note.Signer, string) {
	f.Helper()
	const name = "example.test/log"
	seed := bytes.Repeat([]byte{2}, ed25519.SeedSize)
	public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	vkey, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		f.Fatal(err)
	}
	hash := strings.Split(vkey, "+")[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...)))
	if err != nil {
		f.Fatal(err)
	}
	return signer, vkey
}

// What is accepted is accepted, and read alike, by an implementation that shares no code with this one.
func FuzzCheckpoint(f *testing.F) {
	signer, key := fuzzSigner(f)
	verifier, err := note.NewVerifier(key)
	if err != nil {
		f.Fatal(err)
	}
	for _, n := range []int64{0, 1, 70000} {
		c, err := tiles.Sign(signer, tlog.Tree{N: n, Hash: tlog.Hash{byte(n)}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Note)
	}
	f.Add([]byte("example.test/log\n-1\n\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		parsed, parseErr := tiles.ParseCheckpoint(msg)
		opened, err := tiles.OpenCheckpoint(msg, key)
		if err != nil {
			return
		}
		if parseErr != nil || parsed.Size != opened.Size || parsed.Root != opened.Root {
			t.Errorf("parsed %+v, %v; opened %+v", parsed, parseErr, opened)
		}
		other, _, _, err := log.ParseCheckpoint(msg, "example.test/log", verifier)
		if err != nil || other.Size != opened.Size || !bytes.Equal(other.Hash, opened.Root[:]) {
			t.Errorf("accepted what another implementation reads as %+v, %v", other, err)
		}
	})
}

func FuzzCheckProof(f *testing.F) {
	signer, key := fuzzSigner(f)
	left, right := tiles.LeafHash(commitment(0)), tiles.LeafHash(commitment(1))
	c, err := tiles.Sign(signer, tlog.Tree{N: 2, Hash: tlog.NodeHash(left, right)})
	if err != nil {
		f.Fatal(err)
	}
	good := tiles.FormatProof(c, 1, tlog.RecordProof{left})
	if err := tiles.CheckProof(key, commitment(1), good); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(tiles.FormatProof(c, 0, tlog.RecordProof{right}))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if tiles.CheckProof(key, commitment(1), text) != nil {
			return
		}
		// Whatever is accepted says index 1 and the only sibling there is.
		var p proof.TLogProof
		if err := p.Unmarshal(text); err != nil {
			t.Fatalf("accepted what another implementation cannot read: %v", err)
		}
		if p.Index != 1 || len(p.Hashes) != 1 {
			t.Errorf("accepted index %d with %d hashes", p.Index, len(p.Hashes))
		}
	})
}
