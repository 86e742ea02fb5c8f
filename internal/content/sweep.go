package content

import (
	"context"
	"fmt"
	"time"
)

// Sweep removes blocks that were put before olderThan and that no record refers to, as live tells: a process was killed,
// or the journal refused, between a Put and its record. It returns how many it removed. Each block is looked at once,
// unless it was put again meanwhile. Blocks put within the last twelve hours are spared whatever olderThan says, because
// their records may be on the way.
//
// What is swept is deleted, not erased: its container's key lives on, and the address becomes Missing.
func (s *Store) Sweep(ctx context.Context, live func(container string, a Address) (bool, error), olderThan time.Time) (n int, err error) {
	s.maintain.Lock()
	defer s.maintain.Unlock()
	if limit := time.Now().Add(-2 * settleTime); olderThan.After(limit) {
		olderThan = limit
	}
	scope, err := s.sweepScope(ctx, olderThan)
	if err != nil {
		return 0, fmt.Errorf("sweep content: %w", err)
	}
	for _, k := range scope.keys {
		removed, err := s.sweepKey(ctx, k, scope, live)
		n += removed
		if err != nil {
			return n, fmt.Errorf("sweep content: %w", err)
		}
	}
	return n, nil
}

// sweepScope is what a sweep looks at: blocks below end, under the keys that got any.
type sweepScope struct {
	since time.Time
	hour  int64 // first hour that is spared
	end   int64 // first block that is spared
	keys  []sweepKey
}

type sweepKey struct{ id, first int64 }

func (s *Store) sweepScope(ctx context.Context, olderThan time.Time) (scope sweepScope, err error) {
	scope = sweepScope{since: olderThan, hour: hourOf(olderThan)}
	err = s.do(ctx, func() error {
		stmt, err := s.content.prepare("SELECT coalesce(min(first_block), ?) FROM fresh WHERE hour >= ?")
		if err != nil {
			return err
		}
		if err := stmt.QueryRow(s.nextBlock, scope.hour).Scan(&scope.end); err != nil {
			return err
		}
		rows, err := s.content.query("SELECT key_id, min(first_block) FROM fresh WHERE hour < ? GROUP BY key_id", scope.hour)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k sweepKey
			if err := rows.Scan(&k.id, &k.first); err != nil {
				return err
			}
			scope.keys = append(scope.keys, k)
		}
		return rows.Err()
	})
	return scope, err
}

// sweepKey removes the blocks under one key that no record refers to, and notes that the others need no other look.
func (s *Store) sweepKey(ctx context.Context, k sweepKey, scope sweepScope, live func(string, Address) (bool, error)) (removed int, err error) {
	row, err := s.reader.keyByID(ctx, k.id)
	if err != nil {
		return 0, err
	}
	spared := false
	if !row.destroyed() { // else an erasure takes care of the blocks
		key, err := unwrapContainerKey(ctx, s.master, row.id, row.container, row.wrapped)
		if err != nil {
			return 0, err
		}
		for after := []byte{}; after != nil; {
			var part []storedBlock
			err := s.do(ctx, func() (err error) {
				part, after, err = s.blocksAfter(k.id, after)
				return err
			})
			if err != nil {
				return removed, err
			}
			dead, err := s.unreferenced(part, k, scope.end, key, live)
			if err != nil {
				return removed, err
			}
			n, err := s.removeSwept(ctx, k.id, dead, scope.since)
			removed += n
			if err != nil {
				return removed, err
			}
			spared = spared || n < len(dead)
		}
	}
	if spared {
		return removed, nil
	}
	return removed, s.do(ctx, func() error {
		err := s.content.transact(func() error {
			_, err := s.content.exec("DELETE FROM fresh WHERE key_id = ? AND hour < ?", k.id, scope.hour)
			return err
		})
		if err != nil {
			return err
		}
		hours, err := s.unsweptHours()
		if err != nil {
			return err
		}
		s.held.swept(hours, scope.since)
		return nil
	})
}

// unreferenced returns those blocks no record refers to. Blocks that cannot be opened are kept: what they are is for
// whoever opens them to find out, not for a sweep to hide.
func (s *Store) unreferenced(part []storedBlock, k sweepKey, end int64, key *containerKey, live func(string, Address) (bool, error)) ([]storedBlock, error) {
	var dead []storedBlock
	for _, b := range part {
		if b.block < k.first || b.block >= end {
			continue
		}
		opened, err := key.open(s.codec, b.prefix, b.body)
		if err != nil {
			s.damaged(k.id, b.block)
			continue
		}
		ok, err := live(key.container, opened.address.String())
		if err != nil {
			return nil, fmt.Errorf("ask for records: %w", err)
		}
		if !ok {
			dead = append(dead, b)
		}
	}
	return dead, nil
}

// removeSwept deletes blocks, except those put again since, and returns how many.
func (s *Store) removeSwept(ctx context.Context, key int64, dead []storedBlock, since time.Time) (n int, err error) {
	if len(dead) == 0 {
		return 0, nil
	}
	err = s.do(ctx, func() error {
		return s.content.transact(func() error {
			for _, b := range dead {
				if !s.held.release(heldKey{key, b.prefix}, b.block, since) {
					continue
				}
				if _, err := s.content.exec("DELETE FROM addresses WHERE key_id = ? AND address = ?", key, b.prefix[:]); err != nil {
					return err
				}
				if _, err := s.content.exec("DELETE FROM blocks WHERE id = ?", b.block); err != nil {
					return err
				}
				n++
			}
			return nil
		})
	})
	if err != nil {
		n = 0
	}
	return n, err
}

// unsweptHours reads which hours no sweep has looked at. Only the committer calls it, or Open.
func (s *Store) unsweptHours() (hours []freshHour, err error) {
	rows, err := s.content.query("SELECT hour, min(first_block) FROM fresh GROUP BY hour ORDER BY min(first_block)")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var h freshHour
		if err := rows.Scan(&h.hour, &h.first); err != nil {
			return nil, err
		}
		hours = append(hours, h)
	}
	return hours, rows.Err()
}
