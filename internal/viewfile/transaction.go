package viewfile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// writer holds the one connection that writes, with its prepared statements.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	made map[string]*sql.Stmt
}

func newWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &writer{db: db, conn: conn, made: make(map[string]*sql.Stmt)}, nil
}

func (w *writer) close() error {
	var errs []error
	for _, st := range w.made {
		errs = append(errs, st.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

func (w *writer) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if st := w.made[query]; st != nil {
		return st, nil
	}
	st, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare statement: %w", err)
	}
	w.made[query] = st
	return st, nil
}

// Tx is one batch on its way into the file. Statements are prepared once and kept, so their texts must be few.
type Tx struct{ w *writer }

// Within runs fn in a transaction and commits if it returns nil; else nothing has changed.
func (f *File) Within(ctx context.Context, fn func(*Tx) error) error {
	if f.w == nil {
		return fmt.Errorf("%s is open for reading only", f.path)
	}
	tx := &Tx{f.w}
	if err := tx.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := fn(tx)
	if err == nil {
		err = tx.Exec(ctx, "COMMIT")
	}
	if err != nil {
		// The caller's context may be over; a transaction left open would block the next.
		return errors.Join(err, tx.Exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	return nil
}

// Position is how far the view had come before the batch.
func (tx *Tx) Position(ctx context.Context) (position uint64, err error) {
	_, err = tx.Row(ctx, `SELECT position FROM cursor`, nil, &position)
	return position, err
}

// SetPosition says how far the view has come with the batch.
func (tx *Tx) SetPosition(ctx context.Context, position uint64) error {
	return tx.Exec(ctx, `UPDATE cursor SET position = ?`, int64(position))
}

// Exec runs a statement.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) error {
	st, err := tx.w.statement(ctx, query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx, args...)
	return err
}

// Row reads one row; found is false where there is none.
func (tx *Tx) Row(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
	st, err := tx.w.statement(ctx, query)
	if err != nil {
		return false, err
	}
	err = st.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Rows calls fn for each row.
func (tx *Tx) Rows(ctx context.Context, query string, args []any, fn func(scan func(...any) error) error) error {
	st, err := tx.w.statement(ctx, query)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
