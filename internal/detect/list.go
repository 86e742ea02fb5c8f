package detect

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

// Cursor is a place among the firings, in the order in which they fired. A rebuild keeps it. The zero Cursor is before all.
type Cursor struct {
	Seq uint64 `json:"seq"`
	ID  string `json:"id"`
}

// Cursor is the place of the firing.
func (f *Firing) Cursor() Cursor { return Cursor{f.Seq, f.ID} }

// Filter chooses firings; its zero fields choose all.
type Filter struct {
	Rule     string
	Severity sigma.Level
	Seq      uint64    // those that rest on the record at this position, as far as they name it
	From, To time.Time // when what they are about occurred; To is not included
	Limit    int       // at most so many, the newest first; 0 for 1,000
}

// Reader is what reads firings; *View is one.
type Reader interface {
	Position(ctx context.Context) (uint64, error)
	After(ctx context.Context, c Cursor, limit int) ([]Firing, error)
	List(ctx context.Context, f Filter) ([]Firing, error)
	Get(ctx context.Context, id string) (f Firing, found bool, err error)
	Count(ctx context.Context, rule string, from time.Time) (int64, error)
	Stats(ctx context.Context) (Stats, error)
}

var _ Reader = (*View)(nil)

const columns = `SELECT id, count, erased, body FROM firings `

// After lists firings behind a place, in the order in which they fired, at most limit.
func (v *View) After(ctx context.Context, c Cursor, limit int) ([]Firing, error) {
	return v.query(ctx, columns+`WHERE (seq, id) > (?, ?) ORDER BY seq, id LIMIT ?`, int64(c.Seq), c.ID, limit)
}

// Get finds a firing.
func (v *View) Get(ctx context.Context, id string) (Firing, bool, error) {
	list, err := v.query(ctx, columns+`WHERE id = ?`, id)
	if err != nil || len(list) == 0 {
		return Firing{}, false, err
	}
	return list[0], true, nil
}

// List lists firings, the newest first.
func (v *View) List(ctx context.Context, f Filter) ([]Firing, error) {
	where, args := []string{"1"}, []any{}
	add := func(clause string, arg any) {
		where, args = append(where, clause), append(args, arg)
	}
	if f.Rule != "" {
		add("rule = ?", f.Rule)
	}
	if f.Severity != "" {
		add("severity = ?", string(f.Severity))
	}
	if f.Seq != 0 {
		add("id IN (SELECT id FROM firing_seqs WHERE seq = ?)", int64(f.Seq))
	}
	if !f.From.IsZero() {
		add("at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UnixMilli())
	}
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	return v.query(ctx, columns+"WHERE "+strings.Join(where, " AND ")+" ORDER BY at DESC, id DESC LIMIT ?", append(args, f.Limit)...)
}

func (v *View) query(ctx context.Context, query string, args ...any) (list []Firing, err error) {
	defer func() {
		if err != nil {
			list, err = nil, fmt.Errorf("read firings: %w", err)
		}
	}()
	rows, err := v.file.Readers().QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, body string
		var count int64
		var erased bool
		if err := rows.Scan(&id, &count, &erased, &body); err != nil {
			return nil, err
		}
		var f Firing
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			return nil, err
		}
		f.Count, f.Erased = count, erased
		list = append(list, f)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i := range list {
		if err := v.seqs(ctx, &list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (v *View) seqs(ctx context.Context, f *Firing) error {
	if f.Count == int64(len(f.Seqs)) {
		return nil
	}
	rows, err := v.file.Readers().QueryContext(ctx, `SELECT seq FROM firing_seqs WHERE id = ? ORDER BY seq LIMIT ?`, f.ID, MaxSeqs)
	if err != nil {
		return err
	}
	defer rows.Close()
	f.Seqs = f.Seqs[:0]
	for rows.Next() {
		var seq uint64
		if err := rows.Scan(&seq); err != nil {
			return err
		}
		f.Seqs = append(f.Seqs, seq)
	}
	return rows.Err()
}

// Count counts the firings of a rule, of all where it is "", about what occurred from a time on.
func (v *View) Count(ctx context.Context, rule string, from time.Time) (n int64, err error) {
	err = v.file.Readers().QueryRowContext(ctx, `SELECT count(*) FROM firings WHERE at >= ?1 AND (?2 = '' OR rule = ?2)`, from.UnixMilli(), rule).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count firings: %w", err)
	}
	return n, nil
}

// Stats tells what the view counted.
func (v *View) Stats(ctx context.Context) (s Stats, err error) {
	var text string
	if err = v.file.Readers().QueryRowContext(ctx, `SELECT stats FROM cursor`).Scan(&text); err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return s, fmt.Errorf("read counts of detections: %w", err)
	}
	return s, nil
}
