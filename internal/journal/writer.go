package journal

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// writer is the one connection that changes the journal. It belongs to whoever holds Journal.mu.
type writer struct {
	db   *sql.DB
	conn *sql.Conn

	beginTx, commitTx, rollbackTx             *sql.Stmt
	insertFrame, insertSalt, insertSalts      *sql.Stmt
	insertForever, insertForevers             *sql.Stmt
	findForevers                              *sql.Stmt
	setCursor, dropCursor                     *sql.Stmt
	frameAt, saltOf, updateFrame, updateSalts *sql.Stmt
	movedFrame, insertMoved, updateMoved      *sql.Stmt
	prepared                                  []*sql.Stmt
	args                                      []any // reused for the rows of one statement
}

// What one statement takes: the driver costs more than a row does.
const (
	saltsPerInsert    = 100
	foreversPerInsert = 100
	foreversPerFind   = 100
)

func openWriter(ctx context.Context, path string, maxPages int) (*writer, error) {
	db, err := sql.Open("sqlite", writerDSN(path, maxPages))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	w := &writer{db: db}
	if err := w.connect(ctx); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return w, nil
}

// ensure replaces a connection that was given up.
func (w *writer) ensure(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	return w.connect(ctx)
}

func (w *writer) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		into  **sql.Stmt
		query string
	}{
		{&w.beginTx, "BEGIN IMMEDIATE"},
		{&w.commitTx, "COMMIT"},
		{&w.rollbackTx, "ROLLBACK"},
		{&w.insertFrame, "INSERT INTO frames (first, count, recorded, ids, frame) VALUES (?, ?, ?, ?, ?)"},
		{&w.insertSalt, "INSERT INTO salts (seq, salt) VALUES (?, ?)"},
		{&w.insertSalts, "INSERT INTO salts (seq, salt) VALUES (?, ?)" + strings.Repeat(", (?, ?)", saltsPerInsert-1)},
		{&w.insertForever, "INSERT INTO forever (id, body, seq) VALUES (?, ?, ?)"},
		{&w.insertForevers, "INSERT INTO forever (id, body, seq) VALUES (?, ?, ?)" + strings.Repeat(", (?, ?, ?)", foreversPerInsert-1)},
		{&w.findForevers, "SELECT id, body, seq FROM forever WHERE id IN (?" + strings.Repeat(", ?", foreversPerFind-1) + ")"},
		{&w.setCursor, "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"},
		{&w.dropCursor, "DELETE FROM cursors WHERE name = ?"},
		{&w.frameAt, "SELECT first, count, frame FROM frames WHERE first <= ? ORDER BY first DESC LIMIT 1"},
		{&w.saltOf, "SELECT salt FROM salts WHERE seq = ?"},
		{&w.updateFrame, "UPDATE frames SET frame = ? WHERE first = ?"},
		{&w.movedFrame, "SELECT frame FROM moved WHERE id = ?"},
		{&w.insertMoved, "INSERT INTO moved (frame) VALUES (?)"},
		{&w.updateMoved, "UPDATE moved SET frame = ? WHERE id = ?"},
		{&w.updateSalts, "UPDATE salts SET salt = zeroblob(16) WHERE seq BETWEEN ? AND ?"},
	} {
		stmt, err := conn.PrepareContext(ctx, s.query)
		if err != nil {
			return errors.Join(err, w.release(), conn.Close())
		}
		*s.into = stmt
		w.prepared = append(w.prepared, stmt)
	}
	w.conn = conn
	return nil
}

// release closes the statements. database/sql does not do it for those of a single connection, and while one is open
// SQLite keeps the connection, and with it the log.
func (w *writer) release() error {
	var errs []error
	for _, s := range w.prepared {
		errs = append(errs, s.Close())
	}
	w.prepared = w.prepared[:0]
	return errors.Join(errs...)
}

func (w *writer) close() error {
	err := w.release()
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	return errors.Join(err, w.db.Close())
}

// transact runs do in one transaction. On any error nothing of it remains. It does not watch a context: what was begun
// is finished, and the driver is spared a goroutine for each statement.
func (w *writer) transact(do func(ctx context.Context) error) error {
	ctx := context.Background()
	if err := w.ensure(ctx); err != nil {
		return err
	}
	if _, err := w.beginTx.ExecContext(ctx); err != nil {
		w.abandon(ctx)
		return err
	}
	err := do(ctx)
	if err == nil {
		_, err = w.commitTx.ExecContext(ctx)
	}
	if err != nil {
		w.abandon(ctx)
	}
	return err
}

// abandon rolls back. SQLite has often done so itself; a connection that can do neither is replaced at the next try.
func (w *writer) abandon(ctx context.Context) {
	_, err := w.rollbackTx.ExecContext(ctx)
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		_ = w.release()
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // so that the pool drops it
		_ = w.conn.Close()
		w.conn = nil
	}
}

// addSalts inserts the salts of consecutive positions.
func (w *writer) addSalts(ctx context.Context, stored []Stored) error {
	for len(stored) >= saltsPerInsert {
		w.args = w.args[:0]
		for i := range stored[:saltsPerInsert] {
			w.args = append(w.args, int64(stored[i].Seq), stored[i].Salt[:])
		}
		if _, err := w.insertSalts.ExecContext(ctx, w.args...); err != nil {
			return err
		}
		stored = stored[saltsPerInsert:]
	}
	for i := range stored {
		if _, err := w.insertSalt.ExecContext(ctx, int64(stored[i].Seq), stored[i].Salt[:]); err != nil {
			return err
		}
	}
	return nil
}

// versions tells what is known under Forever ids, oldest first. Sorted ids are near each other in the file.
func (w *writer) versions(ctx context.Context, sorted []Digest, known map[Digest][]lasting) error {
	if err := w.ensure(ctx); err != nil {
		return err
	}
	for len(sorted) > 0 {
		n := min(len(sorted), foreversPerFind)
		w.args = w.args[:0]
		for i := range foreversPerFind {
			w.args = append(w.args, sorted[min(i, n-1)][:]) // the same again changes no answer
		}
		if err := w.find(ctx, known); err != nil {
			return err
		}
		sorted = sorted[n:]
	}
	return nil
}

// find adds what is known under the ids in w.args.
func (w *writer) find(ctx context.Context, known map[Digest][]lasting) error {
	rows, err := w.findForevers.QueryContext(ctx, w.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, body sql.RawBytes
		var v lasting
		if err := rows.Scan(&id, &body, &v.seq); err != nil {
			return err
		}
		if len(id) != len(Digest{}) || len(body) != len(v.body) {
			return fmt.Errorf("table forever: an id of %d bytes, a body of %d", len(id), len(body))
		}
		copy(v.body[:], body)
		list := append(known[Digest(id)], v)
		slices.SortFunc(list, func(a, b lasting) int { return cmp.Compare(a.seq, b.seq) })
		known[Digest(id)] = list
	}
	return rows.Err()
}

// addForevers remembers ids for ever.
func (w *writer) addForevers(ctx context.Context, rows []foreverRow) error {
	slices.SortFunc(rows, func(a, b foreverRow) int { return bytes.Compare(a.id[:], b.id[:]) }) // near each other in the file
	add := func(stmt *sql.Stmt, rows []foreverRow) error {
		w.args = w.args[:0]
		for i := range rows {
			w.args = append(w.args, rows[i].id[:], rows[i].body[:], int64(rows[i].seq))
		}
		_, err := stmt.ExecContext(ctx, w.args...)
		return err
	}
	for ; len(rows) >= foreversPerInsert; rows = rows[foreversPerInsert:] {
		if err := add(w.insertForevers, rows[:foreversPerInsert]); err != nil {
			return err
		}
	}
	for i := range rows {
		if err := add(w.insertForever, rows[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) setCursors(ctx context.Context, cursors map[string][]byte) error {
	for name, value := range cursors {
		var err error
		if value == nil {
			_, err = w.dropCursor.ExecContext(ctx, name)
		} else {
			_, err = w.setCursor.ExecContext(ctx, name, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// truncateLog reports whether the write-ahead log is now empty. It waits for readers only a moment: the caller holds up
// the committer.
func (w *writer) truncateLog(ctx context.Context) (bool, error) {
	if err := w.ensure(ctx); err != nil {
		return false, err
	}
	if _, err := w.conn.ExecContext(ctx, "PRAGMA busy_timeout=20"); err != nil {
		return false, err
	}
	var busy, pages, moved int
	err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	_, restored := w.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout=%d", writerBusyTimeout))
	if err = errors.Join(err, restored); err != nil || busy != 0 {
		return false, err
	}
	return true, w.syncLog(ctx)
}

// syncLog makes the log's emptiness durable: SQLite cuts it without a sync, and what a power loss brought back would be
// what was just erased.
func (w *writer) syncLog(ctx context.Context) error {
	var n int
	var name, file string
	if err := w.conn.QueryRowContext(ctx, "PRAGMA database_list").Scan(&n, &name, &file); err != nil {
		return err
	}
	log, err := os.OpenFile(file+"-wal", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(log.Sync(), log.Close())
}
