package hold

import (
	"context"
	"maps"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/erasure"
)

// Covers lists the ids of the holds that cover any of a target, in order. Content counts that only equals a held record's: it
// is the same block.
func (k *Keeper) Covers(ctx context.Context, t erasure.Target) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	covers, err := k.active(ctx, &t)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, c := range covers {
		held, err := c.target(ctx, k.deps.Journal, &t)
		if err != nil {
			return nil, err
		}
		if held {
			ids = append(ids, c.hold.ID)
		}
	}
	return ids, nil
}

// Holding tells of records whether they are held, as of the moment it was made.
type Holding struct{ covers []*cover }

// Holding reads up to the journal's end. What it returns may be used by one goroutine, until Holding is called again.
func (k *Keeper) Holding(ctx context.Context) (*Holding, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	covers, err := k.active(ctx, nil)
	if err != nil {
		return nil, err
	}
	for i, c := range covers { // the original goes on
		covers[i] = &cover{hold: c.hold, ids: c.ids, owned: maps.Clone(c.owned)}
	}
	return &Holding{covers}, nil
}

// Any reports whether there is any hold.
func (h *Holding) Any() bool { return len(h.covers) > 0 }

// Record lists the ids of the holds that cover a record.
func (h *Holding) Record(seq uint64, r *audit.Record) (ids []string) {
	for _, c := range h.covers {
		if c.covers(seq, r) {
			ids = append(ids, c.hold.ID)
		}
	}
	return ids
}

// Released is the position of the latest release of a hold, 0 where none was released.
func (k *Keeper) Released(ctx context.Context) (seq uint64, err error) {
	list, err := k.list(ctx)
	for _, h := range list {
		if h.State == Released {
			seq = max(seq, h.Last)
		}
	}
	return seq, err
}

// active brings the covers of all holds that are not released up to the journal's end, in the order of their ids.
func (k *Keeper) active(ctx context.Context, t *erasure.Target) ([]*cover, error) {
	list, err := k.list(ctx)
	if err != nil {
		return nil, err
	}
	last, err := k.deps.Journal.Last(ctx)
	if err != nil {
		return nil, err
	}
	covers := make(map[string]*cover)
	for _, h := range list {
		if h.State == Released {
			continue
		}
		ids, err := k.identifiers(ctx, &h)
		if err != nil {
			return nil, err
		}
		c := k.covers[h.ID]
		if c == nil || !slices.Equal(c.ids, ids) {
			c = newCover(h, ids)
		}
		if err := c.catchUp(ctx, k.deps.Journal, last); err != nil {
			return nil, err
		}
		if c.stale(t) {
			c = newCover(h, ids)
			if err := c.catchUp(ctx, k.deps.Journal, last); err != nil {
				return nil, err
			}
		}
		covers[h.ID] = c
	}
	k.covers = covers
	var active []*cover
	for _, id := range slices.Sorted(maps.Keys(covers)) {
		active = append(active, covers[id])
	}
	return active, nil
}

// stale reports whether a target is of a container that a custodian turned out to own after records of it were read.
func (c *cover) stale(t *erasure.Target) bool {
	if t == nil {
		return false
	}
	_, late := c.late[t.Container]
	for _, g := range t.Content {
		if _, ok := c.late[g.Container]; ok {
			late = true
		}
	}
	return late
}

// identifiers are those of the custodians as they are known now, and were when the hold was set.
func (k *Keeper) identifiers(ctx context.Context, h *Hold) ([]string, error) {
	if len(h.Custodians) == 0 {
		return nil, nil
	}
	known, err := k.known(ctx, h.Custodians)
	if err != nil {
		return nil, err
	}
	ids := slices.Concat(h.Custodians, h.KnownAs, known)
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
