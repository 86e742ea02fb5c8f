package reading_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
	"github.com/tripod-audit/tripod/internal/search"
)

// sized is a record whose canonical bytes are about so many.
func sized(n, bytes int) *audit.Record {
	r := record(n, "s-1")
	for i := 0; bytes > 0; i++ {
		some := min(bytes, audit.MaxKeptString)
		r.Attributes = append(r.Attributes, audit.Attr{Name: "a", Value: audit.String(strings.Repeat("x", some))})
		bytes -= some
	}
	return r
}

// TestPagesAreBounded: whatever the sizes of records, pages hold each once and in order, none holds more bytes than the
// bound unless it is of one record, and damage is told once.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	const bound, records = 20_000, 120
	rnd := rand.New(rand.NewPCG(3, 4))
	var list []*audit.Record
	for n := range records {
		r := sized(n, rnd.IntN(1000)*rnd.IntN(10)*rnd.IntN(8)) // up to 70 kB, mostly much less
		r.Occurred = noon.Add(time.Duration(rnd.IntN(40)) * time.Second)
		list = append(list, r)
	}
	w := readingtest.Build(t, list...)
	w.Harm(t, "UPDATE frames SET frame = x'00' WHERE first IN (17, 60, 61)")
	r := w.Reader().Bound(bound, 10*bound)
	whole := must(w.Reader().Find(t.Context(), parse(t, ""), search.Page{Limit: 1000}))(t)
	for _, limit := range []int{1, 7, 50, 1000} {
		var seqs []uint64
		var unreadable reading.Unreadable
		pages, short := 0, false
		for page := (search.Page{Limit: limit}); ; {
			found := must(r.Find(t.Context(), parse(t, ""), page))(t)
			bytes := 0
			for _, i := range found.Items {
				bytes += len(i.Bytes)
				seqs = append(seqs, i.Seq)
			}
			if bytes > bound && len(found.Items) > 1 || len(found.Items)+len(found.Unreadable) > limit {
				t.Errorf("limit %d: a page of %d records and %d bytes", limit, len(found.Items), bytes)
			}
			pages, short = pages+1, short || found.Next != "" && len(found.Items)+len(found.Unreadable) < limit
			unreadable = append(unreadable, found.Unreadable...)
			if page.Cursor = found.Next; page.Cursor == "" {
				break
			}
		}
		slices.Sort(unreadable)
		var want []uint64
		for _, i := range whole.Items {
			want = append(want, i.Seq)
		}
		if !slices.Equal(seqs, want) || !slices.Equal(unreadable, reading.Unreadable{17, 60, 61}) {
			t.Errorf("limit %d: %d records, unreadable %v; %v", limit, len(seqs), unreadable, seqs)
		}
		if limit == 1000 && (!short || pages < 10) {
			t.Errorf("%d pages: the bound was not met", pages)
		}
	}
	s := must(r.SessionUpTo(t.Context(), "s-1", 1000))(t)
	bytes := 0
	for _, i := range s.Items {
		bytes += len(i.Bytes)
	}
	if !s.More || bytes < 10*bound || bytes > 15*bound {
		t.Errorf("a session of %d records and %d bytes, more %v", len(s.Items), bytes, s.More)
	}
	if s := must(r.Session(t.Context(), "s-1"))(t); s.More || len(s.Items) != records-3 {
		t.Errorf("the whole session is %d records", len(s.Items))
	}
	if page := must(r.FindUpTo(t.Context(), parse(t, ""), search.Page{Oldest: true}, 0))(t); len(page.Items) > 0 {
		t.Errorf("%d records up to position 0", len(page.Items))
	}
}

// lateCancel is a context that is cancelled once it was asked so often.
type lateCancel struct {
	context.Context
	left atomic.Int64
}

func (c *lateCancel) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestFindEndsWithItsContext: nobody decodes records for who has gone away.
func TestFindEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := readingtest.Build(t, ten("s-1")...).Reader()
	ctx := &lateCancel{Context: t.Context()}
	ctx.left.Store(1000)
	must(r.Find(ctx, parse(t, ""), search.Page{}))(t)
	asked := 1000 - ctx.left.Load()
	if asked < 10 {
		t.Errorf("the context was asked %d times for 10 records", asked)
	}
	for n := range asked / 2 {
		ctx.left.Store(n)
		if page, err := r.Find(ctx, parse(t, ""), search.Page{}); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled when asked %d times of %d: %+v, %v", n, asked, page, err)
		}
	}
}

// closed is a view of discrepancies that was closed.
type closed struct{}

var errClosed = errors.New("closed")

func (closed) Position(context.Context) (uint64, error)            { return 0, errClosed }
func (closed) Count(context.Context) (c correlate.Counts, e error) { return c, errClosed }
func (closed) List(context.Context, correlate.Filter) ([]correlate.Discrepancy, error) {
	return nil, errClosed
}

// TestErrorsOfViews: whatever is asked of a view that fails, the error says what to do, and who mends views hears of it.
func TestErrorsOfViews(t *testing.T) {
	t.Parallel()
	w := readingtest.Build(t, ten("s-1")...)
	failed := 0
	r := w.Reader(func(p *reading.Parts) {
		p.Failed = func(string, error) { failed++ }
		p.Found = func(context.Context) (reading.Discrepancies, error) { return closed{}, nil }
	})
	index := must(r.Search(t.Context()))(t)
	found := must(r.Discrepancies(t.Context()))(t)
	if err := w.Index.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, q := t.Context(), parse(t, "tool:x")
	calls := map[string]func() error{
		"search position":    func() error { _, err := index.Position(ctx); return err },
		"search find":        func() error { _, err := index.Find(ctx, q, search.Page{}); return err },
		"search count":       func() error { _, err := index.Count(ctx, q); return err },
		"search facets":      func() error { _, err := index.Facets(ctx, q, []search.Field{search.FieldTool}, 1); return err },
		"search histogram":   func() error { _, err := index.Histogram(ctx, q, 10); return err },
		"correlate position": func() error { _, err := found.Position(ctx); return err },
		"correlate list":     func() error { _, err := found.List(ctx, correlate.Filter{}); return err },
		"correlate count":    func() error { _, err := found.Count(ctx); return err },
	}
	for name, call := range calls {
		var view *reading.ViewError
		if err := call(); !errors.As(err, &view) || !strings.HasPrefix(name, view.View) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if failed != len(calls) {
		t.Errorf("heard of %d failures of %d", failed, len(calls))
	}
}

// TestSilentByClock: a device whose clock is ahead says nothing of when a source last delivered, wherever in the journal
// the others stand.
func TestSilentByClock(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC().Truncate(time.Second)
	var list []*audit.Record
	add := func(source audit.Source, n int, occurred, recorded time.Duration) {
		for range n {
			r := record(len(list), "s-1")
			r.Source, r.Occurred, r.Recorded = source, now.Add(occurred), now.Add(recorded)
			list = append(list, r)
		}
	}
	add(audit.SourceHookClient, 12, -5*time.Hour, -5*time.Hour)
	add(audit.SourceOTelLog, 12, 17*time.Hour, -3*time.Hour) // 20 hours ahead
	add(audit.SourceOTelLog, 50, -2*time.Minute, -time.Minute)
	add(audit.SourceTranscript, 20, -48*time.Hour, -30*time.Second) // told late, and lately
	r := readingtest.Build(t, list...).Reader()
	for _, pageBytes := range []int{8 << 20, 20_000} { // with less, not all are found at the journal's end
		sources := must(r.Bound(pageBytes, 0).Sources(t.Context()))(t)
		if silent := reading.Silent(sources.List, now); !slices.Equal(silent, []string{string(audit.SourceHookClient)}) || !sources.Exact {
			t.Errorf("within %d bytes: silent %v of %+v", pageBytes, silent, sources)
		}
	}
}
