package consoletest

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// Carl is counsel.
func Carl() *access.Person { return Somebody("carl", access.Counsel) }

// Hold makes, as Carl would, a matter about kofi's mail with a hold in force, one whose release waits, and one that Priya
// released.
func (b *Bench) Hold() (matter string) {
	b.T.Helper()
	ctx := context.Background()
	c, err := b.Desk.Open(ctx, Carl(), casebook.NewCase{Kind: casebook.KindMatter, Purpose: casebook.PurposeLegalMatter, Basis: casebook.BasisLegalClaims, Reference: "LIT-0417", Title: "Mail of ward 4"})
	must(b.T, err)
	set := func(s hold.Scope) string {
		h, err := b.Lifecycle.Holds.Set(ctx, Carl(), hold.NewHold{Case: c.ID, Scope: s, Reason: "complaint of Tuesday"})
		must(b.T, err)
		return h.ID
	}
	over := set(hold.Scope{Records: []uint64{1}})
	_, err = b.Lifecycle.Holds.AskRelease(ctx, Carl(), over, "settled")
	must(b.T, err)
	_, err = b.Lifecycle.Holds.Release(ctx, Priya(), over, "agreed")
	must(b.T, err)
	asked := set(hold.Scope{Containers: []string{"session/fleet/5e55f11e-0000-4000-8000-000000000001"}, Records: []uint64{7}})
	_, err = b.Lifecycle.Holds.AskRelease(ctx, Carl(), asked, "settled")
	must(b.T, err)
	set(hold.Scope{Custodians: []string{"kofi@example.com", "dana@example.com"}, Surfaces: []audit.Surface{audit.SurfaceClaudeCode, audit.SurfaceChat}, From: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)})
	b.CatchUp()
	return c.ID
}

// Countdowns tells where evidence disappears elsewhere, by the bench's own views.
func (b *Bench) Countdowns(ctx context.Context) (*countdown.Report, error) {
	return countdown.Find(ctx, countdown.Deps{Reader: b.reader, Content: b.Contents, Now: b.now}, retention.Config{}.Warning())
}

// openLifecycle makes retention and holds over the bench's own journal and content, deciding on the state that cases rest on.
func (b *Bench) openLifecycle(classes retention.Config) *console.Lifecycle {
	b.T.Helper()
	book := hold.NewBook(func(id string) (string, bool) {
		c, ok := b.book.Case(id)
		return string(c.Kind), ok && c.State == casebook.Open
	})
	b.book.HeldBy(book.OfCase)
	past := retention.NewBook()
	state, err := acts.Load(context.Background(), b.Dir, acts.Key{}, b.Journal.Reader(), b.book, book, past)
	must(b.T, err)
	b.decided = state
	eraser := erasure.New(b.Journal, b.store, b.Door)
	keeper := hold.NewKeeper(hold.Deps{Book: book, Acts: state, Door: b.Door, Journal: b.Journal.Reader(), Still: eraser.Still, Sees: b.book.Sees})
	r := retention.New(classes, retention.Deps{Journal: b.Journal.Reader(), Cursors: b.Journal, Content: b.Contents, Holds: keeper, Eraser: eraser, Door: b.Door,
		Health: b.Health, Now: b.now, Pause: time.Millisecond})
	eraser.Held = func(ctx context.Context, t erasure.Target) error {
		if err := keeper.Refuse(ctx, t); err != nil {
			return err
		}
		return r.Refuse(ctx, t)
	}
	return &console.Lifecycle{Holds: keeper, Retention: r, Countdowns: b.Countdowns, Purges: func(ctx context.Context) ([]retention.Purged, error) {
		list, _, err := retention.Past(ctx, state, past)
		return list, err
	}}
}
