package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// monthSchema: entry is the dictionary, one entry a combination of names; name finds entries by one of their names; tally
// counts rows by entry and hour; segment, block and shard hold the rows.
var monthSchema = []string{
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) WITHOUT ROWID",
	"CREATE TABLE entry (id INTEGER PRIMARY KEY, dim INTEGER NOT NULL, digest INTEGER NOT NULL, names BLOB NOT NULL)",
	"CREATE INDEX entry_digest ON entry (digest)",
	"CREATE TABLE name (field INTEGER, value BLOB, entry INTEGER, PRIMARY KEY (field, value, entry)) WITHOUT ROWID",
	"CREATE TABLE tally (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, hours BLOB NOT NULL, whats BLOB NOT NULL)",
	"CREATE TABLE segment (id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, " +
		"first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, key_bits INTEGER NOT NULL, id_bits INTEGER NOT NULL, starts BLOB NOT NULL)",
	"CREATE TABLE block (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
	"CREATE TABLE shard (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
}

// readConnections bounds how many queries read one month at once.
const readConnections = 2

// month is one open month. The fields below writer belong to the goroutine that applies.
type month struct {
	name       string
	start, end int64 // Unix milliseconds
	hash       segment.HashKey
	names      nameCache

	readDB  *sql.DB
	readers chan *connection // idle connections; nil ones may be opened

	writeDB *sql.DB
	writer  *connection // nil in a reader
	applied uint64      // rows of all entries up to here are in
	nextID  uint32      // of dictionary entries; never used twice
	nextSeg int64
	dict    dictionary
	batch   batch
	dirty   bool // an erasure left traces in the write-ahead log that could not be scrubbed yet

	refs int   // guarded by months.mu
	used int64 // when it was last released, guarded by months.mu
}

const monthLayout = "2006-01"

// monthOf names the month of a time in Unix milliseconds.
func monthOf(ms int64) string { return time.UnixMilli(ms).UTC().Format(monthLayout) }

func monthBounds(name string) (start, end int64, err error) {
	t, err := time.Parse(monthLayout, name)
	if err != nil {
		return 0, 0, fmt.Errorf("%q names no month", name)
	}
	return t.UnixMilli(), t.AddDate(0, 1, 0).UnixMilli(), nil
}

func openMonth(ctx context.Context, dir, name string, writable bool) (_ *month, err error) {
	m := &month{name: name, readers: make(chan *connection, readConnections)}
	if m.start, m.end, err = monthBounds(name); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name+".db")
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %s: %w", path, err), m.close())
		}
	}()
	if writable {
		if err := m.openWriter(ctx, path); err != nil {
			return nil, err
		}
	}
	if m.readDB, err = open(path, false); err != nil {
		return nil, err
	}
	m.readDB.SetMaxOpenConns(readConnections)
	m.readDB.SetMaxIdleConns(readConnections)
	for range readConnections {
		m.readers <- nil
	}
	return m, m.read(ctx, func(c *connection) error { return m.loadMeta(c) })
}

func (m *month) openWriter(ctx context.Context, path string) (err error) {
	if m.writeDB, err = open(path, true); err != nil {
		return err
	}
	m.writeDB.SetMaxOpenConns(1)
	if m.writer, err = connect(ctx, m.writeDB); err != nil {
		return err
	}
	var tables int
	if _, err := m.writer.first("SELECT count(*) FROM sqlite_schema", nil, &tables); err != nil {
		return err
	}
	if tables == 0 {
		if err := m.create(); err != nil {
			return err
		}
	}
	return m.loadWriter()
}

func (m *month) create() error {
	return m.writer.transaction("BEGIN IMMEDIATE", func() error {
		for _, s := range monthSchema {
			if _, err := m.writer.conn.ExecContext(context.Background(), s); err != nil {
				return err
			}
		}
		var key [16]byte
		rand.Read(key[:]) //nolint:errcheck // never fails
		for name, value := range map[string]any{"version": schemaVersion, "hash_key": key[:], "applied": 0, "next_id": 1, "generation": 0, "scrub": 0} {
			if err := m.setMeta(name, value); err != nil {
				return err
			}
		}
		return nil
	})
}

func (m *month) setMeta(name string, value any) error {
	return m.writer.exec("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
}

func metaInt(c *connection, name string) (v int64, err error) {
	found, err := c.first("SELECT value FROM meta WHERE name = ?", []any{name}, &v)
	if err == nil && !found {
		err = fmt.Errorf("meta %s: %w", name, segment.ErrCorrupt)
	}
	return v, err
}

// loadMeta reads what never changes in a file.
func (m *month) loadMeta(c *connection) error {
	version, err := metaInt(c, "version")
	if err != nil {
		return err
	}
	if err := checkVersion(int(version)); err != nil {
		return err
	}
	var key []byte
	if _, err := c.first("SELECT value FROM meta WHERE name = 'hash_key'", nil, &key); err != nil {
		return err
	}
	if len(key) != 16 {
		return segment.ErrCorrupt
	}
	m.hash = segment.HashKey{binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])}
	return nil
}

// loadWriter reads what the applying goroutine keeps in memory; also after a transaction failed.
func (m *month) loadWriter() error {
	if err := m.loadMeta(m.writer); err != nil {
		return err
	}
	applied, err := metaInt(m.writer, "applied")
	if err != nil {
		return err
	}
	next, err := metaInt(m.writer, "next_id")
	if err != nil {
		return err
	}
	if _, err := m.writer.first("SELECT coalesce(max(id), 0) + 1 FROM segment", nil, &m.nextSeg); err != nil {
		return err
	}
	m.applied, m.nextID = uint64(applied), uint32(next)
	m.dict.reset()
	m.batch.reset()
	return nil
}

// read runs f in a read transaction on one of the month's connections.
func (m *month) read(ctx context.Context, f func(*connection) error) error {
	var c *connection
	select {
	case c = <-m.readers:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { m.readers <- c }()
	if c == nil {
		fresh, err := connect(ctx, m.readDB)
		if err != nil {
			return err
		}
		c = fresh
	}
	if err := c.transaction("BEGIN", func() error { return f(c) }); err != nil {
		return fmt.Errorf("search index of %s: %w", m.name, err)
	}
	return nil
}

func (m *month) close() error {
	var errs []error
	if m.readDB != nil {
		for range readConnections {
			if c := <-m.readers; c != nil {
				errs = append(errs, c.close())
			}
		}
		errs = append(errs, m.readDB.Close())
	}
	if m.writer != nil {
		errs = append(errs, m.writer.close())
	}
	if m.writeDB != nil {
		errs = append(errs, m.writeDB.Close())
	}
	return errors.Join(errs...)
}

// windows are the windows of a query, clipped to the month.
func (m *month) windows(q *search.Query) []search.Window {
	var list []search.Window
	for _, w := range q.Windows() {
		w.From, w.To = max(w.From, m.start), min(w.To, m.end)
		if w.From < w.To {
			list = append(list, w)
		}
	}
	return list
}
