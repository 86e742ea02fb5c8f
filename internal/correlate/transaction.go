package correlate

import (
	"context"
	"database/sql"
	"encoding/json"
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

// transaction is one batch on its way into the file.
type transaction struct {
	w     *writer
	clock int64 // greatest Recorded so far, µs
}

// within runs f in a transaction and commits if it returns nil.
func (w *writer) within(ctx context.Context, f func(*transaction) error) error {
	tx := &transaction{w: w}
	if err := tx.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f(tx)
	if err == nil {
		err = tx.exec(ctx, "COMMIT")
	}
	if err != nil {
		// The caller's context may be over; a transaction left open would block the next.
		return errors.Join(err, tx.exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	return nil
}

func (tx *transaction) exec(ctx context.Context, query string, args ...any) error {
	st, err := tx.w.statement(ctx, query)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx, args...)
	return err
}

// row reads one row; found is false where there is none.
func (tx *transaction) row(ctx context.Context, query string, args []any, into ...any) (found bool, err error) {
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

// rows calls f for each row.
func (tx *transaction) rows(ctx context.Context, query string, args []any, f func(scan func(...any) error) error) error {
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
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// put writes a discrepancy, or writes it anew. at, in µs, is what lists are ordered by; until the journal's time reaches
// provisionalUntil, data that explains it may still come.
func (tx *transaction) put(ctx context.Context, d *Discrepancy, at, provisionalUntil int64) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `INSERT INTO discrepancies VALUES (?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET session = excluded.session, other_session = excluded.other_session, closed = excluded.closed, at = excluded.at,
		provisional_until = excluded.provisional_until, first_seq = excluded.first_seq, last_seq = excluded.last_seq,
		account_seq = excluded.account_seq, body = excluded.body`,
		d.ID, string(d.Kind), d.Session, d.Details.PreviousSession, d.State == StateClosed, at, provisionalUntil,
		int64(d.FirstSeq), int64(d.LastSeq), int64(d.accountSeq), string(body))
}

// take removes a discrepancy.
func (tx *transaction) take(ctx context.Context, id string) error {
	return tx.exec(ctx, `DELETE FROM discrepancies WHERE id = ?`, id)
}
