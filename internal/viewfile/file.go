package viewfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver
)

// Schema is what the file of a view holds. A file of another version is not migrated but made anew.
type Schema struct {
	Version int    // at least 1
	SQL     string // statements that make the tables
}

// ErrNone says that there is no file, or one of another version, to read.
var ErrNone = errors.New("the view was not built here, or by another version: start serve, or run tripod rebuild")

// cursor is how far the view has come; every file has it.
const cursor = `CREATE TABLE cursor (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL);
INSERT INTO cursor VALUES (1, 0);`

// File is the open file of a view.
type File struct {
	path    string
	readers *sql.DB
	w       *writer // nil where it is open for reading only
	uncut   bool    // what Truncate was to empty is still there
}

// Open opens a file for writing and makes it if need be; one made by another version is removed and made anew. One process
// at a time may write. Close it after the last batch.
func Open(ctx context.Context, path string, s Schema, log *slog.Logger) (*File, error) {
	f, err := open(ctx, path, s, log)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return f, nil
}

func open(ctx context.Context, path string, s Schema, log *slog.Logger) (*File, error) {
	db, err := openWriter(ctx, path, s)
	if errors.Is(err, errOtherVersion) {
		log.LogAttrs(ctx, slog.LevelInfo, "the file of a view is of another version and is built again", slog.String("file", path))
		if err = Remove(path); err == nil {
			db, err = openWriter(ctx, path, s)
		}
	}
	if err != nil {
		return nil, err
	}
	w, err := newWriter(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	readers, err := openReaders(ctx, path, s)
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	f := &File{path: path, readers: readers, w: w}
	if _, err := f.Truncate(ctx); err != nil { // a process that died may have left what it deleted
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// OpenReader opens a file for reading only, beside a process that writes it or without one. It fails with ErrNone where
// there is none.
func OpenReader(ctx context.Context, path string, s Schema) (*File, error) {
	readers, err := openReaders(ctx, path, s)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return &File{path: path, readers: readers}, nil
}

// Readers are the connections that read.
func (f *File) Readers() *sql.DB { return f.readers }

// Position is the last position of the journal the view knows; 0 for none.
func (f *File) Position(ctx context.Context) (uint64, error) {
	var position uint64
	if err := f.readers.QueryRowContext(ctx, `SELECT position FROM cursor`).Scan(&position); err != nil {
		return 0, fmt.Errorf("read position of %s: %w", f.path, err)
	}
	return position, nil
}

// Close closes the file.
func (f *File) Close() error {
	err := f.readers.Close()
	if f.w != nil {
		err = errors.Join(err, f.w.close())
	}
	return err
}

// Truncate empties the write-ahead log, which still holds what was deleted. A reader may hold it for a moment: it is then
// not empty, and no error.
func (f *File) Truncate(ctx context.Context) (empty bool, err error) {
	f.uncut = true
	var busy, pages, moved int
	if err := f.w.conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return false, fmt.Errorf("empty the write-ahead log of %s: %w", f.path, err)
	}
	f.uncut = busy != 0
	return !f.uncut, nil
}

// Uncut reports whether the last Truncate, which may be that of Open, left something in the log: it has to be tried again.
func (f *File) Uncut() bool { return f.uncut }

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

func openWriter(ctx context.Context, path string, s Schema) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// Only its owner may read it: it holds account details. SQLite gives the log beside it the same mode.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, false))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := prepare(ctx, db, s); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// errOtherVersion says that the file has to be made anew.
var errOtherVersion = errors.New("made by another version")

func prepare(ctx context.Context, db *sql.DB, s Schema) error {
	v, err := userVersion(ctx, db)
	switch {
	case err != nil:
		return err
	case v == s.Version:
		return nil
	case v != 0:
		return errOtherVersion
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf("BEGIN IMMEDIATE; %s %s PRAGMA user_version = %d; COMMIT", cursor, s.SQL, s.Version))
	return err
}

func userVersion(ctx context.Context, db *sql.DB) (v int, err error) {
	return v, db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v)
}

func openReaders(ctx context.Context, path string, s Schema) (*sql.DB, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	} else if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, true))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	v, err := userVersion(ctx, db)
	if err == nil && v != s.Version {
		err = ErrNone
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Remove deletes a file with what belongs to it; one that is not there is no error.
func Remove(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
