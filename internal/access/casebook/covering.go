package casebook

import (
	"context"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

// Usable lists the open grants that somebody asked for and may use now, the first to end first. It opens nothing: whether
// content opens under one, Read says.
func (d *Desk) Usable(ctx context.Context, by *access.Person) ([]Grant, error) {
	if err := by.Allow(access.OpenContent); err != nil {
		return nil, err
	}
	var list []Grant
	err := d.deps.Acts.Within(ctx, func(now time.Time) error {
		who := refOf(by)
		for _, g := range d.deps.Book.living() {
			if g.stands(now) == Opened && g.By.is(who) && bound(by, g.Case) == nil {
				list = append(list, g.clone(now))
			}
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b Grant) int { return a.Until.Compare(b.Until) })
	return list, err
}

// Names reports whether a grant names a record or what its content belongs to. What a query covers is not told by this.
func (g *Grant) Names(seq uint64, r *audit.Record) bool {
	return slices.Contains(g.Records, seq) || r != nil && r.Container != "" && r.Source != audit.SourceTripod && slices.Contains(g.Containers, r.Container)
}

// Covering lists the grants of Usable that cover a record, as far as that can be told without opening the text of a query:
// one that was asked for or used since the start is known.
func (d *Desk) Covering(ctx context.Context, by *access.Person, seq uint64, r *audit.Record) ([]Grant, error) {
	list, err := d.Usable(ctx, by)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(g Grant) bool { return !g.Names(seq, r) && !d.found(&g, seq, r) }), nil
}

// found reports whether the query of a grant, where its text is at hand, covers a record.
func (d *Desk) found(g *Grant, seq uint64, r *audit.Record) bool {
	d.mu.Lock()
	text, ok := d.queries[g.ID]
	d.mu.Unlock()
	if !ok || r == nil || g.QueryDigest == "" || seq >= g.Seq || d.deps.Queries == nil {
		return false
	}
	match, err := d.deps.Queries.Matcher(text, g.At)
	return err == nil && match(r)
}
