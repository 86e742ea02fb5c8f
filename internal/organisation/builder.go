package organisation

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// builder puts accounts together from what records say of identifiers. Which identifiers are one account's is decided here,
// at each reading, and not when a record comes: so it does not depend on the order in which they came.
//
// Only the control plane's word ties an address to a user id. What a client asserts joins the account of that address, marked
// as asserted.
type builder struct {
	view      *View
	list      []*Account
	bySubject map[subject]*Account
	emails    map[string]*holder
	uuids     map[string]*Account
}

// holder is which account an address belongs to: where several had it, the latest.
type holder struct {
	account *Account
	last    int64
}

// get is the account of a subject, made if need be.
func (b *builder) get(s subject) *Account {
	a := b.bySubject[s]
	if a == nil {
		a = &Account{ID: s, Asserted: true, subjects: []subject{s}}
		b.bySubject[s], b.list = a, append(b.list, a)
	}
	return a
}

// isAccount reports whether a subject stands for an account of a person: keys and services are none.
func isAccount(s subject) bool {
	return !strings.HasPrefix(s, kindKey+":") && !strings.HasPrefix(s, kindService+":")
}

// people reads who was seen, and by what they are known.
func (b *builder) people(ctx context.Context) error {
	type row struct {
		anchor      subject
		seen        Seen
		first, last int64
	}
	sightings, err := rows(ctx, b.view, "accounts", `SELECT anchor, plane, proved, first_at, last_at FROM sightings JOIN accounts ON id = account`, nil,
		func(scan func(...any) error) (row, error) {
			var r row
			err := scan(&r.anchor, &r.seen.Plane, &r.seen.Proved, &r.first, &r.last)
			r.seen.First, r.seen.Last = microTime(r.first), microTime(r.last)
			return r, err
		})
	if err != nil {
		return err
	}
	for _, r := range sightings {
		if isAccount(r.anchor) {
			a := b.get(r.anchor)
			a.Seen, a.Asserted = append(a.Seen, r.seen), a.Asserted && !r.seen.Proved
		}
	}
	type other struct {
		anchor subject
		known  Known
		last   int64
	}
	aliases, err := rows(ctx, b.view, "accounts", `SELECT anchor, kind, value, proved, first_at, last_at FROM aliases JOIN accounts ON id = account`, nil,
		func(scan func(...any) error) (other, error) {
			var o other
			var first int64
			err := scan(&o.anchor, &o.known.Kind, &o.known.Value, &o.known.Proved, &first, &o.last)
			o.known.First, o.known.Last = microTime(first), microTime(o.last)
			return o, err
		})
	for _, o := range aliases {
		if isAccount(o.anchor) && o.known.Kind != kindKey {
			b.know(b.get(o.anchor), o.known, o.last)
		}
	}
	return err
}

// know notes an identifier of an account.
func (b *builder) know(a *Account, k Known, last int64) {
	if k.Kind == kindOrg {
		if !slices.Contains(a.Orgs, k.Value) {
			a.Orgs = append(a.Orgs, k.Value)
		}
		return
	}
	a.Known, a.Asserted = append(a.Known, k), a.Asserted && !k.Proved
	switch {
	case k.Kind == kindEmail && k.Proved && strings.HasPrefix(a.ID, kindUser+":"):
		if h := b.emails[k.Value]; h == nil || last > h.last || last == h.last && a.ID < h.account.ID {
			b.emails[k.Value] = &holder{a, last}
		}
	case k.Kind == kindUUID && (b.uuids[k.Value] == nil || a.ID < b.uuids[k.Value].ID):
		b.uuids[k.Value] = a
	}
}

// users reads the accounts that the directory lists or listed.
func (b *builder) users(ctx context.Context) error {
	type user struct {
		id, org, fields string
		present, joined bool
		first, changed  int64
	}
	list, err := rows(ctx, b.view, "accounts", `SELECT id, org, present, joined, first_at, changed_at, fields FROM entities WHERE kind = 'user' ORDER BY changed_at`, nil,
		func(scan func(...any) error) (user, error) {
			var u user
			return u, scan(&u.id, &u.org, &u.present, &u.joined, &u.first, &u.changed, &u.fields)
		})
	for _, u := range list {
		a, f := b.get(kindUser+":"+u.id), fields(u.fields)
		a.Asserted, a.Listed, a.Role = false, a.Listed || u.present, cmp.Or(f["organization_role"], a.Role)
		if u.org != "" && !slices.Contains(a.Orgs, u.org) {
			a.Orgs = append(a.Orgs, u.org)
		}
		if first := microTime(u.first); u.joined && (a.Joined == nil || first.Before(*a.Joined)) {
			a.Joined = &first
		}
		if gone := microTime(u.changed); !u.present {
			a.Left = &gone
		}
		if email := strings.ToLower(f["email"]); email != "" { // the directory's word is the latest there is
			b.emails[email] = &holder{a, u.changed}
			a.Name = email
		}
	}
	return err
}

// join gives what is known by an address, or a UUID, to the account that has it.
func (b *builder) join(context.Context) error {
	for _, kind := range []string{kindEmail, kindUUID} {
		var left []*Account
		for _, a := range b.list {
			value, is := strings.CutPrefix(a.ID, kind+":")
			into := b.uuids[value]
			if h := b.emails[value]; is && kind == kindEmail && h != nil {
				into = h.account
			} else if kind == kindEmail {
				into = nil
			}
			if !is || into == nil || into == a {
				left = append(left, a)
				continue
			}
			into.take(a)
			for _, s := range a.subjects {
				b.bySubject[s] = into
			}
			for value, of := range b.uuids {
				if of == a {
					b.uuids[value] = into
				}
			}
		}
		b.list = left
	}
	return nil
}

// take makes another account's knowledge its own.
func (a *Account) take(o *Account) {
	a.subjects, a.Seen, a.Known, a.Asserted = append(a.subjects, o.subjects...), append(a.Seen, o.Seen...), append(a.Known, o.Known...), a.Asserted && o.Asserted
	for _, org := range o.Orgs {
		if !slices.Contains(a.Orgs, org) {
			a.Orgs = append(a.Orgs, org)
		}
	}
}

// members reads who is in which group.
func (b *builder) members(ctx context.Context) error {
	list, err := rows(ctx, b.view, "groups", `SELECT fields FROM entities WHERE kind = 'member' AND present`, nil, func(scan func(...any) error) (map[string]string, error) {
		var text string
		err := scan(&text)
		return fields(text), err
	})
	for _, f := range list {
		if a := b.bySubject[kindUser+":"+f["user_id"]]; a != nil && !slices.Contains(a.Groups, f["group_id"]) {
			a.Groups = append(a.Groups, f["group_id"])
		}
	}
	return err
}

// history reads what happened to accounts, in order, and lets it tell what the directory does not.
func (b *builder) history(ctx context.Context) error {
	list, err := rows(ctx, b.view, "history of accounts", `SELECT seq, subject, at, what, type, detail, was, by FROM account_log ORDER BY at, seq, n`, nil,
		func(scan func(...any) error) (AccountEvent, error) {
			var e AccountEvent
			var at int64
			err := scan(&e.Seq, &e.subject, &at, &e.What, &e.Type, &e.Detail, &e.Was, &e.By)
			e.At = microTime(at)
			return e, err
		})
	for _, e := range list {
		if !isAccount(e.subject) {
			continue
		}
		a := b.bySubject[e.subject]
		if value, is := strings.CutPrefix(e.subject, kindEmail+":"); a == nil && is {
			if h := b.emails[strings.ToLower(value)]; h != nil {
				a = h.account
			}
		}
		if a == nil {
			a = b.get(e.subject)
		}
		a.Asserted = false // the control plane speaks of it
		a.log = append(a.log, e)
		a.happened(&e)
	}
	return err
}

// happened lets an event of the feed change what is known of the account.
func (a *Account) happened(e *AccountEvent) {
	at := e.At
	switch e.What {
	case WhatJoined:
		if a.Joined == nil || at.Before(*a.Joined) {
			a.Joined = &at
		}
		if a.Left != nil && at.After(*a.Left) {
			a.Left = nil
		}
	case WhatLeft:
		if a.Left == nil || at.Before(*a.Left) && !a.Listed { // the act itself, before a sweep noticed
			a.Left = &at
		}
	case WhatRole:
		if !a.Listed && e.Detail != "" {
			a.Role = e.Detail
		}
	case WhatCustom:
		if e.Detail != "" && !slices.Contains(a.Roles, e.Detail) {
			a.Roles = append(a.Roles, e.Detail)
		}
	case WhatCustomEnd:
		a.Roles = slices.DeleteFunc(a.Roles, func(r string) bool { return r == e.Detail })
	}
}

// finish names the accounts, says how they stand, and puts everything in order.
func (b *builder) finish() []*Account {
	for _, a := range b.list {
		if a.Listed {
			a.Left = nil
		}
		switch {
		case a.Listed || a.Joined != nil && a.Left == nil:
			a.State = StateMember
		case a.Left != nil:
			a.State = StateLeft
		case len(a.Seen) == 0 && slices.ContainsFunc(a.log, func(e AccountEvent) bool { return e.What == WhatInvited }):
			a.State = StateInvited
		default:
			a.State = StateSeen
		}
		a.name()
		slices.Sort(a.Groups)
		slices.Sort(a.Roles)
		slices.Sort(a.Orgs)
		slices.SortFunc(a.Known, func(x, y Known) int {
			return cmp.Or(cmp.Compare(x.Kind, y.Kind), y.Last.Compare(x.Last), cmp.Compare(x.Value, y.Value), order2(y.Proved, x.Proved))
		})
		a.Seen = merged(a.Seen)
	}
	slices.SortFunc(b.list, func(x, y *Account) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID)) })
	return b.list
}

// name chooses the address an account had last, proved ones first; else its id.
func (a *Account) name() {
	if a.Name != "" {
		return
	}
	kind, value, _ := strings.Cut(a.ID, ":")
	a.Name = value
	if kind == kindEmail {
		return
	}
	var best *Known
	for i := range a.Known {
		if k := &a.Known[i]; k.Kind == kindEmail && (best == nil || cmp.Or(order2(k.Proved, best.Proved), k.Last.Compare(best.Last), cmp.Compare(best.Value, k.Value)) > 0) {
			best = k
		}
	}
	if best != nil {
		a.Name = best.Value
	}
}

// merged are sightings by plane, one each for proved and asserted.
func merged(list []Seen) []Seen {
	slices.SortFunc(list, func(x, y Seen) int {
		return cmp.Or(cmp.Compare(x.Plane, y.Plane), order2(y.Proved, x.Proved), x.First.Compare(y.First))
	})
	var out []Seen
	for _, s := range list {
		if n := len(out); n > 0 && out[n-1].Plane == s.Plane && out[n-1].Proved == s.Proved {
			if s.Last.After(out[n-1].Last) {
				out[n-1].Last = s.Last
			}
			continue
		}
		out = append(out, s)
	}
	return out
}
