package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// Reading is a data directory opened for reading, also while serve runs on it.
type Reading struct {
	*reading.Reader
	journal *journal.Reader
	index   *lazy[*sqlite.Index]
	found   *lazy[*correlate.View]
	org     *lazy[*organisation.View]
	fired   *lazy[*detect.View]
}

// OpenReading opens the journal; views are opened when they are first needed, so what needs none works without. Nothing
// is created or written.
func OpenReading(ctx context.Context, dir string) (*Reading, error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	j, err := journal.OpenReader(ctx, dir)
	if err != nil {
		return nil, err
	}
	r := &Reading{
		journal: j,
		index:   &lazy[*sqlite.Index]{open: func(ctx context.Context) (*sqlite.Index, error) { return sqlite.OpenReader(ctx, indexDir(dir)) }},
		found:   &lazy[*correlate.View]{open: func(ctx context.Context) (*correlate.View, error) { return correlate.OpenReader(ctx, dir) }},
		org:     &lazy[*organisation.View]{open: func(ctx context.Context) (*organisation.View, error) { return organisation.OpenReader(ctx, dir) }},
		fired:   &lazy[*detect.View]{open: func(ctx context.Context) (*detect.View, error) { return detect.OpenReader(ctx, dir) }},
	}
	r.Reader = reading.New(reading.Parts{
		Journal: j, Dir: dir,
		Search:       func(ctx context.Context) (search.Reader, error) { return r.index.get(ctx) },
		Found:        func(ctx context.Context) (reading.Discrepancies, error) { return r.found.get(ctx) },
		Organisation: func(ctx context.Context) (organisation.Reader, error) { return r.org.get(ctx) },
		Detections:   func(ctx context.Context) (detect.Reader, error) { return r.fired.get(ctx) },
	})
	return r, nil
}

// Close gives everything back.
func (r *Reading) Close() error {
	return errors.Join(r.fired.close(), r.org.close(), r.found.close(), r.index.close(), r.journal.Close())
}

// lazy opens a file when it is first needed. One that could not be opened is tried again at the next use.
type lazy[T io.Closer] struct {
	open func(context.Context) (T, error)

	mu   sync.Mutex
	file T    // guarded by mu
	ok   bool // guarded by mu: file is open
}

func (l *lazy[T]) get(ctx context.Context) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ok {
		return l.file, nil
	}
	file, err := l.open(ctx)
	if err != nil {
		return file, err
	}
	l.file, l.ok = file, true
	return file, nil
}

func (l *lazy[T]) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ok {
		return nil
	}
	l.ok = false
	return l.file.Close()
}

// reader reads what this process serves: its own journal and the views as they are open at the moment of each use. A view
// that a reader finds damaged is built again.
func (a *App) reader() *reading.Reader {
	return reading.New(reading.Parts{
		Journal: a.truth.Journal.Reader(), Dir: a.cfg.Data, Serving: true,
		Search: func(context.Context) (search.Reader, error) { return openedAs[search.Reader](a.view("search")) },
		Found: func(context.Context) (reading.Discrepancies, error) {
			return openedAs[reading.Discrepancies](a.view("correlate"))
		},
		Organisation: func(context.Context) (organisation.Reader, error) {
			return openedAs[organisation.Reader](a.view("organisation"))
		},
		Detections: func(context.Context) (detect.Reader, error) { return openedAs[detect.Reader](a.view("detect")) },
		Failed: func(view string, err error) {
			if damaged(err) {
				a.view(view).fail(err)
			}
		},
	})
}

func (a *App) view(name string) *view {
	return a.views[slices.IndexFunc(a.views, func(v *view) bool { return v.name == name })]
}

// openedAs is a view's files, if they are open now.
func openedAs[T any](v *view) (T, error) {
	if t, ok := v.opened().(T); ok {
		return t, nil
	}
	var none T
	return none, fmt.Errorf("the %s view is not open at the moment", v.name)
}
