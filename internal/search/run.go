package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// Run applies a batch once it has batchRows entries, or batchTime after the batch before: a lone record is found at once,
// and under load few large transactions are made.
const (
	batchRows = 8192
	batchTime = 200 * time.Millisecond
)

// Between two tries to apply a batch that failed.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Conditions of health.
const (
	ConditionBehind     = "search.behind"     // raised while the index cannot take records in
	ConditionUnreadable = "search.unreadable" // raised once the index has left records out that cannot be read
)

// Unreadable tells which entries an index left out since it was opened, because their bytes are no record it can read.
type Unreadable struct {
	Count uint64
	Last  uint64 // position of the last one
}

// Skipper is an Index that leaves out what it cannot read, as if it were erased, and says so.
type Skipper interface{ Unreadable() Unreadable }

// Runner keeps an index up to date. The zero value is ready: silent.
type Runner struct {
	Health *health.Registry
	Logger *slog.Logger
}

// Run is Runner.Run of a silent runner.
func Run(ctx context.Context, f Follower, ix Index) error { return Runner{}.Run(ctx, f, ix) }

// Run keeps an index up to date until the context ends, which is no error. It gathers pages into batches of its own, so
// whoever appends to the journal never waits for it. The follower must begin behind the index's position.
//
// A batch that cannot be applied, because the disk is full or a file damaged, is tried again until it can: an index that
// is behind must not end anything else. Only a follower's error, a gap (ErrGap) and a closed index (ErrClosed) end Run.
func (r Runner) Run(ctx context.Context, f Follower, ix Index) error {
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan []Entry)
	followed := make(chan error, 1)
	go func() {
		defer close(pages)
		followed <- follow(ctx, f, pages)
	}()
	err := r.applyBatches(ctx, pages, ix)
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
func (r Runner) applyBatches(ctx context.Context, pages <-chan []Entry, ix Index) error {
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
		if err := r.apply(ctx, ix, batch); err != nil {
			return err
		}
		clear(batch)
		batch, due = batch[:0], false
		timer.Reset(batchTime)
	}
}

// apply applies a batch, however often it takes. It returns nil as well when the context ends.
func (r Runner) apply(ctx context.Context, ix Index, batch []Entry) error {
	before := unreadable(ix)
	for wait, raised := firstRetry, false; ; wait = min(2*wait, lastRetry) {
		err := ix.Apply(ctx, batch)
		switch {
		case err == nil:
			r.reportUnreadable(ctx, before, unreadable(ix))
			if raised {
				r.Health.Clear(ConditionBehind)
				r.Logger.InfoContext(ctx, "search index takes records in again")
			}
			return nil
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrGap) || errors.Is(err, ErrClosed):
			return fmt.Errorf("search: apply records up to %d: %w", batch[len(batch)-1].Seq, err)
		}
		r.Health.Raise(ConditionBehind, health.Warning, "searches lack the newest records, trying again: "+err.Error())
		if !raised {
			r.Logger.WarnContext(ctx, "search index cannot take records in, trying again", slog.Any("error", err))
		}
		raised = true
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

func unreadable(ix Index) Unreadable {
	if s, ok := ix.(Skipper); ok {
		return s.Unreadable()
	}
	return Unreadable{}
}

// reportUnreadable says so when the index left something out since before.
func (r Runner) reportUnreadable(ctx context.Context, before, now Unreadable) {
	if now == before {
		return
	}
	r.Health.Raise(ConditionUnreadable, health.Warning,
		fmt.Sprintf("searches lack %d records that cannot be read, the last at position %d: run tripod verify", now.Count, now.Last))
	r.Logger.WarnContext(ctx, "search index left out records that cannot be read", slog.Uint64("count", now.Count), slog.Uint64("last", now.Last))
}
