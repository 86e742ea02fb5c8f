package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

func openJournal(tb testing.TB, dir string, opts Options) *Journal {
	tb.Helper()
	j, err := Open(tb.Context(), dir, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	})
	return j
}

// run runs the committer until the returned function is called or the test ends.
func run(tb testing.TB, j *Journal) (stop func()) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx); close(done) }()
	stop = func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	}
	tb.Cleanup(stop)
	return stop
}

// start opens and runs a journal; stop ends and closes it, as a restart does.
func start(tb testing.TB, dir string, opts Options) (j *Journal, stop func()) {
	tb.Helper()
	j = openJournal(tb, dir, opts)
	end := run(tb, j)
	return j, func() {
		end()
		if err := j.Close(); err != nil {
			tb.Error(err)
		}
	}
}

var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// entry makes a small entry; its id is its number.
func entry(n int) Entry { return entryAt(n, day) }

func entryAt(n int, recorded time.Time) Entry {
	r := &audit.Record{
		Version: 1, ID: strconv.Itoa(n), Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode,
		Activity: audit.ActivityPrompt, Type: "test", Outcome: audit.OutcomeSuccess, Occurred: recorded, Recorded: recorded,
	}
	id := Digest{0: 1}
	copy(id[8:], strconv.Itoa(n))
	return Entry{Record: r, Bytes: r.AppendCanonical(nil), ID: id}
}

func entries(from, n int) []Entry {
	list := make([]Entry, n)
	for i := range list {
		list[i] = entry(from + i)
	}
	return list
}

func mustAppend(tb testing.TB, j *Journal, list ...Entry) Receipt {
	tb.Helper()
	receipt, err := j.Append(tb.Context(), Batch{Entries: list})
	if err != nil {
		tb.Fatal(err)
	}
	return receipt
}

// contents reads a whole journal through a scan: the ids of its records, or the reason of a tombstone.
func contents(tb testing.TB, r *Reader) []string {
	tb.Helper()
	var list []string
	next := uint64(1)
	for s, err := range r.Scan(tb.Context(), 1, 0) {
		if err != nil {
			tb.Fatal(err)
		}
		if s.Seq != next {
			tb.Fatalf("scan: seq %d after %d", s.Seq, next-1)
		}
		next++
		list = append(list, describe(tb, &s))
	}
	return list
}

func describe(tb testing.TB, s *Stored) string {
	tb.Helper()
	if s.Tombstone != nil {
		if s.Commitment != s.Tombstone.Commitment || s.Bytes != nil {
			tb.Errorf("tombstone %+v", s)
		}
		return string(s.Tombstone.Reason)
	}
	if s.Commitment != audit.Commit(s.Salt, s.Bytes) {
		tb.Errorf("seq %d: commitment does not match salt and bytes", s.Seq)
	}
	r, err := s.Record()
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(r.AppendCanonical(nil), s.Bytes) {
		tb.Errorf("seq %d: record and bytes differ", s.Seq)
	}
	return r.ID
}

func numbers(from, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(from + i)
	}
	return list
}

func TestOpenTakesTheLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, stop := start(t, dir, Options{})
	_, err := Open(t.Context(), dir, Options{})
	if !errors.Is(err, ErrLocked) || !bytes.Contains([]byte(err.Error()), []byte(fmt.Sprintf("process %d", os.Getpid()))) {
		t.Fatalf("second open: %v, want ErrLocked naming process %d", err, os.Getpid())
	}
	stop()
	_, stop = start(t, dir, Options{})
	stop()
}

func TestFilesAreTheOwners(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	j, _ := start(t, dir, Options{})
	mustAppend(t, j, entry(1))
	for _, name := range []string{"", FileName, FileName + "-wal", LockName} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %v", name, mode)
		}
	}
}

func TestOlderBuildRefusesNewerFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entry(1))
	if _, err := j.writer.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA user_version=%d", len(migrations())+1)); err != nil {
		t.Fatal(err)
	}
	stop()
	before, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v, want ErrNewer", err)
	}
	if _, err := OpenReader(t.Context(), dir); !errors.Is(err, ErrNewer) {
		t.Errorf("open reader: %v, want ErrNewer", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, FileName)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a refused file was changed (%v)", err)
	}
}

func TestOpenRefusesForeignFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	if _, err := j.writer.conn.ExecContext(t.Context(), "PRAGMA application_id=1"); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := Open(t.Context(), dir, Options{}); err == nil {
		t.Error("a file of another application was opened")
	}
}

func TestOpenReaderNeverCreates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenReader(t.Context(), dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open reader: %v, want fs.ErrNotExist", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("open reader left %v (%v)", left, err)
	}
}

func TestPathsOfAnyName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20?c#d&_pragma=x")
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entry(1))
	stop()
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}
