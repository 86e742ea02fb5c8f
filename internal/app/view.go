package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// view is one view as the writing process runs it. A view can be computed again from the journal at any time, so nothing
// that is wrong with its files keeps anything else from starting or ends it: they are discarded, or tried again.
type view struct {
	name     string
	behind   string // the condition of health that says it lacks records
	journal  *journal.Journal
	health   *health.Registry
	log      *slog.Logger
	openFile func(context.Context) (viewFile, error)
	discard  func() error

	mu      sync.Mutex
	file    viewFile      // guarded by mu; nil while it cannot be opened
	at      uint64        // guarded by mu: what it has taken in, and what was erased up to there is gone
	changed chan struct{} // guarded by mu: closed when at moves; nil while nobody waits
}

// viewFile is a view's open files.
type viewFile interface {
	Position(context.Context) (uint64, error)
	run(ctx context.Context, v *view, from *journal.Follower) error
	Close() error
}

// Between two tries to open a view.
const (
	firstOpen = 500 * time.Millisecond
	lastOpen  = 30 * time.Second
)

// tryOpen opens the view. One of another version, damaged, or with more in it than the journal, which then is an older
// copy, is discarded and begins anew; the others, for want of room above all, may be opened later.
func (v *view) tryOpen(ctx context.Context) error {
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

// disposable reports whether a view's files are of no use. SQLite's result codes are told apart here, since only damage
// is a reason to throw away what took long to compute (https://www.sqlite.org/rescode.html).
func disposable(err error) bool {
	if errors.Is(err, errAhead) || errors.Is(err, search.ErrOutdated) || errors.Is(err, segment.ErrCorrupt) {
		return true
	}
	var coded interface{ Code() int }
	if !errors.As(err, &coded) {
		return false
	}
	switch coded.Code() & 0xff {
	case 1, 11, 26: // SQLITE_ERROR (a table is missing), SQLITE_CORRUPT, SQLITE_NOTADB
		return true
	}
	return false
}

func (v *view) complain(ctx context.Context, err error) {
	v.health.Raise(v.behind, health.Warning, err.Error()+": trying again")
	v.log.WarnContext(ctx, "a view cannot be opened, trying again", "view", v.name, "error", err)
}

// run keeps the view up to date until the context ends.
func (v *view) run(ctx context.Context) error {
	for wait := firstOpen; v.opened() == nil; wait = min(2*wait, lastOpen) {
		err := v.tryOpen(ctx)
		switch {
		case err == nil:
			v.health.Clear(v.behind)
			continue
		case ctx.Err() != nil:
			return nil
		}
		v.complain(ctx, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	v.mu.Lock()
	file, at := v.file, v.at
	v.mu.Unlock()
	return file.run(ctx, v, v.journal.Follow(at+1))
}

func (v *view) opened() viewFile {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.file
}

// position is the last position that the view has in its files; 0 while they cannot be opened.
func (v *view) position(ctx context.Context) (uint64, error) {
	file := v.opened()
	if file == nil {
		return 0, nil
	}
	return file.Position(ctx)
}

// settled tells that the view has taken in everything up to a position.
func (v *view) settled(at uint64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at = max(v.at, at)
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

func (v *view) close() error {
	if file := v.opened(); file != nil {
		return file.Close()
	}
	return nil
}
