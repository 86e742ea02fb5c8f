// Package follow lets the search view follow the journal. It keeps the database the journal is built on out of package
// search. A Follower is for one goroutine at a time; it holds nothing durable, the index knows its own position, and it
// hands positions on in order, so nothing here needs care about concurrent use.
package follow

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

// Source is what *journal.Follower is.
type Source interface {
	Next(ctx context.Context) ([]journal.Stored, error)
}

// Follower hands the journal's pages to an index.
type Follower struct{ source Source }

// New makes a follower of a source that begins behind the index's position: journal.Follow(position+1).
func New(source Source) *Follower { return &Follower{source} }

// Next implements search.Follower. Positions the journal cannot read are passed over, since a damaged record must not end
// the search for all others; the ledger tells of the damage.
func (f *Follower) Next(ctx context.Context) ([]search.Entry, error) {
	page, err := f.source.Next(ctx)
	var damaged *journal.CorruptError
	if errors.As(err, &damaged) {
		entries := make([]search.Entry, damaged.Count)
		for i := range entries {
			entries[i] = search.Entry{Seq: damaged.First + uint64(i), Erased: true}
		}
		return entries, nil
	}
	if err != nil {
		return nil, err
	}
	return Entries(page), nil
}

// Entries turns stored records into entries, sharing their bytes.
func Entries(page []journal.Stored) []search.Entry {
	entries := make([]search.Entry, len(page))
	for i := range page {
		entries[i] = search.Entry{Seq: page[i].Seq, Bytes: page[i].Bytes, Erased: page[i].Tombstone != nil}
	}
	return entries
}
