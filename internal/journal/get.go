package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// Get reads positions in the order asked; one may be asked twice. It reads each row once and decodes each chunk once. The
// error wraps ErrNotFound for a position that does not exist, or is a *CorruptError for one that is damaged.
func (r *Reader) Get(ctx context.Context, seqs ...uint64) ([]Stored, error) {
	found, err := r.find(ctx, seqs)
	if err != nil {
		return nil, err
	}
	out := make([]Stored, len(seqs))
	for i, seq := range seqs {
		s, ok := found[seq]
		switch {
		case !ok:
			return nil, fmt.Errorf("seq %d: %w", seq, ErrNotFound)
		case s.err != nil:
			return nil, s.err
		}
		out[i] = s.stored
	}
	return out, nil
}

// GetReadable is Get for whoever can do without some: a position that is damaged or does not exist is left out of what it
// returns and listed in unreadable, in the order asked.
func (r *Reader) GetReadable(ctx context.Context, seqs ...uint64) (stored []Stored, unreadable []uint64, err error) {
	found, err := r.find(ctx, seqs)
	if err != nil {
		return nil, nil, err
	}
	stored = make([]Stored, 0, len(seqs))
	for _, seq := range seqs {
		if s, ok := found[seq]; ok && s.err == nil {
			stored = append(stored, s.stored)
		} else {
			unreadable = append(unreadable, seq)
		}
	}
	return stored, unreadable, nil
}

// find reads positions in any order. One that does not exist is not in the map, a damaged one is there with its error.
func (r *Reader) find(ctx context.Context, seqs []uint64) (map[uint64]scanned, error) {
	asked := slices.Compact(slices.Sorted(slices.Values(seqs)))
	found := make(map[uint64]scanned, len(asked))
	for len(asked) > 0 {
		row, err := r.rowAt(ctx, asked)
		var damage *CorruptError
		switch {
		case errors.As(err, &damage):
			found[asked[0]] = scanned{err: damage}
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, err
		}
		n := 0
		for err == nil && n < len(asked) && asked[n] < row.end() {
			n++
		}
		if n > 0 {
			r.findIn(&row, asked[:n], found)
		}
		asked = asked[max(n, 1):]
	}
	return found, nil
}

// findIn decodes what is asked of one row.
func (r *Reader) findIn(row *row, asked []uint64, found map[uint64]scanned) {
	for _, s := range row.decode(r.codec, nil, wanted{lo: asked[0], hi: asked[len(asked)-1], only: asked}) {
		if s.err == nil {
			found[s.stored.Seq] = s
			continue
		}
		for _, seq := range asked {
			if s.err.First <= seq && seq-s.err.First < s.err.Count {
				found[seq] = s
			}
		}
	}
}

// rowAt reads the row of the first position asked, with the salts of those asked that may stand in the same row.
func (r *Reader) rowAt(ctx context.Context, asked []uint64) (row, error) {
	seq, hi := asked[0], asked[0]
	for _, s := range asked {
		if s >= seq+frame.MaxRecords {
			break
		}
		hi = s
	}
	if seq == 0 {
		return row{}, fmt.Errorf("seq 0: %w", ErrNotFound)
	}
	row := row{from: seq}
	err := r.stmt.at.QueryRowContext(ctx, int64(seq), int64(hi)).Scan(&row.first, &row.count, &row.frame, &row.salts)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return row, fmt.Errorf("seq %d: %w", seq, ErrNotFound)
	case isDamage(err):
		return row, &CorruptError{First: seq, Count: 1, Err: err}
	case err != nil:
		return row, fmt.Errorf("read %s: %w", r.path, err)
	}
	if isMoved(row.frame) {
		hi = row.end() - 1
	}
	if err = r.followMoved(ctx, &row); err == nil {
		err = r.checkSalts(ctx, &row, min(hi, row.end()-1))
	}
	if isDamage(err) {
		err = &CorruptError{First: seq, Count: 1, Err: err}
	}
	return row, err
}
