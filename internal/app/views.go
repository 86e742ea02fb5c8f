package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// indexDir is where the search index keeps its files.
func indexDir(dir string) string { return filepath.Join(dir, "index") }

// newViews makes every view for writing and opens those that can be opened. found is asked at each opening for the rules in force.
func newViews(ctx context.Context, dir string, key acts.Key, found func() *detect.Options, j *journal.Journal, h *health.Registry, log *slog.Logger) []*view {
	views := []*view{
		{
			name: "search", behind: search.ConditionBehind, journal: j, health: h, log: log,
			openFile: func(ctx context.Context) (viewFile, error) {
				ix, err := sqlite.Open(ctx, indexDir(dir))
				if err != nil {
					return nil, err
				}
				return &searchFile{Index: ix}, nil
			},
			discard:   func() error { return os.RemoveAll(indexDir(dir)) },
			databases: func() ([]string, error) { return databasesIn(indexDir(dir)) },
		},
		{
			name: "correlate", behind: correlate.ConditionBehind, journal: j, health: h, log: log,
			openFile: func(ctx context.Context) (viewFile, error) {
				v, err := correlate.Open(ctx, dir, correlate.Options{Logger: log})
				if err != nil {
					return nil, err
				}
				return &correlateFile{View: v}, nil
			},
			discard:   func() error { return viewfile.Remove(correlate.Path(dir)) },
			databases: func() ([]string, error) { return []string{correlate.Path(dir)}, nil },
		},
	}
	views = append(views, &view{
		name: "organisation", behind: organisation.ConditionBehind, journal: j, health: h, log: log,
		openFile: func(ctx context.Context) (viewFile, error) {
			v, err := organisation.Open(ctx, dir, organisation.Options{Logger: log})
			if err != nil {
				return nil, err
			}
			return &organisationFile{View: v}, nil
		},
		discard:   func() error { return viewfile.Remove(organisation.Path(dir)) },
		databases: func() ([]string, error) { return []string{organisation.Path(dir)}, nil },
	})
	views = append(views, &view{
		name: "acts", behind: acts.ConditionBehind, journal: j, health: h, log: log,
		openFile: func(ctx context.Context) (viewFile, error) {
			f, err := acts.OpenFile(ctx, acts.Path(dir), key, log)
			if err != nil {
				return nil, err
			}
			return &actsFile{File: f}, nil
		},
		discard:   func() error { return viewfile.Remove(acts.Path(dir)) },
		databases: func() ([]string, error) { return []string{acts.Path(dir)}, nil },
	})
	views = append(views, &view{
		name: "detect", behind: detect.ConditionBehind, journal: j, health: h, log: log,
		openFile: func(ctx context.Context) (viewFile, error) {
			v, err := detect.Open(ctx, dir, *found())
			if err != nil {
				return nil, err
			}
			return &detectFile{View: v}, nil
		},
		discard:   func() error { return viewfile.Remove(detect.Path(dir)) },
		databases: func() ([]string, error) { return []string{detect.Path(dir)}, nil },
	})
	for _, v := range views {
		if err := v.tryOpen(ctx); err != nil { // run tries again
			v.complain(ctx, err)
		}
	}
	return views
}

// databasesIn lists the SQLite files of a folder.
func databasesIn(dir string) (paths []string, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if filepath.Ext(f.Name()) == ".db" {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths, err
}

// searchFile is the search index as a view runs it. applied hears of what Apply has returned for: the position in the
// file moves before the write-ahead log is rid of what was erased.
type searchFile struct {
	*sqlite.Index
	applied func(at uint64, err error)
}

func (f *searchFile) run(ctx context.Context, v *view, from *journal.Follower) error {
	f.applied = v.applied
	return search.Runner{Health: v.health, Logger: v.log}.Run(ctx, follow.New(from), f)
}

// Apply implements search.Index.
func (f *searchFile) Apply(ctx context.Context, page []search.Entry) error {
	err := f.Index.Apply(ctx, page)
	if len(page) > 0 {
		f.applied(page[len(page)-1].Seq, err)
	}
	return err
}

// correlateFile is the discrepancies as a view runs them; see searchFile.
type correlateFile struct {
	*correlate.View
	applied func(at uint64, err error)
}

func (f *correlateFile) run(ctx context.Context, v *view, from *journal.Follower) error {
	f.applied = v.applied
	return correlate.Runner(v.health, v.log).Run(ctx, from, f)
}

// Apply implements viewfile.Applier.
func (f *correlateFile) Apply(ctx context.Context, batch []journal.Stored) error {
	err := f.View.Apply(ctx, batch)
	if len(batch) > 0 {
		f.applied(batch[len(batch)-1].Seq, err)
	}
	return err
}

// organisationFile is the view of the organisation as a view runs it; see searchFile.
type organisationFile struct {
	*organisation.View
	applied func(at uint64, err error)
}

func (f *organisationFile) run(ctx context.Context, v *view, from *journal.Follower) error {
	f.applied = v.applied
	r := viewfile.Runner{View: "the view of the organisation", Condition: organisation.ConditionBehind, Health: v.health, Logger: v.log}
	return r.Run(ctx, from, f)
}

// Apply implements viewfile.Applier.
func (f *organisationFile) Apply(ctx context.Context, batch []journal.Stored) error {
	err := f.View.Apply(ctx, batch)
	if len(batch) > 0 {
		f.applied(batch[len(batch)-1].Seq, err)
	}
	return err
}

// actsFile is the file of positions as a view runs it; see searchFile.
type actsFile struct {
	acts.File
	applied func(at uint64, err error)
}

func (f *actsFile) run(ctx context.Context, v *view, from *journal.Follower) error {
	f.applied = v.applied
	r := viewfile.Runner{View: "the view of acts", Condition: acts.ConditionBehind, Health: v.health, Logger: v.log}
	return r.Run(ctx, from, f)
}

// Apply implements viewfile.Applier.
func (f *actsFile) Apply(ctx context.Context, batch []journal.Stored) error {
	err := f.File.Apply(ctx, batch)
	if len(batch) > 0 {
		f.applied(batch[len(batch)-1].Seq, err)
	}
	return err
}

// detectFile is the view of detections as a view runs it; see searchFile.
type detectFile struct {
	*detect.View
	applied func(at uint64, err error)
}

func (f *detectFile) run(ctx context.Context, v *view, from *journal.Follower) error {
	f.applied = v.applied
	r := viewfile.Runner{View: "the view of detections", Condition: detect.ConditionBehind, Health: v.health, Logger: v.log}
	return r.Run(ctx, from, f)
}

// Apply implements viewfile.Applier.
func (f *detectFile) Apply(ctx context.Context, batch []journal.Stored) error {
	err := f.View.Apply(ctx, batch)
	if len(batch) > 0 {
		f.applied(batch[len(batch)-1].Seq, err)
	}
	return err
}

// Views names the views that Rebuild knows.
func Views() []string { return []string{"search", "correlate", "organisation", "acts", "detect"} }

// Rebuild throws a view away and computes it again from the journal, beside the old one, which it then replaces. Nothing
// may serve on the data directory meanwhile. It leaves no record: a view is no evidence, and one more record would leave the
// other views behind.
func Rebuild(ctx context.Context, dir, name string, progress func(done, last uint64)) (err error) {
	if err := mustExist(dir); err != nil {
		return err
	}
	if !slices.Contains(Views(), name) {
		return fmt.Errorf("rebuild: there is no view %q: %v are", name, Views())
	}
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
	case "organisation":
		return organisation.Rebuild(ctx, dir, j.Reader(), progress)
	case "detect":
		o, err := detections(detect.Config{}, nil, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return detect.Rebuild(ctx, dir, o, j.Reader(), progress)
	case "acts":
		return rebuildActs(ctx, dir, j, progress)
	}
	return fmt.Errorf("rebuild: there is no view %q: %v are", name, Views())
}

// rebuildActs builds the file of positions, sealed with the key that the next start looks for.
func rebuildActs(ctx context.Context, dir string, j *journal.Journal, progress func(done, last uint64)) error {
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if err != nil {
		return err
	}
	return acts.Rebuild(ctx, dir, keys.StateKey(), j.Reader(), progress)
}
