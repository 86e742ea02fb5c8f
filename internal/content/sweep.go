package content

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// maxCandidates bounds the blocks that a sweep asks about at once, at about 50 bytes of memory each.
const maxCandidates = 1 << 19

// Sweep removes blocks that were put before olderThan and that no record refers to: a process was killed, or the journal
// refused, between a Put and its record. It returns how many it removed. Blocks put within the last twelve hours are
// spared whatever olderThan says. Each block is looked at once, unless it was put again meanwhile.
//
// keepReferred is called with the blocks in question, several times if they are many, and strikes out those that a
// record refers to; an error ends the sweep. What is left is removed, except blocks that were put again since Sweep was
// called, at the latest moment. So no clock is trusted with a block that is referred to: if keepReferred first waits
// for every caller that has put blocks and not yet written its record, and then reads all records, then none is removed.
//
// What is swept is deleted, not erased: its container's key lives on, and the address becomes Missing. Puts and erasures
// go on during a sweep.
func (s *Store) Sweep(ctx context.Context, olderThan time.Time, keepReferred func(context.Context, *Candidates) error) (removed int, err error) {
	s.sweeping.Lock()
	defer s.sweeping.Unlock()
	if limit := s.now().Add(-2 * settleTime); olderThan.After(limit) {
		olderThan = limit
	}
	sw := &sweepRun{Store: s, keepReferred: keepReferred, since: olderThan, hour: hourOf(olderThan), spared: make(map[int64]bool)}
	defer s.held.unwatch()
	if err := sw.run(ctx); err != nil {
		return sw.removed, fmt.Errorf("sweep content: %w", err)
	}
	return sw.removed, nil
}

// Mark returns a number that every block put from now on reaches, and that no block has which is there now.
func (s *Store) Mark(ctx context.Context) (mark int64, err error) {
	err = s.do(ctx, func() error {
		mark = s.nextBlock
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("mark content: %w", err)
	}
	return mark, nil
}

// Candidates are the blocks that a sweep is about to remove. It belongs to one goroutine.
type Candidates struct {
	blocks map[prefix]candidate
	first  int64
}

type candidate struct{ key, block int64 }

// Keep strikes out a block that a record refers to. Any other string strikes out nothing.
func (c *Candidates) Keep(a []byte) {
	var p prefix
	if len(a) != hex.EncodedLen(len(digest{})) {
		return
	}
	if _, err := hex.Decode(p[:], a[:hex.EncodedLen(len(p))]); err == nil {
		delete(c.blocks, p)
	}
}

// KeepBelow strikes out all blocks below a number; see Mark.
func (c *Candidates) KeepBelow(mark int64) {
	maps.DeleteFunc(c.blocks, func(_ prefix, b candidate) bool { return b.block < mark })
}

// Len is how many are left.
func (c *Candidates) Len() int { return len(c.blocks) }

// First is the lowest number among the blocks; see Mark.
func (c *Candidates) First() int64 { return c.first }

func (c *Candidates) add(p prefix, b candidate) {
	if _, taken := c.blocks[p]; taken {
		delete(c.blocks, p) // who could say which of the two a record means
		return
	}
	if len(c.blocks) == 0 || b.block < c.first {
		c.first = b.block
	}
	c.blocks[p] = b
}

// sweepRun is one call of Sweep. It looks at blocks below end, under the keys that got any before hour.
type sweepRun struct {
	*Store
	keepReferred func(context.Context, *Candidates) error

	since   time.Time
	hour    int64 // first hour that is spared
	next    int64 // first block that was not there yet
	end     int64 // first block that is spared
	keys    []sweepKey
	removed int

	asking   Candidates
	finished []int64        // keys of which every candidate has been asked about, or is in asking
	spared   map[int64]bool // keys that need another look
}

type sweepKey struct {
	id    int64
	first int64 // first block that no sweep has looked at
	young int64 // first block that came in an hour that is spared; the largest number if none did
}

func (sw *sweepRun) run(ctx context.Context) error {
	if err := sw.findKeys(ctx); err != nil {
		return err
	}
	sw.asking.blocks = make(map[prefix]candidate)
	for _, k := range sw.keys {
		if err := sw.gather(ctx, k); err != nil {
			return err
		}
		sw.finished = append(sw.finished, k.id)
	}
	return sw.decide(ctx)
}

// findKeys finds out what there is to look at, and begins to watch what is put again of it.
func (sw *sweepRun) findKeys(ctx context.Context) (err error) {
	if sw.next, err = sw.Mark(ctx); err != nil {
		return err
	}
	sw.end = sw.next
	rows, err := sw.reader.content.QueryContext(ctx, "SELECT hour, key_id, first_block FROM fresh")
	if err != nil {
		return err
	}
	defer rows.Close()
	keys := make(map[int64]sweepKey)
	for rows.Next() {
		var hour, id, block int64
		if err := rows.Scan(&hour, &id, &block); err != nil {
			return err
		}
		k, ok := keys[id]
		if !ok {
			k = sweepKey{id, math.MaxInt64, math.MaxInt64}
		}
		if hour < sw.hour {
			k.first = min(k.first, block)
		} else {
			k.young = min(k.young, block)
			sw.end = min(sw.end, block)
		}
		keys[id] = k
	}
	first := sw.end
	for _, k := range keys {
		if k.first < math.MaxInt64 {
			sw.keys = append(sw.keys, k)
			first = min(first, k.first)
		}
	}
	slices.SortFunc(sw.keys, func(a, b sweepKey) int { return cmp.Compare(a.id, b.id) })
	sw.held.watch(first, sw.end)
	return rows.Err()
}

// gather adds the candidates under one key, and asks about them when there are many.
func (sw *sweepRun) gather(ctx context.Context, k sweepKey) error {
	const some = 4096 // a short transaction each
	for after := []byte{}; ; {
		page, err := sw.page(ctx, k.id, after, some)
		if err != nil {
			return err
		}
		for _, b := range page {
			switch {
			case b.block >= k.first && b.block < sw.end:
				sw.asking.add(b.prefix, candidate{k.id, b.block})
			case b.block >= sw.end && b.block < sw.next && b.block < k.young:
				// The clock was put back: it came in an hour that is over, after one that is not.
				sw.spared[k.id] = true
			}
		}
		if sw.asking.Len() >= sw.maxCandidates {
			if err := sw.decide(ctx); err != nil {
				return err
			}
		}
		if len(page) < some {
			return nil
		}
		after = page[len(page)-1].prefix[:]
	}
}

func (sw *sweepRun) page(ctx context.Context, key int64, after []byte, limit int) (list []storedBlock, err error) {
	rows, err := sw.reader.content.QueryContext(ctx,
		"SELECT address, block FROM addresses WHERE key_id = ? AND address > ? AND block <> 0 ORDER BY address LIMIT ?", key, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var address sql.RawBytes
		var b storedBlock
		if err := rows.Scan(&address, &b.block); err != nil {
			return nil, err
		}
		if len(address) != len(b.prefix) {
			return nil, fmt.Errorf("block %d: its address has %d bytes", b.block, len(address))
		}
		b.prefix = prefix(address)
		list = append(list, b)
	}
	return list, rows.Err()
}

// decide asks about the candidates gathered, removes those nobody keeps, and notes which keys are done.
func (sw *sweepRun) decide(ctx context.Context) error {
	if sw.asking.Len() > 0 {
		if err := sw.keepReferred(ctx, &sw.asking); err != nil {
			return err
		}
	}
	dead := make(map[int64][]storedBlock)
	for p, b := range sw.asking.blocks {
		dead[b.key] = append(dead[b.key], storedBlock{prefix: p, block: b.block})
	}
	clear(sw.asking.blocks)
	for key, blocks := range dead {
		if err := sw.removeUnder(ctx, key, blocks); err != nil {
			return err
		}
	}
	finished := slices.DeleteFunc(sw.finished, func(key int64) bool { return sw.spared[key] })
	sw.finished = nil
	return sw.noteLooked(ctx, finished)
}

// removeUnder removes blocks under one key. Blocks that cannot be opened are kept: what they are is for whoever opens them
// to find out, not for a sweep to hide.
func (sw *sweepRun) removeUnder(ctx context.Context, id int64, blocks []storedBlock) error {
	row, err := sw.reader.keyByID(ctx, id)
	if err != nil || row.destroyed() { // an erasure takes care of the blocks
		return err
	}
	key, err := unwrapContainerKey(ctx, sw.master, row.id, row.container, row.wrapped)
	if errors.Is(err, ErrMismatch) {
		sw.damaged(id, blocks[0].block)
		return nil
	}
	if err != nil {
		return err
	}
	for part := range slices.Chunk(blocks, 256) {
		intact := make([]storedBlock, 0, len(part))
		for _, b := range part {
			var body []byte
			err := sw.reader.content.QueryRowContext(ctx, "SELECT body FROM blocks WHERE id = ?", b.block).Scan(&body)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			if _, err := key.open(sw.codec, b.prefix, body); err == nil {
				intact = append(intact, b)
			} else if err := sw.reportDamaged(ctx, id, b); err != nil {
				return err
			}
		}
		if err := sw.remove(ctx, id, intact); err != nil {
			return err
		}
	}
	return nil
}

// reportDamaged reports a block that could not be opened, unless an erasure has taken it meanwhile.
func (sw *sweepRun) reportDamaged(ctx context.Context, key int64, b storedBlock) error {
	return sw.do(ctx, func() error {
		block, err := sw.blockOf(heldKey{key, b.prefix})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil && block == b.block {
			sw.damaged(key, b.block)
		}
		return err
	})
}

// remove deletes blocks, except those put again since, and those that an erasure moved or took meanwhile.
func (sw *sweepRun) remove(ctx context.Context, key int64, blocks []storedBlock) error {
	var n int
	err := sw.do(ctx, func() error {
		return sw.content.transact(func() error {
			for _, b := range blocks {
				if !sw.held.release(heldKey{key, b.prefix}, b.block, sw.since) {
					sw.spared[key] = true
					continue
				}
				found, err := sw.content.exec("DELETE FROM addresses WHERE key_id = ? AND address = ? AND block = ?", key, b.prefix[:], b.block)
				if err != nil {
					return err
				}
				if found == 0 {
					continue
				}
				if _, err := sw.content.exec("DELETE FROM blocks WHERE id = ?", b.block); err != nil {
					return err
				}
				n++
			}
			return nil
		})
	})
	if err == nil {
		sw.removed += n
	}
	return err
}

// noteLooked notes that what is old under keys needs no other look.
func (sw *sweepRun) noteLooked(ctx context.Context, keys []int64) error {
	for part := range slices.Chunk(keys, 1000) {
		err := sw.do(ctx, func() error {
			err := sw.content.transact(func() error {
				for _, key := range part {
					if _, err := sw.content.exec("DELETE FROM fresh WHERE key_id = ? AND hour < ?", key, sw.hour); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			clear(sw.freshKeys) // after a leap of the clock their rows may be among those deleted
			hours, err := sw.unsweptHours()
			if err != nil {
				return err
			}
			sw.held.swept(hours, sw.since)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
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
