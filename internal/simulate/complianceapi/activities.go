package complianceapi

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// wanted says which rows a request asks for.
type wanted struct {
	types, not, users map[string]bool
	orgs              map[org]bool
	key               org
	now               int64
}

func set(list []string) map[string]bool {
	if len(list) == 0 {
		return nil
	}
	m := make(map[string]bool, len(list))
	for _, s := range list {
		m[s] = true
	}
	return m
}

func (w *wanted) has(r *row) bool {
	return r.indexed <= w.now && w.key.sees(r.org) && (w.types == nil || w.types[r.kind]) && !w.not[r.kind] &&
		(w.users == nil || w.users[r.user]) && (w.orgs == nil || w.orgs[r.org])
}

// wanted checks the lists of a request.
func (f *feed) wanted(c *call) (*wanted, *refusal) {
	lists := c.query.lists
	w := &wanted{
		types: set(lists["activity_types"]), not: set(lists["exclude_activity_types"]), users: set(slices.Concat(lists["actor_ids"], lists["user_ids"])),
		key: c.key.org, now: c.At.UnixNano(),
	}
	if w.types != nil && w.not != nil {
		return nil, invalid("activity_types[] and exclude_activity_types[] cannot be combined.")
	}
	for _, name := range []string{"activity_types", "exclude_activity_types"} {
		for i, t := range lists[name] {
			if f.cat.byName[t] == nil {
				return nil, invalid("%s[].%d: Input is not one of the permitted values.", name, i)
			}
		}
	}
	for _, name := range []string{"actor_ids", "user_ids"} {
		for i, id := range lists[name] {
			if !strings.HasPrefix(id, "user_") {
				return nil, invalid("%s[].%d: Only user ids are supported.", name, i)
			}
		}
	}
	if ids := lists["organization_ids"]; len(ids) > 0 {
		w.orgs = f.a.match(ids)
	}
	return w, nil
}

// activities serves GET /activities.
func (a *API) activities(c *call) (*answer, *refusal) {
	f, q := a.feed, c.query
	w, bad := f.wanted(c)
	if bad != nil {
		return nil, bad
	}
	at, bad := a.activityCursor(c)
	if bad != nil {
		return nil, bad
	}
	asc := !q.desc(true)
	back := q.before != ""
	from, to := q.created.bounds()
	to = min(to, c.At.UnixNano()+1)
	var rows []row
	more := false
	f.mu.Lock()
	f.visit(from, to, at, asc != back, c.At, func(r *row) bool {
		if !w.has(r) {
			return true
		}
		if more = len(rows) >= q.limit; more {
			return false
		}
		rows = append(rows, *r)
		if len(rows) < q.limit && f.again(c.N, r) {
			rows = append(rows, *r)
		}
		return true
	})
	f.mu.Unlock()
	if back {
		slices.Reverse(rows)
	}
	return &answer{body: a.listing(c, rows, more)}, nil
}

// again reports whether a row is delivered twice.
func (f *feed) again(n uint64, r *row) bool {
	rate := f.a.opts.Faults.Duplicates
	return rate > 0 && f.a.dice.part("again", strconv.FormatUint(n, 10), r.id) < rate
}

// listing writes a page of rows.
func (a *API) listing(c *call, rows []row, more bool) []byte {
	size := 256
	for i := range rows {
		size += len(rows[i].body) + 1
	}
	b := append(make([]byte, 0, size), `{"data":[`...)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, rows[i].body...)
	}
	b = append(b, `],"has_more":`...)
	b = strconv.AppendBool(b, more)
	if len(rows) == 0 {
		return append(b, `,"first_id":null,"last_id":null}`...)
	}
	cursor := func(r *row) string {
		return a.seal(place{List: "activities", Org: a.tenant(c.key.org), Key: r.at, ID: r.id})
	}
	b = append(b, `,"first_id":"`...)
	b = append(b, cursor(&rows[0])...)
	b = append(b, `","last_id":"`...)
	b = append(b, cursor(&rows[len(rows)-1])...)
	return append(b, `"}`...)
}

// activityCursor reads after_id or before_id: an opaque cursor or, as earlier, the bare id of an activity.
func (a *API) activityCursor(c *call) (place, *refusal) {
	name, value := "after_id", c.query.after
	if c.query.before != "" {
		name, value = "before_id", c.query.before
	}
	if value == "" {
		return place{}, nil
	}
	if !strings.HasPrefix(value, "activity_") {
		if at, ok := a.open(value, "activities", c.key.org); ok {
			return at, nil
		}
		return place{}, badCursor(name)
	}
	at, ok := a.dice.activityTime(value)
	if !ok {
		return place{}, invalid("Invalid activity_id format: '%s'", value)
	}
	if !a.feed.holds(at, value, c.At) {
		if a.opts.Wording == August {
			return place{}, invalid("Invalid `%s`. No activity found for `%s` %q", name, name, value)
		}
		return place{}, badCursor(name)
	}
	return place{Key: at, ID: value}, nil
}

// holds reports whether there is such a row. An id that was made up has any time hidden in it.
func (f *feed) holds(at int64, id string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at < f.switches[0].at || at > now.UnixNano() {
		return false
	}
	_, told := find(f.rows(chunk{hourOf(at), !now.Before(blankedSince())}), at, id)
	_, own := find(f.own, at, id)
	return told || own
}
