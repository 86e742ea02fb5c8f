package sqlite

import (
	"database/sql"
	"slices"
	"strconv"
	"strings"

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

// condition is satisfied by an entry of any dimension, or by a key.
type condition struct {
	not  bool
	ids  [segment.Dims]*idSet
	rows map[int64][]uint32 // by segment, the rows that carry the key; ascending
}

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
		if len(cond.rows) > 0 {
			f.rest = append(f.rest, condition{not: true, rows: cond.rows})
		}
	case len(cond.rows) > 0 || used > 1:
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
	cond := condition{not: cl.Not, rows: make(map[int64][]uint32)}
	var ids [segment.Dims][]uint32
	collect := func(fields string, v search.Value) error {
		return eachEntry(c, fields, v, func(field search.Field, id uint32) { ids[dimOf(field)] = append(ids[dimOf(field)], id) })
	}
	for _, v := range cl.Values {
		var err error
		switch {
		case cl.Field == search.FieldWord:
			if !v.Prefix {
				hash := m.hash.Sum(v.Text) &^ keyTags
				err = addRows(c, hash, hash|keyTags, cond.rows)
			}
			if err == nil {
				err = collect(nameFields, v)
			}
		case cl.Field.IsKey() && !v.Prefix:
			term := m.keyTerm(cl.Field, v.Text)
			err = addRows(c, term, term, cond.rows)
		default: // a name, or any value of a key
			err = collect(strconv.Itoa(int(cl.Field)), v)
		}
		if err != nil {
			return cond, err
		}
	}
	for seg, rows := range cond.rows {
		slices.Sort(rows)
		cond.rows[seg] = slices.Compact(rows)
	}
	for dim := range ids {
		if len(ids[dim]) > 0 {
			cond.ids[dim] = newIDSet(ids[dim])
		}
	}
	return cond, nil
}

// addRows finds the rows that carry a key, in all segments of the month at once: most have none, and a statement for each
// would cost more than all of them together. The terms from lo to hi differ in their lowest bits, so one shard has all.
func addRows(c *connection, lo, hi uint64, found map[int64][]uint32) error {
	var seg int64
	var rows int
	var bits uint8
	var data sql.RawBytes
	return c.each("SELECT s.id, s.rows, s.key_bits, d.data FROM segment s CROSS JOIN shard d "+
		"ON d.id = (s.id << 20) + (((?1 >> 1) & 9223372036854775807) >> (63 - s.key_bits))", []any{int64(lo)}, []any{&seg, &rows, &bits, &data}, func() error {
		terms := segment.OpenShard(data, segment.ShardOf(lo, bits), bits, rows)
		list, err := terms.Lookup(lo, hi, found[seg])
		if len(list) > 0 {
			found[seg] = list
		}
		return err
	})
}

// nameFields are the fields a word is looked for in, as SQL.
var nameFields = func() string {
	var list []string
	for f := search.FieldUser; f < search.FieldSession; f++ {
		list = append(list, strconv.Itoa(int(f)))
	}
	return strings.Join(list, ",")
}()

// eachEntry calls f with the entries that have a value in one of some fields.
func eachEntry(c *connection, fields string, v search.Value, f func(search.Field, uint32)) error {
	text := []byte(search.Fold(v.Text))
	query, args := "SELECT field, entry FROM name WHERE field IN ("+fields+") AND value", []any{text}
	switch end := successor(text); {
	case !v.Prefix:
		query += " = ?"
	case end == nil:
		query += " >= ?"
	default:
		query += " >= ? AND value < ?"
		args = append(args, end)
	}
	var field, id int64
	return c.each(query, args, []any{&field, &id}, func() error {
		f(search.Field(field), uint32(id))
		return nil
	})
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

// driver is what candidates are taken from: the rows of a few entries, and those of a key. A nil driver means to look
// through all.
type driver struct {
	ids  [segment.Dims][]uint32
	rows map[int64][]uint32
}

// choose finds the condition that leaves the fewest candidates; nil where going through all rows is as good.
func (f *filter) choose(c *connection) (*driver, error) {
	var best *driver
	least := f.rows / 16
	consider := func(ids [segment.Dims]*idSet, rows map[int64][]uint32) error {
		d := &driver{rows: rows}
		total, count := int64(0), 0
		for _, list := range rows {
			total += int64(len(list))
		}
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
			if err := consider(cond.ids, cond.rows); err != nil {
				return nil, err
			}
		}
	}
	return best, nil
}
