package search

import (
	"context"
	"fmt"
	"time"
)

// Run applies a batch once it has batchRows entries, or batchTime after the batch before: a lone record is found at once,
// and under load few large transactions are made.
const (
	batchRows = 8192
	batchTime = 200 * time.Millisecond
)

// Run keeps an index up to date until the context ends, which is no error. It gathers pages into batches of its own, so
// whoever appends to the journal never waits for it. The follower must begin behind the index's position.
func Run(ctx context.Context, f Follower, ix Index) error {
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan []Entry)
	followed := make(chan error, 1)
	go func() {
		defer close(pages)
		followed <- follow(ctx, f, pages)
	}()
	err := applyBatches(ctx, pages, ix)
	cancel()
	for range pages { // let follow end
	}
	if followErr := <-followed; err == nil {
		err = followErr
	}
	return err
}

// follow passes the follower's pages on until the context ends.
func follow(ctx context.Context, f Follower, pages chan<- []Entry) error {
	for {
		page, err := f.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("search: follow journal: %w", err)
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return nil
		}
	}
}

// applyBatches gathers pages and applies them until the channel is closed or the context ends.
func applyBatches(ctx context.Context, pages <-chan []Entry, ix Index) error {
	var batch []Entry
	due := true // batchTime has passed since the last batch
	timer := time.NewTimer(batchTime)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case page, ok := <-pages:
			if !ok {
				return nil
			}
			batch = append(batch, page...)
		case <-timer.C:
			due = true
		}
		if len(batch) == 0 || !due && len(batch) < batchRows {
			continue
		}
		if err := ix.Apply(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("search: apply records up to %d: %w", batch[len(batch)-1].Seq, err)
		}
		clear(batch)
		batch, due = batch[:0], false
		timer.Reset(batchTime)
	}
}
