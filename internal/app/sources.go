package app

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/search"
)

// Source is one source that has delivered, and when it last did.
type Source struct {
	Source  audit.Source `json:"source"`
	Records int64        `json:"records"`
	Last    time.Time    `json:"last_recorded"`
}

// SilentAfter is how long a source may say nothing before a list calls it silent.
const SilentAfter = time.Hour

// Silent names the sources that delivered before and have not for SilentAfter. Tripod's own acts are no source one waits for.
func Silent(sources []Source) []string {
	silent := []string{}
	for _, s := range sources {
		if s.Source != audit.SourceTripod && time.Since(s.Last) > SilentAfter {
			silent = append(silent, string(s.Source))
		}
	}
	return silent
}

// Sources lists every source that has delivered, most records first.
func (r *Reading) Sources(ctx context.Context) ([]Source, error) {
	all, err := search.Parse("", time.Now())
	if err != nil {
		return nil, err
	}
	facets, err := r.Index.Facets(ctx, all, []search.Field{search.FieldSource}, 100)
	if err != nil {
		return nil, err
	}
	sources := make([]Source, 0, 8)
	for _, v := range facets.Values[search.FieldSource] {
		q, err := search.Parse("source:"+search.Quote(v.Value), time.Now())
		if err != nil {
			return nil, err
		}
		s := Source{Source: audit.Source(v.Value), Records: v.N}
		if s.Last, err = r.lastRecorded(ctx, q); err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

func (r *Reading) lastRecorded(ctx context.Context, q *search.Query) (time.Time, error) {
	found, err := r.Index.Find(ctx, q, search.Page{Limit: 1})
	if err != nil {
		return time.Time{}, err
	}
	stored, err := r.Fetch(ctx, q, found.Hits)
	if err != nil || len(stored) == 0 {
		return time.Time{}, err
	}
	rec, err := stored[0].Record()
	if err != nil {
		return time.Time{}, err
	}
	return rec.Recorded, nil
}

// Session reads all records of a session, in the order they occurred; those of one millisecond in the order of the
// source's own counter.
func (r *Reading) Session(ctx context.Context, id string) ([]journal.Stored, error) {
	q, err := search.Parse("session:"+search.Quote(id), time.Now())
	if err != nil {
		return nil, err
	}
	var records []journal.Stored
	for page := (search.Page{Oldest: true, Limit: 1000}); ; {
		found, err := r.Index.Find(ctx, q, page)
		if err != nil {
			return nil, err
		}
		stored, err := r.Fetch(ctx, q, found.Hits)
		if err != nil {
			return nil, err
		}
		records = append(records, stored...)
		if page.Cursor = found.Next; page.Cursor == "" {
			return records, sortSession(records)
		}
	}
}

// Checkpoint is the size and the text of the last signed checkpoint; 0 and "" before the first.
func (r *Reading) Checkpoint() (size uint64, text string, err error) {
	head, err := ledger.Head(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	}
	return head.Size, string(head.Note), err
}
