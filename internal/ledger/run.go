package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

const (
	writeCondition = "ledger.write"
	readCondition  = "ledger.read"
	// maxPending bounds the full tiles kept in memory, 8 KiB each, while they cannot be written.
	maxPending = 1024
	// flushAt is how many full tiles are written without waiting for a checkpoint.
	flushAt  = 256
	maxRetry = 30 * time.Second
)

// Run appends what the follower brings and signs checkpoints until the context ends; then it signs a last one over all
// it was given and returns nil. The follower starts behind Size. What cannot be written raises the condition
// "ledger.write" and is tried again, ever less often, up to every 30 seconds; meanwhile the journal goes on and the ledger
// catches up later. What cannot be read from the journal raises "ledger.read" and is tried again, except a damaged record:
// that ends Run with the *journal.CorruptError, after a last checkpoint, since nothing can stand in its place. Run is
// called once.
func (l *Ledger) Run(ctx context.Context, f Follower) error {
	defer l.announce(func() { l.over = true })
	g, ctx := errgroup.WithContext(ctx)
	batches := make(chan []journal.Stored)
	g.Go(func() error { return l.follow(ctx, f, batches) })
	g.Go(func() error { return l.run(ctx, batches) })
	return g.Wait()
}

// follow hands on what the follower brings, until the context ends. What may pass is tried again; a damaged record does
// not pass: the ledger cannot leave it out, since a leaf's index is its seq.
func (l *Ledger) follow(ctx context.Context, f Follower, batches chan<- []journal.Stored) error {
	for {
		batch, err := f.Next(ctx)
		var corrupt *journal.CorruptError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, journal.ErrClosed) || errors.As(err, &corrupt):
			return fmt.Errorf("follow journal: %w", err)
		case err != nil:
			l.log.Error("journal not read", "error", err, "retry", l.interval)
			l.health.Raise(readCondition, health.Warning, fmt.Sprintf("the ledger cannot read the journal: %v: it tries again", err))
			select {
			case <-time.After(l.interval):
			case <-ctx.Done():
			}
			continue
		}
		l.health.Clear(readCondition)
		select {
		case batches <- batch:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Ledger) run(ctx context.Context, batches <-chan []journal.Stored) (err error) {
	var (
		signed time.Time // when the last checkpoint was
		due    <-chan time.Time
		retry  time.Duration // 0 while writing works
	)
	// attempt does a piece of writing and arranges the next: at once, or later if it failed.
	attempt := func(write func() error) bool {
		err := write()
		if err == nil {
			retry = 0
			l.health.Clear(writeCondition)
			return true
		}
		retry = min(max(2*retry, l.interval), maxRetry)
		due = time.After(retry)
		l.log.Error("ledger not written", "error", err, "retry", retry)
		l.health.Raise(writeCondition, health.Warning,
			fmt.Sprintf("the ledger cannot be written: %v: free space or mend the disk; records are kept and the ledger catches up", err))
		return false
	}
	defer func() { err = errors.Join(err, l.checkpoint()) }()
	for {
		in := batches
		if len(l.pending) >= maxPending {
			in = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case batch := <-in:
			if err := l.append(batch); err != nil {
				return err
			}
			if len(l.pending) >= flushAt && retry == 0 {
				attempt(l.flush)
			}
			if due == nil {
				due = time.After(time.Until(signed.Add(l.interval)))
			}
		case <-due:
			due = nil
			if attempt(l.checkpoint) {
				signed = time.Now()
			}
		}
	}
}
