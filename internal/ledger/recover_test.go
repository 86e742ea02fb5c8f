package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

func TestOpenHoldsTheLedgerAgainstTheJournal(t *testing.T) {
	t.Parallel()
	f := func(name string, do func(t *testing.T, dir string, m *memJournal), want error) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, m := build(t, 100, 700)
			do(t, dir, m)
			_, err := Open(t.Context(), dir, Options{Journal: m})
			switch want := want.(type) {
			case nil:
				if err != nil {
					t.Error(err)
				}
			case *AheadError:
				var got *AheadError
				if !errors.As(err, &got) || *got != *want {
					t.Errorf("error = %v, want %v", err, want)
				}
			case *DivergedError:
				var got *DivergedError
				if !errors.As(err, &got) || *got != *want {
					t.Errorf("error = %v, want %v", err, want)
				}
			case *DamagedError:
				var got *DamagedError
				if !errors.As(err, &got) {
					t.Errorf("error = %v, want that the ledger is damaged", err)
				}
			default:
				if !errors.Is(err, want) {
					t.Errorf("error = %v, want %v", err, want)
				}
			}
		})
	}
	f("nothing wrong", func(*testing.T, string, *memJournal) {}, nil)
	f("journal further on", func(_ *testing.T, _ string, m *memJournal) { m.grow(10) }, nil)
	f("journal cut", func(_ *testing.T, _ string, m *memJournal) { m.cut(650) }, &AheadError{Ledger: 700, Journal: 650})
	f("journal empty", func(_ *testing.T, _ string, m *memJournal) { m.cut(0) }, &AheadError{Ledger: 700})
	f("journal cut and grown again", func(_ *testing.T, _ string, m *memJournal) {
		m.cut(650)
		for range 100 {
			m.put(record(m.len()+1, 1))
		}
	}, &DivergedError{Seq: 700})
	f("checkpoint gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, checkpointFile) }, &DamagedError{})
	f("checkpoint altered", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, checkpointFile, 22) }, &DamagedError{})
	f("tile gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/tile/0/002.p/188") }, &DamagedError{})
	f("tile altered", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/1/000.p/2", 0) }, &DamagedError{})
	f("bundle altered", func(t *testing.T, dir string, _ *memJournal) { alter(t, dir, "ledger/tile/entries/002.p/188", 2) }, &DamagedError{})
	f("key gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, keyFile) }, ErrKeyMissing)
	f("key and checkpoint gone", func(t *testing.T, dir string, _ *memJournal) {
		remove(t, dir, keyFile)
		remove(t, dir, checkpointFile)
	}, ErrKeyMissing)
	f("verifier key gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, pubFile) }, nil)
	f("a full tile gone that is not needed to go on", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, "ledger/tile/0/000") }, nil)
}

func TestOpenRefusesAKeyOthersCanRead(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 3)
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{Journal: m}); err == nil {
		t.Error("a key that everybody can read was used")
	}
}

func TestKeyOfADirectory(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newMemJournal()
	l, err := Open(t.Context(), dir, Options{Journal: m})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReadKey(dir); err != nil || got != l.Key() {
		t.Errorf("ReadKey = %q, %v; want %q", got, err, l.Key())
	}
	again := open(t, dir, m)
	if again.Key() != l.Key() {
		t.Errorf("key %q became %q", l.Key(), again.Key())
	}
	other := open(t, t.TempDir(), m)
	if other.Key() == l.Key() {
		t.Error("two ledgers have one key")
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the key = %v, %v", info.Mode(), err)
	}
}

func recovered(t *testing.T, dir string, m *memJournal) *Recovery {
	t.Helper()
	r, err := Recover(t.Context(), dir, m)
	if err != nil {
		t.Fatal(err)
	}
	for _, lost := range r.Lost {
		m.nameLost(int64(lost.First), int64(lost.Last))
	}
	return r
}

func TestRecoverFillsWhatTheJournalLost(t *testing.T) {
	t.Parallel()
	for _, last := range []uint64{0, 1, 255, 256, 257, 900, 2999} {
		fillsWhatWasLost(t, last, 3000)
	}
	fillsWhatWasLost(t, 500, 2*fillAtOnce)
}

func fillsWhatWasLost(t *testing.T, last uint64, size int) {
	t.Helper()
	dir, m := build(t, 300, size)
	whole := m.list
	m.cut(last)
	r := recovered(t, dir, m)
	if diff := cmp.Diff([]Range{{last + 1, uint64(size)}}, r.Lost); diff != "" {
		t.Errorf("journal cut at %d: lost differs (-want +got):\n%s", last, diff)
	}
	if got := m.at(uint64(size)); got.Tombstone == nil || got.Tombstone.Reason != audit.TombstoneLost || got.Commitment != whole[size-1].Commitment {
		t.Errorf("journal cut at %d: the last position = %+v", last, got)
	}
	cover(t, open(t, dir, m), m)
	report := check(t, VerifyOptions{Dir: dir, Journal: m, chunk: 8192})
	wantFound(t, report)
	if report.Tombstones != uint64(size)-last {
		t.Errorf("journal cut at %d: %d tombstones", last, report.Tombstones)
	}
	if again := recovered(t, dir, m); again.Lost != nil || again.Mended != nil {
		t.Errorf("a second recovery found %+v", again)
	}
}

// A crash between filling and naming: the next recovery names all of it.
func TestRecoverNamesWhatAnEarlierOneFilled(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 1000)
	m.cut(500)
	if _, err := Recover(t.Context(), dir, m); err != nil {
		t.Fatal(err)
	}
	m.cut(800) // as if it had come so far
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}), "loss_unnamed 501-800", "journal_short 801-1000")
	r := recovered(t, dir, m)
	if diff := cmp.Diff([]Range{{501, 1000}}, r.Lost); diff != "" {
		t.Errorf("lost differs (-want +got):\n%s", diff)
	}
	cover(t, open(t, dir, m), m)
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}))
}

func TestRecoverMendsTheLedger(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir string, m *memJournal)
		mended []string
		signed bool
		size   uint64
	}{
		{"tiles and bundles", func(t *testing.T, dir string, _ *memJournal) {
			remove(t, dir, "ledger/tile/0/000")
			alter(t, dir, "ledger/tile/0/001", 0)
			truncate(t, dir, "ledger/tile/entries/000", 7)
			alter(t, dir, "ledger/tile/entries/003.p/232", -1)
			alter(t, dir, "ledger/tile/1/000.p/3", 9)
		}, []string{"ledger/tile/0/000", "ledger/tile/0/001", "ledger/tile/1/000.p/3", "ledger/tile/entries/000", "ledger/tile/entries/003.p/232"}, false, 1000},
		{"checkpoint gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, checkpointFile) }, nil, true, 1000},
		{"checkpoint torn", func(t *testing.T, dir string, _ *memJournal) { truncate(t, dir, checkpointFile, 30) }, nil, true, 1000},
		{"checkpoint and tiles gone", func(t *testing.T, dir string, _ *memJournal) {
			remove(t, dir, checkpointFile)
			remove(t, dir, "ledger/tile/0/000")
			remove(t, dir, "ledger/tile/1/000.p/3")
		}, []string{"ledger/tile/0/000", "ledger/tile/1/000.p/3"}, true, 1000},
		{"checkpoint gone, journal further on", func(t *testing.T, dir string, m *memJournal) {
			remove(t, dir, checkpointFile)
			m.grow(50)
		}, nil, true, 1000},
		{"everything but the key gone", func(t *testing.T, dir string, _ *memJournal) {
			if err := os.RemoveAll(filepath.Join(dir, ledgerDir)); err != nil {
				t.Fatal(err)
			}
		}, nil, true, 0},
		{"tiles gone, journal short", func(t *testing.T, dir string, m *memJournal) {
			remove(t, dir, "ledger/tile/0/001")
			remove(t, dir, "ledger/tile/0/003.p/232")
			remove(t, dir, "ledger/tile/entries/000")
			m.cut(900)
		}, []string{"ledger/tile/0/001", "ledger/tile/0/003.p/232", "ledger/tile/entries/000"}, false, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, m := build(t, 500, 1000)
			before := open(t, dir, m).Checkpoint()
			tt.damage(t, dir, m)
			r := recovered(t, dir, m)
			if diff := cmp.Diff(tt.mended, sorted(r.Mended)); diff != "" {
				t.Errorf("mended differs (-want +got):\n%s", diff)
			}
			if r.Signed != tt.signed || r.Size != tt.size {
				t.Errorf("signed %v, size %d; want %v, %d", r.Signed, r.Size, tt.signed, tt.size)
			}
			cover(t, open(t, dir, m), m)
			wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m, Saved: before.Note}))
		})
	}
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// Nothing is written where journal and ledger contradict each other.
func TestRecoverRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, dir string, m *memJournal)
	}{
		{"record altered", func(_ *testing.T, _ string, m *memJournal) { m.set(7, record(7, 1)) }},
		{"record unreadable", func(_ *testing.T, _ string, m *memJournal) {
			m.corrupt = []journal.CorruptError{{First: 7, Count: 1, Err: errors.New("checksum")}}
		}},
		{"record altered, tile gone", func(t *testing.T, dir string, m *memJournal) {
			m.set(7, record(7, 1))
			remove(t, dir, "ledger/tile/0/000")
		}},
		{"record altered, checkpoint gone", func(t *testing.T, dir string, m *memJournal) {
			m.set(7, record(7, 1))
			remove(t, dir, checkpointFile)
		}},
		{"tile altered, checkpoint gone", func(t *testing.T, dir string, _ *memJournal) {
			alter(t, dir, "ledger/tile/0/000", 0)
			remove(t, dir, checkpointFile)
		}},
		{"checkpoint by another key", func(t *testing.T, dir string, _ *memJournal) {
			other, _ := build(t, 5)
			b, err := os.ReadFile(filepath.Join(other, checkpointFile))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, checkpointFile), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"journal short, checkpoint gone", func(t *testing.T, dir string, m *memJournal) {
			m.cut(900)
			remove(t, dir, checkpointFile)
		}},
		{"journal short and altered", func(_ *testing.T, _ string, m *memJournal) {
			m.cut(900)
			m.set(900, record(900, 1))
		}},
		{"journal short, lost entries gone", func(t *testing.T, dir string, m *memJournal) {
			m.cut(900)
			remove(t, dir, "ledger/tile/entries/003.p/232")
		}},
		{"key gone", func(t *testing.T, dir string, _ *memJournal) { remove(t, dir, keyFile) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, m := build(t, 500, 1000)
			tt.damage(t, dir, m)
			before, records := snapshot(t, dir), m.len()
			if r, err := Recover(t.Context(), dir, m); err == nil {
				t.Errorf("recovered: %+v", r)
			}
			if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
				t.Errorf("files changed (-before +after):\n%s", diff)
			}
			if m.len() != records {
				t.Errorf("the journal grew from %d to %d", records, m.len())
			}
		})
	}
}

// snapshot reads every file of a directory.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, dir+"/")] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// More damage than is mended at once.
func TestRecoverMendsInRounds(t *testing.T) {
	t.Parallel()
	const tiles = maxDamages/2 + 50
	dir, m := build(t, tiles*256)
	for _, level := range []string{"0", "entries"} {
		if err := os.RemoveAll(filepath.Join(dir, "ledger/tile", level)); err != nil {
			t.Fatal(err)
		}
	}
	r := recovered(t, dir, m)
	if len(r.Mended) != 2*tiles {
		t.Errorf("mended %d files, want %d", len(r.Mended), 2*tiles)
	}
	wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m, chunk: 32768}))
}
