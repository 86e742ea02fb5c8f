package journal

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Restore appends rows of another journal, as a backup kept them, behind what is there; the first of them must begin there.
// All are stored or none; nil means durable. It is for a journal that nothing else is appended to before it was closed and
// opened again: what ids it remembers is read then.
func (j *Journal) Restore(ctx context.Context, rows []Row) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("restore rows: %w", ErrClosed)
	}
	last, newest := j.last, j.newest
	err := j.writer.transact(func(ctx context.Context) error {
		for i := range rows {
			r := &rows[i]
			if err := r.check(); err != nil {
				return &CorruptError{First: r.First, Count: uint64(max(r.Count, 1)), Err: err}
			}
			if r.First != last+1 {
				return fmt.Errorf("a row begins at %d, the journal ends at %d", r.First, last)
			}
			if _, err := j.writer.insertFrame.ExecContext(ctx, int64(r.First), int64(r.Count), r.Recorded, nonNil(r.IDs), r.Frame); err != nil {
				return err
			}
			const size = len(audit.Salt{})
			part := make([]Stored, r.Count)
			for k := range part {
				part[k].Seq, part[k].Salt = r.First+uint64(k), audit.Salt(r.Salts[k*size:])
			}
			if err := j.writer.addSalts(ctx, part); err != nil {
				return err
			}
			last, newest = r.Last(), r.Recorded
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore rows: %w", j.explain(err))
	}
	j.last, j.newest = last, newest
	return nil
}

// RestoreMarks puts back lasting ids and cursors; see Restore.
func (j *Journal) RestoreMarks(ctx context.Context, ids []Lasting, cursors map[string][]byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return fmt.Errorf("restore marks: %w", ErrClosed)
	}
	err := j.writer.transact(func(ctx context.Context) error {
		for i := range ids {
			if len(ids[i].ID) != len(Digest{}) || len(ids[i].Body) != len(Digest{}) || ids[i].Seq == 0 || ids[i].Seq > j.last {
				return fmt.Errorf("lasting id %d of %d is none of this journal", i+1, len(ids))
			}
			if _, err := j.writer.insertForever.ExecContext(ctx, ids[i].ID, ids[i].Body, int64(ids[i].Seq)); err != nil {
				return err
			}
		}
		return j.writer.setCursors(ctx, cursors)
	})
	if err != nil {
		return fmt.Errorf("restore marks: %w", j.explain(err))
	}
	return nil
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
