package content

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// What a backup keeps of the two files. Bodies are encrypted under their container's key as they lie there.
type (
	// SealedBlock is the body of a block under its number.
	SealedBlock struct {
		ID   int64
		Body []byte
	}
	// Place says under which key and address a block is; 0 is the tombstone of one that was erased.
	Place struct {
		Key     int64
		Address []byte
		Block   int64
	}
	// WrappedKey is a container's key, wrapped by the master key; zeros where it was destroyed.
	WrappedKey struct {
		ID        int64
		Container string
		Wrapped   []byte
		Erased    [][]byte // addresses of single blocks it was destroyed for
	}
)

// Blocks reads bodies in the order of their numbers, from the first on and below end, until they hold so many bytes.
func (r *Reader) Blocks(ctx context.Context, from, end int64, bytes int) (list []SealedBlock, err error) {
	rows, err := r.content.QueryContext(ctx, "SELECT id, body FROM blocks WHERE id >= ? AND id < ? ORDER BY id", from, end)
	if err != nil {
		return nil, fmt.Errorf("read blocks: %w", classify(err))
	}
	defer rows.Close()
	for size := 0; size < bytes && rows.Next(); {
		var b SealedBlock
		if err := rows.Scan(&b.ID, &b.Body); err != nil {
			return nil, fmt.Errorf("read blocks: %w", classify(err))
		}
		size += len(b.Body) + 8
		list = append(list, b)
	}
	return list, classify(rows.Err())
}

// Places reads at most limit places behind one, in the order of keys and addresses, whose block is below end.
func (r *Reader) Places(ctx context.Context, after Place, end int64, limit int) (list []Place, next Place, err error) {
	if after.Address == nil {
		after.Address = []byte{}
	}
	rows, err := r.content.QueryContext(ctx, "SELECT key_id, address, block FROM addresses WHERE (key_id, address) > (?, ?) ORDER BY key_id, address LIMIT ?",
		after.Key, after.Address, limit)
	if err != nil {
		return nil, after, fmt.Errorf("read places of blocks: %w", classify(err))
	}
	defer rows.Close()
	more := false
	for next = after; rows.Next(); more = true {
		var p Place
		if err := rows.Scan(&p.Key, &p.Address, &p.Block); err != nil {
			return nil, after, fmt.Errorf("read places of blocks: %w", classify(err))
		}
		if next = p; p.Block < end {
			list = append(list, p)
		}
	}
	if !more {
		next = Place{}
	}
	return list, next, classify(rows.Err())
}

// RetiredKeys lists destroyed keys of which no block is left, in order.
func (r *Reader) RetiredKeys(ctx context.Context) (list []int64, err error) {
	rows, err := r.content.QueryContext(ctx, "SELECT key_id FROM retired ORDER BY key_id")
	if err != nil {
		return nil, fmt.Errorf("read retired keys: %w", classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read retired keys: %w", classify(err))
		}
		list = append(list, id)
	}
	return list, classify(rows.Err())
}

// WrappedKeys reads at most limit wrapped keys behind an id, in order.
func (r *Reader) WrappedKeys(ctx context.Context, after int64, limit int) ([]WrappedKey, error) {
	rows, err := scanKeys(r.keys.QueryContext(ctx, selectKeys+" WHERE id > ? ORDER BY id LIMIT ?", after, limit))
	if err != nil {
		return nil, err
	}
	list := make([]WrappedKey, len(rows))
	for i, row := range rows {
		list[i] = WrappedKey{ID: row.id, Container: row.container, Wrapped: row.wrapped}
		if row.partly {
			if list[i].Erased, err = r.erasedUnder(ctx, row.id); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func (r *Reader) erasedUnder(ctx context.Context, key int64) (list [][]byte, err error) {
	rows, err := r.keys.QueryContext(ctx, "SELECT address FROM erased WHERE key_id = ? ORDER BY address", key)
	if err != nil {
		return nil, fmt.Errorf("read erased blocks: %w", classify(err))
	}
	defer rows.Close()
	for rows.Next() {
		var a []byte
		if err := rows.Scan(&a); err != nil {
			return nil, fmt.Errorf("read erased blocks: %w", classify(err))
		}
		list = append(list, a)
	}
	return list, classify(rows.Err())
}

// MasterCheck is what recognises the master key; see CheckMaster. It is nil in a store that was never opened for writing.
func (r *Reader) MasterCheck(ctx context.Context) ([]byte, error) {
	var wrapped []byte
	err := r.keys.QueryRowContext(ctx, "SELECT wrapped FROM master").Scan(&wrapped)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what recognises the master key: %w", classify(err))
	}
	return wrapped, nil
}

// NextBlock is a number that no block has which is there now, and every block put from now on reaches or exceeds.
func (r *Reader) NextBlock(ctx context.Context) (int64, error) {
	var last int64
	if err := r.content.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM blocks").Scan(&last); err != nil {
		return 0, fmt.Errorf("read blocks: %w", classify(err))
	}
	return last + 1, nil
}
