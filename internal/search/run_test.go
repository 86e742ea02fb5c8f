package search_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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
	for _, e := range page {
		if e.Seq != r.last+1 {
			return search.ErrGap
		}
		r.last = e.Seq
	}
	r.sizes = append(r.sizes, len(page))
	return r.err
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
		go func() { ended <- search.Run(t.Context(), f, &recorder{err: broken}) }()
		f <- []search.Entry{{Seq: 1}}
		if err := <-ended; !errors.Is(err, broken) {
			t.Errorf("an index's error became %v", err)
		}
	})
}
