package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// view is one view as the App runs it.
type view struct {
	name     string
	position func(context.Context) (uint64, error)
	run      func(context.Context, *journal.Journal) error
	close    func() error
}

// indexDir is where views keep their files.
func indexDir(dir string) string { return filepath.Join(dir, "index") }

// openViews opens every view for writing. A view of another version is built again while it runs.
func openViews(ctx context.Context, dir string, j *journal.Journal, log *slog.Logger) ([]view, error) {
	index, err := openView(ctx, dir, "search", j, log, func() (*sqlite.Index, error) { return sqlite.Open(ctx, indexDir(dir)) })
	if err != nil {
		return nil, err
	}
	found, err := openView(ctx, dir, "correlate", j, log, func() (*correlate.View, error) {
		return correlate.Open(ctx, dir, correlate.Options{Logger: log})
	})
	if err != nil {
		return nil, errors.Join(err, index.Close())
	}
	return []view{
		{"search", index.Position, func(ctx context.Context, j *journal.Journal) error {
			at, err := index.Position(ctx)
			if err != nil {
				return err
			}
			return search.Run(ctx, follow.New(j.Follow(at+1)), index)
		}, index.Close},
		{"correlate", found.Position, func(ctx context.Context, j *journal.Journal) error {
			at, err := found.Position(ctx)
			if err != nil {
				return err
			}
			return found.Run(ctx, j.Follow(at+1))
		}, found.Close},
	}, nil
}

// openView opens a view. One that knows more than the journal, which then is an older copy, is built again first: what it
// holds of the positions behind the journal's end is not what will stand there.
func openView[V interface {
	Position(ctx context.Context) (uint64, error)
	Close() error
}](ctx context.Context, dir, name string, j *journal.Journal, log *slog.Logger, open func() (V, error)) (V, error) {
	var none V
	v, err := open()
	if err != nil {
		return none, err
	}
	at, err := v.Position(ctx)
	if err != nil {
		return none, errors.Join(err, v.Close())
	}
	last, err := j.Reader().Last(ctx)
	if err != nil {
		return none, errors.Join(err, v.Close())
	}
	if at <= last {
		return v, nil
	}
	log.WarnContext(ctx, "a view knows more than the journal, which is an older copy: it is built again", "view", name, "at", at, "journal", last)
	if err := errors.Join(v.Close(), rebuild(ctx, dir, name, j, nil)); err != nil {
		return none, err
	}
	return open()
}

// Views names the views that Rebuild knows.
func Views() []string { return []string{"search", "correlate"} }

// Rebuild throws a view away and computes it again from the journal, beside the old one, which it then replaces. Nothing
// may serve on the data directory meanwhile.
func Rebuild(ctx context.Context, dir, name string, progress func(done, last uint64)) (err error) {
	j, err := journal.Open(ctx, dir, journal.Options{}) // for its lock
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	return rebuild(ctx, dir, name, j, progress)
}

func rebuild(ctx context.Context, dir, name string, j *journal.Journal, progress func(done, last uint64)) error {
	switch name {
	case "search":
		last, err := j.Reader().Last(ctx)
		if err != nil {
			return err
		}
		return sqlite.Rebuild(ctx, indexDir(dir), follow.New(j.Follow(1)), last, func(at uint64) {
			if progress != nil {
				progress(at, last)
			}
		})
	case "correlate":
		return correlate.Rebuild(ctx, dir, j.Reader(), progress)
	}
	return fmt.Errorf("rebuild: there is no view %q: %v are", name, Views())
}
