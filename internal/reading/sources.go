package reading

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

// Source is one source that has delivered, and when it last did.
type Source struct {
	Source  audit.Source `json:"source"`
	Records int64        `json:"records"`
	Last    time.Time    `json:"last_recorded"` // of the newest record that was looked at; zero where none can be read
}

// Sources are the sources that have delivered.
type Sources struct {
	List []Source // most records first
	// Exact is false where counting all would have been slow: Records are lower bounds then, and a source may be missing.
	Exact bool
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

// A source is late beyond a lag. Sessions and chats of the Compliance API are read anew up to half an hour after they end.
const (
	lateBeyond        = 15 * time.Minute
	lateBeyondContent = time.Hour
)

// Late reports whether a source's newest record says that what it delivers is old when it comes. What occurred before the
// journal began is history, and says nothing of that.
func Late(newest *audit.Record, began time.Time) bool {
	beyond := lateBeyond
	if newest.Source == audit.SourceComplianceSession || newest.Source == audit.SourceComplianceChat {
		beyond = lateBeyondContent
	}
	return newest.Recorded.Sub(newest.Occurred) > beyond && !newest.Occurred.Before(began)
}

// NeverSeen names the sources of the vocabulary that have not delivered: what only they see is in no answer.
func NeverSeen(sources []Source) []string {
	names := []string{}
	for _, known := range audit.Sources() {
		if !slices.ContainsFunc(sources, func(s Source) bool { return s.Source == known }) {
			names = append(names, string(known))
		}
	}
	return names
}

// Sources lists the sources that have delivered. The error is a *ViewError where the search view cannot be read, or the
// journal's.
func (r *Reader) Sources(ctx context.Context) (*Sources, error) {
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	facets, err := index.Facets(ctx, new(search.Query), []search.Field{search.FieldSource}, 100)
	if err != nil {
		return nil, err
	}
	values := facets.Values[search.FieldSource]
	newest, err := r.newest(ctx, len(values))
	if err != nil {
		return nil, err
	}
	out := &Sources{List: make([]Source, 0, len(values)), Exact: facets.Total.Exact}
	for _, v := range values {
		s := Source{Source: audit.Source(v.Value), Records: v.N, Last: newest[v.Value]}
		if s.Last.IsZero() {
			if s.Last, err = r.lastRecorded(ctx, v.Value); err != nil {
				return nil, err
			}
		}
		out.List = append(out.List, s)
	}
	return out, nil
}

// newestRecords is how far newest looks back from the journal's end.
const newestRecords = 4096

// newest tells when each source was last recorded, as far as the newest part of the journal knows: positions are in the
// order of recording, whatever the clocks of the sources say. It goes back step by step until it knows of so many sources.
func (r *Reader) newest(ctx context.Context, sources int) (map[string]time.Time, error) {
	at, err := r.Last(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]time.Time)
	end, step, bytes := at-min(at, newestRecords), uint64(32), 0
	for at > end && len(found) < sources && bytes < r.pageBytes {
		from := max(at-min(at, step), end) + 1
		n, err := r.newestOf(ctx, from, at, found)
		if err != nil {
			return nil, err
		}
		bytes += n
		at, step = from-1, min(2*step, 1024)
	}
	return found, nil
}

// newestOf adds the sources found in a stretch of the journal that are not known yet. It returns how many bytes it read.
func (r *Reader) newestOf(ctx context.Context, from, to uint64, found map[string]time.Time) (bytes int, err error) {
	newest := make(map[string]*journal.Stored)
	var facts search.Facts
	for s, err := range r.parts.Journal.Scan(ctx, from, to) {
		var damage *journal.CorruptError
		if errors.As(err, &damage) {
			continue
		}
		if err != nil {
			return bytes, fmt.Errorf("look for the newest records: %w", err)
		}
		bytes += len(s.Bytes)
		if s.Tombstone == nil && facts.Read(s.Bytes) == nil {
			newest[sourceOf(&facts)] = &s
		}
	}
	for source, s := range newest {
		if record, err := s.Record(); err == nil && found[source].IsZero() {
			found[source] = record.Recorded
		}
	}
	return bytes, nil
}

func sourceOf(f *search.Facts) string {
	for _, n := range f.Names {
		if n.Field == search.FieldSource {
			return n.Value
		}
	}
	return ""
}

// lastRecorded asks the search view, which is in the order of the sources' clocks: of the newest few, some may be damaged
// or erased. It looks at those before now as well: one device whose clock is ahead must not stand for all of them.
func (r *Reader) lastRecorded(ctx context.Context, source string) (last time.Time, err error) {
	now := time.Now()
	for _, until := range []string{"", " before:" + now.UTC().Format("2006-01-02T15:04:05Z")} {
		q, err := search.Parse("source:"+search.Quote(source)+until, now)
		if err != nil {
			return last, err
		}
		page, err := r.Find(ctx, q, search.Page{Limit: 10})
		if err != nil {
			return last, err
		}
		for i := range page.Items {
			if at := page.Items[i].Record.Recorded; at.After(last) {
				last = at
			}
		}
	}
	return last, nil
}
