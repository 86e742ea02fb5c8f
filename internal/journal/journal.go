package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// Names of the files in the data directory.
const (
	FileName = "journal.db"
	LockName = "journal.lock"
)

// Options configure a journal; the zero value is what production uses.
type Options struct {
	Logger *slog.Logger     // nil: silent
	Health *health.Registry // where journal.full and journal.write are raised; nil: nowhere

	RememberFor time.Duration // how long ids that are not Forever are remembered; 0: 24 h
	RememberMax int           // how many of them at most, 32 bytes of memory each; 0: 2,000,000
	RecentBytes int           // memory for decoded recent records that followers share, estimated; 0: 24 MiB
	MaxPages    int           // bound of the file in pages of 4 KiB, for tests of a full disk; 0: none
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.RememberFor == 0 {
		o.RememberFor = 24 * time.Hour
	}
	if o.RememberMax == 0 {
		o.RememberMax = 2_000_000
	}
	if o.RecentBytes == 0 {
		o.RecentBytes = 24 << 20
	}
	return o
}

// Journal is the writing end. Use Open, then Run for as long as something appends, then Close.
type Journal struct {
	path   string
	opts   Options
	lock   *os.File
	codec  *frame.Codec
	reader *Reader
	queue  *queue
	recent *recent

	// mu is held for a whole commit, so commits, erasures and refusals follow one another. It is taken before recent.mu
	// and queue.mu, never after.
	mu      sync.Mutex
	writer  *writer
	builder *frame.Builder
	last    uint64 // newest position; what follows is last+1
	newest  int64  // recorded of the newest frame, Unix milliseconds
	refusal error
	failing bool // a condition is raised
	closed  bool

	windowMu sync.Mutex // taken after mu, never before; never held while writing
	window   *window    // guarded by windowMu once Open has returned
}

// Open opens the journal in dir for writing and creates both where they are missing. It fails with ErrLocked while
// another process writes, and with ErrNewer if a newer build wrote the file; neither changes anything.
func Open(ctx context.Context, dir string, opts Options) (_ *Journal, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{path: filepath.Join(dir, FileName), opts: opts.withDefaults(), queue: newQueue()}
	defer func() {
		if err != nil {
			_ = j.closeFiles()
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the data directory: %w", err)
	}
	if j.lock, err = takeLock(filepath.Join(dir, LockName)); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	if err := createFile(j.path); err != nil {
		return nil, err
	}
	if err := prepareFile(ctx, j.path); err != nil {
		return nil, err
	}
	if j.codec, err = frame.NewCodec(true); err != nil {
		return nil, err
	}
	j.builder = frame.NewBuilder(j.codec)
	if j.writer, err = openWriter(ctx, j.path, j.opts.MaxPages); err != nil {
		return nil, err
	}
	if j.reader, err = openReader(ctx, j.path, j.codec); err != nil {
		return nil, err
	}
	if err := j.load(ctx); err != nil {
		return nil, err
	}
	j.recent = newRecent(j.last+1, j.opts.RecentBytes)
	return j, nil
}

// createFile makes an empty file that only its owner reads (SQLite gives the log beside it the same mode), and makes its
// name survive a power loss.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	if err := errors.Join(f.Close(), syncDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("create journal: %w", err)
	}
	return nil
}

// load finds the newest position and fills the window from the columns of ids.
func (j *Journal) load(ctx context.Context) error {
	db := j.reader.db
	row := db.QueryRowContext(ctx, "SELECT first + count - 1, recorded FROM frames ORDER BY first DESC LIMIT 1")
	if err := row.Scan(&j.last, &j.newest); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("open %s: %w", j.path, err)
	}
	j.window = newWindow(j.opts.RememberMax, j.opts.RememberFor)
	if err := j.loadWindow(ctx, db); err != nil {
		return fmt.Errorf("open %s: read recent ids: %w", j.path, err)
	}
	return nil
}

// loadWindow walks back from the newest frame, without touching frames or ids, to where the window begins, then reads
// the ids forward from there. A few frames in a row must be too old before it stops: a clock may have been wrong once.
func (j *Journal) loadWindow(ctx context.Context, db *sql.DB) error {
	const enoughOld = 64
	start, ids, old := j.last+1, 0, 0
	oldest := j.newest - j.opts.RememberFor.Milliseconds()
	rows, err := db.QueryContext(ctx, "SELECT first, recorded, length(ids) FROM frames ORDER BY first DESC")
	if err != nil {
		return err
	}
	defer rows.Close()
	for ids < j.opts.RememberMax && old < enoughOld && rows.Next() {
		var first uint64
		var recorded int64
		var length int
		if err := rows.Scan(&first, &recorded, &length); err != nil {
			return err
		}
		old++
		if recorded >= oldest {
			start, old = first, 0
			ids += length / len(Digest{})
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	return j.readIDs(ctx, db, start, oldest)
}

func (j *Journal) readIDs(ctx context.Context, db *sql.DB, start uint64, oldest int64) error {
	rows, err := db.QueryContext(ctx, "SELECT first, recorded, ids FROM frames WHERE first >= ? ORDER BY first", int64(start))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var first uint64
		var recorded int64
		var ids sql.RawBytes
		if err := rows.Scan(&first, &recorded, &ids); err != nil {
			return err
		}
		for i := 0; recorded >= oldest && i+len(Digest{}) <= len(ids); i += len(Digest{}) {
			id := Digest(ids[i : i+len(Digest{})])
			if _, known := j.window.find(id); id != (Digest{}) && !known {
				j.window.add(id, first+uint64(i/len(Digest{})), recorded/1000)
			}
		}
	}
	return rows.Err()
}

// Reader reads this journal from within the process. It lives as long as the journal.
func (j *Journal) Reader() *Reader { return j.reader }

// Cursor is the value last committed under the name, nil if there is none.
func (j *Journal) Cursor(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := j.reader.db.QueryRowContext(ctx, "SELECT value FROM cursors WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read cursor %q: %w", name, err)
	}
	return value, nil
}

// Refuse makes Append fail with the reason from now on; what is being committed is finished first. Refuse(nil) lifts it.
// Reading, Erase and FillLost go on.
func (j *Journal) Refuse(reason error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusal = reason
}

// Close ends followers with ErrClosed and closes the files. Run must have returned.
func (j *Journal) Close() error {
	if err := j.queue.shut(); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	j.recent.close()
	if err := j.closeFiles(); err != nil {
		return fmt.Errorf("close %s: %w", j.path, err)
	}
	return nil
}

// closeFiles closes the readers first: SQLite folds the log into the file when its last connection, the writer, closes.
func (j *Journal) closeFiles() error {
	var errs []error
	if j.reader != nil {
		errs = append(errs, j.reader.closeDB())
	}
	if j.writer != nil {
		errs = append(errs, j.writer.close())
	}
	if j.codec != nil {
		j.codec.Close()
	}
	if j.lock != nil {
		errs = append(errs, releaseLock(j.lock))
	}
	return errors.Join(errs...)
}
