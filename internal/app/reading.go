package app

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// Reading is a data directory opened for reading, also while serve runs on it.
type Reading struct {
	Journal *journal.Reader
	Index   *sqlite.Index
	Found   *correlate.View
	dir     string
}

// OpenJournal opens the journal alone for reading.
func OpenJournal(ctx context.Context, dir string) (*journal.Reader, error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	return journal.OpenReader(ctx, dir)
}

// OpenReading opens what reading commands need. Nothing is created or written.
func OpenReading(ctx context.Context, dir string) (*Reading, error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	r := &Reading{dir: dir}
	err := func() (err error) {
		if r.Journal, err = journal.OpenReader(ctx, dir); err != nil {
			return err
		}
		if r.Index, err = sqlite.OpenReader(ctx, indexDir(dir)); err != nil {
			return err
		}
		r.Found, err = correlate.OpenReader(ctx, dir)
		return err
	}()
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Close gives everything back.
func (r *Reading) Close() error {
	var errs []error
	if r.Found != nil {
		errs = append(errs, r.Found.Close())
	}
	if r.Index != nil {
		errs = append(errs, r.Index.Close())
	}
	if r.Journal != nil {
		errs = append(errs, r.Journal.Close())
	}
	return errors.Join(errs...)
}

// Fetch reads the records of hits and drops those a hash collision brought in, and those behind the journal's end: an
// older copy of the journal may stand under a newer index.
func (r *Reading) Fetch(ctx context.Context, q *search.Query, hits []search.Hit) ([]journal.Stored, error) {
	last, err := r.Journal.Last(ctx)
	if err != nil {
		return nil, err
	}
	seqs := make([]uint64, 0, len(hits))
	for _, h := range hits {
		if h.Seq <= last {
			seqs = append(seqs, h.Seq)
		}
	}
	stored, err := r.Journal.Get(ctx, seqs...)
	if err != nil {
		return nil, err
	}
	kept := stored[:0]
	for _, s := range stored {
		if s.Tombstone != nil {
			continue // erased since the index was read
		}
		rec, err := s.Record()
		if err != nil {
			return nil, err
		}
		if q.Match(rec) {
			kept = append(kept, s)
		}
	}
	return kept, nil
}

// Behind tells how many records the index has yet to take in.
func (r *Reading) Behind(ctx context.Context) (uint64, error) {
	last, err := r.Journal.Last(ctx)
	if err != nil {
		return 0, err
	}
	at, err := r.Index.Position(ctx)
	if err != nil || at >= last {
		return 0, err
	}
	return last - at, nil
}
