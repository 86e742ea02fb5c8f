package journal

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// collect follows until it has n records, checking order and contents.
func collect(tb testing.TB, f *Follower, from uint64, n int) (list []string) {
	tb.Helper()
	for len(list) < n {
		page, err := f.Next(tb.Context())
		if err != nil {
			tb.Error(err)
			return list
		}
		if len(page) == 0 || len(page) > 4000 {
			tb.Errorf("a page of %d records", len(page))
			return list
		}
		for i := range page {
			if page[i].Seq != from+uint64(len(list)) {
				tb.Errorf("seq %d, want %d", page[i].Seq, from+uint64(len(list)))
			}
			list = append(list, describe(tb, &page[i]))
		}
	}
	return list
}

func TestFollow(t *testing.T) {
	t.Parallel()
	f := func(name string, opts Options, from uint64) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const n = 3000
			j, _ := start(t, t.TempDir(), opts)
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					got := collect(t, j.Follow(from), max(from, 1), n+1-int(max(from, 1)))
					if diff := cmp.Diff(numbers(int(max(from, 1)), len(got)), got); diff != "" {
						t.Error(diff)
					}
				})
			}
			for i := 1; i <= n; {
				size := min(1+i%97, n+1-i)
				mustAppend(t, j, entries(i, size)...)
				i += size
			}
			wait.Wait()
		})
	}
	f("from memory", Options{RecentBytes: 1 << 30}, 0)
	f("partly from disk", Options{RecentBytes: 100_000}, 1)
	f("all from disk", Options{RecentBytes: 1}, 1)
	f("from the middle", Options{RecentBytes: 100_000}, 1234)
}

func TestFollowALaggard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 2500)...)
	stop()
	j, _ = start(t, dir, Options{}) // nothing in memory
	f := j.Follow(1)
	collect(t, f, 1, 2500)
	mustAppend(t, j, entry(2501))
	page, err := f.Next(t.Context())
	if err != nil || len(page) != 1 {
		t.Fatalf("%d records, %v", len(page), err)
	}
	a, _ := page[0].Record()
	if b, _ := page[0].Record(); a != b {
		t.Error("a recent record was decoded again")
	}
}

func TestFollowWaits(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	got := make(chan error)
	go func() {
		_, err := j.Follow(1).Next(ctx)
		got <- err
	}()
	cancel(stopped)
	if err := <-got; !errors.Is(err, stopped) {
		t.Errorf("next: %v, want the cause", err)
	}
}

func TestFollowEndsWithClose(t *testing.T) {
	t.Parallel()
	j, stop := start(t, t.TempDir(), Options{})
	got := make(chan error)
	go func() {
		_, err := j.Follow(1).Next(context.Background())
		got <- err
	}()
	stop()
	if err := <-got; !errors.Is(err, ErrClosed) {
		t.Errorf("next: %v, want ErrClosed", err)
	}
}

// Memory for recent records stays within its bound, and every position is either there or behind.
func TestRecentIsBounded(t *testing.T) {
	t.Parallel()
	sample := entry(1)
	r := newRecent(1, 10*memory(&Stored{Bytes: sample.Bytes}))
	for seq := uint64(1); seq < 1000; seq++ {
		r.publish([]Stored{{Seq: seq, Bytes: sample.Bytes}})
		if r.cost > r.limit || len(r.items) > 10 {
			t.Fatalf("seq %d: %d items cost %d of %d", seq, len(r.items), r.cost, r.limit)
		}
		for back := range min(seq, 15) {
			page, behind, _, err := r.from(seq-back, 100)
			if err != nil || behind != (back >= 10) || !behind && page[0].Seq != seq-back {
				t.Fatalf("seq %d back %d: %v behind %v, %v", seq, back, page, behind, err)
			}
		}
	}
	many := make([]Stored, 30) // more at once than fits
	for i := range many {
		many[i] = Stored{Seq: 1000 + uint64(i), Bytes: sample.Bytes}
	}
	r.publish(many)
	if r.cost > r.limit || len(r.items) != 10 || r.next != 1030 || r.items[0].Seq != 1020 {
		t.Errorf("%d items cost %d", len(r.items), r.cost)
	}
}
