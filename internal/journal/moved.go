package journal

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
)

// A row never changes its length. SQLite overwrites a value of the same length where it lies; one of another length may
// make it split or merge pages, which leaves copies of neighbouring rows in the free space of pages, where nobody would
// find them when a neighbour is erased. A rewritten frame is padded to the length it had. One that has become longer,
// because tombstones take more room than a few dozen bytes of compressed record did, goes to the end of the table moved,
// where appending moves nothing, and its row keeps a reference: the byte 2, the id there in 19 digits, and zeros.
const (
	movedMark   = 2
	movedDigits = 19
	movedID     = "CAST(CAST(substr(f.frame, 2, 19) AS TEXT) AS INTEGER)"
)

func isMoved(frame []byte) bool { return len(frame) > 0 && frame[0] == movedMark }

// movedRef is what stands in the row instead of the frame.
func movedRef(id int64, length int) ([]byte, error) {
	if length < 1+movedDigits {
		return nil, fmt.Errorf("a frame of %d bytes has no room for a reference", length)
	}
	ref := fmt.Appendf([]byte{movedMark}, "%0*d", movedDigits, id)
	return append(ref, make([]byte, length-len(ref))...), nil
}

func parseMovedRef(ref []byte) (int64, error) {
	if len(ref) < 1+movedDigits {
		return 0, errors.New("it is cut short")
	}
	return strconv.ParseInt(string(bytes.TrimSpace(ref[1:1+movedDigits])), 10, 64)
}

// followMoved replaces a reference by the frame it refers to, salts included, all as of one moment. A reference to
// nothing is left as it is: parsing it says what is wrong.
func (r *Reader) followMoved(ctx context.Context, row *row) error {
	if !isMoved(row.frame) {
		return nil
	}
	err := r.stmt.moved.QueryRowContext(ctx, int64(row.first)).Scan(&row.frame, &row.salts)
	if err == nil {
		row.from = row.first
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read %s: %w", r.path, err)
	}
	return nil
}

// followMoved is the writer's; it reads salts elsewhere.
func (w *writer) followMoved(ctx context.Context, r *row) (err error) {
	if !isMoved(r.frame) {
		return nil
	}
	r.place = len(r.frame)
	if r.moved, err = parseMovedRef(r.frame); err == nil {
		err = w.movedFrame.QueryRowContext(ctx, r.moved).Scan(&r.frame)
	}
	if err != nil {
		return &CorruptError{First: r.first, Count: uint64(max(r.count, 1)), Err: fmt.Errorf("follow the reference to its frame: %w", err)}
	}
	return nil
}

// replaceFrame puts a rewritten frame, which is not shorter than the old one, in its place.
func (w *writer) replaceFrame(ctx context.Context, r *row, rewritten []byte) error {
	if len(rewritten) == len(r.frame) {
		if r.moved != 0 {
			_, err := w.updateMoved.ExecContext(ctx, rewritten, r.moved)
			return err
		}
		_, err := w.updateFrame.ExecContext(ctx, rewritten, int64(r.first))
		return err
	}
	place := len(r.frame)
	if r.moved != 0 {
		place = r.place
		if _, err := w.updateMoved.ExecContext(ctx, make([]byte, len(r.frame)), r.moved); err != nil {
			return err
		}
	}
	result, err := w.insertMoved.ExecContext(ctx, rewritten)
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	ref, err := movedRef(id, place)
	if err != nil {
		return err
	}
	_, err = w.updateFrame.ExecContext(ctx, ref, int64(r.first))
	return err
}
