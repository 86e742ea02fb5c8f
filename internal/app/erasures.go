package app

import (
	"context"
	"errors"
	"time"

	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/health"
)

// conditionErasure is raised while an erasure that was ordered is not finished.
const conditionErasure = "erasure.pending"

const (
	settleTime  = 30 * time.Second // how long an erasure waits for the views
	resumeEvery = time.Minute
)

// serveErasures finishes what was under way behind everything else, and goes on trying: what cannot be erased now must
// not keep evidence from being taken in. The views run already.
func (t *Truth) serveErasures(ctx context.Context) {
	if t.Refused != nil {
		return
	}
	t.startFirst(ctx, "erasures", func(ctx context.Context) error {
		tick := time.NewTicker(resumeEvery)
		defer tick.Stop()
		for {
			t.resume(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
}

// resume finishes the erasures under way and says how that went.
func (t *Truth) resume(ctx context.Context) {
	n, err := t.Eraser.Resume(ctx)
	if n > 0 {
		t.log.InfoContext(ctx, "finished erasures that were under way", "count", n)
	}
	switch {
	case err == nil:
		t.Health.Clear(conditionErasure)
	case ctx.Err() == nil:
		t.Health.Raise(conditionErasure, health.Critical, "an erasure that was ordered is not finished, trying again: "+err.Error())
		t.log.ErrorContext(ctx, "an erasure that was ordered is not finished", "error", err)
	}
}

// signed waits until a checkpoint covers a position.
func (t *Truth) signed(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	_, err := t.Ledger.Wait(ctx, seq)
	return err
}

// settled waits until every view has taken in a position, so that none still holds what was erased there, and has forwarding
// drop what it keeps of it.
func (t *Truth) settled(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if err := t.forgotten(ctx, seq); err != nil {
		return err
	}
	return t.viewed(ctx, seq)
}

// viewed waits until every view has taken in a position. Where no view runs, it runs them for as long as that takes.
func (t *Truth) viewed(ctx context.Context, seq uint64) (err error) {
	views := t.views
	if views == nil {
		forget := func() *detect.Options { return &detect.Options{Forget: true, Logger: t.log} }
		views = newViews(ctx, t.dir, *t.stateKey, forget, t.Journal, t.Health, t.log)
		var stages []*stage
		for _, v := range views {
			stages = append(stages, startStage(ctx, "view "+v.name, v.run))
		}
		defer func() {
			for i, s := range stages {
				err = errors.Join(err, s.stop(), views[i].close())
			}
		}()
	}
	for _, v := range views {
		if err := v.wait(ctx, seq); err != nil {
			return err
		}
	}
	return nil
}
