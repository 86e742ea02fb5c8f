package journal

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openTestReader(tb testing.TB, dir string) *Reader {
	tb.Helper()
	r, err := OpenReader(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func TestGet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 1500)...)
	mustAppend(t, j, entry(1501))
	mustAppend(t, j, entries(1502, 300)...)
	f := func(seqs ...uint64) {
		t.Helper()
		for _, r := range []*Reader{j.Reader(), openTestReader(t, dir)} {
			got, err := r.Get(t.Context(), seqs...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Seq != seqs[i] || describe(t, &got[i]) != numbers(int(seqs[i]), 1)[0] {
					t.Errorf("asked for %d, got %d: %s", seqs[i], got[i].Seq, got[i].Bytes)
				}
			}
			if len(got) != len(seqs) {
				t.Errorf("%d records for %d", len(got), len(seqs))
			}
		}
	}
	f()
	f(1)
	f(1801, 1, 1000, 1001, 1501, 1500, 1502)
	f(7, 7, 3, 7)
	var all []uint64
	for seq := 1801; seq > 0; seq -= 3 {
		all = append(all, uint64(seq))
	}
	f(all...)
	for _, seqs := range [][]uint64{{0}, {1802}, {1, 1 << 62}, {5, 1802, 6}} {
		if got, err := j.Reader().Get(t.Context(), seqs...); !errors.Is(err, ErrNotFound) {
			t.Errorf("get %v: %d records, %v", seqs, len(got), err)
		}
	}
}

func TestScanRanges(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	for i := 1; i <= 2000; {
		n := 1 + i%300
		mustAppend(t, j, entries(i, n)...)
		i += n
	}
	last, err := j.Reader().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f := func(from, to, first, end uint64) {
		t.Helper()
		next := first
		for s, err := range j.Reader().Scan(t.Context(), from, to) {
			if err != nil {
				t.Fatal(err)
			}
			if s.Seq != next {
				t.Fatalf("scan %d to %d: seq %d, want %d", from, to, s.Seq, next)
			}
			next++
		}
		if next != end+1 {
			t.Errorf("scan %d to %d ended before %d, want %d", from, to, next, end+1)
		}
	}
	f(0, 0, 1, last)
	f(1, last, 1, last)
	f(17, 17, 17, 17)
	f(500, 1700, 500, 1700)
	f(1999, last+5000, 1999, last)
	f(last+1, 0, last+1, last)
	f(last+10, last+20, last+10, last+9)
	f(20, 10, 20, 19)
}

func TestScanEndsWhenTheConsumerDoes(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	mustAppend(t, j, entries(1, 10_000)...)
	n := 0
	for range j.Reader().Scan(t.Context(), 1, 0) {
		if n++; n == 5 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range j.Reader().Scan(ctx, 1, 0) {
		cancel()
		last = err
	}
	if last != nil && !errors.Is(last, context.Canceled) {
		t.Errorf("cancelled scan: %v", last)
	}
}

// Another process reads while this one writes: what it sees is always a whole prefix.
func TestReadersWhileWriting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, _ := start(t, dir, Options{})
	mustAppend(t, j, entry(1))
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for range 3 {
		r := openTestReader(t, dir)
		wait.Go(func() {
			for ctx.Err() == nil {
				last, err := r.Last(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				got := contents(t, r)
				if uint64(len(got)) < last {
					t.Errorf("%d records after Last said %d", len(got), last)
				}
				if diff := cmp.Diff(numbers(1, len(got)), got); diff != "" {
					t.Error(diff)
					return
				}
				if s, err := r.Get(t.Context(), last, 1); err != nil || s[0].Seq != last {
					t.Errorf("get %d: %v", last, err)
				}
			}
		})
	}
	for i := 2; i < 300; i += 3 {
		mustAppend(t, j, entries(i, 3)...)
	}
	cancel()
	wait.Wait()
}

// A reader works where nobody writes, and after the writer has gone.
func TestReaderAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 5)...)
	before := openTestReader(t, dir)
	stop()
	for _, r := range []*Reader{before, openTestReader(t, dir)} {
		if diff := cmp.Diff(numbers(1, 5), contents(t, r)); diff != "" {
			t.Error(diff)
		}
	}
}
