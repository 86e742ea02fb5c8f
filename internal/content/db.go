package content

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver

	"github.com/tripod-audit/tripod/internal/keyring"
)

// FileName is the content store's file inside a data directory.
const FileName = "content.db"

// contentMigrations and keyMigrations bring a file from user_version i to i+1. Released ones never change.
var contentMigrations = []string{`
-- Where a block is. Under a key that was destroyed with its container, rows stay as tombstones, with block = 0.
CREATE TABLE addresses (
	key_id  INTEGER NOT NULL,
	address BLOB NOT NULL, -- first 12 bytes
	block   INTEGER NOT NULL,
	PRIMARY KEY (key_id, address)
) STRICT, WITHOUT ROWID;
-- Bodies in the order they came, so that writing appends. Not clustered by container: addresses are random, and every
-- block would rewrite a page of its own.
CREATE TABLE blocks (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
-- Keys that got blocks in an hour (since 1970), and the first such block: what no sweep has looked at yet.
CREATE TABLE fresh (
	hour        INTEGER NOT NULL,
	key_id      INTEGER NOT NULL,
	first_block INTEGER NOT NULL,
	PRIMARY KEY (hour, key_id)
) STRICT, WITHOUT ROWID;
-- Destroyed keys of which no block is left here.
CREATE TABLE retired (key_id INTEGER PRIMARY KEY) STRICT;
-- Written to and emptied to see whether a full disk has room again.
CREATE TABLE probe (filler BLOB NOT NULL) STRICT;
`}

var keyMigrations = []string{`
-- Rows are only appended, and destroyed by zeroing wrapped in place: rows of a b-tree that move leave copies behind.
CREATE TABLE keys (
	id        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again
	container TEXT NOT NULL,
	wrapped   BLOB NOT NULL
) STRICT;
CREATE INDEX keys_by_container ON keys (container);
CREATE INDEX destroyed_keys ON keys (id) WHERE wrapped = zeroblob(length(wrapped));
-- What a key was destroyed for, if not for its whole container: tombstones of single blocks. The other blocks that were
-- under the key have moved; whatever is found under it later came from an older copy of the content file.
CREATE TABLE erased (key_id INTEGER NOT NULL, address BLOB NOT NULL, PRIMARY KEY (key_id, address)) STRICT, WITHOUT ROWID;
-- One row: something wrapped by the master key, to recognise a wrong one before anything is written under it.
CREATE TABLE master (id INTEGER PRIMARY KEY CHECK (id = 1), wrapped BLOB NOT NULL) STRICT;
CREATE TABLE probe (filler BLOB NOT NULL) STRICT;
`}

// walPages is how far a write-ahead log grows before it is copied into its file, in pages of 4 KiB.
const walPages = 4096

// dsn names a file to the driver. busy_timeout comes first: setting the others may have to wait.
func dsn(path string, pragmas []string, more url.Values) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	more["_pragma"] = append([]string{"busy_timeout(5000)"}, pragmas...)
	abs = filepath.ToSlash(abs)
	if !strings.HasPrefix(abs, "/") {
		abs = "/" + abs // a drive letter
	}
	u := url.URL{Scheme: "file", Path: abs, RawQuery: more.Encode()}
	return u.String(), nil
}

// openWriter opens, and if need be creates, a file for the one connection that writes it.
func openWriter(ctx context.Context, path string, migrations []string) (*sql.DB, error) {
	f, err := os.OpenFile(path, os.O_CREATE, 0o600) // SQLite gives its other files the mode of this one
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	name, err := dsn(path, []string{
		"journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)", "temp_store(2)", fmt.Sprintf("wal_autocheckpoint(%d)", walPages),
	}, url.Values{"_txlock": {"immediate"}})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), classify(err)), db.Close())
	}
	return db, nil
}

// openReader opens a file that exists, read-only.
func openReader(ctx context.Context, path string, migrations []string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	name, err := dsn(path, []string{"query_only(1)", "temp_store(2)"}, url.Values{"mode": {"ro"}})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", filepath.Base(path), err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	if err := checkVersion(ctx, db, len(migrations)); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", filepath.Base(path), classify(err)), db.Close())
	}
	return db, nil
}

// migrate brings a file to the version of this program, all or nothing.
func migrate(ctx context.Context, db *sql.DB, migrations []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("format %d, this program knows up to %d: %w", version, len(migrations), ErrNewer)
	}
	if version == len(migrations) {
		return nil
	}
	for i, m := range migrations[version:] {
		if _, err := tx.ExecContext(ctx, m); err != nil {
			return fmt.Errorf("migrate to format %d: %w", version+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations))); err != nil {
		return err
	}
	return tx.Commit()
}

func checkVersion(ctx context.Context, db *sql.DB, known int) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version > known:
		return fmt.Errorf("format %d, this program knows up to %d: %w", version, known, ErrNewer)
	case version < known:
		return fmt.Errorf("format %d, want %d: start tripod serve once to migrate it", version, known)
	}
	return nil
}

// paths returns the files of the two databases.
func paths(dir string) (content, keys string) {
	return filepath.Join(dir, FileName), filepath.Join(dir, keyring.Dir, keyring.WrapFile)
}

// makeDirs creates the data directory and the one for keys, durably.
func makeDirs(dir string) error {
	keys := filepath.Join(dir, keyring.Dir)
	if _, err := os.Stat(keys); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return err
	}
	return errors.Join(keyring.SyncDir(dir), keyring.SyncDir(filepath.Dir(filepath.Clean(dir))))
}

// writer is the one connection that writes a file. Its statements run without a context that can end: half of a commit
// is worse than a late one. It belongs to one goroutine.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	stmt map[string]*sql.Stmt
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{db, conn, make(map[string]*sql.Stmt)}, nil
}

func (w *writer) close() error {
	var err error
	for _, s := range w.stmt {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.conn.Close(), w.db.Close())
}

// exec runs a statement, prepared once, and returns how many rows it changed.
func (w *writer) exec(query string, args ...any) (int64, error) {
	s, err := w.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (w *writer) query(query string, args ...any) (*sql.Rows, error) {
	s, err := w.prepare(query)
	if err != nil {
		return nil, err
	}
	return s.Query(args...)
}

func (w *writer) prepare(query string) (*sql.Stmt, error) {
	if s, ok := w.stmt[query]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	w.stmt[query] = s
	return s, nil
}

// transact runs f in a transaction that is synced to disk when transact returns nil.
func (w *writer) transact(f func() error) error {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f()
	if err == nil {
		if _, err = w.exec("COMMIT"); err == nil {
			return nil
		}
	}
	// Some errors have rolled back already; then this one fails and changes nothing.
	_, _ = w.exec("ROLLBACK")
	return err
}

// checkpoint copies the write-ahead log into the file and cuts it to nothing. ErrBusy says that a reader is in the way.
func (w *writer) checkpoint() error {
	// Writers wait while this waits, so it waits less long than the others.
	if _, err := w.exec("PRAGMA busy_timeout(500)"); err != nil {
		return err
	}
	var busy, log, done int
	err := w.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	if _, e := w.exec("PRAGMA busy_timeout(5000)"); err == nil {
		err = e
	}
	if err != nil {
		return classify(err)
	}
	if busy != 0 {
		return ErrBusy
	}
	return w.syncLog()
}

// syncLog makes the log's emptiness durable: SQLite cuts it without a sync, and what a power loss brought back would be
// what was just destroyed.
func (w *writer) syncLog() error {
	var n int
	var name, file string
	if err := w.conn.QueryRowContext(context.Background(), "PRAGMA database_list").Scan(&n, &name, &file); err != nil {
		return classify(err)
	}
	log, err := os.OpenFile(file+"-wal", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("sync write-ahead log: %w", err)
	}
	if err := errors.Join(log.Sync(), log.Close()); err != nil {
		return fmt.Errorf("sync write-ahead log: %w", err)
	}
	return nil
}

// probe writes a little and takes it back, to see whether there is room.
func (w *writer) probe() error {
	if _, err := w.exec("INSERT INTO probe (filler) VALUES (zeroblob(262144))"); err != nil {
		return err
	}
	_, err := w.exec("DELETE FROM probe")
	return err
}
