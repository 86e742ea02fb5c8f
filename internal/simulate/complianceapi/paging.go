package complianceapi

import (
	"slices"
	"strings"
)

// sortItems puts a list in its order: by key, then by id.
func sortItems(items []item, desc bool) {
	slices.SortFunc(items, func(a, b item) int {
		if desc {
			a, b = b, a
		}
		if a.key != b.key {
			if a.key < b.key {
				return -1
			}
			return 1
		}
		return strings.Compare(a.id, b.id)
	})
}

// beyond are the items after a place in the order of the list.
func beyond(items []item, at place, desc bool) []item {
	for i := range items {
		c := items[i].compare(at.Key, at.ID)
		if desc {
			c = -c
		}
		if c > 0 {
			return items[i:]
		}
	}
	return nil
}

// tokens is a page of the page-token scheme.
type tokens struct {
	list  []item
	next  *string
	more  bool
	place place // of the walk
}

// paged cuts a page out of a list in order. name binds the token; with life, tokens expire a day after the walk began.
func (a *API) paged(c *call, name string, items []item, desc, life bool) (*tokens, *refusal) {
	t := &tokens{place: place{List: name, Org: a.tenant(c.key.org)}}
	if life {
		t.place.Born = c.At.Unix()
	}
	if c.query.page != "" {
		at, ok := a.open(c.query.page, name, c.key.org)
		if !ok {
			return nil, badPage()
		}
		if life && c.At.Unix()-at.Born > int64(pageLife.Seconds()) {
			return nil, expiredPage()
		}
		t.place.Born = at.Born
		items = beyond(items, at, desc)
	}
	t.list = items
	if len(items) > c.query.limit {
		a.cut(t, c.query.limit)
	}
	return t, nil
}

// cut ends the page after n items.
func (a *API) cut(t *tokens, n int) {
	last := t.list[n-1]
	t.list, t.more = t.list[:n], true
	t.place.Key, t.place.ID = last.key, last.id
	next := a.seal(t.place)
	t.next = &next
}

func (t *tokens) data() []any { return show(t.list) }

func show(items []item) []any {
	data := make([]any, 0, len(items))
	for _, i := range items {
		data = append(data, i.show())
	}
	return data
}

// listOf is the answer of the page-token scheme.
type listOf struct {
	Data []any   `json:"data"`
	More bool    `json:"has_more"`
	Next *string `json:"next_page"`
}

// listPage answers with a page of a list that is ascending.
func (a *API) listPage(c *call, name string, items []item) (*answer, *refusal) {
	sortItems(items, false)
	t, bad := a.paged(c, name, items, false, false)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(listOf{t.data(), t.more, t.next})
}

// cursors is a page of the cursor scheme.
type cursors struct {
	list        []item
	first, last *string
	more        bool
}

// cursored cuts a page out of a list in order. A limit of 0 is none.
func (a *API) cursored(c *call, name string, items []item, desc bool) (*cursors, *refusal) {
	q := c.query
	back := q.before != ""
	if value := q.after + q.before; value != "" {
		at, ok := a.open(value, name, c.key.org)
		if !ok {
			return nil, badCursor(map[bool]string{true: "before_id", false: "after_id"}[back])
		}
		if back {
			slices.Reverse(items)
		}
		items = beyond(items, at, desc != back)
	}
	p := &cursors{list: items}
	if q.limit > 0 && len(items) > q.limit {
		p.list, p.more = items[:q.limit], true
	}
	if back {
		slices.Reverse(p.list)
	}
	if n := len(p.list); n > 0 {
		cursor := func(i item) *string {
			s := a.seal(place{List: name, Org: a.tenant(c.key.org), Key: i.key, ID: i.id})
			return &s
		}
		p.first, p.last = cursor(p.list[0]), cursor(p.list[n-1])
	}
	return p, nil
}
