package content

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// keyRow is a row of the file of wrapped keys.
type keyRow struct {
	id        int64
	container string
	wrapped   []byte
	partly    bool // destroyed to erase some of its blocks, which the table erased names; the others have moved
}

// destroyed reports whether the row was zeroed. No wrapping yields only zeros.
func (r *keyRow) destroyed() bool { return len(bytes.Trim(r.wrapped, "\x00")) == 0 }

const (
	selectKeys = "SELECT id, container, wrapped, EXISTS (SELECT 1 FROM erased WHERE key_id = keys.id) FROM keys"
	// All keys a container ever had, destroyed ones included, oldest first.
	selectContainerKeys = selectKeys + " WHERE container = ? ORDER BY id"
)

func scanKeys(rows *sql.Rows, err error) ([]keyRow, error) {
	if err != nil {
		return nil, fmt.Errorf("read container keys: %w", classify(err))
	}
	defer rows.Close()
	var list []keyRow
	for rows.Next() {
		var r keyRow
		if err := rows.Scan(&r.id, &r.container, &r.wrapped, &r.partly); err != nil {
			return nil, fmt.Errorf("read container keys: %w", err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read container keys: %w", classify(err))
	}
	return list, nil
}

// current is the newest key of the list that is not destroyed.
func current(rows []keyRow) (keyRow, bool) {
	for i := len(rows) - 1; i >= 0; i-- {
		if !rows[i].destroyed() {
			return rows[i], true
		}
	}
	return keyRow{}, false
}

// Statements on destroyed keys, shared by erasure and by Open.
const (
	sqlDestroyed = "wrapped = zeroblob(length(wrapped))"
	sqlDestroy   = "UPDATE keys SET wrapped = zeroblob(length(wrapped)) WHERE id = ? AND NOT " + sqlDestroyed
)

// insertKeys appends keys in ascending order of their ids, so that no row moves.
func insertKeys(w *writer, keys []*containerKey) error {
	return w.transact(func() error {
		for _, k := range keys {
			if _, err := w.exec("INSERT INTO keys (id, container, wrapped) VALUES (?, ?, ?)", k.id, k.container, k.wrapped); err != nil {
				return fmt.Errorf("store container key %d: %w", k.id, err)
			}
		}
		return nil
	})
}

// doomed is a key to be destroyed, and for which blocks if not for all.
type doomed struct {
	id     int64
	erased []prefix
}

// destroyKeys zeroes wrapped keys in place and leaves tombstones, all or nothing. It is the moment at which what they
// encrypt is lost, once the log is emptied into the file.
func destroyKeys(w *writer, keys []doomed) error {
	return w.transact(func() error {
		for _, k := range keys {
			if _, err := w.exec(sqlDestroy, k.id); err != nil {
				return fmt.Errorf("destroy container key %d: %w", k.id, err)
			}
			for _, p := range k.erased {
				if _, err := w.exec("INSERT INTO erased (key_id, address) VALUES (?, ?) ON CONFLICT DO NOTHING", k.id, p[:]); err != nil {
					return fmt.Errorf("destroy container key %d: %w", k.id, err)
				}
			}
		}
		return nil
	})
}

// masterPurpose is what the row that recognises the master key is wrapped for.
var masterPurpose = []byte("tripod/content/master/v1")

// checkMaster sees whether the master key is the one the file was written with, and notes it in a new file.
func checkMaster(ctx context.Context, w *writer, master keyring.Wrapper) error {
	var wrapped []byte
	err := w.conn.QueryRowContext(ctx, "SELECT wrapped FROM master").Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		if wrapped, err = master.Wrap(ctx, make([]byte, keyring.KeySize), masterPurpose); err != nil {
			return fmt.Errorf("wrap with the master key: %w", err)
		}
		return w.transact(func() error {
			_, err := w.exec("INSERT INTO master (id, wrapped) VALUES (1, ?)", wrapped)
			return err
		})
	}
	if err != nil {
		return err
	}
	if _, err := master.Unwrap(ctx, wrapped, masterPurpose); errors.Is(err, keyring.ErrUnwrap) {
		return ErrWrongKey
	} else if err != nil {
		return fmt.Errorf("unwrap with the master key: %w", err)
	}
	return nil
}
