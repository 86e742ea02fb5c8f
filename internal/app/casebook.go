package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// newDesk makes the desk of cases over what this process writes and reads.
func (t *Truth) newDesk(cfg casebook.Config, r *reading.Reader, log *slog.Logger) *casebook.Desk {
	return casebook.NewDesk(cfg, casebook.Deps{
		Acts: t.Acts, Book: t.Book, Door: t.Door, Content: t.Content.Reader(), Journal: t.Journal.Reader(), Directory: &whose{reader: r}, Queries: &queries{r},
		Cursors: t.Journal, Logger: log, Health: t.Health,
	})
}

// whose tells whose content is whose, by the view of the organisation. It keeps the accounts as the view had them at one
// position, since one request asks for many.
type whose struct {
	reader *reading.Reader

	mu       sync.Mutex
	at       uint64                    // guarded by mu
	accounts map[string]casebook.Owner // by identifier; guarded by mu, its values never change
}

// look is the view and its accounts.
func (d *whose) look(ctx context.Context) (organisation.Reader, map[string]casebook.Owner, error) {
	view, err := d.reader.Organisation(ctx)
	if err != nil {
		return nil, nil, err
	}
	at, err := view.Position(ctx) // before the accounts, which may be newer
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts != nil && d.at == at {
		return view, d.accounts, nil
	}
	all, err := view.Accounts(ctx, organisation.Filter{})
	if err != nil {
		return nil, nil, err
	}
	d.at, d.accounts = at, make(map[string]casebook.Owner)
	for i := range all.List {
		a := &all.List[i]
		o := casebook.Owner{Identifiers: a.Identifiers(), Groups: a.Groups, Proved: !a.Asserted}
		for _, id := range o.Identifiers {
			if before, taken := d.accounts[id]; taken { // two accounts had it: whoever has either has both
				both := casebook.Owner{Identifiers: slices.Concat(before.Identifiers, o.Identifiers), Groups: slices.Concat(before.Groups, o.Groups), Proved: before.Proved && o.Proved}
				d.accounts[id] = both
				continue
			}
			d.accounts[id] = o
		}
	}
	return view, d.accounts, nil
}

// Owners implements casebook.Directory.
func (d *whose) Owners(ctx context.Context, container string) ([]casebook.Owner, error) {
	view, accounts, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	list, err := view.Owner(ctx, container)
	if err != nil {
		return nil, err
	}
	owners := make([]casebook.Owner, 0, len(list))
	for _, o := range list {
		one := accounts[o.Account]
		owners = append(owners, casebook.Owner{Identifiers: append([]string{o.Account}, one.Identifiers...), Groups: one.Groups, Proved: o.Proved})
	}
	return owners, nil
}

// Account implements casebook.Directory.
func (d *whose) Account(ctx context.Context, identifier string) (casebook.Owner, error) {
	_, accounts, err := d.look(ctx)
	return accounts[identifier], err
}

// queries finds records for grants that name a query.
type queries struct{ reader *reading.Reader }

// Find implements casebook.Queries.
func (q *queries) Find(ctx context.Context, text string, at time.Time, upTo uint64, limit int) (seqs []uint64, more bool, err error) {
	query, err := search.Parse(text, at)
	if err != nil {
		return nil, false, err
	}
	index, err := q.reader.Search(ctx)
	if err != nil {
		return nil, false, err
	}
	page := search.Page{Limit: min(limit, search.MaxLimit)}
	for {
		found, err := index.Find(ctx, query, page)
		if err != nil {
			return nil, false, err
		}
		for _, h := range found.Hits {
			if h.Seq > upTo {
				continue
			}
			if len(seqs) == limit {
				return seqs, true, nil
			}
			seqs = append(seqs, h.Seq)
		}
		if page.Cursor = found.Next; page.Cursor == "" {
			return seqs, false, nil
		}
	}
}

// Matcher implements casebook.Queries.
func (q *queries) Matcher(text string, at time.Time) (func(*audit.Record) bool, error) {
	query, err := search.Parse(text, at)
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	return query.Match, nil
}
