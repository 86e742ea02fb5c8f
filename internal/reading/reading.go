// Package reading is the answers that command line and console share: pages of records, one session, one record, a
// proof, the sources, how far the views have come. It joins the journal, which is the truth, with the views that find
// things in it, and goes on without what cannot be read: a damaged record is named beside the others (Unreadable), a
// missing view is an error that says what to do (*ViewError), and a session without the discrepancies still shows its
// records.
//
// It writes nothing, so durability is that of the journal. Order: pages are in the order of the search view, sessions in
// the order they occurred. Concurrency: a Reader holds no state and is safe for concurrent use; what one call returns may
// mix moments a few milliseconds apart, since journal and views are read one after the other.
package reading

import (
	"context"
	"errors"
	"io/fs"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/search"
)

// Discrepancies is what the view of discrepancies answers; *correlate.View is one.
type Discrepancies interface {
	Position(ctx context.Context) (uint64, error)
	List(ctx context.Context, f correlate.Filter) ([]correlate.Discrepancy, error)
	Count(ctx context.Context) (correlate.Counts, error)
}

// Parts are what a Reader reads. It closes none of them.
type Parts struct {
	Journal *journal.Reader
	// Search and Found open a view or hand out an open one. They are called at each use and may fail each time: a view may
	// be missing, of another version, or being built again. What they return stays usable for a moment, or answers with
	// an error.
	Search func(context.Context) (search.Reader, error)
	Found  func(context.Context) (Discrepancies, error)
	// Organisation is likewise; nil where there is no such view.
	Organisation func(context.Context) (organisation.Reader, error)
	// Detections is likewise.
	Detections func(context.Context) (detect.Reader, error)
	Dir        string // the data directory, for the ledger
	// Failed, if not nil, hears of each error a view answered with, for who may mend it.
	Failed func(view string, err error)
	// Serving says that the views are those of a running serve, which mends them by itself: errors then advise to wait.
	Serving bool
}

// Bounds, in canonical bytes: what is decoded takes up to five times as much.
const (
	pageBytes    = 8 << 20  // of one page
	sessionBytes = 32 << 20 // of a session that is read up to a limit
)

// Reader answers from the parts.
type Reader struct {
	parts        Parts
	pageBytes    int
	sessionBytes int
}

// New makes a Reader.
func New(p Parts) *Reader { return &Reader{p, pageBytes, sessionBytes} }

// Search is the search view, for counts, facets and histograms. The error, and those of its methods, are *ViewErrors.
func (r *Reader) Search(ctx context.Context) (search.Reader, error) {
	index, err := r.parts.Search(ctx)
	if err != nil {
		return nil, r.viewError(ctx, "search", err)
	}
	return &searchView{index, r}, nil
}

// Discrepancies is the view of discrepancies. The error, and those of its methods, are *ViewErrors.
func (r *Reader) Discrepancies(ctx context.Context) (Discrepancies, error) {
	found, err := r.parts.Found(ctx)
	if err != nil {
		return nil, r.viewError(ctx, "correlate", err)
	}
	return &foundView{found, r}, nil
}

// Organisation is the view of settings, accounts and keys. The error, and those of its methods, are *ViewErrors.
func (r *Reader) Organisation(ctx context.Context) (organisation.Reader, error) {
	if r.parts.Organisation == nil {
		return nil, r.viewError(ctx, "organisation", errors.New("the view of the organisation is not part of this"))
	}
	view, err := r.parts.Organisation(ctx)
	if err != nil {
		return nil, r.viewError(ctx, "organisation", err)
	}
	return &organisationView{view, r}, nil
}

// Last is the newest position of the journal, 0 while it is empty.
func (r *Reader) Last(ctx context.Context) (uint64, error) { return r.parts.Journal.Last(ctx) }

// Behind tells how many records of the journal the search view has yet to take in.
func (r *Reader) Behind(ctx context.Context) (uint64, error) {
	last, err := r.Last(ctx)
	if err != nil {
		return 0, err
	}
	index, err := r.Search(ctx)
	if err != nil {
		return 0, err
	}
	at, err := index.Position(ctx)
	if err != nil {
		return 0, err
	}
	return last - min(at, last), nil
}

// Checkpoint is the size and the text of the last signed checkpoint; 0 and "" before the first.
func (r *Reader) Checkpoint() (size uint64, text string, err error) {
	head, err := ledger.Head(r.parts.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, "", nil
	}
	return head.Size, string(head.Note), err
}
