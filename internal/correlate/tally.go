package correlate

import (
	"context"
	"encoding/json"

	"github.com/tripod-audit/tripod/internal/audit"
)

// maxTallies bounds the tallies held in memory.
const maxTallies = 5_000

// tallies count records that each show the same discrepancy. The discrepancy in the file is their memory.
type tallies[K comparable] struct {
	held    map[K]*Discrepancy
	changed map[K]struct{}
}

func (t *tallies[K]) drop() { t.held, t.changed = nil, nil }

// add counts a record. fresh makes the discrepancy at its first record; FirstSeq, LastSeq, Count, From, To and Recorded are
// kept up here.
func (t *tallies[K]) add(ctx context.Context, tx *transaction, key K, r *audit.Record, seq uint64, fresh func() *Discrepancy) (*Discrepancy, error) {
	d := t.held[key]
	if d == nil {
		d = fresh()
		if err := t.read(ctx, tx, d); err != nil {
			return nil, err
		}
		if t.held == nil {
			t.held, t.changed = make(map[K]*Discrepancy), make(map[K]struct{})
		}
		t.held[key] = d
	}
	if d.Count == 0 {
		d.FirstSeq, d.Recorded, d.From, d.To = seq, r.Recorded.UTC(), r.Occurred.UTC(), r.Occurred.UTC()
	}
	d.Count++
	d.LastSeq = seq
	if r.Occurred.Before(d.From) {
		d.From = r.Occurred.UTC()
	}
	if r.Occurred.After(d.To) {
		d.To = r.Occurred.UTC()
	}
	t.changed[key] = struct{}{}
	return d, nil
}

// read fills in what the file knows of the discrepancy.
func (t *tallies[K]) read(ctx context.Context, tx *transaction, d *Discrepancy) error {
	var body string
	var accountSeq uint64
	found, err := tx.Row(ctx, `SELECT body, account_seq FROM discrepancies WHERE id = ?`, []any{d.ID}, &body, &accountSeq)
	if err != nil || !found {
		return err
	}
	*d = Discrepancy{accountSeq: accountSeq}
	return json.Unmarshal([]byte(body), d)
}

// flush writes what changed; say words the statement.
func (t *tallies[K]) flush(ctx context.Context, tx *transaction, say func(*Discrepancy) string) error {
	for key := range t.changed {
		d := t.held[key]
		d.Statement = say(d)
		if err := tx.put(ctx, d, d.To.UnixMicro(), 0); err != nil {
			return err
		}
	}
	clear(t.changed)
	if len(t.held) > maxTallies {
		clear(t.held)
	}
	return nil
}

// erase drops what the tallies in memory hold of an account; those in the file are seen to by the view.
func (t *tallies[K]) erase(seq uint64) {
	for _, d := range t.held {
		d.eraseAccount(seq)
	}
}

// eraseAccount drops account details if the discrepancy rests on that record, and reports whether it did.
func (d *Discrepancy) eraseAccount(seq uint64) bool {
	if d.FirstSeq != seq && d.LastSeq != seq && d.accountSeq != seq {
		return false
	}
	d.Account, d.Details.Proved, d.AccountErased, d.accountSeq = nil, nil, true, 0
	return true
}
