package forward

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// DeadLetter is an item that a sink refused for good.
type DeadLetter struct {
	Sink   string    `json:"sink"`
	ID     string    `json:"id"`
	Kind   string    `json:"kind"`
	Seq    uint64    `json:"seq,omitempty"`
	Type   string    `json:"type"`
	Bytes  int       `json:"bytes"`
	Reason string    `json:"reason"`
	First  time.Time `json:"first"` // when it was refused first
	Last   time.Time `json:"last"`
	Tries  int       `json:"tries"`
	Again  bool      `json:"again"` // it is to be sent again

	item Item
}

// errNoRoom says that dead letters fill what they may.
var errNoRoom = errors.New("no room is left for dead letters")

// refused is an item on its way to the dead letters.
type refused struct {
	item   Item
	reason string
}

// bury keeps items as dead letters, all or none. One that is there already keeps when it was refused first.
func (st *state) bury(ctx context.Context, sink string, list []refused, room int64, now time.Time) error {
	return st.within(ctx, "keep dead letters", func(tx *sql.Tx) error {
		var held, more int64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(sum(length(body)), 0) FROM dead WHERE sink = ?`, sink).Scan(&held); err != nil {
			return err
		}
		for _, r := range list {
			more += int64(len(r.item.Body))
		}
		if held > 0 && held+more > room {
			return errNoRoom
		}
		for _, r := range list {
			body := r.item.Body
			if body == nil {
				body = []byte{}
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO dead (sink, id, kind, seq, type, key, time, body, reason, first, last, tries, again)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, 1, 0)
				ON CONFLICT (sink, id) DO UPDATE SET reason = ?9, last = ?10, tries = tries + 1, again = 0`,
				sink, r.item.ID, uint8(r.item.Kind), r.item.Seq, r.item.Type, r.item.Key, r.item.Time.UnixMilli(), body, r.reason, now.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

// deadCount tells how many dead letters a sink has, and their bytes.
func (st *state) deadCount(ctx context.Context, sink string) (n, bytes int64, err error) {
	err = st.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(body)), 0) FROM dead WHERE sink = ?`, sink).Scan(&n, &bytes)
	if err != nil {
		err = fmt.Errorf("count dead letters of sink %s: %w", sink, err)
	}
	return n, bytes, err
}

// dead lists the oldest dead letters of a sink; of those to be sent again only, where again.
func (st *state) dead(ctx context.Context, sink string, again bool, limit int) (list []DeadLetter, err error) {
	r, err := st.db.QueryContext(ctx, `SELECT id, kind, seq, type, key, time, body, reason, first, last, tries, again FROM dead
		WHERE sink = ? AND (again = 1 OR NOT ?) ORDER BY n LIMIT ?`, sink, again, limit)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for r.Next() {
		d := DeadLetter{Sink: sink}
		var kind uint8
		var at, first, last int64
		i := &d.item
		if err := r.Scan(&i.ID, &kind, &i.Seq, &i.Type, &i.Key, &at, &i.Body, &d.Reason, &first, &last, &d.Tries, &d.Again); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		i.Kind, i.Time = Kind(kind), time.UnixMilli(at).UTC()
		d.ID, d.Kind, d.Seq, d.Type, d.Bytes = i.ID, i.Kind.String(), i.Seq, i.Type, len(i.Body)
		d.First, d.Last = fromMillis(first), fromMillis(last)
		list = append(list, d)
	}
	return list, r.Err()
}

// rouse marks dead letters to be sent again, all of them where no id is named, and tells how many.
func (st *state) rouse(ctx context.Context, sink string, ids []string) (n int64, err error) {
	err = st.within(ctx, "mark dead letters", func(tx *sql.Tx) error {
		mark := func(query string, args ...any) error {
			res, err := tx.ExecContext(ctx, query, args...)
			if err != nil {
				return err
			}
			m, err := res.RowsAffected()
			n += m
			return err
		}
		if len(ids) == 0 {
			return mark(`UPDATE dead SET again = 1 WHERE sink = ?`, sink)
		}
		for _, id := range ids {
			if err := mark(`UPDATE dead SET again = 1 WHERE sink = ? AND id = ?`, sink, id); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// unmarked removes those of the dead letters that are still marked: they were sent again and not refused again.
func (st *state) unmarked(ctx context.Context, sink string, ids []string) error {
	return st.within(ctx, "remove dead letters", func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM dead WHERE sink = ? AND id = ? AND again = 1`, sink, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// forget removes the dead letters of erased records, from the write-ahead log too.
func (st *state) forget(ctx context.Context, seqs []uint64) error {
	err := st.within(ctx, "forget erased records", func(tx *sql.Tx) error {
		for _, seq := range seqs {
			if _, err := tx.ExecContext(ctx, `DELETE FROM dead WHERE kind = ? AND seq = ?`, uint8(KindRecord), seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var busy, pages, moved int
	if err := st.db.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &pages, &moved); err != nil {
		return fmt.Errorf("empty the write-ahead log of %s: %w", FileName, err)
	}
	if busy != 0 {
		return fmt.Errorf("empty the write-ahead log of %s: a reader holds it, try again", FileName)
	}
	return nil
}
