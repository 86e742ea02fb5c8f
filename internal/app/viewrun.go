package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// Between two tries to open a view.
const (
	firstOpen = 500 * time.Millisecond
	lastOpen  = 30 * time.Second
)

// maxStuck is how often a view is opened again before files that open well and cannot be worked on are discarded.
const maxStuck = 3

// lookEvery is how often a running view looks whether its files are still where they were opened.
const lookEvery = 2 * time.Second

// run keeps the view up to date until the context ends, and returns nil: whatever else ends it is a matter of health.
// The view is then opened again, at once where it had been at work.
func (v *view) run(ctx context.Context) error {
	stuck := 0 // attempts in a row that took nothing in and ended with what only building anew may mend
	for wait := firstOpen; ; {
		before := v.taken()
		err := v.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if v.taken() > before {
			wait = firstOpen
		}
		if v.taken() > before || !disposable(err) {
			stuck = 0
		} else if stuck++; stuck >= maxStuck {
			v.spoiled = true
		}
		v.complain(ctx, err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, lastOpen)
	}
}

func (v *view) complain(ctx context.Context, err error) {
	v.health.Raise(v.behind, health.Warning, err.Error()+": trying again")
	v.log.WarnContext(ctx, "a view does not run, trying again", "view", v.name, "error", err)
}

func (v *view) taken() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.steps
}

// attempt opens the view if need be and runs it. It returns what ended it, with the files closed, or nil with the
// context, which leaves them open for what is asked until the end.
func (v *view) attempt(ctx context.Context) error {
	if v.opened() == nil {
		if err := v.tryOpen(ctx); err != nil {
			return err
		}
		v.health.Clear(v.behind)
	}
	err := v.runFile(ctx)
	if ctx.Err() != nil {
		return nil
	}
	v.spoiled = damaged(err)
	return errors.Join(fmt.Errorf("view %s: %w", v.name, err), v.close())
}

// runFile runs the open files until the context ends, or somebody calls fail, or they end by themselves.
func (v *view) runFile(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	v.mu.Lock()
	file, at := v.file, v.at
	v.end = end
	v.mu.Unlock()
	var looking sync.WaitGroup
	looking.Go(func() { v.lookAfter(ctx) })
	err := file.run(ctx, v, v.journal.Follow(at+1))
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	end(errors.New("it ended by itself"))
	looking.Wait()
	v.mu.Lock()
	v.end = nil
	v.mu.Unlock()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}

// fail ends the run of the open files with an error that opening them again may mend. Any other is left to who met it.
func (v *view) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.end != nil && (disposable(err) || errors.Is(err, errMoved)) {
		v.end(err)
	}
}

// applied tells how a batch that ends with a position was taken in.
func (v *view) applied(at uint64, err error) {
	if err != nil {
		v.fail(err)
		return
	}
	v.settled(at)
}

var errMoved = errors.New("was removed or replaced while serve runs on it")

// lookAfter ends the run when somebody removes or replaces a file: writing would go on, to what no other process finds
// any more.
func (v *view) lookAfter(ctx context.Context) {
	seen := make(map[string]os.FileInfo)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := v.look(seen); err != nil {
			v.fail(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look compares the files with those seen before and remembers new ones. What cannot be looked at for another reason
// than its absence is passed over: a full or failing disk is no reason to give up open files.
func (v *view) look(seen map[string]os.FileInfo) error {
	for path, was := range seen {
		is, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(was, is) {
			return fmt.Errorf("%s %w", path, errMoved)
		}
	}
	paths, err := v.databases()
	if err != nil {
		return nil
	}
	for _, path := range paths {
		if _, ok := seen[path]; ok {
			continue
		}
		if info, err := os.Stat(path); err == nil {
			seen[path] = info
		}
	}
	return nil
}

// disposable reports whether a view's files are of no use. SQLite's result codes are told apart here, since only damage
// is a reason to throw away what took long to compute (https://www.sqlite.org/rescode.html).
func disposable(err error) bool {
	if errors.Is(err, errAhead) || errors.Is(err, search.ErrOutdated) || errors.Is(err, segment.ErrCorrupt) {
		return true
	}
	switch sqliteCode(err) {
	case 1, 11, 26: // SQLITE_ERROR (a table is missing), SQLITE_CORRUPT, SQLITE_NOTADB
		return true
	}
	return false
}

// damaged is disposable for a view that was at work: what is odd about its files otherwise, opening them anew may tell.
func damaged(err error) bool {
	code := sqliteCode(err)
	return errors.Is(err, segment.ErrCorrupt) || code == 11 || code == 26
}

// sqliteCode is the primary result code of a SQLite error, 0 for any other.
func sqliteCode(err error) int {
	var coded interface{ Code() int }
	if !errors.As(err, &coded) {
		return 0
	}
	return coded.Code() & 0xff
}
