package fleet

import "slices"

// oddity is one of the odd forms that telemetry has been seen in. A receiver keeps the records all the same.
type oddity struct {
	name   string
	change func(attributes) attributes // of a record or a point; it makes a new list
	nobody bool                        // the resource does not say which service it is
}

// accountKeys are what cloud sessions of Cowork leave out, more and more (https://github.com/anthropics/claude-code/issues/88490).
var accountKeys = []string{"organization.id", "user.email", "user.account_uuid", "user.account_id"}

// oddities are after what users of the clients report and what collectors in between make of it.
func oddities() []oddity {
	add := func(a attribute) func(attributes) attributes {
		return func(list attributes) attributes { return append(slices.Clip(list), a) }
	}
	return []oddity{
		{name: "undefined", change: add(attribute{key: "worktree.name", kind: kindNone})},
		// https://github.com/anthropics/claude-code/issues/82365
		{name: "empty_double", change: add(attribute{key: "sampling.ratio", kind: kindEmptyDouble})},
		{name: "unheard_of", change: add(attribute{key: "tomorrow.note", kind: kindString, text: "an attribute nobody has heard of, with a secret in it: hunter2"})},
		{name: "quoted_ints", change: func(list attributes) attributes {
			list = slices.Clone(list)
			for i := range list {
				if list[i].kind == kindInt {
					list[i].kind = kindQuotedInt // as a collector in between writes them
				}
			}
			return list
		}},
		{name: "anonymous", nobody: true, change: func(list attributes) attributes {
			return slices.DeleteFunc(slices.Clone(list), func(a attribute) bool { return slices.Contains(accountKeys, a.key) })
		}},
	}
}

// in is the export in an odd form. The original stays as it is.
func (e *export) in(o oddity) *export {
	out := *e
	if o.nobody {
		from := *e.from
		from.id.resource.attrs = slices.DeleteFunc(slices.Clone(from.id.resource.attrs), func(a attribute) bool { return a.key == "service.name" })
		out.from = &from
	}
	out.items = slices.Clone(e.items)
	for i := range out.items {
		x := &out.items[i]
		if x.log != nil {
			l := *x.log
			l.attrs, x.log = o.change(l.attrs), &l
		} else {
			s := *x.span
			s.attrs, x.span = o.change(s.attrs), &s
		}
	}
	out.collections = slices.Clone(e.collections)
	for i := range out.collections {
		c := &out.collections[i]
		c.metrics = slices.Clone(c.metrics)
		for k := range c.metrics {
			m := &c.metrics[k]
			m.points = slices.Clone(m.points)
			for n := range m.points {
				m.points[n].attrs = o.change(m.points[n].attrs)
			}
		}
	}
	return &out
}
