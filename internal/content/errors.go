package content

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// What a caller decides on. All are found with errors.Is.
var (
	// ErrFull: the disk has no room. Nothing was stored; the same call succeeds once there is room.
	ErrFull = errors.New("the disk is full: free space on the data directory")
	// ErrBusy: an erasure destroyed what it had to, but a reader keeps the write-ahead log from being emptied. Call again.
	ErrBusy = errors.New("a reader holds the write-ahead log: call again")
	// ErrClosed: the store does not run any more. Nothing was stored.
	ErrClosed = errors.New("the content store is closed")
	// ErrTooLarge: a block exceeds Options.MaxBlock. Nothing was stored.
	ErrTooLarge = errors.New("block exceeds the size limit")
	// ErrRefused: the grant does not cover this opening.
	ErrRefused = errors.New("opening refused")
	// ErrMissing: the store never had the block, or lost it.
	ErrMissing = errors.New("content is missing")
	// ErrErased: the block was erased.
	ErrErased = errors.New("block was erased")
	// ErrMismatch: the bytes are not those the address commits to: altered, damaged, or belonging elsewhere.
	ErrMismatch = errors.New("content does not match its address")
	// ErrWrongKey: the master key is not the one this store was written with.
	ErrWrongKey = errors.New("the master key is not the one of this content store")
	// ErrNewer: a newer tripod wrote this store.
	ErrNewer = errors.New("written by a newer tripod: use that or a later version")
)

// Result codes of SQLite, https://www.sqlite.org/rescode.html.
const (
	sqliteBusy         = 5
	sqliteLocked       = 6
	sqliteFull         = 13
	sqliteIOErrShmSize = 4874 // no room to grow the wal-index
)

// classify makes the errors of SQLite that a caller decides on recognisable.
func classify(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code()&0xff == sqliteFull, e.Code() == sqliteIOErrShmSize:
		return fmt.Errorf("%w (%w)", ErrFull, err)
	case e.Code()&0xff == sqliteBusy, e.Code()&0xff == sqliteLocked:
		return fmt.Errorf("%w (%w)", ErrBusy, err)
	}
	return err
}
