package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// Reader reads a journal, beside the process that writes it or without one. It is safe for concurrent use. It sees what
// was durable when a call began, or a little more.
type Reader struct {
	path  string
	db    *sql.DB
	codec *frame.Codec
	own   bool // opened by OpenReader: Close closes it

	stmt struct {
		last   *sql.Stmt // newest position
		page   *sql.Stmt // rows from the one that holds a position, or comes after it, on
		at     *sql.Stmt // the row that holds a position, with some of its salts
		extent *sql.Stmt // what the row says of itself, without the frame
		salts  *sql.Stmt // salts one by one
		moved  *sql.Stmt // the frame that a row refers to, with its salts
	}
}

// The salts of consecutive positions as one value: a fifth of the time that a row each would take. SQLite walks the
// table in order of seq, and group_concat of blobs keeps their bytes; a length that does not fit is looked into.
const saltsColumn = "(SELECT CAST(group_concat(salt, '') AS BLOB) FROM salts WHERE seq BETWEEN %s AND %s)"

// OpenReader opens the journal in dir for reading only. It never creates one: where there is none it fails with an error
// that wraps fs.ErrNotExist. (SQLite puts an empty -wal and a -shm file beside a journal that nobody has open, where it can.)
func OpenReader(ctx context.Context, dir string) (*Reader, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	path := filepath.Join(dir, FileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open journal: there is none in %s: %w", dir, err)
	} else if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	c, err := frame.NewCodec(false)
	if err != nil {
		return nil, err
	}
	r, err := openReader(ctx, path, c)
	if err != nil {
		c.Close()
		return nil, err
	}
	r.own = true
	return r, nil
}

// openReader falls back to reading the file as it lies there where SQLite cannot put its two files beside it, as on a
// read-only medium. Nobody writes there, so that is safe, as long as nothing waits in the log.
func openReader(ctx context.Context, path string, c *frame.Codec) (*Reader, error) {
	r, err := openReaderAt(ctx, path, readerDSN(path), c)
	if !isUnwritable(err) {
		return r, err
	}
	if log, statErr := os.Stat(path + "-wal"); statErr == nil && log.Size() > 0 {
		return nil, fmt.Errorf("its log must be folded in, which takes a place that can be written: copy the folder: %w", err)
	}
	return openReaderAt(ctx, path, readerDSN(path)+"&immutable=1", c)
}

func openReaderAt(ctx context.Context, path, dsn string, c *frame.Codec) (*Reader, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	r := &Reader{path: path, db: db, codec: c}
	version, err := checkVersion(ctx, db, path)
	if err == nil && version == 0 {
		err = fmt.Errorf("open %s: the file is empty: %w", path, fs.ErrNotExist)
	}
	if err == nil {
		err = r.prepare(ctx)
	}
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) prepare(ctx context.Context) error {
	holding := "first >= coalesce((SELECT max(first) FROM frames WHERE first <= ?1), 0)"
	end := fmt.Sprintf("f.first + min(f.count, %d) - 1", frame.MaxRecords)
	for _, s := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&r.stmt.last, "SELECT first + count - 1 FROM frames ORDER BY first DESC LIMIT 1"},
		{&r.stmt.page, "SELECT first, count, frame, " + fmt.Sprintf(saltsColumn, "f.first", end) +
			" FROM frames AS f WHERE " + holding + " AND first <= ?2 ORDER BY first"},
		{&r.stmt.at, "SELECT first, count, frame, " + fmt.Sprintf(saltsColumn, "?1", "min(?2, "+end+")") +
			" FROM frames AS f WHERE first <= ?1 ORDER BY first DESC LIMIT 1"},
		{&r.stmt.extent, "SELECT first, count FROM frames WHERE " + holding + " ORDER BY first LIMIT 1"},
		{&r.stmt.moved, "SELECT m.frame, " + fmt.Sprintf(saltsColumn, "f.first", end) +
			" FROM frames AS f JOIN moved AS m ON m.id = " + movedID + " WHERE f.first = ?1"},
		{&r.stmt.salts, "SELECT seq, salt FROM salts WHERE seq BETWEEN ? AND ?"},
	} {
		var err error
		if *s.into, err = r.db.PrepareContext(ctx, s.query); err != nil {
			return fmt.Errorf("open %s: %w", r.path, err)
		}
	}
	return nil
}

// Close closes what OpenReader opened; a journal's own reader is closed with the journal.
func (r *Reader) Close() error {
	if !r.own {
		return nil
	}
	err := r.closeDB()
	r.codec.Close()
	return err
}

func (r *Reader) closeDB() error {
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("close %s: %w", r.path, err)
	}
	return nil
}

// Last is the newest position, 0 for an empty journal.
func (r *Reader) Last(ctx context.Context) (uint64, error) {
	var last uint64
	err := r.stmt.last.QueryRowContext(ctx).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read %s: %w", r.path, err)
	}
	return last, nil
}

// checkSalts reads the salts one by one where their joined length shows that some are missing or of a wrong length.
func (r *Reader) checkSalts(ctx context.Context, row *row, end uint64) error {
	const size = len(audit.Salt{})
	if end < row.from || end-row.from >= frame.MaxRecords {
		return nil
	}
	n := int(end-row.from) + 1
	if len(row.salts) == n*size {
		return nil
	}
	rows, err := r.stmt.salts.QueryContext(ctx, int64(row.from), int64(end))
	if err != nil {
		return fmt.Errorf("read salts of %s: %w", r.path, err)
	}
	defer rows.Close()
	row.salts = make([]byte, n*size)
	for rows.Next() {
		var seq uint64
		var salt sql.RawBytes
		if err := rows.Scan(&seq, &salt); err != nil {
			return fmt.Errorf("read salts of %s: %w", r.path, err)
		}
		if len(salt) == size {
			copy(row.salts[int(seq-row.from)*size:], salt)
		}
	}
	return rows.Err()
}
