package correlate

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

// schemaVersion is that of the file. A file of another version is not migrated but built again.
const schemaVersion = 5

const schema = `
CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL, clock INTEGER NOT NULL);
INSERT INTO cursor VALUES (1, 0, 0);

CREATE TABLE devices (
	id INTEGER PRIMARY KEY, credential TEXT NOT NULL, device TEXT NOT NULL, service TEXT NOT NULL, version TEXT NOT NULL,
	scope TEXT NOT NULL, forgetful INTEGER NOT NULL, horizon INTEGER NOT NULL,
	UNIQUE (device, service, version, scope, credential));

CREATE TABLE streams (
	id INTEGER PRIMARY KEY, device INTEGER NOT NULL, session TEXT NOT NULL, credential TEXT NOT NULL,
	account TEXT NOT NULL, account_seq INTEGER NOT NULL,
	forgetful INTEGER NOT NULL, horizon INTEGER NOT NULL, tail_hi INTEGER NOT NULL, tail_t INTEGER NOT NULL, tail_seq INTEGER NOT NULL,
	kept_gaps INTEGER NOT NULL, older TEXT NOT NULL, calls TEXT NOT NULL,
	UNIQUE (device, session, credential));
CREATE INDEX streams_account ON streams (account_seq) WHERE account_seq > 0;

CREATE TABLE stretches (
	id INTEGER PRIMARY KEY, device INTEGER NOT NULL, stream INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
	tlo INTEGER NOT NULL, thi INTEGER NOT NULL, seq_lo INTEGER NOT NULL, seq_hi INTEGER NOT NULL,
	born INTEGER NOT NULL, born_n INTEGER NOT NULL, born_t INTEGER NOT NULL, born_at INTEGER NOT NULL, grown_at INTEGER NOT NULL, filled_at INTEGER NOT NULL,
	floor INTEGER NOT NULL, floor_seq INTEGER NOT NULL, reported INTEGER NOT NULL);
CREATE INDEX stretches_device ON stretches (device);

CREATE TABLE calls (
	key INTEGER PRIMARY KEY, stream INTEGER NOT NULL, result INTEGER NOT NULL, due INTEGER NOT NULL, seq INTEGER NOT NULL,
	at INTEGER NOT NULL, occurred INTEGER NOT NULL, tool_use TEXT NOT NULL);
CREATE INDEX calls_stream ON calls (stream, result, due);
CREATE INDEX calls_due ON calls (at) WHERE result = 0 AND due = 0;

CREATE TABLE erased (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, until INTEGER NOT NULL);

CREATE TABLE discrepancies (
	id TEXT PRIMARY KEY, kind TEXT NOT NULL, session TEXT NOT NULL, other_session TEXT NOT NULL, closed INTEGER NOT NULL, at INTEGER NOT NULL,
	provisional_until INTEGER NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, account_seq INTEGER NOT NULL,
	body TEXT NOT NULL);
CREATE INDEX discrepancies_at ON discrepancies (at);
CREATE INDEX discrepancies_session ON discrepancies (session) WHERE session <> '';
CREATE INDEX discrepancies_other_session ON discrepancies (other_session) WHERE other_session <> '';
CREATE INDEX discrepancies_first ON discrepancies (first_seq);
CREATE INDEX discrepancies_last ON discrepancies (last_seq);
CREATE INDEX discrepancies_account ON discrepancies (account_seq) WHERE account_seq > 0;
`

// Path tells where the view's file lies in a data directory.
func Path(dir string) string { return filepath.Join(dir, "correlate.db") }

// ErrNoIndex says that the view was never built here, or by another version of tripod.
var ErrNoIndex = errors.New("no index of discrepancies: start serve, or run tripod rebuild correlate")

// dsn names the file with the pragmas every connection needs; busy_timeout comes first so that the others can wait.
// Deleted rows are overwritten, since they may hold account details of an erased record.
func dsn(path string, readOnly bool) string {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout(10000)")
	if readOnly {
		q.Set("mode", "ro")
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(NORMAL)")
		q.Add("_pragma", "secure_delete(1)")
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
}

// openWriter opens the file for writing and makes it if need be.
func openWriter(ctx context.Context, path string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Only its owner may read it: it holds account details. SQLite gives the log beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, false))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// errOtherVersion says that the file has to be built again.
var errOtherVersion = errors.New("made by another version")

func prepare(ctx context.Context, db *sql.DB) error {
	v, err := userVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case v == schemaVersion:
		return nil
	case v != 0:
		return errOtherVersion
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT", schema+ownSchema+driftSchema, schemaVersion))
	return err
}

func userVersion(ctx context.Context, db *sql.DB) (v int, err error) {
	return v, db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
}

// openReaders opens the file for reading only.
func openReaders(ctx context.Context, path string) (*sql.DB, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoIndex
	} else if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	v, err := userVersion(ctx, db)
	if err == nil && v != schemaVersion {
		err = ErrNoIndex
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// removeFile deletes a database with what belongs to it.
func removeFile(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
