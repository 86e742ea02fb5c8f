package app

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
		Acts: t.Acts, Book: t.Book, Door: t.Door, Content: t.Content.Reader(), Journal: t.Journal.Reader(), Directory: &whose{r}, Queries: &queries{r},
		Cursors: t.Journal, Logger: log, Health: t.Health,
	})
}

// whose tells whose content is whose, by the view of the organisation.
type whose struct{ reader *reading.Reader }

// Owners implements casebook.Directory.
func (d *whose) Owners(ctx context.Context, container string) ([]casebook.Owner, error) {
	view, err := d.reader.Organisation(ctx)
	if err != nil {
		return nil, err
	}
	list, err := view.Owner(ctx, container)
	if err != nil {
		return nil, err
	}
	owners := make([]casebook.Owner, 0, len(list))
	for _, o := range list {
		account, _, err := view.Account(ctx, o.Account)
		if err != nil {
			return nil, err
		}
		one := ownerOf(account)
		one.Proved = o.Proved
		if !slices.Contains(one.Identifiers, o.Account) {
			one.Identifiers = append(one.Identifiers, o.Account)
		}
		owners = append(owners, one)
	}
	return owners, nil
}

// Account implements casebook.Directory.
func (d *whose) Account(ctx context.Context, identifier string) (casebook.Owner, error) {
	view, err := d.reader.Organisation(ctx)
	if err != nil {
		return casebook.Owner{}, err
	}
	account, _, err := view.Account(ctx, identifier)
	if err != nil {
		return casebook.Owner{}, err
	}
	kind, value, _ := strings.Cut(identifier, ":")
	if account == nil && slices.Contains([]string{"email", "user", "uuid", "subject"}, kind) { // beside its id an account is known by values alone
		if account, _, err = view.Account(ctx, value); err != nil {
			return casebook.Owner{}, err
		}
	}
	return ownerOf(account), nil
}

func ownerOf(a *organisation.Account) casebook.Owner {
	if a == nil {
		return casebook.Owner{}
	}
	o := casebook.Owner{Identifiers: []string{a.ID}, Groups: a.Groups, Proved: !a.Asserted}
	for _, k := range a.Known {
		if id := k.Kind + ":" + k.Value; !slices.Contains(o.Identifiers, id) {
			o.Identifiers = append(o.Identifiers, id)
		}
	}
	return o
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
