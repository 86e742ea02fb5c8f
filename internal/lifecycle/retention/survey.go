package retention

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
)

// survey reads records in order until see returns false.
func (k *Keeper) survey(ctx context.Context, from uint64, see func(seq uint64, r *audit.Record) (bool, error)) error {
	last, err := k.deps.Journal.Last(ctx)
	if err != nil || from > last {
		return err
	}
	for s, err := range k.deps.Journal.Scan(ctx, from, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			continue // verify reports it
		}
		if err != nil {
			return err
		}
		if s.Tombstone != nil {
			continue
		}
		r, err := s.Record()
		if err != nil {
			return fmt.Errorf("read record %d: %w", s.Seq, err)
		}
		if on, err := see(s.Seq, r); err != nil || !on {
			return err
		}
	}
	return ctx.Err()
}

// due reports whether anything of a part that may be gone already is still there.
func (k *Keeper) due(ctx context.Context, r *audit.Record, w What) (bool, error) {
	if w == Records {
		return true, nil
	}
	for _, c := range r.Content {
		if c.Address == "" || !w.is(c.Class) {
			continue
		}
		state, err := k.deps.Content.State(ctx, r.Container, c.Address)
		if err != nil || state == content.Held {
			return err == nil, err
		}
	}
	return false, nil
}
