// Package sqlite keeps the search index in SQLite files, one a month, and answers queries from them.
//
// Layout: DIR/2026-11.db holds the rows of one month of search.RowTime, DIR/head.db the position of the index. A month
// holds no records and no content: dictionaries of who, what and where, rows in segments (package segment) that refer to
// them, and per dictionary entry how many rows it has in each hour, from which facets and histograms are answered
// without looking at rows. Ids of sessions, requests and the like are kept as keyed hashes only.
//
// Durability: Apply commits rows, dictionaries and counts of a month in one transaction, then the position. Commits are
// atomic but reach the disk when SQLite checkpoints (synchronous=NORMAL): a power cut may lose the newest. Open then
// finds that a month is behind what the position promised, and the position goes back to what is really there. A month
// skips what it has already. When Apply of an order to erase has returned, the row, and every name and hash that no other
// row needs, are gone from the files, write-ahead log and free pages included; only a reader stopped in the middle of a
// query can delay the log's part until the batch after it.
//
// Order: see package search. Concurrency: one process writes, which the journal's lock sees to, through one goroutine
// at a time; any number of goroutines and processes read beside it, each query in short transactions.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tripod-audit/tripod/internal/search"
)

// Index is the search index in one folder.
type Index struct {
	dir     string
	head    *head
	months  *months
	budget  int // blocks a count may look through
	tallies int // tallies a count may look through

	mu       sync.Mutex // guards Apply and Close, which must not meet
	closed   bool
	facts    search.Facts
	position uint64 // of the last entry applied; only the writer uses it
	dirty    bool   // a month is dirty
	writable bool

	unreadable search.Unreadable // guarded by mu
}

var _ search.Index = (*Index)(nil)

// Open opens the index in a folder for writing and creates what is missing. It wraps search.ErrOutdated where the files
// are of another version: rebuild them.
func Open(ctx context.Context, dir string) (*Index, error) {
	if err := finishSwap(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create search index: %w", err)
	}
	h, err := openHead(ctx, dir, true)
	if err != nil {
		return nil, err
	}
	ix := &Index{dir: dir, head: h, months: newMonths(dir, true), budget: scanBudget, tallies: tallyBudget, writable: true}
	if err := ix.heal(ctx); err != nil {
		return nil, errors.Join(err, ix.Close())
	}
	return ix, nil
}

// OpenReader opens the index for reading, beside a process that writes it. The error wraps fs.ErrNotExist where there is
// no index yet.
func OpenReader(ctx context.Context, dir string) (*Index, error) {
	if _, err := os.Stat(filepath.Join(dir, headFile)); err != nil {
		return nil, fmt.Errorf("open search index: %w", err)
	}
	h, err := openHead(ctx, dir, false)
	if err != nil {
		return nil, err
	}
	return &Index{dir: dir, head: h, months: newMonths(dir, false), budget: scanBudget, tallies: tallyBudget}, nil
}

// Close waits for queries under way and closes the files.
func (ix *Index) Close() error {
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if ix.closed {
		return nil
	}
	ix.closed = true
	return errors.Join(ix.months.close(), ix.head.close())
}

// Position implements search.Reader.
func (ix *Index) Position(ctx context.Context) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return ix.head.position()
}

// heal finds out what is really in the files. A month that is behind what the head promised (a power cut took its last
// commits, or somebody removed the file) takes the position back; a month nobody promised was begun by a batch whose
// position was never committed.
func (ix *Index) heal(ctx context.Context) error {
	position, promised, err := ix.head.read()
	if err != nil {
		return err
	}
	names, err := monthFiles(ix.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := promised[name]; !ok {
			promised[name] = 0
		}
	}
	for name, want := range promised {
		m, err := ix.months.acquire(ctx, name)
		if err != nil {
			return err
		}
		if m.applied < want {
			position = min(position, m.applied)
		}
		err = m.scrub()
		ix.dirty = ix.dirty || m.dirty
		ix.months.release(m)
		if err != nil {
			return err
		}
	}
	ix.position = position
	return ix.head.write(position, promised, true)
}
