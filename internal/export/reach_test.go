package export

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
)

func numbered(from, to int) []*audit.Record {
	var values []string
	for n := range to {
		values = append(values, fmt.Sprintf("type-%02d", n))
	}
	return records(values...)[from:]
}

// moving is a search view that moves while an export is made.
type moving struct {
	search.Reader
	position func(real uint64) uint64 // nil: as it is
	before   func(context.Context) error
}

func (m *moving) Position(ctx context.Context) (uint64, error) {
	at, err := m.Reader.Position(ctx)
	if m.position != nil {
		at = m.position(at)
	}
	return at, err
}

func (m *moving) Find(ctx context.Context, q *search.Query, p search.Page) (*search.Result, error) {
	if m.before != nil {
		if err := m.before(ctx); err != nil {
			return nil, err
		}
	}
	return m.Reader.Find(ctx, q, p)
}

// exported exports everything over a moving view.
func exported(t *testing.T, w *readingtest.World, m *moving, wait time.Duration) *Sidecar {
	t.Helper()
	m.Reader = w.Index
	r := w.Reader(func(p *reading.Parts) { p.Search = func(context.Context) (search.Reader, error) { return m, nil } })
	o := options(t, "", NDJSON)
	o.Wait = wait
	var out bytes.Buffer
	res, err := Run(t.Context(), r, &out, o)
	if err != nil {
		t.Fatal(err)
	}
	side, err := NewSidecar(t.Context(), r, o, res, "v-test")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != side.Records {
		t.Errorf("%d lines of %d records", n, side.Records)
	}
	return side
}

func wants(t *testing.T, side *Sidecar, records int, searchedTo, end uint64, complete bool) {
	t.Helper()
	if side.Records != records || side.SearchedTo != searchedTo || side.JournalEnd != end || side.Behind != end-searchedTo || side.Complete != complete {
		t.Errorf("%d records, searched to %d of %d, %d behind, complete %v", side.Records, side.SearchedTo, side.JournalEnd, side.Behind, side.Complete)
	}
}

// TestIndexCatchesUpMeanwhile: what the view takes in between two pages may stand before the cursor, so an export that
// began behind is not complete, wherever the view is when it ends.
func TestIndexCatchesUpMeanwhile(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, numbered(0, 40)...)
	asked := 0
	behindAtFirst := func(real uint64) uint64 {
		if asked++; asked == 1 {
			return 20
		}
		return real
	}
	wants(t, exported(t, w, &moving{position: behindAtFirst}, 0), 20, 20, 40, false)
	asked = 0
	wants(t, exported(t, w, &moving{position: behindAtFirst}, time.Minute), 40, 40, 40, true)
	wants(t, exported(t, w, &moving{position: func(uint64) uint64 { return 39 }}, 50*time.Millisecond), 39, 39, 40, false)
}

// TestBusyJournal: records that arrive meanwhile do not make an export incomplete, and are not in it.
func TestBusyJournal(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, numbered(0, 40)...)
	ctx, cancel := context.WithCancel(t.Context())
	j, err := journal.Open(ctx, w.Dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	more := func(ctx context.Context) error {
		for _, r := range numbered(40, 45) {
			if _, err := j.Append(ctx, journal.Batch{Entries: []journal.Entry{{Record: r, Bytes: r.AppendCanonical(nil)}}}); err != nil {
				return err
			}
		}
		var page []journal.Stored
		for s, err := range j.Reader().Scan(ctx, 41, 0) {
			if err != nil {
				return err
			}
			page = append(page, s)
		}
		return w.Index.Apply(ctx, follow.Entries(page))
	}
	wants(t, exported(t, w, &moving{before: more}, time.Minute), 40, 40, 40, true)
}
