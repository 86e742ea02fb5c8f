package detect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

var orderType = []byte(`"type":"` + audit.TypeEraseRecord) // and TypeEraseRecords

// forget takes away what the records ordered to be erased have left in the file, and nothing else: the position stays, so that who has
// rules takes the same records in later.
func forget(ctx context.Context, tx *viewfile.Tx, batch []journal.Stored) (erased bool, err error) {
	for i := range batch {
		if batch[i].Tombstone != nil || !bytes.Contains(batch[i].Bytes, orderType) {
			continue
		}
		r, err := batch[i].Record()
		if err != nil {
			continue // verify says what is wrong with it
		}
		for _, o := range audit.ErasureOrders(r) {
			if err := forgetRecord(ctx, tx, o.Position); err != nil {
				return false, fmt.Errorf("erase fields of firings: %w", err)
			}
			erased = true
		}
	}
	return erased, nil
}

func forgetRecord(ctx context.Context, tx *viewfile.Tx, seq uint64) error {
	if err := eraseFields(ctx, tx, seq); err != nil {
		return err
	}
	if err := tx.Exec(ctx, `DELETE FROM events WHERE seq = ?`, int64(seq)); err != nil {
		return err
	}
	return tx.Exec(ctx, `UPDATE groups SET vals = 'null', vals_of = 0 WHERE vals_of = ?`, int64(seq))
}

// eraseFields takes from the firings that rest on a record what they have of it.
func eraseFields(ctx context.Context, tx *viewfile.Tx, seq uint64) error {
	changed := map[string]string{}
	err := tx.Rows(ctx, `SELECT id, body FROM firings WHERE id IN (SELECT id FROM firing_seqs WHERE seq = ?)`, []any{int64(seq)}, func(scan func(...any) error) error {
		var id, body string
		if err := scan(&id, &body); err != nil {
			return err
		}
		var f Firing
		if err := json.Unmarshal([]byte(body), &f); err != nil {
			return err
		}
		f.Group, f.Fields, f.Sentence = nil, nil, f.Title+": a record it rests on was erased"
		b, err := json.Marshal(&f)
		changed[id] = string(b)
		return err
	})
	if err != nil {
		return err
	}
	for id, body := range changed {
		if err := tx.Exec(ctx, `UPDATE firings SET body = ?, erased = 1 WHERE id = ?`, body, id); err != nil {
			return err
		}
	}
	return nil
}
