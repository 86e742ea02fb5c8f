package journal

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What callers decide by. All are wrapped in errors that say more.
var (
	// ErrLocked: another process has the journal open for writing.
	ErrLocked = errors.New("the journal is in use")
	// ErrNewer: a newer version of Tripod wrote this journal.
	ErrNewer = errors.New("the journal was written by a newer version")
	// ErrFull: no room is left. Nothing was stored; writing resumes by itself once there is room.
	ErrFull = errors.New("no room left for the journal")
	// ErrBusy: a reader holds on to the write-ahead log, which cannot be emptied yet. Try again.
	ErrBusy = errors.New("a reader holds the journal's write-ahead log")
	// ErrNotFound: the journal has no such position.
	ErrNotFound = errors.New("no such record in the journal")
	// ErrTooLarge: a record or a batch exceeds MaxRecord, MaxBatch or MaxBatchBytes.
	ErrTooLarge = errors.New("too large for the journal")
	// ErrClosed: the committer has stopped or the journal is closed.
	ErrClosed = errors.New("the journal is closed")
	// ErrNoRecord: the position holds a tombstone.
	ErrNoRecord = errors.New("the record is no longer there")
)

// CorruptError says that positions First to First+Count-1 cannot be read as they were written, and why. Count is 0 where
// the journal can no longer say how many positions it has.
type CorruptError struct {
	First uint64
	Count uint64
	Err   error
}

func (e *CorruptError) Error() string {
	switch e.Count {
	case 0:
		return fmt.Sprintf("journal: records from %d on are damaged: %v", e.First, e.Err)
	case 1:
		return fmt.Sprintf("journal: record %d is damaged: %v", e.First, e.Err)
	}
	return fmt.Sprintf("journal: records %d to %d are damaged: %v", e.First, e.First+e.Count-1, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// sqliteCode is the extended result code of a SQLite error, 0 for any other.
func sqliteCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// isFull: SQLite says so itself, except where growing the shared memory file beside the log is what failed.
func isFull(err error) bool {
	code := sqliteCode(err)
	return code&0xff == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR_SHMSIZE
}

// isDamage: SQLite finds the file malformed or cut, or the disk cannot read it.
func isDamage(err error) bool {
	code := sqliteCode(err)
	switch code {
	case sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS:
		return true
	}
	return code&0xff == sqlite3.SQLITE_CORRUPT || code&0xff == sqlite3.SQLITE_NOTADB
}

// isUnwritable: SQLite cannot make or use the files it keeps beside a database in WAL mode.
func isUnwritable(err error) bool {
	code := sqliteCode(err) & 0xff
	return code == sqlite3.SQLITE_CANTOPEN || code == sqlite3.SQLITE_READONLY
}
