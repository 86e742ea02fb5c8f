package consoletest

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Somebody is a person of this machine with an address and roles, as SignInAs signs them in.
func Somebody(name string, roles ...access.Role) *access.Person {
	return &access.Person{
		Subject: "os:" + name, Email: name + "@example.com", Name: name, Roles: roles, Via: access.ViaLocal, Since: time.Now(),
	}
}

// openDesk makes a desk of cases over the bench's own journal and content.
func (b *Bench) openDesk(cfg *casebook.Config) {
	b.T.Helper()
	if cfg == nil {
		preset := casebook.DefaultConfig()
		cfg = &preset
	}
	b.Desk = casebook.NewDesk(*cfg, casebook.Deps{
		Acts: b.decided, Book: b.book, Door: b.Door, Content: b.Contents, Journal: b.Journal.Reader(), Directory: directory{b}, Queries: matching{b},
		Cursors: b.Journal, Health: b.Health,
	})
}

// directory tells whose content is whose by the view of the organisation.
type directory struct{ *Bench }

// Owners implements casebook.Directory.
func (d directory) Owners(ctx context.Context, container string) ([]casebook.Owner, error) {
	list, err := d.Org.Owner(ctx, container)
	owners := make([]casebook.Owner, len(list))
	for i, o := range list {
		if owners[i], err = d.Account(ctx, o.Account); err != nil {
			return nil, err
		}
		owners[i].Identifiers = append(owners[i].Identifiers, o.Account)
		owners[i].Proved = o.Proved
	}
	return owners, err
}

// Account implements casebook.Directory.
func (d directory) Account(ctx context.Context, id string) (casebook.Owner, error) {
	a, _, err := d.Org.Account(ctx, id)
	if a == nil || err != nil {
		return casebook.Owner{}, err
	}
	return casebook.Owner{Identifiers: a.Identifiers(), Groups: a.Groups, Proved: !a.Asserted}, nil
}

// matching finds records for grants that name a query.
type matching struct{ *Bench }

// Find implements casebook.Queries.
func (m matching) Find(ctx context.Context, text string, at time.Time, upTo uint64, limit int) (seqs []uint64, more bool, err error) {
	q, err := search.Parse(text, at)
	if err != nil {
		return nil, false, err
	}
	found, err := m.Index.Find(ctx, q, search.Page{Limit: min(limit, search.MaxLimit)})
	if err != nil {
		return nil, false, err
	}
	for _, h := range found.Hits {
		if h.Seq <= upTo {
			seqs = append(seqs, h.Seq)
		}
	}
	return seqs, found.Next != "", nil
}

// Matcher implements casebook.Queries.
func (m matching) Matcher(text string, at time.Time) (func(*audit.Record) bool, error) {
	q, err := search.Parse(text, at)
	if err != nil {
		return nil, err
	}
	return q.Match, nil
}
