package search_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/search"
)

// feed hands out the pages that are sent to it.
type feed chan any // []search.Entry or error

func (f feed) Next(ctx context.Context) ([]search.Entry, error) {
	select {
	case v := <-f:
		if err, ok := v.(error); ok {
			return nil, err
		}
		return v.([]search.Entry), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// recorder remembers the sizes of what it was given.
type recorder struct {
	search.Index
	mu    sync.Mutex
	sizes []int
	last  uint64
	err   error
}

func (r *recorder) Apply(_ context.Context, page []search.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes = append(r.sizes, len(page))
	if r.err != nil {
		return r.err
	}
	for _, e := range page {
		if e.Seq != r.last+1 {
			return search.ErrGap
		}
		r.last = e.Seq
	}
	return nil
}

func (r *recorder) at() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *recorder) applied() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int(nil), r.sizes...)
}

func TestRunBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f, ix := make(feed), new(recorder)
		ended := make(chan error)
		go func() { ended <- search.Run(ctx, f, ix) }()
		seq := uint64(0)
		send := func(n int) {
			page := make([]search.Entry, n)
			for i := range page {
				seq++
				page[i].Seq = seq
			}
			f <- page
			synctest.Wait()
		}
		want := func(sizes ...int) {
			t.Helper()
			if diff := cmp.Diff(sizes, ix.applied()); diff != "" {
				t.Fatalf("batches (-want +got):\n%s", diff)
			}
		}
		send(1)
		want(1) // a lone entry is found at once
		send(2)
		send(3)
		want(1)
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		want(1, 5) // others wait until the last batch is 200 ms old
		send(8000)
		want(1, 5)
		send(192)
		want(1, 5, 8192) // or until there are many
		time.Sleep(time.Hour)
		send(1)
		want(1, 5, 8192, 1)
		send(1)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestRunErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		f := make(feed)
		ended := make(chan error)
		go func() { ended <- search.Run(t.Context(), f, new(recorder)) }()
		f <- broken
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("a follower's error became %v", err)
		}
		for _, fatal := range []error{search.ErrGap, search.ErrClosed} {
			go func() { ended <- search.Run(t.Context(), f, &recorder{err: fatal}) }()
			f <- []search.Entry{{Seq: 1}}
			if err := <-ended; !errors.Is(err, fatal) {
				t.Errorf("%v became %v", fatal, err)
			}
		}
	})
}

// TestRunRetries: a full disk is waited out, and said.
func TestRunRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f, ix, conditions := make(feed), &recorder{err: errors.New("disk full")}, new(health.Registry)
		ended := make(chan error)
		go func() { ended <- search.Runner{Health: conditions}.Run(ctx, f, ix) }()
		f <- []search.Entry{{Seq: 1}}
		time.Sleep(10 * time.Minute)
		if list := conditions.Conditions(); len(list) != 1 || list[0].Code != search.ConditionBehind || !strings.Contains(list[0].Text, "disk full") {
			t.Errorf("conditions %+v", list)
		}
		if n := len(ix.applied()); n < 20 || n > 40 {
			t.Errorf("tried %d times in ten minutes", n)
		}
		ix.fail(nil)
		time.Sleep(time.Minute)
		if list := conditions.Conditions(); len(list) != 0 {
			t.Errorf("conditions %+v after it worked", list)
		}
		f <- []search.Entry{{Seq: 2}}
		time.Sleep(time.Second)
		if at := ix.at(); at != 2 {
			t.Errorf("at %d, want 2", at)
		}
		ix.fail(errors.New("again"))
		f <- []search.Entry{{Seq: 3}}
		synctest.Wait()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// skipper is an index that leaves out every tenth entry.
type skipper struct{ recorder }

func (s *skipper) Unreadable() search.Unreadable {
	return search.Unreadable{Count: s.at() / 10, Last: s.at() / 10 * 10}
}

// TestRunReportsUnreadable: what an index leaves out is said, and nothing is tried again for it.
func TestRunReportsUnreadable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f, ix, conditions := make(feed), new(skipper), new(health.Registry)
		ended := make(chan error)
		go func() { ended <- search.Runner{Health: conditions}.Run(ctx, f, ix) }()
		for seq := range uint64(11) {
			f <- []search.Entry{{Seq: seq + 1}}
			time.Sleep(time.Second)
			list := conditions.Conditions()
			if said := len(list) == 1 && list[0].Code == search.ConditionUnreadable && strings.Contains(list[0].Text, "1 records"); said != (seq+1 >= 10) {
				t.Errorf("after %d: conditions %+v", seq+1, list)
			}
		}
		cancel()
		if err := <-ended; err != nil || len(ix.applied()) != 11 {
			t.Errorf("%v, %d tries", err, len(ix.applied()))
		}
	})
}
