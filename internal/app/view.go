package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// view is one view as the writing process runs it. A view can be computed again from the journal at any time, so nothing
// that is wrong with its files keeps anything else from starting or ends it: they are opened again, for as long as it
// takes, and discarded where they are of no use.
type view struct {
	name      string
	behind    string // the condition of health that says it lacks records
	journal   *journal.Journal
	health    *health.Registry
	log       *slog.Logger
	openFile  func(context.Context) (viewFile, error)
	discard   func() error
	databases func() ([]string, error) // paths of its files

	spoiled bool // its files were found damaged and must be discarded; of the goroutine that runs it

	mu      sync.Mutex
	file    viewFile                // guarded by mu; nil while it cannot be opened
	at      uint64                  // guarded by mu: what it has taken in, and what was erased up to there is gone
	steps   int                     // guarded by mu: how often it took something in
	changed chan struct{}           // guarded by mu: closed when at moves; nil while nobody waits
	end     context.CancelCauseFunc // guarded by mu: ends the run of the open files; nil while they are not run
}

// viewFile is a view's open files.
type viewFile interface {
	Position(context.Context) (uint64, error)
	run(ctx context.Context, v *view, from *journal.Follower) error
	Close() error
}

// tryOpen opens the view. One of another version, damaged, or with more in it than the journal, which then is an older
// copy, is discarded and begins anew; the others, for want of room above all, may be opened later.
func (v *view) tryOpen(ctx context.Context) error {
	if v.spoiled {
		if err := v.discard(); err != nil {
			return fmt.Errorf("discard view %s: %w", v.name, err)
		}
		v.spoiled = false
	}
	file, at, err := v.openFit(ctx)
	if disposable(err) {
		v.log.WarnContext(ctx, "a view cannot be used and is built again", "view", v.name, "reason", err)
		if err := v.discard(); err != nil {
			return fmt.Errorf("discard view %s: %w", v.name, err)
		}
		file, at, err = v.openFit(ctx)
	}
	if err != nil {
		return fmt.Errorf("open view %s: %w", v.name, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.file, v.at = file, at
	return nil
}

var errAhead = errors.New("it knows more than the journal, which is an older copy")

func (v *view) openFit(ctx context.Context) (viewFile, uint64, error) {
	file, err := v.openFile(ctx)
	if err != nil {
		return nil, 0, err
	}
	at, err := file.Position(ctx)
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	last, err := v.journal.Reader().Last(ctx)
	if err == nil && at > last {
		err = errAhead
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, at, nil
}

func (v *view) opened() viewFile {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.file
}

// position is the last position that the view has taken in; 0 while its files cannot be opened.
func (v *view) position() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.file == nil {
		return 0
	}
	return v.at
}

// settled tells that the view has taken in everything up to a position.
func (v *view) settled(at uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at = max(v.at, at)
	v.steps++
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// wait returns when the view has taken in a position, and has rid its files of what was erased up to there.
func (v *view) wait(ctx context.Context, seq uint64) error {
	for {
		v.mu.Lock()
		at := v.at
		if v.changed == nil {
			v.changed = make(chan struct{})
		}
		changed := v.changed
		v.mu.Unlock()
		if at >= seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("view %s is at %d and has yet to reach %d: %w", v.name, at, seq, ctx.Err())
		case <-changed:
		}
	}
}

// close closes the files; they may be opened again.
func (v *view) close() error {
	v.mu.Lock()
	file := v.file
	v.file = nil
	v.mu.Unlock()
	if file == nil {
		return nil
	}
	return file.Close()
}
