// Package readingtest builds small data directories for the tests of whoever reads them.
//
// Everything lies in a folder of the test's own, which goes with it, so nothing here needs durability or order beyond what
// the real parts give. A World is for one test; its Reader is safe for concurrent use.
package readingtest

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// World is a data directory with a journal, a ledger and both views, all up to date.
type World struct {
	Dir     string
	Journal *journal.Reader
	Index   *sqlite.Index
	Found   *correlate.View
	Org     *organisation.View
	Fired   *detect.View
}

// Build stores records, each in a row of the journal of its own, and computes everything
// else from them.
func Build(t testing.TB, records ...*audit.Record) *World {
	t.Helper()
	w := &World{Dir: t.TempDir()}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	j := must(journal.Open(ctx, w.Dir, journal.Options{}))(t)
	var ended []chan error
	start := func(run func(context.Context) error) {
		done := make(chan error, 1)
		ended = append(ended, done)
		go func() { done <- run(ctx) }()
	}
	start(j.Run)
	for _, r := range records {
		must(j.Append(ctx, journal.Batch{Entries: []journal.Entry{{Record: r, Bytes: r.AppendCanonical(nil)}}}))(t)
	}
	l := must(ledger.Open(ctx, w.Dir, ledger.Options{Journal: j.Reader(), Interval: time.Millisecond}))(t)
	start(func(ctx context.Context) error { return l.Run(ctx, j.Follow(1)) })
	must(l.Wait(ctx, uint64(len(records))))(t)
	w.fill(ctx, t, j)
	cancel()
	for _, done := range ended {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	w.Journal = must(journal.OpenReader(context.Background(), w.Dir))(t)
	closeAtEnd(t, w.Journal)
	return w
}

// fill brings both views up to date.
func (w *World) fill(ctx context.Context, t testing.TB, j *journal.Journal) {
	t.Helper()
	var page []journal.Stored
	for s, err := range j.Reader().Scan(ctx, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		page = append(page, s)
	}
	w.Index = must(sqlite.Open(ctx, w.Dir+"/index"))(t)
	closeAtEnd(t, w.Index)
	w.Found = must(correlate.Open(ctx, w.Dir, correlate.Options{}))(t)
	closeAtEnd(t, w.Found)
	w.Org = must(organisation.Open(ctx, w.Dir, organisation.Options{}))(t)
	closeAtEnd(t, w.Org)
	w.Fired = must(detect.Open(ctx, w.Dir, detect.Options{}))(t)
	closeAtEnd(t, w.Fired)
	if err := errors.Join(w.Index.Apply(ctx, follow.Entries(page)), w.Found.Apply(ctx, page), w.Org.Apply(ctx, page), w.Fired.Apply(ctx, page)); err != nil {
		t.Fatal(err)
	}
}

// Reader reads the world; change may take parts of it away.
func (w *World) Reader(change ...func(*reading.Parts)) *reading.Reader {
	p := reading.Parts{
		Journal: w.Journal, Dir: w.Dir,
		Search:       func(context.Context) (search.Reader, error) { return w.Index, nil },
		Found:        func(context.Context) (reading.Discrepancies, error) { return w.Found, nil },
		Organisation: func(context.Context) (organisation.Reader, error) { return w.Org, nil },
		Detections:   func(context.Context) (detect.Reader, error) { return w.Fired, nil },
	}
	for _, f := range change {
		f(&p)
	}
	return reading.New(p)
}

// Harm changes the journal behind everybody's back.
func (w *World) Harm(t testing.TB, statement string) {
	t.Helper()
	db := must(sql.Open("sqlite", filepath.Join(w.Dir, journal.FileName)))(t)
	closeAtEnd(t, db)
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func closeAtEnd(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
