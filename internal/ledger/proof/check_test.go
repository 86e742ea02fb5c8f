package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/proof"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// a log of two positions; the second is what the files are of.
type testLog struct {
	signer      note.Signer
	key         string
	left, right audit.Commitment
	salt        audit.Salt
	canonical   string
	head        tiles.Checkpoint
}

func newLog(tb testing.TB, name string, seed byte) *testLog {
	tb.Helper()
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	key, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		tb.Fatal(err)
	}
	// As note.GenerateKey writes it: algorithm 1, then the seed.
	hash := strings.SplitN(key, "+", 3)[1]
	signer, err := note.NewSigner("PRIVATE+KEY+" + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
	if err != nil {
		tb.Fatal(err)
	}
	l := &testLog{signer: signer, key: key, left: audit.Commitment{7}, salt: audit.Salt{1, 2, 3},
		canonical: `{"v":1,"type":"user_prompt","tool":"<b> & é","sequence":9007199254740993}`}
	l.right = audit.Commit(l.salt, []byte(l.canonical))
	l.head = l.sign(tb, 2, tlog.NodeHash(tiles.LeafHash(l.left), tiles.LeafHash(l.right)))
	return l
}

func (l *testLog) sign(tb testing.TB, n int64, root tlog.Hash) tiles.Checkpoint {
	tb.Helper()
	c, err := tiles.Sign(l.signer, tlog.Tree{N: n, Hash: root})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// file is the second position's, as tripod record prints it.
func (l *testLog) file() *proof.File {
	leaf := tiles.LeafHash(l.right)
	return &proof.File{Record: json.RawMessage(`{"seq":2,` + l.canonical[1:]), Proof: &proof.Proof{
		Salt: hex.EncodeToString(l.salt[:]), Commitment: l.right.String(), LeafHash: base64.StdEncoding.EncodeToString(leaf[:]), LeafIndex: 1,
		Canonical: base64.StdEncoding.EncodeToString([]byte(l.canonical)),
		TlogProof: string(tiles.FormatProof(l.head, 1, tlog.RecordProof{tiles.LeafHash(l.left)})), Key: l.key,
	}}
}

func (l *testLog) tombstone(reason string) *proof.File {
	f := l.file()
	f.Proof.Salt, f.Proof.Canonical = "", ""
	f.Record = fmt.Appendf(nil, `{"seq":2,"tombstone":%q,"commitment":%q}`, reason, l.right)
	return f
}

// reread writes a file and reads it, as happens on the way to an auditor.
func reread(tb testing.TB, f *proof.File) *proof.File {
	tb.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		tb.Fatal(err)
	}
	f, err = proof.Parse(b)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestCheckAnchors(t *testing.T) {
	t.Parallel()
	l, other := newLog(t, "example.test/log", 1), newLog(t, "example.test/log", 2)
	larger := l.sign(t, 3, tlog.Hash{9})
	forked := l.sign(t, 2, tlog.Hash{9})
	f := func(name string, file *proof.File, key string, saved []byte, verified bool, anchored, statement, notChecked string) {
		t.Helper()
		r, err := proof.Check(reread(t, file), key, saved)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Verified != verified || r.Anchored != anchored || !strings.Contains(r.Statement, statement) ||
			!strings.Contains(strings.Join(r.NotChecked, "; "), notChecked) {
			t.Errorf("%s: %+v", name, r)
		}
		if r.Verified != (len(r.Wrong) == 0) {
			t.Errorf("%s: verified %v with %q", name, r.Verified, r.Wrong)
		}
	}
	f("nothing held", l.file(), "", nil, true, proof.AnchoredNone, "self-consistent, not anchored: record 2 (user_prompt), byte for byte, is leaf 1 of 2", "who signed")
	f("key", l.file(), l.key, nil, true, proof.AnchoredKey, "verified against key example.test/log+", "")
	f("checkpoint", l.file(), "", l.head.Note, true, proof.AnchoredCheckpoint, "without a key", "who signed")
	f("both", l.file(), l.key, l.head.Note, true, proof.AnchoredBoth, "and the held checkpoint", "")
	f("a larger one", l.file(), l.key, larger.Note, true, proof.AnchoredKey, "verified", "size 3 (held) and 2 (in the proof)")
	f("a fork", l.file(), l.key, forked.Note, false, proof.AnchoredKey, "two histories", "")
	f("another key", l.file(), other.key, nil, false, proof.AnchoredNone, "not signed by the key", "")
	f("another ledger", l.file(), "", newLog(t, "example.test/other", 1).head.Note, false, proof.AnchoredNone, "of the ledger", "")
	f("saved by another", l.file(), l.key, other.head.Note, false, proof.AnchoredKey, "held checkpoint of size 2 is not signed", "")
	f("saved is none", l.file(), l.key, []byte("hello"), false, proof.AnchoredKey, "held checkpoint cannot be read", "")
	f("tombstone", l.tombstone("erased"), l.key, nil, true, proof.AnchoredKey, "position 2 holds no record any more (erased)", "erased by order")

	keyless := l.file()
	keyless.Proof.Key = ""
	f("no key anywhere", keyless, "", nil, true, proof.AnchoredNone, "self-consistent", "the file names none")
	if _, err := proof.Check(l.file(), "no key", nil); err == nil {
		t.Error("a key that is none is taken")
	}
}

// TestCheckFindsEachChange alters one thing at a time; each must be found, and said for what it is.
func TestCheckFindsEachChange(t *testing.T) {
	t.Parallel()
	l := newLog(t, "example.test/log", 1)
	f := func(change func(*proof.File), want string) {
		t.Helper()
		file := l.file()
		change(file)
		for _, key := range []string{l.key, ""} {
			r, err := proof.Check(reread(t, file), key, nil)
			if err != nil || r.Verified || !strings.Contains(strings.Join(r.Wrong, "; "), want) {
				t.Errorf("want %q, got %+v, %v", want, r, err)
			}
		}
	}
	f(func(f *proof.File) { f.Proof.Salt = strings.Repeat("0", 32) }, "salt and bytes do not give the commitment")
	f(func(f *proof.File) { f.Proof.Salt = "zz" }, "salt cannot be read")
	f(func(f *proof.File) { f.Proof.Salt = "" }, "salt cannot be read")
	f(func(f *proof.File) { f.Proof.Canonical = "e30=" }, "salt and bytes do not give the commitment")
	f(func(f *proof.File) { f.Proof.Canonical = "%" }, "no base64")
	f(func(f *proof.File) { f.Proof.Canonical = "" }, "do not give the commitment")
	f(func(f *proof.File) { f.Proof.Canonical, f.Proof.Salt = "", "" }, "nothing ties what is shown")
	f(func(f *proof.File) { f.Record = l.tombstone("erased").Record }, "is not what the bytes say")
	f(func(f *proof.File) {
		f.Record = bytes.Replace(f.Record, []byte("user_prompt"), []byte("user_promqt"), 1)
	}, "is not what the bytes say")
	f(func(f *proof.File) { f.Record = bytes.Replace(f.Record, []byte("993"), []byte("992"), 1) }, "is not what the bytes say") // beyond a float's precision
	f(func(f *proof.File) { f.Record = bytes.Replace(f.Record, []byte(`"seq":2`), []byte(`"seq":3`), 1) }, "does not bear the position")
	f(func(f *proof.File) { f.Record = []byte(`[]`) }, "is none")
	f(func(f *proof.File) { f.Proof.Commitment = l.left.String() }, "do not give the commitment")
	f(func(f *proof.File) { f.Proof.Commitment = "x" }, "64 hex digits")
	f(func(f *proof.File) { f.Proof.LeafHash = "" }, "leaf hash")
	f(func(f *proof.File) { f.Proof.LeafIndex = 0 }, "speaks of leaf 0")
	f(func(f *proof.File) { f.Proof.LeafIndex = 1<<64 - 1 }, "speaks of leaf")
	f(func(f *proof.File) { f.Proof.TlogProof = "" }, "no checkpoint behind an empty line")
	f(func(f *proof.File) { f.Proof.TlogProof = strings.Replace(f.Proof.TlogProof, "index 1", "index 0", 1) }, "of leaf 0")
	f(func(f *proof.File) {
		leaf := tiles.LeafHash(l.right)
		f.Proof.TlogProof = string(tiles.FormatProof(l.head, 1, tlog.RecordProof{leaf}))
	}, "do not lead from")
	f(func(f *proof.File) { f.Proof.TlogProof = strings.Replace(f.Proof.TlogProof, "\n2\n", "\n4\n", 1) }, "not signed by the key")
	f(func(f *proof.File) {
		f.Proof.TlogProof = strings.Replace(f.Proof.TlogProof, l.head.Root.String(), tlog.Hash{}.String(), 1)
	}, "not signed by the key")
	f(func(f *proof.File) {
		f.Proof.Salt, f.Proof.Canonical = "", ""
		f.Record = []byte(`{"seq":2,"tombstone":"erased","commitment":"00"}`)
	}, "another commitment")
}

func TestParse(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(newLog(t, "example.test/log", 1).file())
	if err != nil {
		t.Fatal(err)
	}
	f := func(text, want string) {
		t.Helper()
		_, err := proof.Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tripod record SEQ --proof --json") {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
	f("", "empty")
	f(" \n", "empty")
	f("no match\n", "invalid character")
	f(string(good[:len(good)/2]), "unexpected EOF")
	f(string(good)+"{}", "follows")
	f(`{"record":{"seq":1}}`, "holds no proof")
	f(`{"proof":{}}`, "holds no proof")
	f(`null`, "holds no proof")
	f("{\"proof\":{\"commitment\":\"\xff\"}}", "UTF-8")
	f(strings.Replace(string(good), `{"record":`, `{"record":{"seq":2},"record":`, 1), `"record" is given twice`)
	f(strings.Replace(string(good), `"salt":`, `"ſalt":"00","salt":`, 1), `"salt" is given twice`)
	f(strings.Replace(string(good), `"v":1`, `"v":1,"V":1`, 1), `"V" is given twice`)
	if _, err := proof.Parse([]byte(`{"proof":{"commitment":"","tlog_proof":"x"},"more":[{"a":1},{"a":{"a":["a","a"]}}]}`)); err != nil {
		t.Errorf("a name in several objects: %v", err)
	}
}

// TestNoDatabase keeps the package fit for a program that only checks.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.Lines(string(out)) {
		if strings.Contains(dep, "sqlite") || strings.Contains(dep, "database/sql") {
			t.Errorf("links %s", dep)
		}
	}
}

// FuzzCheck: whatever a file holds, one that verifies with the key says of position 2 what was recorded there, or that
// nothing is left of it.
func FuzzCheck(f *testing.F) {
	l := newLog(f, "example.test/log", 1)
	for _, file := range []*proof.File{l.file(), l.tombstone("lost")} {
		b, err := json.Marshal(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.ReplaceAll(b, []byte("e"), []byte("E")))
	}
	f.Add([]byte(`{"proof":{"commitment":"00","tlog_proof":"c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n"}}`))
	want := "example.test/log"
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := proof.Parse(b)
		if err != nil {
			return
		}
		if _, err := proof.Check(file, "", l.head.Note); err != nil {
			t.Errorf("without a key: %v", err)
		}
		r, err := proof.Check(file, l.key, b)
		if err != nil || r.Verified {
			t.Errorf("verified against a checkpoint that is none: %+v, %v", r, err)
		}
		r, err = proof.Check(file, l.key, nil)
		if err != nil || !r.Verified {
			return
		}
		if r.Origin != want || r.LedgerSize != 2 || r.Seq != 2 || !strings.EqualFold(r.Commitment, l.right.String()) {
			t.Errorf("verified: %+v", r)
		}
		got, err := base64.StdEncoding.DecodeString(file.Proof.Canonical)
		if err != nil || r.Tombstone == "" && string(got) != l.canonical {
			t.Errorf("verified bytes %q, %v", got, err)
		}
	})
}
