package content

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// CheckMaster tells whether a master key is the one that a store was written with, by what its MasterCheck returned. The
// error wraps ErrWrongKey where it is another.
func CheckMaster(ctx context.Context, master keyring.Wrapper, check []byte) error {
	if _, err := master.Unwrap(ctx, check, masterPurpose); errors.Is(err, keyring.ErrUnwrap) {
		return ErrWrongKey
	} else if err != nil {
		return fmt.Errorf("unwrap with the master key: %w", err)
	}
	return nil
}

// Restoring writes the files of a store from a backup. It belongs to one goroutine; what it was given is durable when Close
// returns nil, and a directory whose Restoring did not close so is thrown away.
type Restoring struct {
	content, keys *writer
}

// Restore makes the files of a store in a directory that has none. Without keys the wrapped keys stay away, and everything
// restored is missing to whoever opens the store.
func Restore(ctx context.Context, dir string, keys bool) (_ *Restoring, err error) {
	r := new(Restoring)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("restore content store: %w", err), r.Close())
		}
	}()
	if err := makeDirs(dir); err != nil {
		return nil, err
	}
	contentPath, keysPath := paths(dir)
	for _, path := range []string{contentPath, keysPath} {
		if _, err := os.Stat(path); err == nil {
			return nil, fmt.Errorf("%s is there already", path)
		}
	}
	open := func(to **writer, path string, migrations []string) error {
		db, err := openWriter(ctx, path, migrations)
		if err != nil {
			return err
		}
		if *to, err = newWriter(ctx, db); err != nil {
			return errors.Join(err, db.Close())
		}
		return nil
	}
	if keys {
		if err := open(&r.keys, keysPath, keyMigrations); err != nil {
			return nil, err
		}
	}
	return r, open(&r.content, contentPath, contentMigrations)
}

// Blocks stores bodies.
func (r *Restoring) Blocks(blocks []SealedBlock) error {
	return r.content.transact(func() error {
		for _, b := range blocks {
			if _, err := r.content.exec("INSERT INTO blocks (id, body) VALUES (?, ?)", b.ID, nonNil(b.Body)); err != nil {
				return fmt.Errorf("restore block %d: %w", b.ID, classify(err))
			}
		}
		return nil
	})
}

// Places stores where blocks are.
func (r *Restoring) Places(places []Place) error {
	return r.content.transact(func() error {
		for _, p := range places {
			if len(p.Address) != len(prefix{}) {
				return fmt.Errorf("restore place of block %d: its address has %d bytes", p.Block, len(p.Address))
			}
			if _, err := r.content.exec("INSERT INTO addresses (key_id, address, block) VALUES (?, ?, ?)", p.Key, p.Address, p.Block); err != nil {
				return fmt.Errorf("restore place of block %d: %w", p.Block, classify(err))
			}
		}
		return nil
	})
}

// Retired stores which keys were destroyed when the backup was made: one that comes back with an older file of keys is
// destroyed again when the store is opened.
func (r *Restoring) Retired(ids []int64) error {
	return r.content.transact(func() error {
		for _, id := range ids {
			if _, err := r.content.exec("INSERT INTO retired (key_id) VALUES (?)", id); err != nil {
				return fmt.Errorf("restore retired key %d: %w", id, classify(err))
			}
		}
		return nil
	})
}

// Keys stores wrapped keys, in ascending order of their ids.
func (r *Restoring) Keys(keys []WrappedKey) error {
	return r.keys.transact(func() error {
		for _, k := range keys {
			if _, err := r.keys.exec("INSERT INTO keys (id, container, wrapped) VALUES (?, ?, ?)", k.ID, k.Container, nonNil(k.Wrapped)); err != nil {
				return fmt.Errorf("restore container key %d: %w", k.ID, classify(err))
			}
			for _, a := range k.Erased {
				if _, err := r.keys.exec("INSERT INTO erased (key_id, address) VALUES (?, ?)", k.ID, nonNil(a)); err != nil {
					return fmt.Errorf("restore container key %d: %w", k.ID, classify(err))
				}
			}
		}
		return nil
	})
}

// Master stores what recognises the master key.
func (r *Restoring) Master(check []byte) error {
	return r.keys.transact(func() error {
		_, err := r.keys.exec("INSERT INTO master (id, wrapped) VALUES (1, ?)", check)
		return classify(err)
	})
}

// Finish puts the parts in order with each other: a block without a place and a place without its block are what a sweep
// was about to remove, or took while the backup was made. Whatever was restored is looked at by the next sweep again.
func (r *Restoring) Finish(now time.Time) error {
	return r.content.transact(func() error {
		for _, q := range []string{
			"DELETE FROM addresses WHERE block <> 0 AND block NOT IN (SELECT id FROM blocks)",
			"DELETE FROM blocks WHERE id NOT IN (SELECT block FROM addresses)",
		} {
			if _, err := r.content.exec(q); err != nil {
				return classify(err)
			}
		}
		_, err := r.content.exec("INSERT INTO fresh (hour, key_id, first_block) SELECT ?, key_id, min(block) FROM addresses WHERE block <> 0 GROUP BY key_id", hourOf(now))
		return classify(err)
	})
}

// Close folds the logs in and closes the files.
func (r *Restoring) Close() error {
	var err error
	for _, w := range []*writer{r.content, r.keys} {
		if w != nil {
			err = errors.Join(err, w.checkpoint(), w.close())
		}
	}
	return err
}

func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
