package reviews

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// subject is the account consultations are told of, and what of the journal is its own. It is for one reading.
type subject struct {
	reader *reading.Reader
	view   organisation.Reader // nil: containers are told by records alone
	id     string
	ids    []string // its identifiers, lower-cased

	sessions, containers map[string]bool // whose they were found to be
}

// mostKnown bounds what is remembered of sessions and containers.
const mostKnown = 4096

// resolve finds every identifier an account was ever known by. One that no view knows is known by what was given alone.
func resolve(ctx context.Context, r *reading.Reader, given string) (*subject, error) {
	s := &subject{reader: r, id: given, sessions: make(map[string]bool), containers: make(map[string]bool)}
	s.add(given)
	view, err := r.Organisation(ctx)
	if err != nil {
		return nil, err
	}
	s.view = view
	account, _, err := view.Account(ctx, given)
	if err != nil || account == nil {
		return s, err
	}
	s.id = account.ID
	s.add(account.ID, account.Name)
	for _, k := range account.Known {
		if k.Kind != "org" { // that of many
			s.add(k.Value)
		}
	}
	return s, nil
}

func (s *subject) add(ids ...string) {
	for _, id := range ids {
		if id = strings.ToLower(id); id != "" && !slices.Contains(s.ids, id) {
			s.ids = append(s.ids, id)
		}
	}
}

func (s *subject) is(id string) bool { return id != "" && slices.Contains(s.ids, strings.ToLower(id)) }

// has reports whether an account carries an identifier of the subject's.
func (s *subject) has(a *audit.Account) bool {
	for _, id := range []*audit.Identity{&a.Proved, &a.Asserted} {
		if s.is(id.Email) || s.is(id.User) || s.is(id.UUID) || s.is(id.Subject) {
			return true
		}
	}
	return false
}

// owns reports whether a record is the subject's: its account says so, or its container belongs to the subject.
func (s *subject) owns(ctx context.Context, r *audit.Record) (bool, error) {
	if s.has(&r.Account) {
		return true, nil
	}
	return s.ownsContainer(ctx, r.Container)
}

func (s *subject) ownsContainer(ctx context.Context, container string) (bool, error) {
	if container == "" || strings.HasPrefix(container, "tripod/") || s.view == nil {
		return false, nil
	}
	return s.remember(s.containers, container, func() (bool, error) {
		owners, err := s.view.Owner(ctx, container)
		return slices.ContainsFunc(owners, func(o organisation.Owner) bool { return o.Account == s.id || s.is(o.Name) }), err
	})
}

// ownsSession reports whether a session has a record of the subject's.
func (s *subject) ownsSession(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	return s.remember(s.sessions, id, func() (bool, error) {
		values := make([]string, len(s.ids))
		for i, v := range s.ids {
			values[i] = search.Quote(v)
		}
		q, err := search.Parse("-source:tripod session:"+search.Quote(id)+" user:"+strings.Join(values, ","), time.Now())
		if err != nil {
			return false, err
		}
		found, err := s.reader.Find(ctx, q, search.Page{Limit: 1})
		return err == nil && len(found.Items) > 0, err
	})
}

func (s *subject) remember(known map[string]bool, key string, find func() (bool, error)) (bool, error) {
	if own, ok := known[key]; ok {
		return own, nil
	}
	own, err := find()
	if err != nil {
		return false, err
	}
	if len(known) >= mostKnown {
		clear(known)
	}
	known[key] = own
	return own, nil
}

// named reports whether a query asks for the subject: for an identifier of theirs, the beginning of one, or a session of
// theirs. What it leaves out it does not ask for.
func (s *subject) named(ctx context.Context, text string) (bool, error) {
	q, err := search.Parse(text, time.Now())
	if err != nil { // it found nothing, but somebody asked
		return slices.ContainsFunc(s.ids, func(id string) bool { return strings.Contains(strings.ToLower(text), id) }), nil
	}
	for _, c := range q.Clauses() {
		if c.Not {
			continue
		}
		for _, v := range c.Values {
			own, err := s.asked(ctx, c.Field, v)
			if own || err != nil {
				return own, err
			}
		}
	}
	return false, nil
}

func (s *subject) asked(ctx context.Context, f search.Field, v search.Value) (bool, error) {
	switch f {
	case search.FieldUser, search.FieldWord:
		if s.is(v.Text) || v.Prefix && slices.ContainsFunc(s.ids, func(id string) bool { return strings.HasPrefix(id, strings.ToLower(v.Text)) }) {
			return true, nil
		}
		if f == search.FieldWord {
			return s.ownsSession(ctx, v.Text)
		}
	case search.FieldSession:
		return s.ownsSession(ctx, v.Text)
	}
	return false, nil
}

// listed reports whether what somebody looked for in the list of accounts is part of an identifier.
func (s *subject) listed(text string) bool {
	text = strings.ToLower(strings.TrimSpace(text))
	return text != "" && slices.ContainsFunc(s.ids, func(id string) bool { return strings.Contains(id, text) })
}
