package reading

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Source is one source that has delivered, and when it last did.
type Source struct {
	Source  audit.Source `json:"source"`
	Records int64        `json:"records"`
	Last    time.Time    `json:"last_recorded"` // of the record that occurred last; zero where none can be read
}

// SilentAfter is how long a source may say nothing before a list calls it silent.
const SilentAfter = time.Hour

// Silent names the sources that delivered before and, seen from now, have not for SilentAfter. Tripod's own acts are no
// source one waits for.
func Silent(sources []Source, now time.Time) []string {
	silent := []string{}
	for _, s := range sources {
		if s.Source != audit.SourceTripod && now.Sub(s.Last) > SilentAfter {
			silent = append(silent, string(s.Source))
		}
	}
	return silent
}

// Sources lists every source that has delivered, most records first. The error is a *ViewError where the search view
// cannot be read, or the journal's.
func (r *Reader) Sources(ctx context.Context) ([]Source, error) {
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	facets, err := index.Facets(ctx, new(search.Query), []search.Field{search.FieldSource}, 100)
	if err != nil {
		return nil, r.viewError(ctx, "search", err)
	}
	sources := make([]Source, 0, 8)
	for _, v := range facets.Values[search.FieldSource] {
		s := Source{Source: audit.Source(v.Value), Records: v.N}
		if s.Last, err = r.lastRecorded(ctx, v.Value); err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// lastRecorded looks at the newest few, of which the newest may be damaged or erased.
func (r *Reader) lastRecorded(ctx context.Context, source string) (time.Time, error) {
	q, err := search.Parse("source:"+search.Quote(source), time.Now())
	if err != nil {
		return time.Time{}, err
	}
	page, err := r.Find(ctx, q, search.Page{Limit: 5})
	if err != nil || len(page.Items) == 0 {
		return time.Time{}, err
	}
	return page.Items[0].Record.Recorded, nil
}
