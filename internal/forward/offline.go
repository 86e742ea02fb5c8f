package forward

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/journal"
)

// DeadLetters lists the oldest dead letters of a sink, from any process.
func DeadLetters(ctx context.Context, dir, sink string, limit int) (list []DeadLetter, err error) {
	st, err := readState(ctx, dir)
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return st.dead(ctx, sink, false, limit)
}

// RedriveLater marks dead letters for the next Run; see Forwarder.Redrive. The caller holds the journal's lock.
func RedriveLater(ctx context.Context, dir, sink string, ids []string) (n int64, err error) {
	err = within(ctx, dir, func(st *state) error {
		if err = st.mustKnow(ctx, sink); err == nil {
			n, err = st.rouse(ctx, sink, ids)
		}
		return err
	})
	return n, err
}

// BackfillLater orders a back-fill that the next Run carries out; see Forwarder.Backfill. The caller holds the journal's lock.
func BackfillLater(ctx context.Context, dir string, r *journal.Reader, sink, from string) (first, last uint64, err error) {
	err = within(ctx, dir, func(st *state) error {
		if err = st.mustKnow(ctx, sink); err == nil {
			first, last, err = backfill(ctx, st, r, sink, from)
		}
		return err
	})
	return first, last, err
}

// Forget drops the dead letters of erased records where no Forwarder runs. The caller holds the journal's lock.
func Forget(ctx context.Context, dir string, seqs []uint64) error {
	if _, err := os.Stat(filepath.Join(dir, FileName)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return within(ctx, dir, func(st *state) error { return st.forget(ctx, seqs) })
}

// mustKnow refuses a sink that nothing was ever forwarded to from here: its name is misspelt.
func (st *state) mustKnow(ctx context.Context, sink string) error {
	rows, err := st.lanes(ctx, sink)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%w: %q", ErrNoSink, sink)
	}
	return err
}

func within(ctx context.Context, dir string, fn func(*state) error) error {
	st, err := openState(ctx, dir)
	if err != nil {
		return err
	}
	return errors.Join(fn(st), st.Close())
}
