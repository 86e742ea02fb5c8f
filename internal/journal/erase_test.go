package journal

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

// secret makes an entry with something in it that stands nowhere else.
func secret(n, size int) Entry {
	e := entry(n)
	b := make([]byte, size)
	_, _ = rand.Read(b)
	e.Record.Type = hex.EncodeToString(b)
	e.Bytes = e.Record.AppendCanonical(nil)
	return e
}

func secrets(from, n, size int) (list []Entry) {
	for i := range n {
		list = append(list, secret(from+i, size))
	}
	return list
}

func frameOf(tb testing.TB, j *Journal, seq uint64) []byte {
	tb.Helper()
	var b []byte
	if err := j.reader.db.QueryRow("SELECT frame FROM frames WHERE first <= ? ORDER BY first DESC LIMIT 1", int64(seq)).Scan(&b); err != nil {
		tb.Fatal(err)
	}
	return b
}

// allFrames is what may still be found in the files: compressed records that are alike have pieces in common.
func allFrames(tb testing.TB, j *Journal) (list [][]byte) {
	tb.Helper()
	rows, err := j.reader.db.Query("SELECT frame FROM frames UNION ALL SELECT frame FROM moved UNION ALL SELECT salt FROM salts")
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			tb.Fatal(err)
		}
		list = append(list, b)
	}
	return list
}

// traces counts, in all files of a directory, the pieces of what stood in old frames and no longer stands in the new
// ones. A piece is 12 bytes; compressed data has hardly any twice.
func traces(tb testing.TB, dir string, old, now [][]byte) (found int) {
	tb.Helper()
	const piece = 12
	pieces := map[[piece]byte]bool{}
	for _, b := range old {
		for i := 0; i+piece <= len(b); i += 3 {
			pieces[[piece]byte(b[i:])] = true
		}
	}
	for _, b := range now {
		for i := 0; i+piece <= len(b); i++ {
			delete(pieces, [piece]byte(b[i:]))
		}
	}
	delete(pieces, [piece]byte{})
	if len(pieces) == 0 {
		tb.Fatal("nothing to look for")
	}
	names, err := filepath.Glob(filepath.Join(dir, FileName+"*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		for i := 0; i+piece <= len(b); i++ {
			if pieces[[piece]byte(b[i:])] {
				found++
			}
		}
	}
	return found
}

func TestErase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 30)...)
	mustAppend(t, j, entry(31))
	mustAppend(t, j, entries(32, 3)...)
	before, err := j.Reader().Get(t.Context(), 5, 31)
	if err != nil {
		t.Fatal(err)
	}
	want := numbers(1, 34)
	for range 2 { // twice is as once
		if err := j.Erase(t.Context(), 31, 5, 7, 5); err != nil {
			t.Fatal(err)
		}
		want[4], want[6], want[30] = "erased", "erased", "erased"
		if diff := cmp.Diff(want, contents(t, j.Reader())); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, collect(t, j.Follow(1), 1, 34)); diff != "" {
			t.Errorf("from memory: %s", diff)
		}
	}
	after, err := j.Reader().Get(t.Context(), 5, 31)
	if err != nil {
		t.Fatal(err)
	}
	for i := range after {
		if after[i].Commitment != before[i].Commitment || after[i].Bytes != nil || after[i].Salt != (audit.Salt{}) {
			t.Errorf("%+v", after[i])
		}
	}
	if got := mustAppend(t, j, entry(5), entry(31), entry(40)); got.Duplicates != 2 || got.Seqs[0] != 5 || got.Seqs[1] != 31 {
		t.Errorf("re-delivery of what was erased: %+v", got)
	}
	if err := j.Erase(t.Context(), 1, 36); !errors.Is(err, ErrNotFound) {
		t.Errorf("erase behind the end: %v", err)
	}
	if err := j.Erase(t.Context(), 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("erase 0: %v", err)
	}
	if err := j.Erase(t.Context()); err != nil {
		t.Error(err)
	}
	stop()
	j, _ = start(t, dir, Options{})
	if got := mustAppend(t, j, entry(7)); got.Duplicates != 1 {
		t.Errorf("re-delivery after a restart: %+v", got)
	}
	if diff := cmp.Diff(append(want, "40"), contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
}

// What is erased stands in no file any more, wherever SQLite had put it: in the log, in the file, in rows within a page
// or spread over many, in rows that shrank or grew.
func TestEraseLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := func(name string, checkpoint bool, batches [][]Entry, erase ...uint64) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j, stop := start(t, dir, Options{})
			for _, b := range batches {
				mustAppend(t, j, b...)
			}
			if checkpoint {
				if done, err := j.writer.truncateLog(t.Context()); !done || err != nil {
					t.Fatal(done, err)
				}
				mustAppend(t, j, secret(99_999, 50)) // something in the log again
			}
			before, err := j.Reader().Get(t.Context(), erase...)
			if err != nil {
				t.Fatal(err)
			}
			var old, now [][]byte
			for i := range before {
				old = append(old, frameOf(t, j, before[i].Seq), before[i].Salt[:])
			}
			if traces(t, dir, old, nil) < 20 {
				t.Fatal("the search finds nothing even before")
			}
			if err := j.Erase(t.Context(), erase...); err != nil {
				t.Fatal(err)
			}
			now = allFrames(t, j)
			if n := traces(t, dir, old, now); n > 0 {
				t.Errorf("%d traces after erasing", n)
			}
			if info, err := os.Stat(filepath.Join(dir, FileName+"-wal")); err != nil || info.Size() != 0 {
				t.Errorf("the log: %v, %v", info, err)
			}
			stop()
			if n := traces(t, dir, old, now); n > 0 {
				t.Errorf("%d traces after closing", n)
			}
			contents(t, openTestReader(t, dir))
		})
	}
	single := func(n int) (list [][]Entry) {
		for i := range n {
			list = append(list, secrets(i, 1, 100))
		}
		return list
	}
	batches := func(n, size int) (list [][]Entry) {
		for i := range n {
			list = append(list, secrets(i*size, size, 300))
		}
		return list
	}
	f("small rows in the log", false, single(50), 1, 20, 21, 50)
	f("small rows in the file", true, single(50), 1, 20, 21, 50)
	f("a whole large row", true, batches(3, 120), seqsBetween(121, 240)...)
	f("one of a large row", true, batches(3, 120), 133)
	f("half of a large row", false, batches(3, 120), seqsBetween(150, 210)...)
	f("many rows", true, batches(15, 10), seqsBetween(15, 135)...)
}

func seqsBetween(from, to uint64) (list []uint64) {
	for seq := from; seq <= to; seq++ {
		list = append(list, seq)
	}
	return list
}

// Records so alike that their tombstones take more room than they did: frames grow, rows move, and what lay around them
// leaves no copy that a later erasure would miss.
func TestEraseLeavesNoTraceInRowsThatGrow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := start(t, dir, Options{})
	var erased []uint64
	last := uint64(0)
	for i := range 60 {
		mustAppend(t, j, entries(i*1000, 40+i)...) // grows
		mustAppend(t, j, secret(500_000+i, 100))   // its neighbour
		last += uint64(40 + i + 1)
		erased = append(erased, last)
	}
	if done, err := j.writer.truncateLog(t.Context()); !done || err != nil {
		t.Fatal(done, err)
	}
	var old, now [][]byte
	for _, seq := range erased {
		old = append(old, frameOf(t, j, seq))
	}
	grew := len(frameOf(t, j, 1))
	var alike []uint64
	for seq := uint64(1); seq <= last; seq++ {
		if !slices.Contains(erased, seq) {
			alike = append(alike, seq)
		}
	}
	for pass := range 3 { // frames that were moved grow once more
		var some []uint64
		for i := pass; i < len(alike); i += 3 {
			some = append(some, alike[i])
		}
		if err := j.Erase(t.Context(), some...); err != nil {
			t.Fatal(err)
		}
	}
	if f := frameOf(t, j, 1); len(f) != grew || !isMoved(f) {
		t.Fatal("the frame did not grow: the test tests nothing")
	}
	if err := j.Erase(t.Context(), erased...); err != nil {
		t.Fatal(err)
	}
	now = allFrames(t, j)
	if n := traces(t, dir, old, now); n > 0 {
		t.Errorf("%d traces", n)
	}
	for seq, what := range contents(t, openTestReader(t, dir)) {
		if what != "erased" {
			t.Errorf("seq %d: %s", seq+1, what)
		}
	}
	if n := len(mustGet(t, j, last, 1, 7, last/2)); n != 4 {
		t.Errorf("%d records", n)
	}
}

func mustGet(tb testing.TB, j *Journal, seqs ...uint64) []Stored {
	tb.Helper()
	got, err := j.Reader().Get(tb.Context(), seqs...)
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

// A reader in the way: the records are erased, the error says that the log is not yet empty, and a crash at that very
// moment loses nothing: the erasure is made again.
func TestEraseIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir, crashed := t.TempDir(), t.TempDir()
	j, _ := start(t, dir, Options{})
	mustAppend(t, j, secrets(1, 5, 200)...)
	mustAppend(t, j, secrets(6, 1, 200)...)
	old := [][]byte{frameOf(t, j, 6)}
	hold := holdSnapshot(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- j.Erase(ctx, 6) }()
	for mustGet(t, j, 6)[0].Tombstone == nil {
	}
	cancel()
	if err := <-failed; !errors.Is(err, ErrBusy) || !errors.Is(err, context.Canceled) {
		t.Fatalf("erase: %v, want ErrBusy", err)
	}
	for _, suffix := range []string{"", "-wal"} { // what a crash would leave
		b, err := os.ReadFile(filepath.Join(dir, FileName+suffix))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(crashed, FileName+suffix), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := allFrames(t, j)
	hold()
	if err := j.Erase(t.Context(), 6); err != nil {
		t.Error(err)
	}
	if n := traces(t, dir, old, now); n > 0 {
		t.Errorf("%d traces", n)
	}
	if traces(t, crashed, old, now) == 0 {
		t.Fatal("the crash left nothing to clean up: the test tests nothing")
	}
	j, _ = start(t, crashed, Options{})
	if err := j.Erase(t.Context(), 6); err != nil {
		t.Error(err)
	}
	if n := traces(t, crashed, old, now); n > 0 {
		t.Errorf("%d traces after the crash", n)
	}
	if diff := cmp.Diff(append(numbers(1, 5), "erased"), contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
}

// holdSnapshot keeps a read transaction open until the returned function is called.
func holdSnapshot(tb testing.TB, dir string) (release func()) {
	tb.Helper()
	db, err := sql.Open("sqlite", readerDSN(filepath.Join(dir, FileName)))
	if err != nil {
		tb.Fatal(err)
	}
	tx, err := db.Begin()
	if err != nil {
		tb.Fatal(err)
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM frames").Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return func() {
		if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
			tb.Error(err)
		}
	}
}

// What cannot be read cannot be committed to, so it is not overwritten with something else either.
func TestEraseStopsAtDamage(t *testing.T) {
	t.Parallel()
	f := func(name, damage string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, _ := start(t, t.TempDir(), Options{})
			mustAppend(t, j, entries(1, 5)...)
			mustAppend(t, j, entries(6, 5)...)
			if _, err := j.writer.conn.ExecContext(t.Context(), damage); err != nil {
				t.Fatal(err)
			}
			var c *CorruptError
			if err := j.Erase(t.Context(), 2, 8); !errors.As(err, &c) || c.First > 8 || c.First+c.Count <= 8 {
				t.Errorf("erase: %v", err)
			}
			if s := mustGet(t, j, 2); s[0].Tombstone != nil {
				t.Error("half of it was erased")
			}
		})
	}
	f("frame", "UPDATE frames SET frame = x'01' WHERE first = 6")
	f("salt", "DELETE FROM salts WHERE seq = 8")
	f("row", "UPDATE frames SET count = 2 WHERE first = 6")
}

func TestEraseBesideAppends(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{RecentBytes: 20_000})
	mustAppend(t, j, entries(1, 500)...)
	done := make(chan error)
	go func() {
		for seq := uint64(1); seq <= 500; seq += 50 {
			if err := j.Erase(context.Background(), seqsBetween(seq, seq+9)...); err != nil {
				done <- fmt.Errorf("erase %d: %w", seq, err)
				return
			}
		}
		done <- nil
	}()
	next := 501
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
			mustAppend(t, j, entries(next, 5)...)
			next += 5
		}
	}
	want := numbers(1, next-1)
	for i := range 500 {
		if i%50 < 10 {
			want[i] = "erased"
		}
	}
	if diff := cmp.Diff(want, contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
	if got := collect(t, j.Follow(1), 1, next-1); !bytes.Equal([]byte(fmt.Sprint(want)), []byte(fmt.Sprint(got))) {
		t.Error("a follower sees something else")
	}
}
