package content

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// State says what the store knows of a block.
type State string

// The states. A block is Erased only where an erasure left its tombstone; one that a restore or a fault took is Missing.
const (
	Held    State = "held"
	Erased  State = "erased"
	Missing State = "missing"
)

// Reader opens content. It keeps no unwrapped key between two calls, so what is erased is gone for it at once, whichever
// process erased it. All methods may be called concurrently, and while a Store writes.
type Reader struct {
	content, keys *sql.DB
	containerKeys *sql.Stmt
	blockUnder    *sql.Stmt // under one key, as nearly all are
	master        keyring.Wrapper
	codec         *codec
}

// OpenReader opens the content store of a data directory for reading; the store must exist. The error wraps ErrNewer
// where that is the cause.
func OpenReader(ctx context.Context, dir string, opts Options) (*Reader, error) {
	r := &Reader{master: opts.Keyring}
	if err := r.openFiles(ctx, dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open content reader: %w", err), r.Close())
	}
	return r, nil
}

func (r *Reader) openFiles(ctx context.Context, dir string) (err error) {
	if r.codec, err = newCodec(); err != nil {
		return err
	}
	contentPath, keysPath := paths(dir)
	if r.keys, err = openReader(ctx, keysPath, keyMigrations); err != nil {
		return err
	}
	if r.content, err = openReader(ctx, contentPath, contentMigrations); err != nil {
		return err
	}
	if r.containerKeys, err = r.keys.PrepareContext(ctx, selectContainerKeys); err != nil {
		return err
	}
	r.blockUnder, err = r.content.PrepareContext(ctx, selectBlock+"= ?")
	return err
}

// Close closes the reader.
func (r *Reader) Close() error {
	var err error
	for _, s := range []*sql.Stmt{r.containerKeys, r.blockUnder} {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	for _, db := range []*sql.DB{r.content, r.keys} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// Open records the opening with the grant, then decrypts the block and checks that it is what the address commits to.
// Errors wrap ErrRefused, ErrMissing, ErrErased or ErrMismatch.
func (r *Reader) Open(ctx context.Context, g Grant, container string, a Address) ([]byte, error) {
	b, err := r.open(ctx, g, container, a, false)
	if err != nil {
		return nil, fmt.Errorf("open block %s: %w", a, err)
	}
	return b.plaintext, nil
}

// Disclose is Open with the opening of the commitment, by which anybody can VerifyDisclosure.
func (r *Reader) Disclose(ctx context.Context, g Grant, container string, a Address) (plaintext, opening []byte, err error) {
	b, err := r.open(ctx, g, container, a, true)
	if err != nil {
		return nil, nil, fmt.Errorf("disclose block %s: %w", a, err)
	}
	return b.plaintext, b.opening, nil
}

func (r *Reader) open(ctx context.Context, g Grant, container string, a Address, disclose bool) (openedBlock, error) {
	d, err := parseAddress(a)
	if err != nil {
		return openedBlock{}, err
	}
	if err := g.use(ctx, container, a, disclose); err != nil {
		return openedBlock{}, err
	}
	f, err := r.find(ctx, container, d.prefix())
	if err != nil {
		return openedBlock{}, err
	}
	switch f.state {
	case Erased:
		return openedBlock{}, ErrErased
	case Missing:
		return openedBlock{}, ErrMissing
	}
	if r.master == nil {
		return openedBlock{}, errors.New("this reader has no master key")
	}
	key, err := unwrapContainerKey(ctx, r.master, f.key.id, container, f.key.wrapped)
	if err != nil {
		return openedBlock{}, err
	}
	b, err := key.open(r.codec, d.prefix(), f.body)
	if err == nil && b.address != d {
		err = ErrMismatch
	}
	return b, err
}

// State tells whether a block is held, erased or missing. It opens nothing and needs no grant.
func (r *Reader) State(ctx context.Context, container string, a Address) (State, error) {
	d, err := parseAddress(a)
	if err != nil {
		return "", err
	}
	f, err := r.find(ctx, container, d.prefix())
	if err != nil {
		return "", fmt.Errorf("state of block %s: %w", a, err)
	}
	return f.state, nil
}

// finding is where a block was found, if it was.
type finding struct {
	state State
	key   keyRow
	body  []byte // of a held block
}

// find looks a block up under all keys of its container. An erasure may move the block to a key that was made after the
// keys were read; then they are read again.
func (r *Reader) find(ctx context.Context, container string, p prefix) (finding, error) {
	keys, err := r.keysOf(ctx, container)
	if err != nil {
		return finding{}, err
	}
	for {
		f, err := r.findUnder(ctx, keys, p)
		if err != nil || f.state == Held {
			return f, err
		}
		again, err := r.keysOf(ctx, container)
		if err != nil {
			return finding{}, err
		}
		if slices.EqualFunc(keys, again, func(a, b keyRow) bool { return a.id == b.id && bytes.Equal(a.wrapped, b.wrapped) }) {
			return f, nil
		}
		keys = again
	}
}

// findUnder looks a block up under some keys of one container.
func (r *Reader) findUnder(ctx context.Context, keys []keyRow, p prefix) (finding, error) {
	if len(keys) == 0 {
		return finding{state: Missing}, nil
	}
	if len(keys) == 1 && !keys[0].partly {
		rows, err := r.blockUnder.QueryContext(ctx, p[:], keys[0].id)
		return scanFinding(keys, rows, err)
	}
	args := []any{p[:]}
	for _, k := range keys {
		args = append(args, k.id)
	}
	in := "IN (?" + strings.Repeat(",?", len(keys)-1) + ")"
	// One statement, so that it sees the block on one side of a move.
	rows, err := r.content.QueryContext(ctx, selectBlock+in, args...)
	f, err := scanFinding(keys, rows, err)
	if err != nil || f.state != Missing {
		return f, err
	}
	var erased bool
	err = r.keys.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM erased WHERE address = ? AND key_id "+in+")", args...).Scan(&erased)
	if erased {
		f.state = Erased
	}
	return f, classify(err)
}

const selectBlock = "SELECT a.key_id, b.id IS NOT NULL, b.body FROM addresses a LEFT JOIN blocks b ON b.id = a.block WHERE a.address = ? AND a.key_id "

func scanFinding(keys []keyRow, rows *sql.Rows, err error) (finding, error) {
	if err != nil {
		return finding{}, classify(err)
	}
	defer rows.Close()
	f := finding{state: Missing}
	for rows.Next() {
		var id int64
		var present bool
		var body []byte
		if err := rows.Scan(&id, &present, &body); err != nil {
			return finding{}, err
		}
		switch key := keys[slices.IndexFunc(keys, func(k keyRow) bool { return k.id == id })]; {
		case !key.destroyed() && present:
			return finding{Held, key, body}, nil
		case key.destroyed() && !key.partly:
			f.state = Erased
		}
	}
	return f, classify(rows.Err())
}

// keysOf lists all keys a container ever had, oldest first.
func (r *Reader) keysOf(ctx context.Context, container string) ([]keyRow, error) {
	return scanKeys(r.containerKeys.QueryContext(ctx, container))
}

// keyByID finds one key; an id nobody has yields a destroyed key of no container.
func (r *Reader) keyByID(ctx context.Context, id int64) (keyRow, error) {
	rows, err := scanKeys(r.keys.QueryContext(ctx, selectKeys+" WHERE id = ?", id))
	if err != nil || len(rows) == 0 {
		return keyRow{id: id}, err
	}
	return rows[0], nil
}
