package correlate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/journal"
)

// Run applies a batch once it has batchRecords records, or batchTime after the batch before: a lone record counts at once,
// and under load few large transactions are made.
const (
	batchRecords = 8192
	batchTime    = 250 * time.Millisecond
)

// Follower is what *journal.Follower is.
type Follower interface {
	Next(ctx context.Context) ([]journal.Stored, error)
}

// Run keeps the view up to date until the context ends, which is no error. The follower must begin behind Position. What the
// journal cannot read is passed over and counts as unreadable. After an error the view stands at its last commit.
func (v *View) Run(ctx context.Context, f Follower) error {
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan []journal.Stored)
	followed := make(chan error, 1)
	go func() {
		defer close(pages)
		followed <- v.follow(ctx, f, pages)
	}()
	err := v.applyPages(ctx, pages)
	cancel()
	for range pages { // let follow end
	}
	return errors.Join(err, <-followed)
}

// follow passes the follower's pages on until the context ends.
func (v *View) follow(ctx context.Context, f Follower, pages chan<- []journal.Stored) error {
	for {
		page, err := f.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if corrupt := (*journal.CorruptError)(nil); errors.As(err, &corrupt) {
			v.logger.LogAttrs(ctx, slog.LevelWarn, "discrepancies pass over a damaged part of the journal", slog.Uint64("first", corrupt.First),
				slog.Uint64("count", corrupt.Count))
			continue
		}
		if err != nil {
			return fmt.Errorf("find discrepancies: follow the journal: %w", err)
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return nil
		}
	}
}

// applyPages gathers pages and applies them until the channel is closed or the context ends.
func (v *View) applyPages(ctx context.Context, pages <-chan []journal.Stored) error {
	var batch []journal.Stored
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := false // batchTime has passed since the last batch
	for {
		select {
		case page, ok := <-pages:
			if !ok {
				return nil
			}
			batch = append(batch, page...)
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return nil
		}
		if len(batch) == 0 || !due && len(batch) < batchRecords {
			continue
		}
		if err := v.Apply(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		clear(batch)
		batch, due = batch[:0], false
		timer.Reset(batchTime)
	}
}

var _ Follower = (*journal.Follower)(nil)
