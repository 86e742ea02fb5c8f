package correlate

import (
	"context"
	"encoding/json"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// transaction is one batch on its way into the file.
type transaction struct {
	*viewfile.Tx
	clock int64 // greatest Recorded so far, µs
}

// put writes a discrepancy, or writes it anew. at, in µs, is what lists are ordered by; until the journal's time reaches
// provisionalUntil, data that explains it may still come.
func (tx *transaction) put(ctx context.Context, d *Discrepancy, at, provisionalUntil int64) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.Exec(ctx, `INSERT INTO discrepancies VALUES (?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (id) DO UPDATE SET session = excluded.session, other_session = excluded.other_session, closed = excluded.closed, at = excluded.at,
		provisional_until = excluded.provisional_until, first_seq = excluded.first_seq, last_seq = excluded.last_seq,
		account_seq = excluded.account_seq, body = excluded.body`,
		d.ID, string(d.Kind), d.Session, d.Details.PreviousSession, d.State == StateClosed, at, provisionalUntil,
		int64(d.FirstSeq), int64(d.LastSeq), int64(d.accountSeq), string(body))
}

// take removes a discrepancy.
func (tx *transaction) take(ctx context.Context, id string) error {
	return tx.Exec(ctx, `DELETE FROM discrepancies WHERE id = ?`, id)
}
