package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/tripod-audit/tripod/internal/search"
)

const headFile = "head.db"

// head is the small file that says how far the index has come, and up to where each month was promised to be complete.
type head struct {
	db *sql.DB
	mu sync.Mutex // guards c
	c  *connection
}

func openHead(ctx context.Context, dir string, writable bool) (*head, error) {
	path := filepath.Join(dir, headFile)
	db, err := open(path, writable)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	h := &head{db: db}
	if h.c, err = connect(ctx, db); err == nil {
		err = h.prepare(writable)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), h.close())
	}
	return h, nil
}

func (h *head) prepare(writable bool) error {
	if writable {
		err := h.c.transaction("BEGIN IMMEDIATE", func() error {
			return errors.Join(
				h.c.exec("CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, position INTEGER NOT NULL)"),
				h.c.exec("CREATE TABLE IF NOT EXISTS month (name TEXT PRIMARY KEY, applied INTEGER NOT NULL) WITHOUT ROWID"),
				h.c.exec("INSERT OR IGNORE INTO head VALUES (1, ?, 0)", schemaVersion))
		})
		if err != nil {
			return err
		}
	}
	var version int
	if _, err := h.c.first("SELECT version FROM head", nil, &version); err != nil {
		return err
	}
	return checkVersion(version)
}

func checkVersion(version int) error {
	if version != schemaVersion {
		return fmt.Errorf("version %d, this build reads and writes %d: run tripod rebuild search: %w", version, schemaVersion, search.ErrOutdated)
	}
	return nil
}

func (h *head) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var err error
	if h.c != nil {
		err = h.c.close()
		h.c = nil
	}
	return errors.Join(err, h.db.Close())
}

func (h *head) position() (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c == nil {
		return 0, search.ErrClosed
	}
	var position int64
	if _, err := h.c.first("SELECT position FROM head", nil, &position); err != nil {
		return 0, fmt.Errorf("read position of the search index: %w", err)
	}
	return uint64(position), nil
}

// read returns the position and up to where each month is promised to be complete.
func (h *head) read() (position uint64, promised map[string]uint64, err error) {
	if position, err = h.position(); err != nil {
		return 0, nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	promised = make(map[string]uint64)
	var name string
	var applied int64
	err = h.c.each("SELECT name, applied FROM month", nil, []any{&name, &applied}, func() error {
		promised[name] = uint64(applied)
		return nil
	})
	return position, promised, err
}

// names lists the months, oldest first.
func (h *head) names() (names []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c == nil {
		return nil, search.ErrClosed
	}
	var name string
	err = h.c.each("SELECT name FROM month ORDER BY name", nil, []any{&name}, func() error {
		names = append(names, name)
		return nil
	})
	return names, err
}

// write commits the position and what it promises of months. With lower, a promise may be taken back.
func (h *head) write(position uint64, promised map[string]uint64, lower bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.c == nil {
		return search.ErrClosed
	}
	err := h.c.transaction("BEGIN IMMEDIATE", func() error {
		for name, applied := range promised {
			if lower {
				applied = min(applied, position)
			}
			if err := h.c.exec("INSERT INTO month VALUES (?, ?) ON CONFLICT DO UPDATE SET applied = excluded.applied", name, int64(applied)); err != nil {
				return err
			}
		}
		return h.c.exec("UPDATE head SET position = ?", int64(position))
	})
	if err != nil {
		return fmt.Errorf("write position of the search index: %w", err)
	}
	return nil
}
