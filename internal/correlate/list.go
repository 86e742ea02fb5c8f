package correlate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// DefaultLimit is how many discrepancies List returns where the filter sets no limit.
const DefaultLimit = 1000

// Filter chooses discrepancies; zero fields choose all.
type Filter struct {
	Session string
	Kind    Kind
	State   State
	// After and Before bound, half-open, when the last record concerned occurred by the source's clock (for KindClock
	// when it was recorded).
	After, Before time.Time
	Limit         int // 0: DefaultLimit; less than 0: none
}

// List returns discrepancies, the latest first; the order is total and stable.
func (v *View) List(ctx context.Context, f Filter) ([]Discrepancy, error) {
	where, args := f.sql()
	rows, err := v.file.Readers().QueryContext(ctx, `SELECT body, account_seq, closed = 0 AND provisional_until > (SELECT clock FROM cursor)
		FROM discrepancies`+where+` ORDER BY at DESC, id LIMIT ?`, append(args, f.limit())...)
	if err != nil {
		return nil, fmt.Errorf("list discrepancies: %w", err)
	}
	defer rows.Close()
	var list []Discrepancy
	for rows.Next() {
		var d Discrepancy
		var body []byte
		if err := rows.Scan(&body, &d.accountSeq, &d.Provisional); err != nil {
			return nil, fmt.Errorf("list discrepancies: %w", err)
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return nil, fmt.Errorf("list discrepancies: decode: %w", err)
		}
		list = append(list, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list discrepancies: %w", err)
	}
	return list, nil
}

func (f *Filter) limit() int {
	if f.Limit == 0 {
		return DefaultLimit
	}
	return f.Limit
}

func (f *Filter) sql() (where string, args []any) {
	var terms []string
	add := func(term string, arg any) {
		terms, args = append(terms, term), append(args, arg)
	}
	if f.Session != "" {
		// A gap between two sessions belongs to both.
		terms = append(terms, "(session = ? OR other_session = ?)")
		args = append(args, f.Session, f.Session)
	}
	if f.Kind != "" {
		add("kind = ?", string(f.Kind))
	}
	if f.State != "" {
		add("closed = ?", f.State == StateClosed)
	}
	if !f.After.IsZero() {
		add("at >= ?", f.After.UnixMicro())
	}
	if !f.Before.IsZero() {
		add("at < ?", f.Before.UnixMicro())
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

// Counts sums up the discrepancies.
type Counts struct {
	Open        int64          `json:"open"` // those that stand, provisional ones included
	Provisional int64          `json:"provisional"`
	Closed      int64          `json:"closed"`
	ByKind      map[Kind]int64 `json:"by_kind"` // open ones; every known kind is there
}

// Count counts the discrepancies.
func (v *View) Count(ctx context.Context) (Counts, error) {
	c := Counts{ByKind: make(map[Kind]int64)}
	for _, k := range Kinds() {
		c.ByKind[k] = 0
	}
	rows, err := v.file.Readers().QueryContext(ctx, `SELECT kind, count(*) - sum(closed), sum(closed),
		sum(closed = 0 AND provisional_until > (SELECT clock FROM cursor)) FROM discrepancies GROUP BY kind`)
	if err != nil {
		return Counts{}, fmt.Errorf("count discrepancies: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var k Kind
		var open, closed, provisional int64
		if err := rows.Scan(&k, &open, &closed, &provisional); err != nil {
			return Counts{}, fmt.Errorf("count discrepancies: %w", err)
		}
		c.ByKind[k] = open
		c.Open, c.Closed, c.Provisional = c.Open+open, c.Closed+closed, c.Provisional+provisional
	}
	if err := rows.Err(); err != nil {
		return Counts{}, fmt.Errorf("count discrepancies: %w", err)
	}
	return c, nil
}

// eraseAccounts drops the account details of the discrepancies that rest on the record at seq; counts stay.
func eraseAccounts(ctx context.Context, tx *transaction, seq uint64) error {
	var resting []*Discrepancy
	err := tx.Rows(ctx, `SELECT body, account_seq FROM discrepancies WHERE first_seq = ?1 OR last_seq = ?1 OR account_seq = ?1`, []any{int64(seq)},
		func(scan func(...any) error) error {
			d := new(Discrepancy)
			var body []byte
			if err := scan(&body, &d.accountSeq); err != nil {
				return err
			}
			resting = append(resting, d)
			return json.Unmarshal(body, d)
		})
	if err != nil {
		return err
	}
	for _, d := range resting {
		d.eraseAccount(seq)
		body, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if err := tx.Exec(ctx, `UPDATE discrepancies SET account_seq = 0, body = ? WHERE id = ?`, string(body), d.ID); err != nil {
			return err
		}
	}
	return nil
}
