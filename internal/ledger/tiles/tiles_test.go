package tiles_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

func commitment(i int) audit.Commitment {
	return audit.Commit(audit.Salt{byte(i), byte(i >> 8)}, []byte("record"))
}

func bundle(n int) []byte {
	var b []byte
	for i := range n {
		b = tiles.AppendEntry(b, commitment(i))
	}
	return b
}

func TestBundle(t *testing.T) {
	t.Parallel()
	whole := bundle(3)
	if len(whole) != 3*tiles.EntrySize {
		t.Fatalf("3 entries take %d bytes, want %d", len(whole), 3*tiles.EntrySize)
	}
	for _, tt := range []struct {
		name string
		data []byte
		w    int
		want int
		err  string
	}{
		{"whole", whole, 3, 3, ""},
		{"beginning", whole, 2, 2, ""},
		{"none", nil, 0, 0, ""},
		{"cut", whole[:len(whole)-1], 3, 2, "entry 2 of 3"},
		{"too few", whole, 4, 3, "entry 3 of 4"},
		{"another length", append([]byte{0, 1}, whole...), 2, 0, "entry 0 of 2 has 1 bytes"},
		{"width", whole, 257, 0, "width 257"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tiles.ParseBundle(tt.data, tt.w)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error = %v, want %q", err, tt.err)
			}
			if len(got) != tt.want {
				t.Fatalf("%d entries, want %d", len(got), tt.want)
			}
			for i := range got {
				if got[i] != commitment(i) {
					t.Errorf("entry %d differs", i)
				}
			}
		})
	}
}

func TestLeafHashIsThatOfRFC6962(t *testing.T) {
	t.Parallel()
	c := commitment(7)
	if got, want := tiles.LeafHash(c), tlog.RecordHash(c[:]); got != want {
		t.Errorf("leaf hash = %v, want %v", got, want)
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFolderFindsPartialTilesInFullOnes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := tiles.Folder(dir)
	if _, err := f.Commitments(0, 5); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("error = %v, want one that nothing is there", err)
	}
	write(t, dir, "tile/entries/000", bundle(256))
	got, err := f.Commitments(0, 5)
	if err != nil || len(got) != 5 || got[4] != commitment(4) {
		t.Fatalf("commitments = %d, %v", len(got), err)
	}
	write(t, dir, "tile/entries/000.p/5", bundle(6))
	if _, err := f.Commitments(0, 5); err == nil || !strings.Contains(err.Error(), "205 bytes, want 170") && !strings.Contains(err.Error(), "171 bytes, want 170") {
		t.Errorf("a partial bundle that is too long: error = %v", err)
	}
	write(t, dir, "tile/entries/000", bundle(255))
	if _, err := f.Commitments(0, 256); err == nil {
		t.Error("a full bundle that is too short was read")
	}
}

func TestFolderSize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := tiles.Folder(dir)
	check := func(want uint64) {
		t.Helper()
		got, err := f.Size()
		if err != nil || got != want {
			t.Errorf("size = %d, %v, want %d", got, err, want)
		}
	}
	check(0)
	for _, step := range []struct {
		name string
		want uint64
	}{
		{"tile/0/000.p/7", 7},
		{"tile/0/000.p/9", 9},
		{"tile/0/000.p/8", 9},
		{"tile/entries/000.p/10", 10},
		{"tile/1/000.p/200", 10}, // only level 0 counts
		{"tile/0/000", 256},
		{"tile/0/998", 999 * 256},
		{"tile/0/999.p/255", 999*256 + 255},
		{"tile/0/x001/000", 1001 * 256},
		{"tile/0/x001/x234/067.p/3", 1234067*256 + 3},
		{"tile/0/junk", 1234067*256 + 3},
	} {
		write(t, dir, step.name, []byte("x"))
		check(step.want)
	}
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	signer, key := newKey(t, "example.test/log")
	_, other := newKey(t, "example.test/log")
	signed, err := tiles.Sign(signer, tlog.Tree{N: 42, Hash: tlog.Hash{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tiles.OpenCheckpoint(signed.Note, key)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(signed, got); diff != "" {
		t.Errorf("opened checkpoint differs (-signed +opened):\n%s", diff)
	}
	if _, err := tiles.OpenCheckpoint(signed.Note, other); err == nil {
		t.Error("a key that did not sign was satisfied")
	}
	if _, err := tiles.OpenCheckpoint(signed.Note, "no key"); err == nil || !strings.Contains(err.Error(), "ledger.pub") {
		t.Errorf("a malformed key: error = %v", err)
	}
	if got, err := tiles.ParseCheckpoint(signed.Note); err != nil || got.Size != 42 {
		t.Errorf("parsed without a key: size %d, %v", got.Size, err)
	}
	altered := bytes.Replace(signed.Note, []byte("\n42\n"), []byte("\n41\n"), 1)
	if _, err := tiles.OpenCheckpoint(altered, key); err == nil {
		t.Error("an altered size was accepted")
	}
	huge, err := tiles.Sign(signer, tlog.Tree{N: 1 << 60})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tiles.OpenCheckpoint(huge.Note, key); err == nil {
		t.Error("a size that no ledger can have was accepted")
	}
	// A note by the right key whose origin is another log's.
	msg, err := note.Sign(&note.Note{Text: "example.test/other\n42\n" + strings.SplitN(string(signed.Note), "\n", 4)[2] + "\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tiles.OpenCheckpoint(msg, key); err == nil {
		t.Error("another log's origin was accepted")
	}
}

func newKey(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, vkey
}
