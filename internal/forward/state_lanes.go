package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Lanes of a sink.
const (
	laneLive     = "live"
	laneBackfill = "backfill"
)

// laneRow is how far a lane came.
type laneRow struct {
	lane   string
	cursor uint64 // everything up to here is settled
	until  uint64 // last position it is about; 0: without end
}

// span is a stretch of positions, both included.
type span struct{ first, last uint64 }

// progress is what changed since the last commit.
type progress struct {
	lanes      []laneRow
	done       []string // lanes that are through
	sent       uint64
	duplicates uint64
	checkpoint uint64
	at         time.Time // of the last acknowledgement; zero: none since
	err        string
	errAt      time.Time
}

func (st *state) lanes(ctx context.Context, sink string) (rows []laneRow, err error) {
	r, err := st.db.QueryContext(ctx, `SELECT lane, cursor, until FROM lanes WHERE sink = ? ORDER BY lane`, sink)
	if err != nil {
		return nil, fmt.Errorf("read lanes: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		var l laneRow
		if err := r.Scan(&l.lane, &l.cursor, &l.until); err != nil {
			return nil, fmt.Errorf("read lanes: %w", err)
		}
		rows = append(rows, l)
	}
	return rows, r.Err()
}

// addLane begins a lane; false where there is one of that name.
func (st *state) addLane(ctx context.Context, sink string, l laneRow) (added bool, err error) {
	err = st.within(ctx, "begin a lane", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO lanes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, sink, l.lane, l.cursor, l.until)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		added = n > 0
		return err
	})
	return added, err
}

func (st *state) plans(ctx context.Context, sink, lane string) (spans []span, err error) {
	r, err := st.db.QueryContext(ctx, `SELECT first, last FROM plans WHERE sink = ? AND lane = ? ORDER BY first`, sink, lane)
	if err != nil {
		return nil, fmt.Errorf("read planned batches: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		var p span
		if err := r.Scan(&p.first, &p.last); err != nil {
			return nil, fmt.Errorf("read planned batches: %w", err)
		}
		spans = append(spans, p)
	}
	return spans, r.Err()
}

// plan makes the boundaries of a batch durable.
func (st *state) plan(ctx context.Context, sink, lane string, p span) error {
	return st.within(ctx, "plan a batch", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)`, sink, lane, p.first, p.last)
		return err
	})
}

// commit makes progress durable.
func (st *state) commit(ctx context.Context, sink string, p progress) error {
	return st.within(ctx, "save how far sink "+sink+" came", func(tx *sql.Tx) error {
		var errs []error
		exec := func(query string, args ...any) {
			_, err := tx.ExecContext(ctx, query, args...)
			errs = append(errs, err)
		}
		for _, l := range p.lanes {
			exec(`UPDATE lanes SET cursor = ? WHERE sink = ? AND lane = ?`, l.cursor, sink, l.lane)
			exec(`DELETE FROM plans WHERE sink = ? AND lane = ? AND last <= ?`, sink, l.lane, l.cursor)
		}
		for _, lane := range p.done {
			exec(`DELETE FROM lanes WHERE sink = ? AND lane = ?`, sink, lane)
			exec(`DELETE FROM plans WHERE sink = ? AND lane = ?`, sink, lane)
		}
		exec(`INSERT INTO sinks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (sink) DO UPDATE SET sent = sent + ?2, duplicates = duplicates + ?3,
			acknowledged = max(acknowledged, ?4), checkpoint = max(checkpoint, ?5), error = ?6, error_at = max(error_at, ?7)`,
			sink, p.sent, p.duplicates, millis(p.at), p.checkpoint, p.err, millis(p.errAt))
		return errors.Join(errs...)
	})
}

// totals is what is known of a sink beside its lanes.
type totals struct {
	sent, duplicates uint64
	acknowledged     time.Time
	checkpoint       uint64
	err              string
	errAt            time.Time
}

func (st *state) totals(ctx context.Context, sink string) (t totals, err error) {
	var at, errAt int64
	err = st.db.QueryRowContext(ctx, `SELECT sent, duplicates, acknowledged, checkpoint, error, error_at FROM sinks WHERE sink = ?`, sink).
		Scan(&t.sent, &t.duplicates, &at, &t.checkpoint, &t.err, &errAt)
	if errors.Is(err, sql.ErrNoRows) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("read sink %s: %w", sink, err)
	}
	t.acknowledged, t.errAt = fromMillis(at), fromMillis(errAt)
	return t, nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
