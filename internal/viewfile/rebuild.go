package viewfile

import (
	"context"
	"errors"
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

// Building is a view being built.
type Building interface {
	Applier
	Truncate(ctx context.Context) (empty bool, err error)
	Close() error
}

// Rebuild builds a view from the whole journal in a file beside path, which then takes its place. Nothing may have path open
// for writing meanwhile; who has it open for reading goes on with the old. Progress, if not nil, is told how far it is after
// each batch. After an error the old file stands as it was.
func Rebuild[V Building](ctx context.Context, path string, open func(path string) (V, error), r Reader, progress func(done, last uint64)) (err error) {
	beside := path + ".new"
	if err := Remove(beside); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, Remove(beside))
		}
	}()
	v, err := open(beside)
	if err != nil {
		return err
	}
	err = readAll(ctx, v, r, progress)
	_, truncated := v.Truncate(ctx)
	if err := errors.Join(err, truncated, v.Close()); err != nil {
		return err
	}
	// The old log must not be taken for the new file's. A crash in between leaves no file, which serve builds again.
	if err := Remove(path); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// readAll applies the journal as it is now.
func readAll(ctx context.Context, v Applier, r Reader, progress func(done, last uint64)) error {
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

var _ Reader = (*journal.Reader)(nil)
