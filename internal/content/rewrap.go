package content

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// Rewrap puts every wrapped key of a data directory under another master key, in one transaction: after a crash all are under
// the old or all under the new. Nobody has the store open meanwhile. The old forms are gone from the file and its log when it
// returns nil. It returns how many keys there are.
func Rewrap(ctx context.Context, dir string, from, to keyring.Wrapper) (n int, err error) {
	_, path := paths(dir)
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("rewrap keys: %w", err)
	}
	db, err := openWriter(ctx, path, keyMigrations)
	if err != nil {
		return 0, fmt.Errorf("rewrap keys: %w", err)
	}
	w, err := newWriter(ctx, db)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("rewrap keys: %w", err), db.Close())
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := checkMaster(ctx, w, from); err != nil {
		return 0, fmt.Errorf("rewrap keys: %w", classify(err))
	}
	keys, err := scanKeys(w.query(selectKeys + " ORDER BY id"))
	if err != nil {
		return 0, fmt.Errorf("rewrap keys: %w", err)
	}
	err = w.transact(func() error {
		for _, k := range keys {
			if k.destroyed() {
				continue
			}
			root, err := from.Unwrap(ctx, k.wrapped, wrapPurpose(k.id, k.container))
			if err != nil {
				return fmt.Errorf("container key %d: %w", k.id, err)
			}
			wrapped, err := to.Wrap(ctx, root, wrapPurpose(k.id, k.container))
			if err != nil {
				return fmt.Errorf("container key %d: %w", k.id, err)
			}
			if _, err := w.exec("UPDATE keys SET wrapped = ? WHERE id = ?", wrapped, k.id); err != nil { // of the same length: no row moves
				return fmt.Errorf("container key %d: %w", k.id, err)
			}
			n++
		}
		wrapped, err := to.Wrap(ctx, make([]byte, keyring.KeySize), masterPurpose)
		if err != nil {
			return err
		}
		_, err = w.exec("UPDATE master SET wrapped = ? WHERE id = 1", wrapped)
		return err
	})
	if err == nil {
		err = w.checkpoint()
	}
	if err != nil {
		return 0, fmt.Errorf("rewrap keys: %w", classify(err))
	}
	return n, nil
}

// Unwrappable counts the wrapped keys of a data directory, and those that a master key does not open.
func Unwrappable(ctx context.Context, dir string, master keyring.Wrapper) (keys, bad int, err error) {
	r, err := OpenReader(ctx, dir, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	check, err := r.MasterCheck(ctx)
	if err != nil || len(check) == 0 {
		return 0, 0, err
	}
	if err := CheckMaster(ctx, master, check); err != nil {
		return 0, 0, err
	}
	for after := int64(0); ; {
		list, err := r.WrappedKeys(ctx, after, 1000)
		if err != nil || len(list) == 0 {
			return keys, bad, err
		}
		for _, k := range list {
			after = k.ID
			row := keyRow{wrapped: k.Wrapped}
			if row.destroyed() {
				continue
			}
			keys++
			if _, err := master.Unwrap(ctx, k.Wrapped, wrapPurpose(k.ID, k.Container)); err != nil {
				bad++
			}
		}
	}
}

// Renew encrypts a container's blocks anew under a new key and destroys the keys they were under. Addresses stay. It may be cut
// short by anything and called again. What an older copy of the content file holds under the old keys is missing to whoever
// brings it back, never erased.
func (s *Store) Renew(ctx context.Context, container string) error {
	s.erasing.Lock()
	defer s.erasing.Unlock()
	old, fresh, err := s.retireAll(ctx, container)
	if err != nil || len(old) == 0 {
		if err != nil {
			err = fmt.Errorf("renew keys: %w", err)
		}
		return err
	}
	for _, row := range old {
		if err := s.moveOthers(ctx, row, fresh, nil); err != nil {
			return fmt.Errorf("renew keys: %w", err)
		}
	}
	if err := s.destroyRenewed(ctx, container, old); err != nil {
		return fmt.Errorf("renew keys: %w", err)
	}
	if err := s.finish(ctx, container); err != nil {
		return fmt.Errorf("renew keys: %w", err)
	}
	return nil
}

// retireAll closes all keys of a container to new blocks, and makes the one they move to.
func (s *Store) retireAll(ctx context.Context, container string) (old []keyRow, fresh *containerKey, err error) {
	if old, err = s.livingKeys(ctx, container); err != nil || len(old) == 0 {
		return nil, nil, err
	}
	err = s.do(ctx, func() error {
		if fresh, err = s.keyCache.replace(ctx, container); err == nil {
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

// destroyRenewed zeroes keys whose blocks have all moved. The row in erased, of no address, says that none was erased.
func (s *Store) destroyRenewed(ctx context.Context, container string, keys []keyRow) error {
	return s.do(ctx, func() error {
		return s.keyCache.destroy(container, func() error {
			return s.keys.transact(func() error {
				for _, k := range keys {
					if _, err := s.keys.exec(sqlDestroy, k.id); err != nil {
						return fmt.Errorf("destroy container key %d: %w", k.id, err)
					}
					if _, err := s.keys.exec("INSERT INTO erased (key_id, address) VALUES (?, zeroblob(0)) ON CONFLICT DO NOTHING", k.id); err != nil {
						return fmt.Errorf("destroy container key %d: %w", k.id, err)
					}
				}
				return nil
			})
		})
	})
}

// LivingContainers hands out the names of containers that have a key, each at least once.
func (r *Reader) LivingContainers(ctx context.Context, each func(container string) error) error {
	for after := int64(0); ; {
		list, err := r.WrappedKeys(ctx, after, 1000)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, k := range list {
			after = k.ID
			row := keyRow{wrapped: k.Wrapped}
			if row.destroyed() {
				continue
			}
			if err := each(k.Container); err != nil {
				return err
			}
		}
	}
}
