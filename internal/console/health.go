package console

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

func (c *Console) healthRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /health", always(opens("health")), func(v *visit) error {
		return v.print("health", v.frame("Health", "health", v.cli("doctor")), v.health())
	})
	c.page(mux, "GET /health/now", func(v *visit) (opening, error) { return v.refreshes(opens("health")), nil }, func(v *visit) error {
		return v.fragment("health", "health-now", v.health())
	})
}

// health reads everything anew, part by part.
func (v *visit) health() *page.Health {
	h := &page.Health{Now: v.deps.Now().UTC(), Conditions: v.deps.Health.Conditions()}
	if v.deps.Standing != nil {
		h.Standing = v.deps.Standing(v.r.Context())
	}
	v.journalHealth(&h.Journal)
	for _, p := range h.Standing.Views {
		h.Views = append(h.Views, page.ViewHealth{Name: p.Name, Position: p.Position, Behind: h.Journal.Last - min(h.Journal.Last, p.Position), Problem: p.Problem})
	}
	if h.Views == nil {
		h.Views = v.viewsHealth(h.Journal.Last)
	}
	if err := v.sourcesHealth(h); err != nil {
		h.Sources, h.SourcesProblem = nil, v.unreadable("sources", err)
	}
	return h
}

// unreadable says that a part of the page cannot be read; the log has why.
func (v *visit) unreadable(part string, err error) string {
	v.deps.Logger.WarnContext(v.r.Context(), "health page", "part", part, "error", err)
	p, _ := asProblem(err)
	if p.code == "internal" {
		return "This cannot be read at the moment; the log has why. tripod doctor looks at the data directory."
	}
	return p.text + " " + p.advice
}

func (v *visit) journalHealth(j *page.JournalHealth) {
	var err error
	if j.Last, err = v.deps.Reader.Last(v.r.Context()); err != nil {
		j.Problem = v.unreadable("journal", err)
	}
	if j.Signed, _, err = v.deps.Reader.Checkpoint(); err != nil {
		j.LedgerProblem = v.unreadable("ledger", err)
	}
	j.Unsigned = j.Last - min(j.Last, j.Signed)
}

// viewsHealth asks the views themselves.
func (v *visit) viewsHealth(last uint64) []page.ViewHealth {
	ctx := v.r.Context()
	view := func(name string, position func() (uint64, error)) page.ViewHealth {
		at, err := position()
		if err != nil {
			return page.ViewHealth{Name: name, Problem: v.unreadable("view "+name, err)}
		}
		return page.ViewHealth{Name: name, Position: at, Behind: last - min(last, at)}
	}
	views := []page.ViewHealth{
		view("search", func() (uint64, error) {
			index, err := v.deps.Reader.Search(ctx)
			if err != nil {
				return 0, err
			}
			return index.Position(ctx)
		}),
		view("correlate", func() (uint64, error) {
			found, err := v.deps.Reader.Discrepancies(ctx)
			if err != nil {
				return 0, err
			}
			return found.Position(ctx)
		}),
		view("organisation", func() (uint64, error) {
			org, err := v.deps.Reader.Organisation(ctx)
			if err != nil {
				return 0, err
			}
			return org.Position(ctx)
		}),
		view("detect", func() (uint64, error) {
			fired, err := v.deps.Reader.Detections(ctx)
			if err != nil {
				return 0, err
			}
			return fired.Position(ctx)
		}),
	}
	views[len(views)-1].Note = v.detectionsNote()
	return views
}

// detectionsNote tells what the view of detections could not count as it should.
func (v *visit) detectionsNote() string {
	fired, err := v.deps.Reader.Detections(v.r.Context())
	if err != nil {
		return "" // said beside it
	}
	s, err := fired.Stats(v.r.Context())
	if err != nil {
		return ""
	}
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{
		{s.Late, "came too late to be counted with all others"}, {s.Dropped, "were let go early"}, {s.Unreadable, "could not be read"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d records %s", p.n, p.what))
		}
	}
	if s.Flooded > 0 {
		parts = append(parts, fmt.Sprintf("%d firings beyond the bound of an hour", s.Flooded))
	}
	return strings.Join(parts, "; ")
}

func (v *visit) sourcesHealth(h *page.Health) error {
	ctx := v.r.Context()
	sources, err := v.deps.Reader.Sources(ctx)
	if err != nil {
		return err
	}
	minutes, exact5, err := v.rates(ctx, h.Now.Add(-5*time.Minute))
	if err != nil {
		return err
	}
	hours, exact24, err := v.rates(ctx, h.Now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	seen := make(map[audit.Source]bool)
	h.Inexact = !sources.Exact
	for _, s := range sources.List {
		seen[s.Source] = true
		sh := page.SourceHealth{Source: string(s.Source), Records: s.Records, Last: s.Last, Minutes5: minutes[string(s.Source)],
			Hours24: hours[string(s.Source)], AtLeast: !exact5 || !exact24, Owner: h.Standing.Owners[string(s.Source)],
			Backlog: h.Standing.Backlog[string(s.Source)], Own: s.Source == audit.SourceTripod}
		d := v.delivery(ctx, s, h.Now, sh.Backlog != "")
		sh.Silent, sh.Late, sh.Lag, sh.LagKnown = d.silent, d.late, d.lag, d.lagKnown
		h.Sources = append(h.Sources, sh)
	}
	for i := range h.Sources {
		for _, k := range knownSources() {
			if string(k.source) == h.Sources[i].Source {
				h.Sources[i].What = k.what
			}
		}
	}
	for _, k := range knownSources() {
		if !seen[k.source] && k.source != audit.SourceTripod {
			h.NotSeen = append(h.NotSeen, string(k.source))
		}
	}
	return nil
}

// rates counts the records of each source that occurred since a time.
func (v *visit) rates(ctx context.Context, since time.Time) (map[string]int64, bool, error) {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return nil, false, err
	}
	q, err := search.Parse("after:"+since.UTC().Format("2006-01-02T15:04:05Z"), since)
	if err != nil {
		return nil, false, err
	}
	facets, err := index.Facets(ctx, q, []search.Field{search.FieldSource}, 100)
	if err != nil {
		return nil, false, err
	}
	counts := make(map[string]int64)
	for _, f := range facets.Values[search.FieldSource] {
		counts[f.Value] = f.N
	}
	return counts, facets.Total.Exact, nil
}

// delivery is how a source does, by one rule for every page.
type delivery struct {
	silent, late bool
	lag          time.Duration
	lagKnown     bool
}

// delivery judges a source. One whose past is being read is not late.
func (v *visit) delivery(ctx context.Context, s reading.Source, now time.Time, history bool) (d delivery) {
	own := s.Source == audit.SourceTripod
	d.silent = !own && now.Sub(s.Last) > reading.SilentAfter
	newest, ok := v.newest(ctx, s.Source)
	if !ok {
		return d
	}
	d.lag, d.lagKnown = newest.Recorded.Sub(newest.Occurred), true
	d.late = !own && !d.silent && !history && reading.Late(newest, v.began(ctx))
	return d
}

// began is when the journal's first record was recorded; zero where it cannot be read.
func (v *visit) began(ctx context.Context) time.Time {
	first, err := v.deps.Reader.Record(ctx, 1)
	if err != nil || first.Record == nil {
		return time.Time{}
	}
	return first.Record.Recorded
}

// newest is a source's newest record, if it has a time to be trusted. Its lag is how long it took from when it occurred to
// the journal. Where clocks differ it says so of both.
func (v *visit) newest(ctx context.Context, source audit.Source) (*audit.Record, bool) {
	q, err := search.Parse("source:"+search.Quote(string(source)), v.deps.Now())
	if err != nil {
		return nil, false
	}
	found, err := v.deps.Reader.Find(ctx, q, search.Page{Limit: 1})
	if err != nil || len(found.Items) == 0 {
		return nil, false
	}
	r := found.Items[0].Record
	if r.HasFlag(audit.FlagClockAbsurd) || r.HasFlag(audit.FlagNoTime) {
		return nil, false
	}
	return r, true
}

// MeasureDir tells how large the parts of a data directory are and when its last checkpoint was signed. It reads the names
// and sizes of files only.
func MeasureDir(dir string) page.Standing {
	var s page.Standing
	for _, part := range []struct{ name, pattern string }{
		{"journal", "journal.db*"}, {"content store", "content.db*"}, {"search view", "index/*"}, {"view of discrepancies", "correlate.db*"}, {"view of the organisation", "organisation.db*"}, {"view of acts", "acts.db*"}, {"view of detections", "detect.db*"},
		{"keys", "keys/*"},
	} {
		s.Stores = append(s.Stores, measure(dir, part.name, part.pattern))
	}
	if info, err := os.Stat(filepath.Join(dir, "ledger", "checkpoint")); err == nil {
		s.Signed = info.ModTime()
	}
	return s
}

func measure(dir, name, pattern string) page.Store {
	store := page.Store{Name: name, Path: pattern}
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) == 0 {
		store.Problem = "not there"
		return store
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if os.IsNotExist(err) {
			continue // a log that was just folded in
		}
		if err != nil {
			store.Problem = "cannot be read"
			return store
		}
		store.Bytes += info.Size()
	}
	return store
}
