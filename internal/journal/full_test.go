package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
)

// fill appends until there is no room, and returns how many batches of ten were stored.
func fill(tb testing.TB, j *Journal) (batches int, err error) {
	tb.Helper()
	for batches < 10_000 {
		if _, err := j.Append(tb.Context(), Batch{Entries: secrets(batches*10+1, 10, 500)}); err != nil {
			return batches, err
		}
		batches++
	}
	return batches, errors.New("it never became full")
}

// checkFull: refused with the right words, condition raised, reading goes on, nothing half done.
func checkFull(tb testing.TB, j *Journal, reg *health.Registry, dir string, batches int, err error) {
	tb.Helper()
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "free space") || !strings.Contains(err.Error(), dir) {
		tb.Fatalf("append: %v, want ErrFull that says what to do", err)
	}
	if c := reg.Conditions(); len(c) != 1 || c[0].Code != ConditionFull || c[0].Severity != health.Critical {
		tb.Errorf("conditions: %+v", c)
	}
	if diff := cmp.Diff(numbers(1, batches*10), contents(tb, j.Reader())); diff != "" {
		tb.Error(diff)
	}
	if got := len(collect(tb, j.Follow(1), 1, batches*10)); got != batches*10 {
		tb.Errorf("a follower sees %d", got)
	}
	batch := Batch{Entries: secrets(900_000, 10, 500), Cursors: map[string][]byte{"c": []byte("x")}}
	if _, err := j.Append(context.Background(), batch); !errors.Is(err, ErrFull) {
		tb.Errorf("once more: %v", err)
	}
	if c, err := j.Cursor(tb.Context(), "c"); c != nil || err != nil {
		tb.Errorf("cursor of a refused batch: %q, %v", c, err)
	}
}

// checkRecovered: the next append works without a restart, at the next position, and what was refused can come again.
func checkRecovered(tb testing.TB, j *Journal, reg *health.Registry, batches int) {
	tb.Helper()
	got := mustAppend(tb, j, secrets(batches*10+1, 10, 500)...)
	if got.Seqs[0] != uint64(batches*10+1) || got.Duplicates != 0 {
		tb.Errorf("after the recovery: %+v", got)
	}
	if c := reg.Conditions(); len(c) != 0 {
		tb.Errorf("conditions: %+v", c)
	}
	if diff := cmp.Diff(numbers(1, batches*10+10), contents(tb, j.Reader())); diff != "" {
		tb.Error(diff)
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var reg health.Registry
	var log bytes.Buffer
	j, stop := start(t, dir, Options{Health: &reg, Logger: slog.New(slog.NewTextHandler(&log, nil)), MaxPages: 120})
	batches, err := fill(t, j)
	if batches == 0 {
		t.Fatal(err)
	}
	checkFull(t, j, &reg, dir, batches, err)
	if err := j.FillLost(t.Context(), make([]audit.Tombstone, 1)); err == nil {
		t.Error("a tombstone without reason was stored")
	}
	if _, err := j.writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count=10000"); err != nil {
		t.Fatal(err)
	}
	checkRecovered(t, j, &reg, batches)
	if err := j.Erase(t.Context(), 1, 2); err != nil {
		t.Error(err)
	}
	stop()
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors logged, want one: no line for each refusal\n%s", n, log.String())
	}
}

// The real thing: a file system of 3 MiB.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, err := mountSmall(t, 3<<20)
	if err != nil {
		t.Skipf("no small file system to test on (needs root and mount): %v", err)
	}
	ballast := dir + "/ballast"
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var reg health.Registry
	j, stop := start(t, dir, Options{Health: &reg})
	batches, err := fill(t, j)
	if batches == 0 {
		t.Fatal(err)
	}
	checkFull(t, j, &reg, dir, batches, err)
	stop()
	reg = health.Registry{}
	j, stop = start(t, dir, Options{Health: &reg}) // a restart finds everything, though the disk is still full
	if last, err := j.Reader().Last(t.Context()); err != nil || last != uint64(batches*10) {
		t.Errorf("last = %d, %v, want %d", last, err, batches*10)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	checkRecovered(t, j, &reg, batches)
	stop()
}

// Any other error: refused, raised under its own name, tried again.
func TestWriteError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var reg health.Registry
	j, _ := start(t, dir, Options{Health: &reg})
	mustAppend(t, j, entries(1, 10)...)
	for _, broken := range []struct{ breaks, mends string }{
		{"ALTER TABLE salts RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO salts"},
		{"CREATE TRIGGER t BEFORE INSERT ON frames BEGIN SELECT RAISE(ROLLBACK, 'no'); END", "DROP TRIGGER t"},
		{"PRAGMA query_only=1", "PRAGMA query_only=0"},
	} {
		exec := func(query string) {
			t.Helper()
			if _, err := j.writer.conn.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		exec(broken.breaks)
		_, err := j.Append(t.Context(), Batch{Entries: entries(100, 1)})
		if err == nil || errors.Is(err, ErrFull) {
			t.Errorf("%s: %v", broken.breaks, err)
		}
		if c := reg.Conditions(); len(c) != 1 || c[0].Code != ConditionWrite {
			t.Errorf("%s: conditions: %+v", broken.breaks, c)
		}
		exec(broken.mends)
	}
	if got := mustAppend(t, j, entries(11, 10)...); fmt.Sprint(got.Seqs) != "[11 12 13 14 15 16 17 18 19 20]" {
		t.Errorf("%+v", got)
	}
	if c := reg.Conditions(); len(c) != 0 {
		t.Errorf("conditions: %+v", c)
	}
	if diff := cmp.Diff(numbers(1, 20), contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
}
