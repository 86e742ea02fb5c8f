package sqlite

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// filter is a query as it reads in one month: sets of dictionary entries and terms.
type filter struct {
	none bool                 // nothing in this month can match
	only [segment.Dims]*idSet // if set, the row's entry must be one of these
	not  [segment.Dims]*idSet // if set, it must not be one of these
	rest []condition          // what is more than a set of entries of one dimension
	rows int64                // rows in the month
}

// condition is satisfied by an entry of any dimension or by a term.
type condition struct {
	not   bool
	ids   [segment.Dims]*idSet
	terms []termRange
}

// termRange is the terms of one id: of one field, or of any.
type termRange struct{ lo, hi uint64 }

// idSet is a set of dictionary entries.
type idSet struct {
	ids  []uint32 // ascending
	bits []uint64
}

func newIDSet(ids []uint32) *idSet {
	slices.Sort(ids)
	s := &idSet{ids: slices.Compact(ids)}
	if n := len(s.ids); n > 0 {
		s.bits = make([]uint64, s.ids[n-1]/64+1)
	}
	for _, id := range s.ids {
		s.bits[id/64] |= 1 << (id % 64)
	}
	return s
}

func (s *idSet) has(id uint32) bool {
	return s != nil && int(id/64) < len(s.bits) && s.bits[id/64]&(1<<(id%64)) != 0
}

func (s *idSet) len() int {
	if s == nil {
		return 0
	}
	return len(s.ids)
}

// keep is the set without the ids f refuses.
func (s *idSet) keep(f func(uint32) bool) *idSet {
	return newIDSet(slices.DeleteFunc(slices.Clone(s.ids), func(id uint32) bool { return !f(id) }))
}

// compile resolves a query's values in the month's dictionary.
func (m *month) compile(c *connection, q *search.Query) (*filter, error) {
	f := &filter{}
	if _, err := c.first("SELECT n FROM tally WHERE id = ?", []any{tallyID(dimAll, 0)}, &f.rows); err != nil {
		return nil, err
	}
	for _, cl := range q.Clauses() {
		cond, err := m.condition(c, cl)
		if err != nil {
			return nil, err
		}
		f.add(cond)
		if f.none {
			return f, nil
		}
	}
	f.settle()
	return f, nil
}

// settle leaves at most one of only and not in each dimension.
func (f *filter) settle() {
	for dim := range f.only {
		if f.only[dim] != nil && f.not[dim] != nil {
			f.only[dim] = f.only[dim].keep(func(id uint32) bool { return !f.not[dim].has(id) })
			f.not[dim] = nil
		}
		f.none = f.none || f.only[dim] != nil && f.only[dim].len() == 0
	}
}

// add takes a condition into the filter, as a set of one dimension where it is no more than that.
func (f *filter) add(cond condition) {
	used := 0
	last := 0
	for dim, s := range cond.ids {
		if s.len() > 0 {
			used++
			last = dim
		}
	}
	switch {
	case cond.not: // none of them: the parts can be excluded one by one
		for dim, s := range cond.ids {
			if s.len() > 0 {
				f.not[dim] = unite(f.not[dim], s)
			}
		}
		if len(cond.terms) > 0 {
			f.rest = append(f.rest, condition{not: true, terms: cond.terms})
		}
	case len(cond.terms) > 0 || used > 1:
		f.rest = append(f.rest, cond)
	case used == 0:
		f.none = true
	case f.only[last] == nil:
		f.only[last] = cond.ids[last]
	default:
		f.only[last] = f.only[last].keep(cond.ids[last].has)
	}
}

func unite(a, b *idSet) *idSet {
	if a == nil {
		return b
	}
	return newIDSet(append(slices.Clone(a.ids), b.ids...))
}

// condition resolves one clause.
func (m *month) condition(c *connection, cl search.Clause) (condition, error) {
	cond := condition{not: cl.Not}
	var ids [segment.Dims][]uint32
	collect := func(fields []search.Field, v search.Value) error {
		for _, field := range fields {
			found, err := entriesOf(c, field, v)
			if err != nil {
				return err
			}
			ids[dimOf(field)] = append(ids[dimOf(field)], found...)
		}
		return nil
	}
	for _, v := range cl.Values {
		var err error
		switch {
		case cl.Field == search.FieldWord:
			if !v.Prefix {
				hash := m.hash.Sum(v.Text) &^ keyTags
				cond.terms = append(cond.terms, termRange{hash, hash | keyTags})
			}
			err = collect(nameFields(), v)
		case cl.Field.IsKey() && !v.Prefix:
			t := m.keyTerm(cl.Field, v.Text)
			cond.terms = append(cond.terms, termRange{t, t})
		default: // a name, or any value of a key
			err = collect([]search.Field{cl.Field}, v)
		}
		if err != nil {
			return cond, err
		}
	}
	for dim := range ids {
		if len(ids[dim]) > 0 {
			cond.ids[dim] = newIDSet(ids[dim])
		}
	}
	return cond, nil
}

// nameFields are the fields a word is looked for in.
func nameFields() []search.Field {
	var list []search.Field
	for f := search.FieldUser; f < search.FieldSession; f++ {
		list = append(list, f)
	}
	return list
}

// entriesOf finds the entries that have a value in a field.
func entriesOf(c *connection, field search.Field, v search.Value) (ids []uint32, err error) {
	text := []byte(search.Fold(v.Text))
	query, args := "SELECT entry FROM name WHERE field = ? AND value = ?", []any{int(field), text}
	if v.Prefix {
		query, args = "SELECT entry FROM name WHERE field = ? AND value >= ?", []any{int(field), text}
		if end := successor(text); end != nil {
			query += " AND value < ?"
			args = append(args, end)
		}
	}
	var id int64
	err = c.each(query, args, []any{&id}, func() error {
		ids = append(ids, uint32(id))
		return nil
	})
	return ids, err
}

// successor is the least string above all that begin with prefix, nil if there is none.
func successor(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := slices.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}

// matches tells whether a row's entries pass, as far as one dimension at a time can tell.
func (f *filter) matches(b *segment.Block, i int) bool {
	for dim := range f.only {
		if f.only[dim] == nil && f.not[dim] == nil {
			continue
		}
		id := b.ID(dim, i)
		if f.only[dim] != nil && !f.only[dim].has(id) || f.not[dim].has(id) {
			return false
		}
	}
	return true
}

// maxDriverIDs bounds the entries whose postings are worth fetching one by one.
const maxDriverIDs = 64

// driver is what candidates are taken from: the rows of a few entries and terms. A nil driver means to look through all.
type driver struct {
	ids   [segment.Dims][]uint32
	terms []termRange
}

// choose finds the condition that leaves the fewest candidates; nil where going through all rows is as good.
func (f *filter) choose(c *connection) (*driver, error) {
	var best *driver
	least := f.rows / 16
	consider := func(ids [segment.Dims]*idSet, terms []termRange) error {
		d := &driver{terms: terms}
		total, count := int64(0), 0
		for dim, s := range ids {
			if s.len() == 0 {
				continue
			}
			if count += s.len(); count > maxDriverIDs {
				return nil
			}
			d.ids[dim] = s.ids
			for _, id := range s.ids {
				var n int64
				if _, err := c.first("SELECT n FROM tally WHERE id = ?", []any{tallyID(dim, id)}, &n); err != nil {
					return err
				}
				total += n
			}
		}
		if total < least || total == 0 {
			best, least = d, total
		}
		return nil
	}
	for dim := range f.only {
		if f.only[dim] != nil {
			var ids [segment.Dims]*idSet
			ids[dim] = f.only[dim]
			if err := consider(ids, nil); err != nil {
				return nil, err
			}
		}
	}
	for _, cond := range f.rest {
		if !cond.not {
			if err := consider(cond.ids, cond.terms); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}
