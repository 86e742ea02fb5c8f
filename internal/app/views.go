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
func openViews(ctx context.Context, dir string, log *slog.Logger) ([]view, error) {
	index, err := sqlite.Open(ctx, indexDir(dir))
	if err != nil {
		return nil, err
	}
	found, err := correlate.Open(ctx, dir, correlate.Options{Logger: log})
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
