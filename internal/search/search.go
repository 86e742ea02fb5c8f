// Package search is the view that finds records: a query language, the facts of a record it can ask for, the interface
// an index of those facts fulfils, and the follower that keeps an index up to date.
//
// It promises: a Query, once parsed, never changes and is safe for concurrent use; parsing and matching are pure
// functions (relative times are resolved against a time that is passed in). What an index answers is a function of the
// journal alone, so an index can be thrown away and rebuilt. Hits are ordered by time and, within a millisecond, by
// position in the journal. Durability is that of the journal: an index may lose its newest rows in a power cut and takes
// them in again. The package imports neither the journal nor a database, so that its parsers can be fuzzed quickly.
package search

import (
	"context"
	"errors"
	"time"
)

// Resolution is the finest time an index distinguishes: times of records and of queries are cut to it.
const Resolution = time.Millisecond

// Entry is one position of the journal, as a view sees it.
type Entry struct {
	Seq    uint64
	Bytes  []byte // canonical bytes of the record; unused where Erased
	Erased bool   // nothing to index here: a tombstone stands where the record was, or it cannot be read
}

// Follower hands out the journal page by page, in order, without gaps. Next blocks until there is something; what it
// returned may be kept until the page has been applied.
type Follower interface {
	Next(ctx context.Context) ([]Entry, error)
}

// Reader answers queries. All methods are safe for concurrent use, also beside Apply. What one call returns is of one
// moment as far as one month goes; pages of one query may see rows arrive between them.
type Reader interface {
	// Position is the position of the last entry applied, 0 if none.
	Position(ctx context.Context) (uint64, error)
	// Find returns one page of hits. A hit on a key (session:, request: …) rests on a keyed 60-bit hash of the id: whoever
	// shows the records drops the one in a trillion that Query.Match refuses.
	Find(ctx context.Context, q *Query, p Page) (*Result, error)
	// Count tells how many records match.
	Count(ctx context.Context, q *Query) (Count, error)
	// Facets counts the values of fields among the matching records, the top most frequent of each. It refuses fields
	// that name people (ErrNotFacet): there are no rankings of people.
	Facets(ctx context.Context, q *Query, fields []Field, top int) (*Facets, error)
	// Histogram counts the matching records over time in at most buckets buckets of equal width.
	Histogram(ctx context.Context, q *Query, buckets int) (*Histogram, error)
}

// Index is a Reader that takes in the journal.
type Index interface {
	Reader
	// Apply takes in consecutive entries; rows and position commit together. Entries at or below Position are skipped, a
	// gap is ErrGap. An order to erase a record removes that record's row and every trace of it from the files. Apply is
	// for one goroutine at a time.
	Apply(ctx context.Context, page []Entry) error
}

// Errors a caller decides on.
var (
	ErrGap      = errors.New("entries are missing between the position of the index and the page")
	ErrCursor   = errors.New("the cursor is not one this query returned")
	ErrNotFacet = errors.New("field has no facets")
	ErrOutdated = errors.New("the index was written by another version")
	ErrClosed   = errors.New("the search index is closed")
)

// Page says which hits to return.
type Page struct {
	Limit  int    // at most so many hits; 0 means DefaultLimit, more than MaxLimit means MaxLimit
	Cursor string // Result.Next of the page before; "" for the first
	Oldest bool   // oldest first; newest first otherwise. Must stay the same over the pages of a query
}

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

// Hit is one record found.
type Hit struct {
	Seq  uint64    // position in the journal
	Time time.Time // by which it is ordered (see RowTime), UTC, cut to Resolution
}

// Result is one page of hits.
type Result struct {
	Hits []Hit
	Next string // cursor of the next page; "" when this was the last
}

// Count is a number of records; where counting all would be slow, Exact is false and N is a lower bound.
type Count struct {
	N     int64
	Exact bool
}

// FacetValue is one value of a field and the number of records that carry it.
type FacetValue struct {
	Value string
	N     int64
}

// Facets are the most frequent values of fields.
type Facets struct {
	Values map[Field][]FacetValue // most frequent first, then by value
	Total  Count                  // records counted; where inexact, all counts are lower bounds
}

// Histogram counts records over time.
type Histogram struct {
	Start  time.Time // start of the first bucket, UTC
	Step   time.Duration
	Counts []int64 // one a bucket; nil when there is no time to divide
	Exact  bool    // false: counting stopped early, from the newest backwards, and all counts are lower bounds
}
