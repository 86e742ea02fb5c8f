package consoletest

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

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
	return &console.Lifecycle{Holds: keeper, Retention: r, Purges: func(ctx context.Context) ([]retention.Purged, error) {
		list, _, err := retention.Past(ctx, state, past)
		return list, err
	}}
}
