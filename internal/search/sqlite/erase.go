package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// erase removes the rows of records that are to be erased, wherever they are. A row that is not there is no error: a
// rebuild meets the tombstone before the order.
func (ix *Index) erase(ctx context.Context, seqs []uint64) error {
	if len(seqs) == 0 && !ix.dirty {
		return nil
	}
	ix.dirty = false
	names, err := monthFiles(ix.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, err := ix.months.acquire(ctx, name)
		if err != nil {
			return err
		}
		err = m.erase(seqs)
		ix.dirty = ix.dirty || m.dirty
		ix.months.release(m)
		if err != nil {
			return fmt.Errorf("erase from search index of %s: %w", name, err)
		}
	}
	return nil
}

// erase rewrites the segments that hold any of the rows, and scrubs the file.
func (m *month) erase(seqs []uint64) error {
	wanted := make(map[uint64]bool, len(seqs))
	holders := make(map[int64]header)
	var h header
	for _, seq := range seqs {
		wanted[seq] = true
		err := m.writer.each("SELECT id, rows, key_bits, id_bits FROM segment WHERE first_seq <= ? AND last_seq >= ?", []any{int64(seq), int64(seq)},
			[]any{&h.id, &h.rows, &h.keyBits, &h.idBits}, func() error {
				holders[h.id] = h
				return nil
			})
		if err != nil {
			return err
		}
	}
	for _, h := range holders {
		if err := m.rewrite(h, func(seq uint64) bool { return wanted[seq] }); err != nil {
			return err
		}
	}
	return m.scrub()
}

// rewrite replaces a segment by one without the rows drop names, in one transaction with everything that counts them.
func (m *month) rewrite(h header, drop func(uint64) bool) error {
	part, err := m.load(h)
	if err != nil {
		return err
	}
	merged, dropped, err := segment.Merge([]segment.Part{part}, drop)
	if err != nil || len(dropped) == 0 {
		return err
	}
	err = m.writer.transaction("BEGIN IMMEDIATE", func() error {
		if err := m.deleteSegment(h.id); err != nil {
			return err
		}
		if merged != nil {
			if _, err := m.insertSegment(merged); err != nil {
				return err
			}
		}
		if err := m.updateTallies(dropped, -1); err != nil {
			return err
		}
		if err := m.writer.exec("UPDATE meta SET value = value + 1 WHERE name = 'generation'"); err != nil {
			return err
		}
		return m.setMeta("scrub", 1)
	})
	if err != nil {
		return err
	}
	m.dict.reset() // may hold entries that are gone
	return nil
}

// scrub removes what an erasure left in the file, if one has not been scrubbed yet. Deleted rows were overwritten when
// they were deleted (secure_delete), but pages keep copies of rows that were moved to other pages before: VACUUM writes
// every page anew, and emptying the write-ahead log removes the pages from before.
//
// A reader in another process that holds on to the log (transactions are short, but a process can be stopped in one) must
// not hold up the index: the mark stays, and scrubbing is tried again with the next batch and at the next Open.
func (m *month) scrub() error {
	pending, err := metaInt(m.writer, "scrub")
	if err != nil || pending == 0 {
		return err
	}
	var busy, pages, moved int
	err = errors.Join(
		m.writer.exec("PRAGMA busy_timeout = 500"),
		m.writer.exec("VACUUM"),
		m.writer.each("PRAGMA wal_checkpoint(TRUNCATE)", nil, []any{&busy, &pages, &moved}, func() error { return nil }),
		m.writer.exec("PRAGMA busy_timeout = 10000"))
	if m.dirty = busy != 0; err != nil || m.dirty {
		return err
	}
	return m.setMeta("scrub", 0)
}
