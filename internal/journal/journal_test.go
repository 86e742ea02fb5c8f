package journal

import (
	"context"
	"testing"
)

func openJournal(tb testing.TB, dir string, opts Options) *Journal {
	tb.Helper()
	j, err := Open(context.Background(), dir, opts)
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
