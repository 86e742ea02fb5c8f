package viewfile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Run applies a batch once it has batchRecords records, or batchTime after the batch before: a lone record counts at once,
// and under load few large transactions are made.
const (
	batchRecords = 8192
	batchTime    = 250 * time.Millisecond
)

// Between two tries to apply a batch that failed.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Follower is what *journal.Follower is.
type Follower interface {
	Next(ctx context.Context) ([]journal.Stored, error)
}

// Applier is a view that takes batches in, all of one or nothing. Positions it knows are passed over.
type Applier interface {
	Apply(ctx context.Context, batch []journal.Stored) error
}

// Runner keeps a view up to date.
type Runner struct {
	View      string           // what the view is, for messages: "the view of accounts and settings"
	Condition string           // of health, raised while it cannot take records in
	Health    *health.Registry // nil: nothing is raised
	Logger    *slog.Logger
}

// Run keeps a view up to date until the context ends, which is no error. The follower must begin behind its position. What
// the journal cannot read is passed over.
//
// A batch that cannot be applied, because the disk is full or the file damaged, is tried again until it can: a view that
// is behind must not end anything else. Only a follower's error ends Run; the view then stands at its last commit.
func (r Runner) Run(ctx context.Context, f Follower, v Applier) error {
	ctx, cancel := context.WithCancel(ctx)
	pages := make(chan []journal.Stored)
	followed := make(chan error, 1)
	go func() {
		defer close(pages)
		followed <- r.follow(ctx, f, pages)
	}()
	r.applyPages(ctx, pages, v)
	cancel()
	for range pages { // let follow end
	}
	return <-followed
}

// follow passes the follower's pages on until the context ends.
func (r Runner) follow(ctx context.Context, f Follower, pages chan<- []journal.Stored) error {
	for {
		page, err := f.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if corrupt := (*journal.CorruptError)(nil); errors.As(err, &corrupt) {
			r.Logger.LogAttrs(ctx, slog.LevelWarn, "a view passes over a damaged part of the journal", slog.String("view", r.View),
				slog.Uint64("first", corrupt.First), slog.Uint64("count", corrupt.Count))
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: follow the journal: %w", r.View, err)
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return nil
		}
	}
}

// applyPages gathers pages and applies them until the channel is closed or the context ends.
func (r Runner) applyPages(ctx context.Context, pages <-chan []journal.Stored, v Applier) {
	var batch []journal.Stored
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := false // batchTime has passed since the last batch
	for {
		select {
		case page, ok := <-pages:
			if !ok {
				return
			}
			batch = append(batch, page...)
		case <-timer.C:
			due = true
		case <-ctx.Done():
			return
		}
		if len(batch) == 0 || !due && len(batch) < batchRecords {
			continue
		}
		r.apply(ctx, v, batch)
		clear(batch)
		batch, due = batch[:0], false
		timer.Reset(batchTime)
	}
}

// apply applies a batch, however often it takes, or until the context ends.
func (r Runner) apply(ctx context.Context, v Applier, batch []journal.Stored) {
	for wait, raised := firstRetry, false; ; wait = min(2*wait, lastRetry) {
		err := v.Apply(ctx, batch)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			if raised {
				r.Health.Clear(r.Condition)
				r.Logger.InfoContext(ctx, "a view takes records in again", "view", r.View)
			}
			return
		}
		r.Health.Raise(r.Condition, health.Warning, r.View+" lacks the newest records, trying again: "+err.Error())
		if !raised {
			r.Logger.WarnContext(ctx, "a view cannot take records in, trying again", "view", r.View, "error", err)
		}
		raised = true
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

var _ Follower = (*journal.Follower)(nil)
