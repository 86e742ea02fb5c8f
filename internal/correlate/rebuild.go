package correlate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/tripod-audit/tripod/internal/journal"
)

// Reader is what *journal.Reader is. Scan yields positions from first to last, both included, in order; what it cannot
// read it yields as a *journal.CorruptError and goes on behind it.
type Reader interface {
	Last(ctx context.Context) (uint64, error)
	Scan(ctx context.Context, first, last uint64) iter.Seq2[journal.Stored, error]
}

// Rebuild builds the view of the data directory from the whole journal, beside the one there is, and then takes its place. No
// View may be open for writing meanwhile; one open for reading goes on with the old. Progress, if not nil, is
// told how far it is after each batch. After an error the old view stands as it was.
func Rebuild(ctx context.Context, dir string, r Reader, progress func(done, last uint64)) error {
	if err := rebuild(ctx, Path(dir), r, progress); err != nil {
		return fmt.Errorf("rebuild index of discrepancies: %w", err)
	}
	return nil
}

func rebuild(ctx context.Context, path string, r Reader, progress func(done, last uint64)) (err error) {
	beside := path + ".new"
	if err := removeFile(beside); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFile(beside))
		}
	}()
	v, err := open(ctx, beside, Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(v.readAll(ctx, r, progress), v.finish(ctx)); err != nil {
		return err
	}
	// The old log must not be taken for the new file's. A crash in between leaves no index, which serve builds again.
	if err := removeFile(path); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// readAll applies the journal as it is now.
func (v *View) readAll(ctx context.Context, r Reader, progress func(done, last uint64)) error {
	last, err := r.Last(ctx)
	if err != nil || last == 0 {
		return err
	}
	batch := make([]journal.Stored, 0, batchRecords)
	apply := func() error {
		if len(batch) == 0 {
			return nil
		}
		done := batch[len(batch)-1].Seq
		if err := v.Apply(ctx, batch); err != nil {
			return err
		}
		clear(batch)
		batch = batch[:0]
		if progress != nil {
			progress(done, last)
		}
		return nil
	}
	for stored, err := range r.Scan(ctx, 1, last) {
		if corrupt := (*journal.CorruptError)(nil); errors.As(err, &corrupt) {
			continue
		}
		if err != nil {
			return err
		}
		if batch = append(batch, stored); len(batch) == batchRecords {
			if err := apply(); err != nil {
				return err
			}
		}
	}
	return apply()
}

// finish moves everything from the write-ahead log into the file and closes it.
func (v *View) finish(ctx context.Context) error {
	return errors.Join(v.truncate(ctx), v.Close())
}

var _ Reader = (*journal.Reader)(nil)
