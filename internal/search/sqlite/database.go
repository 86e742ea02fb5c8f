package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// schemaVersion changes with anything in the files that an older or newer build would misread: tables, the numbering of
// search.Field, the encoding of segments. There is no migration; the index is rebuilt.
const schemaVersion = 1

// pageSize lets a shard of postings lie on a page with others.
const pageSize = 8192

// open opens a database file. A writer has one connection; secure_delete makes it overwrite what it deletes. Temporary
// files are needed for VACUUM only, which must not hold a month in memory.
func open(path string, writable bool) (*sql.DB, error) {
	pragmas := []string{"busy_timeout(10000)", "cache_size(-192)", "temp_store(FILE)"}
	mode := "ro"
	if writable {
		mode = "rwc"
		pragmas = append(pragmas, fmt.Sprintf("page_size(%d)", pageSize), "journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(ON)",
			"journal_size_limit(16777216)", "wal_autocheckpoint(1000)")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: strings.ReplaceAll(url.PathEscape(path), "%2F", "/")}).String() +
		"?mode=" + mode + "&_pragma=" + strings.Join(pragmas, "&_pragma=")
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// connection is one connection with its statements, each prepared once. It belongs to one goroutine at a time. Its
// statements run without the caller's context, since watching one costs more than they take; loops over them ask it.
type connection struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func connect(ctx context.Context, db *sql.DB) (*connection, error) {
	conn, err := db.Conn(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *connection) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

func (c *connection) stmt(query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	c.stmts[query] = s
	return s, nil
}

func (c *connection) exec(query string, args ...any) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	_, err = s.Exec(args...)
	return err
}

// each calls row for each row of a result; dest are what row reads its columns from. sql.RawBytes among them are valid
// during the call only.
func (c *connection) each(query string, args []any, dest []any, row func() error) error {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := row(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// first reads the first row of a result into dest; false where there is none.
func (c *connection) first(query string, args []any, dest ...any) (bool, error) {
	found := false
	err := c.each(query, args, dest, func() error {
		found = true
		return nil
	})
	return found, err
}

// transaction runs f between begin and commit; an error of f takes back what it did.
func (c *connection) transaction(begin string, f func() error) error {
	if err := c.exec(begin); err != nil {
		return err
	}
	if err := f(); err != nil {
		return errors.Join(err, c.exec("ROLLBACK"))
	}
	if err := c.exec("COMMIT"); err != nil {
		return errors.Join(err, ignoreNoTransaction(c.exec("ROLLBACK")))
	}
	return nil
}

// ignoreNoTransaction: a commit that fails may have ended the transaction by itself.
func ignoreNoTransaction(err error) error {
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}
