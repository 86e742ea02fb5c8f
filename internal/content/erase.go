package content

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/tripod-audit/tripod/internal/health"
)

// EraseContainer destroys all content a container holds. When it returns nil, the wrapped keys and the blocks are gone
// from the files and the write-ahead logs are empty. It may be cut short by anything and called again. What is put into
// the container from then on is under a new key; the addresses from before stay Erased.
//
// ErrBusy says that a reader was in the way of the last step, and ErrFull that there was no room for one: call again.
func (s *Store) EraseContainer(ctx context.Context, container string) error {
	s.erasing.Lock()
	defer s.erasing.Unlock()
	if err := s.eraseContainer(ctx, container); err != nil {
		return fmt.Errorf("erase container: %w", err)
	}
	return nil
}

func (s *Store) eraseContainer(ctx context.Context, container string) error {
	keys, err := s.livingKeys(ctx, container)
	if err != nil {
		return err
	}
	if err := s.destroy(ctx, container, keys, nil); err != nil {
		return err
	}
	return s.finish(ctx, container)
}

// EraseBlock is EraseBlocks for one block. Erasing several blocks of a container at once costs no more than one.
func (s *Store) EraseBlock(ctx context.Context, container string, a Address) error {
	return s.EraseBlocks(ctx, container, []Address{a})
}

// EraseBlocks destroys blocks of a container and promises for them what EraseContainer does for all. The container's
// other blocks keep their addresses; they are encrypted again under a new key, so the cost is that of writing the
// container once. A block that is missing is no error, and stays Missing: only what was held can be erased. The same
// plaintext put again later has a new address.
func (s *Store) EraseBlocks(ctx context.Context, container string, addresses []Address) error {
	s.erasing.Lock()
	defer s.erasing.Unlock()
	if err := s.eraseBlocks(ctx, container, addresses); err != nil {
		return fmt.Errorf("erase blocks: %w", err)
	}
	return nil
}

func (s *Store) eraseBlocks(ctx context.Context, container string, addresses []Address) error {
	erase := make(map[prefix]bool, len(addresses))
	for _, a := range addresses {
		d, err := parseAddress(a)
		if err != nil {
			return err
		}
		erase[d.prefix()] = true
	}
	old, fresh, err := s.retire(ctx, container, erase)
	if err != nil {
		return err
	}
	if err := s.step("retired"); err != nil {
		return err
	}
	for _, row := range old {
		if err := s.moveOthers(ctx, row, fresh, erase); err != nil {
			return err
		}
	}
	if err := s.destroy(ctx, container, old, erase); err != nil {
		return err
	}
	return s.finish(ctx, container)
}

// livingKeys lists the container's keys that are not destroyed, and stores a pending one first.
func (s *Store) livingKeys(ctx context.Context, container string) (keys []keyRow, err error) {
	err = s.do(ctx, func() error {
		if err := s.storeKeys(); err != nil {
			return err
		}
		keys, err = scanKeys(s.keys.query(selectContainerKeys, container))
		keys = slices.DeleteFunc(keys, func(k keyRow) bool { return k.destroyed() })
		return err
	})
	return keys, err
}

// retire finds the keys that hold a block to be erased, closes them to new blocks, and returns them with the key that
// the other blocks move to. After an erasure that was cut short that is the key made then.
func (s *Store) retire(ctx context.Context, container string, erase map[prefix]bool) (old []keyRow, fresh *containerKey, err error) {
	keys, err := s.livingKeys(ctx, container)
	if err != nil || len(keys) == 0 {
		return nil, nil, err
	}
	err = s.do(ctx, func() error {
		for _, k := range keys {
			holds, err := s.holdsAny(k.id, erase)
			if err != nil {
				return err
			}
			if holds {
				old = append(old, k)
			}
		}
		if len(old) == 0 {
			return nil
		}
		if last := keys[len(keys)-1]; old[len(old)-1].id != last.id {
			fresh, err = unwrapContainerKey(ctx, s.master, last.id, container, last.wrapped)
		} else if fresh, err = s.keyCache.replace(ctx, container); err == nil {
			err = s.storeKeys()
		}
		if err != nil {
			return err
		}
		for _, k := range old {
			s.retired[k.id] = struct{}{}
		}
		return nil
	})
	return old, fresh, err
}

func (s *Store) holdsAny(key int64, blocks map[prefix]bool) (bool, error) {
	for p := range blocks {
		block, err := s.blockOf(heldKey{key, p})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		if block != 0 {
			return true, nil
		}
	}
	return false, nil
}

// Bounds of one step of moving blocks, so that Puts get their turn.
const (
	moveBlocks = 256
	moveBytes  = 4 << 20
)

// moveOthers encrypts all blocks under a key, but those to be erased, under another key.
func (s *Store) moveOthers(ctx context.Context, row keyRow, to *containerKey, erase map[prefix]bool) error {
	from, err := unwrapContainerKey(ctx, s.master, row.id, row.container, row.wrapped)
	if err != nil {
		return err
	}
	after := []byte{} // sorts before every address
	for {
		err := s.do(ctx, func() error {
			part, next, err := s.blocksAfter(from.id, after)
			if err != nil || next == nil {
				after = nil
				return err
			}
			after = next
			part = slices.DeleteFunc(part, func(b storedBlock) bool { return erase[b.prefix] })
			return s.content.transact(func() error { return s.move(part, from, to) })
		})
		if err != nil || after == nil {
			return err
		}
		if err := s.step("moved"); err != nil {
			return err
		}
	}
}

// storedBlock is a block as it lies in the file.
type storedBlock struct {
	prefix prefix
	block  int64
	body   []byte
}

// blocksAfter reads the next blocks under a key, in the order of their addresses, and tells after which address to go on;
// nil is the end.
func (s *Store) blocksAfter(key int64, after []byte) (list []storedBlock, next []byte, err error) {
	rows, err := s.content.query("SELECT a.address, a.block, b.body FROM addresses a LEFT JOIN blocks b ON b.id = a.block "+
		"WHERE a.key_id = ? AND a.address > ? AND a.block <> 0 ORDER BY a.address LIMIT ?", key, after, moveBlocks)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for size := 0; size < moveBytes && rows.Next(); {
		var b storedBlock
		if err := rows.Scan(&next, &b.block, &b.body); err != nil {
			return nil, nil, err
		}
		if len(next) != len(b.prefix) {
			return nil, nil, fmt.Errorf("block %d: its address has %d bytes", b.block, len(next))
		}
		b.prefix = prefix(next)
		size += len(b.body)
		list = append(list, b)
	}
	return list, next, rows.Err()
}

// move stores blocks under another key, each with its opening, since the key that makes it will be gone.
func (s *Store) move(blocks []storedBlock, from, to *containerKey) error {
	for _, b := range blocks {
		opened, err := from.open(s.codec, b.prefix, b.body)
		if _, e := s.content.exec("DELETE FROM addresses WHERE key_id = ? AND address = ?", from.id, b.prefix[:]); e != nil {
			return e
		}
		if err != nil {
			// Nobody can read it any more, with or without its key. It must not be counted as erased.
			s.damaged(from.id, b.block)
			if _, err := s.content.exec("DELETE FROM blocks WHERE id = ?", b.block); err != nil {
				return err
			}
			continue
		}
		body, err := newBody(s.codec, to, b.prefix, opened)
		if err != nil {
			return err
		}
		if _, err := s.content.exec("UPDATE blocks SET body = ? WHERE id = ?", body, b.block); err != nil {
			return err
		}
		if _, err := s.content.exec("INSERT INTO addresses (key_id, address, block) VALUES (?, ?, ?)", to.id, b.prefix[:], b.block); err != nil {
			return err
		}
	}
	_, err := s.content.exec("INSERT INTO fresh (hour, key_id, first_block) SELECT hour, ?2, first_block FROM fresh WHERE key_id = ?1 "+
		"ON CONFLICT DO UPDATE SET first_block = min(first_block, excluded.first_block)", from.id, to.id)
	return err
}

func (s *Store) damaged(key, block int64) {
	s.log.LogAttrs(context.Background(), slog.LevelError, "content block is damaged and cannot be kept", slog.Int64("key", key), slog.Int64("block", block))
	s.health.Raise(conditionDamaged, health.Critical, "blocks of the content store are damaged: the log names them; restore them from a backup")
}

// destroy zeroes keys, for some of their blocks if erase names any, else for all. From then on, what is under them is gone
// for every reader.
func (s *Store) destroy(ctx context.Context, container string, keys []keyRow, erase map[prefix]bool) error {
	if len(keys) == 0 {
		return nil
	}
	err := s.do(ctx, func() error {
		doom := make([]doomed, len(keys))
		for i, k := range keys {
			doom[i].id = k.id
			for p := range erase {
				if holds, err := s.holdsAny(k.id, map[prefix]bool{p: true}); err != nil {
					return err
				} else if holds {
					doom[i].erased = append(doom[i].erased, p)
				}
			}
		}
		err := s.keyCache.destroy(container, func() error { return destroyKeys(s.keys, doom) })
		if err != nil {
			return err
		}
		for _, k := range keys {
			s.retired[k.id] = struct{}{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.step("destroyed")
}

// finish removes what is left of a container's destroyed keys and empties the logs. It does no harm to do it again.
func (s *Store) finish(ctx context.Context, container string) error {
	keys, err := s.reader.keysOf(ctx, container)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.destroyed() {
			if err := s.removeUnder(ctx, k); err != nil {
				return err
			}
		}
	}
	if err := s.do(ctx, func() error { return s.keys.checkpoint() }); err != nil {
		return err
	}
	if err := s.step("keys emptied"); err != nil {
		return err
	}
	if err := s.do(ctx, func() error { return s.content.checkpoint() }); err != nil {
		return err
	}
	return s.step("content emptied")
}

// removeUnder deletes the blocks under a destroyed key, leaving tombstones, step by step so that Puts get their turn.
func (s *Store) removeUnder(ctx context.Context, key keyRow) error {
	for more := true; more; {
		err := s.do(ctx, func() (err error) {
			more, err = s.removeSome(key)
			return err
		})
		if err != nil {
			return err
		}
		if err := s.step("removed"); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) removeSome(key keyRow) (more bool, err error) {
	const some = "(SELECT block FROM addresses WHERE key_id = ?1 AND block <> 0 ORDER BY address LIMIT 1000)"
	forget := "UPDATE addresses SET block = 0 WHERE key_id = ?1 AND block IN " + some
	if key.partly { // the tombstones are elsewhere
		forget = "DELETE FROM addresses WHERE key_id = ?1 AND block IN " + some
	}
	err = s.content.transact(func() error {
		if _, err := s.content.exec("DELETE FROM blocks WHERE id IN "+some, key.id); err != nil {
			return err
		}
		n, err := s.content.exec(forget, key.id)
		if err != nil || n > 0 {
			more = n > 0
			return err
		}
		if _, err := s.content.exec("DELETE FROM fresh WHERE key_id = ?", key.id); err != nil {
			return err
		}
		_, err = s.content.exec("INSERT INTO retired (key_id) VALUES (?) ON CONFLICT DO NOTHING", key.id)
		return err
	})
	return more, err
}
