package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/alert"
	pages "github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
	"github.com/tripod-audit/tripod/internal/reading"
)

// lifecycle is what keeps and what ends.
type lifecycle struct {
	// Holds are the legal holds.
	Holds *hold.Keeper
	// Retention purges what outlived its period.
	Retention *retention.Keeper

	classes *retention.Book // in force
	// known lists the identifiers of an account; nil where no view of the organisation runs, and the files are asked.
	known func(ctx context.Context, id string) ([]string, error)
}

// openLifecycle reads what decisions rest on, and sets what an erasure is judged by. Without a configuration the classes in
// force are those on record.
func (t *Truth) openLifecycle(ctx context.Context, o TruthOptions) (err error) {
	book := hold.NewBook(func(id string) (string, bool) {
		c, ok := t.Book.Case(id)
		return string(c.Kind), ok && c.State == "open"
	})
	t.Book.HeldBy(book.OfCase)
	t.classes = retention.NewBook()
	t.alerts = alert.NewBook()
	if t.Acts, err = acts.Load(ctx, o.Dir, *t.stateKey, t.Journal.Reader(), t.Book, t.SignIns, book, t.classes, t.alerts); err != nil {
		return err
	}
	t.Holds = hold.NewKeeper(hold.Deps{Book: book, Acts: t.Acts, Door: t.Door, Journal: t.Journal.Reader(), Still: t.Eraser.Still, Known: t.knownAs,
		Sees: t.Book.Sees})
	cfg := t.classes.Config()
	if o.Retention != nil {
		cfg = *o.Retention
	}
	t.Retention = retention.New(cfg, retention.Deps{Journal: t.Journal.Reader(), Cursors: t.Journal, Content: t.Content.Reader(), Holds: t.Holds,
		Eraser: t.Eraser, Door: t.Door, Health: t.Health, Logger: t.log})
	t.Eraser.Held = t.held
	return nil
}

// forPages is what the console shows of it.
func (a *App) forPages() *pages.Lifecycle {
	t := a.truth
	return &pages.Lifecycle{Holds: t.Holds, Retention: t.Retention, Countdowns: a.vanishing.Latest, Purges: func(ctx context.Context) ([]retention.Purged, error) {
		list, _, err := retention.Past(ctx, t.Acts, t.classes)
		return list, err
	}}
}

// held is what stands against an erasure: holds first, then periods that a law asks for.
func (t *Truth) held(ctx context.Context, target erasure.Target) error {
	if err := t.Holds.Refuse(ctx, target); err != nil {
		return err
	}
	return t.Retention.Refuse(ctx, target)
}

func (t *Truth) knownAs(ctx context.Context, id string) ([]string, error) {
	if t.known != nil {
		return t.known(ctx, id)
	}
	r, err := OpenReading(ctx, t.dir)
	if err != nil {
		return nil, err
	}
	known, err := knownIn(ctx, r.Reader, id)
	return known, errors.Join(err, r.Close())
}

// serveLifecycle puts the classes of the configuration on record and purges behind everything else.
func (t *Truth) serveLifecycle(ctx context.Context) error {
	if t.Refused != nil {
		return nil
	}
	if err := retention.Adopt(ctx, t.Acts, t.Door, t.classes, retention.Config{Classes: t.Retention.Classes()}); err != nil {
		return err
	}
	t.startFirst(ctx, "retention", t.Retention.Run)
	return nil
}

// knownAs lists every identifier that the view of the organisation knows an account by. Where it cannot be read, nobody can tell
// whether something is held, and the question fails.
func (a *App) knownAs(ctx context.Context, id string) ([]string, error) {
	return knownIn(ctx, a.reader(), id)
}

func knownIn(ctx context.Context, r *reading.Reader, id string) ([]string, error) {
	view, err := r.Organisation(ctx)
	if err != nil {
		return nil, fmt.Errorf("see what else an account is known by: %w", err)
	}
	account, _, err := view.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("look up account: %w", err)
	}
	if account == nil {
		return nil, nil
	}
	ids := make([]string, 0, len(account.Known))
	for _, k := range account.Known {
		ids = append(ids, k.Value)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}
