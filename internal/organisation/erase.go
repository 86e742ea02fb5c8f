package organisation

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/viewfile"
)

// erase takes out what rests on records that are to be erased: rows of one such record, and rows of several of which neither
// the first nor the last is left. It goes over the file once a batch, however many the orders are.
func erase(ctx context.Context, tx *viewfile.Tx, x *sights, orders []uint64) error {
	if len(orders) == 0 {
		return nil
	}
	x.drop()
	if err := tx.Exec(ctx, `CREATE TEMP TABLE IF NOT EXISTS orders (seq INTEGER PRIMARY KEY)`); err != nil {
		return err
	}
	if err := tx.Exec(ctx, `DELETE FROM orders`); err != nil {
		return err
	}
	for _, seq := range orders {
		if err := tx.Exec(ctx, `INSERT INTO orders VALUES (?) ON CONFLICT DO NOTHING`, int64(seq)); err != nil {
			return err
		}
	}
	for _, table := range []string{"entities", "account_log", "settings", "setting_log", "key_log"} {
		if err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE seq IN orders`); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	if err := tx.Exec(ctx, `UPDATE settings SET gone = 0, gone_seq = 0 WHERE gone_seq IN orders`); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	for _, table := range []string{"sightings", "aliases", "owners", "calls", "addresses"} {
		for _, statement := range []string{
			`UPDATE ` + table + ` SET first_seq = 0 WHERE first_seq IN orders`, `UPDATE ` + table + ` SET last_seq = 0 WHERE last_seq IN orders`,
			`DELETE FROM ` + table + ` WHERE first_seq = 0 AND last_seq = 0`,
		} {
			if err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
	}
	return tx.Exec(ctx, `DELETE FROM accounts WHERE id NOT IN (SELECT account FROM sightings) AND id NOT IN (SELECT account FROM aliases)
		AND id NOT IN (SELECT account FROM owners)`)
}
