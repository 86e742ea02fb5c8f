package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// check verifies with stretches so small that several workers have something to do.
func check(t testing.TB, opts VerifyOptions) *Report {
	t.Helper()
	if opts.chunk == 0 {
		opts.chunk = 512
	}
	r, err := Verify(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// found lists findings as "kind first-last file".
func found(r *Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		s := fmt.Sprintf("%s %d-%d", f.Kind, f.First, f.Last)
		if f.File != "" {
			s += " " + f.File
		}
		list = append(list, s)
		if f.Text == "" {
			list = append(list, "no words")
		}
	}
	return list
}

func wantFound(t testing.TB, r *Report, want ...string) {
	t.Helper()
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, found(r)); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
}

func TestVerifyClean(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 255, 256, 257, 511, 512, 513, 5000, 65535, 65536, 65537, 70000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			dir, m := build(t, steps(uint64(n), n)...)
			chunk := uint64(512)
			if n > 10000 {
				chunk = 16384
			}
			r := check(t, VerifyOptions{Dir: dir, Journal: m, chunk: chunk})
			wantFound(t, r)
			if !r.Verified || r.Records != uint64(n) || r.LedgerSize != uint64(n) || r.JournalLast != uint64(n) || r.From != 1 {
				t.Errorf("report = %+v", r)
			}
			head := open(t, dir, m).Checkpoint()
			if r.Root != head.Root.String() {
				t.Errorf("root = %s, the checkpoint has %s", r.Root, head.Root)
			}
		})
	}
}

func TestVerifyAnchors(t *testing.T) {
	t.Parallel()
	dir, m := newDir(t)
	l := open(t, dir, m)
	m.grow(300)
	cover(t, l, m)
	saved := l.Checkpoint().Note
	m.grow(400)
	cover(t, l, m)
	_, other, err := newKey("example.test/ledger")
	if err != nil {
		t.Fatal(err)
	}
	otherKey, err := parseKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		opts      VerifyOptions
		anchored  string
		statement string
		found     []string
	}{
		{"nothing", VerifyOptions{}, "none", "self-consistent, not anchored: records 1 to 700 match", nil},
		{"key", VerifyOptions{Key: l.Key()}, "key", "verified against key example.test/ledger+", nil},
		{"checkpoint", VerifyOptions{Saved: saved}, "checkpoint", "verified against the held checkpoint of size 300", nil},
		{"both", VerifyOptions{Key: l.Key(), Saved: saved}, "key+checkpoint", "and the held checkpoint of size 300: records 1 to 700 match the ledger, which only grew since", nil},
		{"another key", VerifyOptions{Key: otherKey.vkey}, "key", "not verified: the checkpoint of size 700 is not signed by the key",
			[]string{"checkpoint_altered 0-0 ledger/checkpoint"}},
		{"junk saved", VerifyOptions{Saved: []byte("junk")}, "checkpoint", "not verified: the held checkpoint cannot be read", []string{"saved_altered 0-0"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.opts.Dir, tt.opts.Journal = dir, m
			r := check(t, tt.opts)
			wantFound(t, r, tt.found...)
			if r.Verified != (tt.found == nil) || r.Anchored != tt.anchored || !strings.Contains(r.Statement, tt.statement) {
				t.Errorf("verified %v, anchored %q, statement %q; want %q, %q", r.Verified, r.Anchored, r.Statement, tt.anchored, tt.statement)
			}
		})
	}
	if _, err := Verify(t.Context(), VerifyOptions{Dir: dir, Journal: m, Key: "junk"}); err == nil {
		t.Error("a junk key was taken for one")
	}
}

func newDir(t testing.TB) (string, *memJournal) {
	t.Helper()
	return t.TempDir(), newMemJournal()
}

// alter changes one byte of a file of the ledger, from the front or, if negative, from the end.
func alter(t testing.TB, dir, name string, at int) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
		t.Fatal(err)
	}
}

func truncate(t testing.TB, dir, name string, n int64) {
	t.Helper()
	if err := os.Truncate(filepath.Join(dir, filepath.FromSlash(name)), n); err != nil {
		t.Fatal(err)
	}
}

// Each kind of damage is found where it is, and nothing else is. The ledger has 1,000 leaves: three full leaf tiles, one
// of 232, and one tile of 3 above; checkpoints were signed at 100, 800, 900 and 1,000.
func TestVerifyLocatesDamage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir string, m *memJournal)
		want   []string
	}{
		{"record flipped", func(_ *testing.T, _ string, m *memJournal) {
			s := m.at(300)
			s.Bytes = append([]byte("x"), s.Bytes...)
			m.set(300, s)
		}, []string{"record_altered 300-300"}},
		{"record flipped in the partial tile", func(_ *testing.T, _ string, m *memJournal) { m.set(999, record(999, 1)) },
			[]string{"record_altered 999-999"}},
		{"salt flipped", func(_ *testing.T, _ string, m *memJournal) {
			s := m.at(1)
			s.Salt[0] ^= 1
			m.set(1, s)
		}, []string{"record_altered 1-1"}},
		{"records in a row", func(_ *testing.T, _ string, m *memJournal) {
			for seq := uint64(250); seq <= 530; seq++ {
				m.set(seq, record(seq, 1))
			}
		}, []string{"record_altered 250-530"}},
		{"records swapped", func(_ *testing.T, _ string, m *memJournal) {
			a, b := m.at(200), m.at(400)
			m.set(200, b)
			m.set(400, a)
		}, []string{"record_moved 200-200", "record_moved 400-400"}},
		{"record dropped, the rest moved up", func(_ *testing.T, _ string, m *memJournal) {
			for seq := uint64(130); seq < 1000; seq++ {
				m.set(seq, m.at(seq+1))
			}
			m.cut(999)
		}, []string{"record_moved 130-999", "journal_short 1000-1000"}},
		{"record gone", func(_ *testing.T, _ string, m *memJournal) { m.list[509] = journal.Stored{} },
			[]string{"record_missing 510-510"}},
		{"frame unreadable over tiles and stretches", func(_ *testing.T, _ string, m *memJournal) {
			m.corrupt = []journal.CorruptError{{First: 500, Count: 100, Err: errors.New("checksum")}}
		}, []string{"record_unreadable 500-599"}},
		{"journal cut", func(_ *testing.T, _ string, m *memJournal) { m.cut(700) }, []string{"journal_short 701-1000"}},
		{"leaf tile flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/0/001", 32*3) },
			[]string{"tile_altered 260-260 ledger/tile/0/001"}},
		{"partial leaf tile flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/0/003.p/232", -1) },
			[]string{"tile_altered 1000-1000 ledger/tile/0/003.p/232"}},
		{"older partial leaf tile flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/0/003.p/32", 0) },
			[]string{"tile_altered 769-769 ledger/tile/0/003.p/32"}},
		{"tile above flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/1/000.p/3", 40) },
			[]string{"tile_altered 257-512 ledger/tile/1/000.p/3"}},
		{"tile gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/tile/0/002") },
			[]string{"tile_unreadable 513-768 ledger/tile/0/002"}},
		{"tile truncated", func(t *testing.T, dir string, _ *memJournal) { truncate(t, dir, "ledger/tile/0/000", 100) },
			[]string{"tile_unreadable 1-256 ledger/tile/0/000"}},
		{"tile above gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/tile/1/000.p/3") },
			[]string{"tile_unreadable 1-768 ledger/tile/1/000.p/3"}},
		{"bundle flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/entries/001", 34*9+2) },
			[]string{"entry_altered 266-266 ledger/tile/entries/001"}},
		{"bundle length flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/entries/001", 1) },
			[]string{"entries_unreadable 257-512 ledger/tile/entries/001"}},
		{"older partial bundle flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/entries/003.p/32", 10) },
			[]string{"entry_altered 769-769 ledger/tile/entries/003.p/32"}},
		{"bundle gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/tile/entries/003.p/232") },
			[]string{"entries_unreadable 769-1000 ledger/tile/entries/003.p/232"}},
		{"bundle and tile gone", func(t *testing.T, dir string, _ *memJournal) {
			remove(t, dir, "ledger/tile/entries/001")
			remove(t, dir, "ledger/tile/0/001")
		}, []string{"tile_unreadable 257-512 ledger/tile/0/001", "entries_unreadable 257-512 ledger/tile/entries/001"}},
		{"record and bundle altered together", func(t *testing.T, dir string, m *memJournal) {
			m.set(300, record(300, 1))
			putEntry(t, dir, m, 300)
		}, []string{"record_altered 300-300", "entry_altered 300-300 ledger/tile/entries/001"}},
		{"record, bundle and leaf tile altered together", func(t *testing.T, dir string, m *memJournal) {
			m.set(300, record(300, 1))
			putEntry(t, dir, m, 300)
			putLeaf(t, dir, m, 300)
		}, []string{"record_altered 257-512 ledger/tile/1/000.p/3"}},
		{"checkpoint gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/checkpoint") },
			[]string{"checkpoint_missing 0-0 ledger/checkpoint"}},
		{"checkpoint's signature flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/checkpoint", -6) },
			[]string{"checkpoint_altered 0-0 ledger/checkpoint"}},
		{"checkpoint truncated", func(t *testing.T, dir string, _ *memJournal) { truncate(t, dir, "ledger/checkpoint", 20) },
			[]string{"checkpoint_altered 0-0 ledger/checkpoint"}},
		{"checkpoint's root flipped", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/checkpoint", 30) },
			[]string{"checkpoint_altered 0-0 ledger/checkpoint", "checkpoint_root 1-1000 ledger/checkpoint"}},
		{"tombstone forged", func(_ *testing.T, _ string, m *memJournal) { m.erase(300, audit.TombstoneErased) },
			[]string{"tombstone_unnamed 300-300"}},
		{"tombstones forged", func(_ *testing.T, _ string, m *memJournal) {
			for seq := uint64(500); seq < 600; seq++ {
				m.erase(seq, audit.TombstoneLost)
			}
		}, []string{"loss_unnamed 500-599"}},
		{"tombstone forged with another commitment", func(_ *testing.T, _ string, m *memJournal) {
			m.set(300, record(300, 1))
			m.erase(300, audit.TombstoneErased)
		}, []string{"record_altered 300-300", "tombstone_unnamed 300-300"}},
		{"many kinds at once", func(t *testing.T, dir string, m *memJournal) {
			m.set(3, record(3, 1))
			alter(t, dir, "ledger/tile/0/001", 0)
			alter(t, dir, "ledger/tile/entries/002", 2)
			m.cut(990)
		}, []string{"record_altered 3-3", "tile_altered 257-257 ledger/tile/0/001", "entry_altered 513-513 ledger/tile/entries/002", "journal_short 991-1000"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, m := build(t, 100, 800, 900, 1000)
			tt.damage(t, dir, m)
			r := check(t, VerifyOptions{Dir: dir, Journal: m})
			wantFound(t, r, tt.want...)
			if r.Verified || !strings.HasPrefix(r.Statement, "not verified: ") {
				t.Errorf("verified %v, statement %q", r.Verified, r.Statement)
			}
		})
	}
}

// Whatever single bit of the ledger's files is flipped, it is found, in the file it is in.
func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 3, 300, 700, 900, 1000)
	r := rand.New(rand.NewPCG(7, 7))
	files := snapshot(t, dir)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		content := files[name]
		if name == keyFile {
			continue // verification does not read it
		}
		for range 4 {
			at, bit := r.IntN(len(content)), byte(1)<<r.IntN(8)
			if name == pubFile && at == len(content)-1 {
				continue // the end of its line
			}
			flipped := []byte(content)
			flipped[at] ^= bit
			patch(t, dir, name, 0, flipped)
			report := check(t, VerifyOptions{Dir: dir, Journal: m})
			if report.Verified || !slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.File == name }) {
				t.Errorf("bit %08b of byte %d of %s: %q", bit, at, name, found(report))
			}
		}
		patch(t, dir, name, 0, []byte(content))
	}
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}))
}

// putEntry writes the journal's record into the entry bundle, as somebody would who covers tracks.
func putEntry(t *testing.T, dir string, m *memJournal, seq uint64) {
	t.Helper()
	c := m.at(seq).Commitment
	patch(t, dir, place(-1, int64(seq-1)/256, 256), int((seq-1)%256)*34+2, c[:])
}

func putLeaf(t *testing.T, dir string, m *memJournal, seq uint64) {
	t.Helper()
	leaf := new(leafTile)
	leaf.take(m.at(seq).Commitment)
	patch(t, dir, place(0, int64(seq-1)/256, 256), int((seq-1)%256)*32, leaf.hash[0][:])
}

func patch(t *testing.T, dir, name string, at int, data []byte) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[at:], data)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whoever holds the real key can rewrite journal and ledger so that they agree; only what was held elsewhere tells.
func TestVerifyAgainstHeldCheckpoint(t *testing.T) {
	t.Parallel()
	dir, m := newDir(t)
	l := open(t, dir, m)
	m.grow(600)
	cover(t, l, m)
	saved := l.Checkpoint().Note
	m.grow(400)
	cover(t, l, m)
	key := l.Key()

	// rewrite makes a directory with the same key over another history.
	rewrite := func(t *testing.T, other *memJournal) string {
		t.Helper()
		forged := t.TempDir()
		for _, name := range []string{keyFile, pubFile} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(forged, "keys"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(forged, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Recover(t.Context(), forged, newMemJournal()); err != nil {
			t.Fatal(err)
		}
		cover(t, open(t, forged, other), other)
		return forged
	}

	t.Run("cut together", func(t *testing.T) {
		t.Parallel()
		short := newMemJournal().grow(500)
		forged := rewrite(t, short)
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: short, Key: key}))
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: short, Key: key, Saved: saved}), "saved_ahead 501-600")
	})
	t.Run("rewritten and signed with the real key", func(t *testing.T) {
		t.Parallel()
		other := newMemJournal().grow(1000)
		other.set(20, record(20, 1))
		forged := rewrite(t, other)
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: other, Key: key}))
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: other, Key: key, Saved: saved}), "saved_root 1-600")
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: other, Key: key, Saved: saved, From: 700}),
			"saved_root 1-600", "not_recomputed 1-512")
		wantFound(t, check(t, VerifyOptions{Dir: forged, Journal: other, Key: key, Saved: saved, From: 900}),
			"saved_root 1-600", "not_recomputed 1-768")
	})
	t.Run("rewritten behind the held checkpoint", func(t *testing.T) {
		t.Parallel()
		other := newMemJournal().grow(1000)
		other.set(601, record(601, 1))
		forged := rewrite(t, other)
		r := check(t, VerifyOptions{Dir: forged, Journal: other, Key: key, Saved: saved})
		wantFound(t, r) // which is why a checkpoint is to be taken off the machine often
	})
	t.Run("of another ledger", func(t *testing.T) {
		t.Parallel()
		elsewhere, n := newDir(t)
		l, err := Open(t.Context(), elsewhere, Options{Journal: n})
		if err != nil {
			t.Fatal(err)
		}
		n.grow(10)
		cover(t, l, n)
		r := check(t, VerifyOptions{Dir: elsewhere, Journal: n, Saved: saved})
		wantFound(t, r, "saved_altered 0-0", "saved_origin 0-0")
	})
}

func TestVerifyFrom(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 1000, 70000)
	m.set(5, record(5, 1)) // before the start: not looked at
	for _, tt := range []struct {
		from  uint64
		first uint64
	}{
		{257, 257}, {300, 257}, {512, 257}, {513, 513}, {65536, 65281}, {65537, 65537}, {69999, 69889}, {70000, 69889}, {99999, 69889},
	} {
		t.Run(fmt.Sprint(tt.from), func(t *testing.T) {
			t.Parallel()
			r := check(t, VerifyOptions{Dir: dir, Journal: m, From: tt.from, chunk: 16384})
			wantFound(t, r, fmt.Sprintf("not_recomputed 1-%d", tt.first-1))
			if !r.Verified || r.From != tt.first || r.Records != 70000-tt.first+1 || !strings.Contains(r.Statement, fmt.Sprintf("records %d to 70000 match", tt.first)) {
				t.Errorf("report = %+v", r)
			}
		})
	}
	r := check(t, VerifyOptions{Dir: dir, Journal: m, From: 1})
	wantFound(t, r, "record_altered 5-5")
}

func TestVerifyRecordsBehindTheCheckpoint(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 300, 2000} {
		dir, m := build(t, 700)
		m.grow(n)
		r := check(t, VerifyOptions{Dir: dir, Journal: m})
		wantFound(t, r, fmt.Sprintf("uncovered 701-%d", 700+n))
		if !r.Verified || r.Records != uint64(700+n) {
			t.Errorf("report = %+v", r)
		}
	}
}

// Tiles that a crash left beyond the checkpoint are not part of the ledger.
func TestVerifyIgnoresTilesBeyondTheCheckpoint(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 700)
	l := open(t, dir, m)
	m.grow(900)
	f := m.follow(701)
	batch, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.append(batch); err != nil {
		t.Fatal(err)
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	alter(t, dir, "ledger/tile/0/003", 0)
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}), "uncovered 701-1600")
	cover(t, open(t, dir, m), m) // written again
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}))
}

func TestVerifyReportsFailureToReadAsAnError(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 700)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := Verify(ctx, VerifyOptions{Dir: dir, Journal: m}); !errors.Is(err, context.Canceled) {
		t.Errorf("report %+v, error %v", r, err)
	}
}

func TestVerifyProgress(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 3000)
	var seen []uint64
	check(t, VerifyOptions{Dir: dir, Journal: m, chunk: 1024, Progress: func(done, total uint64) {
		if total != 3000 {
			t.Errorf("total = %d", total)
		}
		seen = append(seen, done)
	}})
	if diff := cmp.Diff([]uint64{1024, 2048, 3000}, seen); diff != "" {
		t.Errorf("progress differs (-want +got):\n%s", diff)
	}
}

// However many leaves a checkpoint speaks of, no more is gone over than there is.
func TestVerifyAgainstAnAbsurdCheckpoint(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 700)
	k, err := readKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	absurd, err := tiles.Sign(k.signer, tlog.Tree{N: 1 << 47})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, checkpointFile), absurd.Note, 0o600); err != nil {
		t.Fatal(err)
	}
	r := check(t, VerifyOptions{Dir: dir, Journal: m})
	if r.Verified || r.Records != 700 || !slices.Contains(found(r), "checkpoint_root 701-140737488355328 ledger/checkpoint") {
		t.Errorf("%d records, found %q", r.Records, found(r))
	}
}

// The keys of the report are an interface.
func TestReportKeys(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 3)
	m.grow(1)
	r := check(t, VerifyOptions{Dir: dir, Journal: m})
	checkJSON(t, r, `{"verified":true,"anchored":"none","statement":"self-consistent, not anchored: records 1 to 3 match the ledger; give a key and a held checkpoint to verify against",`+
		`"origin":"example.test/ledger","from":1,"records":4,"tombstones":0,"lost":0,"ledger_size":3,"journal_last":4,"root":"`+r.Root+`",`+
		`"findings":[{"kind":"uncovered","severity":"notice","first":4,"last":4,"text":"records 4 to 4 are not yet covered by a checkpoint"}]}`)
}

func checkJSON(t *testing.T, v any, want string) {
	t.Helper()
	got, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON differs (-want +got):\n%s", diff)
	}
}
