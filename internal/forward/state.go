package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// FileName is the name of the file in the data directory that says how far each sink came.
const FileName = "forward.db"

const stateVersion = 1

// schema: a lane is a stretch of the journal on its way to a sink: "live", or "backfill" with an end. Plans are batches of
// exact sinks that were begun. Times are Unix milliseconds.
const schema = `
CREATE TABLE sinks (sink TEXT PRIMARY KEY, sent INTEGER NOT NULL, duplicates INTEGER NOT NULL, acknowledged INTEGER NOT NULL, checkpoint INTEGER NOT NULL,
	error TEXT NOT NULL, error_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE lanes (sink TEXT, lane TEXT, cursor INTEGER NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (sink, lane)) WITHOUT ROWID;
CREATE TABLE plans (sink TEXT, lane TEXT, first INTEGER, last INTEGER NOT NULL, PRIMARY KEY (sink, lane, first)) WITHOUT ROWID;
CREATE TABLE dead (n INTEGER PRIMARY KEY, sink TEXT NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL,
	key TEXT NOT NULL, time INTEGER NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
	tries INTEGER NOT NULL, again INTEGER NOT NULL, UNIQUE (sink, id));
CREATE INDEX dead_seq ON dead (seq);
CREATE INDEX dead_again ON dead (sink, n) WHERE again = 1;
`

// state is DIR/forward.db. Its one connection serialises what is asked of it.
type state struct{ db *sql.DB }

// ErrNone says that nothing was forwarded from a data directory yet.
var ErrNone = errors.New("nothing was forwarded from here yet")

// openState opens the file for writing and makes it where there is none. Who calls holds the journal's lock.
func openState(ctx context.Context, dir string) (*state, error) {
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // dead letters hold account details
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)"}}
	st, err := connect(ctx, path, q)
	if err != nil {
		return nil, err
	}
	v, err := st.version(ctx)
	switch {
	case err == nil && v == 0:
		_, err = st.db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", schema, stateVersion))
	case err == nil && v > stateVersion:
		err = fmt.Errorf("version %d was written by a newer version of Tripod", v)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), st.Close())
	}
	return st, nil
}

// readState opens the file for reading, beside the process that writes it or without one. It wraps ErrNone where there is none.
func readState(ctx context.Context, dir string) (*state, error) {
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read %s: %w", path, ErrNone)
	}
	st, err := connect(ctx, path, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(10000)", "query_only(1)"}})
	if err != nil {
		return nil, err
	}
	v, err := st.version(ctx)
	if err == nil && v == 0 {
		err = ErrNone
	}
	if err == nil && v != stateVersion {
		err = fmt.Errorf("version %d was written by a newer version of Tripod", v)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), st.Close())
	}
	return st, nil
}

func connect(ctx context.Context, path string, q url.Values) (*state, error) {
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &state{db: db}, nil
}

func (st *state) version(ctx context.Context) (v int, err error) {
	return v, st.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
}

// Close closes the file.
func (st *state) Close() error { return st.db.Close() }

// within runs fn in a transaction and commits if it returns nil.
func (st *state) within(ctx context.Context, what string, fn func(*sql.Tx) error) error {
	tx, err := st.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", what, FileName, err)
	}
	if err = fn(tx); err == nil {
		err = tx.Commit()
	} else {
		err = errors.Join(err, tx.Rollback())
	}
	if err != nil {
		return fmt.Errorf("%s in %s: %w", what, FileName, err)
	}
	return nil
}
