package content

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/tripod-audit/tripod/internal/health"
)

// recover reads where the store left off and puts the two files in order with each other.
func (s *Store) recover(ctx context.Context) error {
	var lastKey, lastUsed, lastRetired, lastBlock int64
	for _, q := range []struct {
		w   *writer
		sql string
		to  *int64
	}{
		{s.keys, "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'keys'", &lastKey},
		{s.content, "SELECT coalesce(max(key_id), 0) FROM addresses", &lastUsed},
		{s.content, "SELECT coalesce(max(key_id), 0) FROM retired", &lastRetired},
		{s.content, "SELECT coalesce(max(id), 0) FROM blocks", &lastBlock},
	} {
		if err := q.w.conn.QueryRowContext(ctx, q.sql).Scan(q.to); err != nil {
			return classify(err)
		}
	}
	if lastUsed > lastKey {
		s.log.LogAttrs(ctx, slog.LevelError, "the file of wrapped keys is older than the content: what came in between is missing",
			slog.Int64("last_key", lastKey), slog.Int64("last_used", lastUsed))
		s.health.Raise(conditionDamaged, health.Critical, "the file of wrapped keys is older than the content: restore the newest copy of keys/containers.db")
	}
	// A key file restored from an older backup must not hand out ids that blocks already bear.
	s.keyCache = newKeyCache(s.master, s.reader.keysOf, max(lastKey, lastUsed, lastRetired)+1)
	s.nextBlock = lastBlock + 1
	hours, err := s.unsweptHours()
	if err != nil {
		return classify(err)
	}
	s.held.hours = hours
	return classify(s.reconcile(ctx))
}

// reconcile completes what erasures left undone, and makes up for restores: blocks under destroyed keys are removed, and
// keys that were destroyed when the content file was written are destroyed again.
func (s *Store) reconcile(ctx context.Context) error {
	retired, err := ids(s.content, "SELECT key_id FROM retired ORDER BY key_id")
	if err != nil {
		return err
	}
	destroyed, err := ids(s.keys, "SELECT id FROM keys WHERE "+sqlDestroyed+" ORDER BY id")
	if err != nil {
		return err
	}
	undone, err := s.removeLeft(ctx, without(destroyed, retired))
	if err != nil {
		return err
	}
	again, err := s.destroyAgain(ctx, without(retired, destroyed))
	if err != nil || undone+again == 0 {
		return err
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "completed erasures", slog.Int("left_undone", undone), slog.Int("restored", again))
	for _, w := range []*writer{s.keys, s.content} {
		if err := w.checkpoint(); errors.Is(err, ErrBusy) {
			s.log.LogAttrs(ctx, slog.LevelWarn, "a reader keeps a write-ahead log from being emptied: erase again")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// removeLeft removes the blocks under destroyed keys.
func (s *Store) removeLeft(ctx context.Context, keys []int64) (n int, err error) {
	for _, id := range keys {
		key, err := s.reader.keyByID(ctx, id)
		if err != nil {
			return n, err
		}
		for more := true; more; {
			if more, err = s.removeSome(key); err != nil {
				return n, err
			}
		}
		n++
	}
	return n, nil
}

// destroyAgain destroys those of the keys that have come back.
func (s *Store) destroyAgain(ctx context.Context, keys []int64) (n int, err error) {
	var back []doomed
	for _, id := range keys {
		key, err := s.reader.keyByID(ctx, id)
		if err != nil {
			return 0, err
		}
		if !key.destroyed() {
			back = append(back, doomed{id: id})
		}
	}
	if len(back) == 0 {
		return 0, nil
	}
	return len(back), destroyKeys(s.keys, back)
}

// without returns the elements of a that are not in b; both ascend.
func without(a, b []int64) []int64 {
	return slices.DeleteFunc(slices.Clone(a), func(id int64) bool {
		_, found := slices.BinarySearch(b, id)
		return found
	})
}

func ids(w *writer, query string) (list []int64, err error) {
	rows, err := w.query(query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list = append(list, id)
	}
	return list, rows.Err()
}
