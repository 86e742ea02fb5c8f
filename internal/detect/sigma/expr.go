package sigma

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// expr is what a rule demands of a record, made of atoms that rules share.
type expr struct {
	op   operator
	kids []*expr
	atom int32 // of opMatch
}

// atomKind is what an atom looks at.
type atomKind uint8

const (
	atomTest     atomKind = iota // a test of the values of a slot
	atomOneOf                    // a value of a slot is one of many texts
	atomBefore                   // the record came before a time
	atomCalendar                 // the record's time is in a calendar
)

// atom is one question about a record, asked at most once of each.
type atom struct {
	kind     atomKind
	slot     Ref
	test     test
	other    Ref // what testEqual and the like compare with; -1 for test.text
	part     timePart
	texts    map[string]bool // of atomOneOf, folded
	until    int64           // of atomBefore, in Unix ms
	calendar int
}

func and(list ...*expr) *expr {
	e := &expr{op: opAnd}
	for _, k := range list {
		if k.op == opAnd {
			e.kids = append(e.kids, k.kids...)
			continue
		}
		e.kids = append(e.kids, k)
	}
	if len(e.kids) == 1 {
		return e.kids[0]
	}
	return e
}

func or(list ...*expr) *expr {
	if len(list) == 1 {
		return list[0]
	}
	return &expr{op: opOr, kids: list}
}

func not(e *expr) *expr { return &expr{op: opNot, kids: []*expr{e}} }

// detect compiles a detection.
func (c *compiling) detect(d *detection) *expr {
	made := map[string]*expr{}
	for _, name := range slices.Sorted(maps.Keys(d.searches)) { // in one order, so that slots and fields are
		made[name] = c.search(d.searches[name])
	}
	var list []*expr
	for _, f := range d.conditions {
		list = append(list, formulaExpr(f, made))
	}
	return or(list...)
}

func formulaExpr(f *formula, made map[string]*expr) *expr {
	if f.op == opMatch {
		return made[f.name]
	}
	var kids []*expr
	for _, k := range f.kids {
		kids = append(kids, formulaExpr(k, made))
	}
	switch f.op {
	case opAnd:
		return and(kids...)
	case opOr:
		return or(kids...)
	}
	return not(kids[0])
}

// search compiles a search.
func (c *compiling) search(s *search) *expr {
	switch s.op {
	case opMatch:
		return c.match(s.match)
	case opEach:
		if _, problem := c.ref(s.list + ".x"); problem != "" && s.list != "parts" && s.list != "content" {
			c.errorf(firstPlace(s), "%s is no list that can be looked into", s.list)
			return &expr{op: opOr}
		}
		return &expr{op: opEach, kids: []*expr{c.search(s.kids[0])}}
	}
	var kids []*expr
	for _, k := range s.kids {
		kids = append(kids, c.search(k))
	}
	if s.op == opAnd {
		return and(kids...)
	}
	return or(kids...)
}

func firstPlace(s *search) place {
	for s.match == nil {
		if len(s.kids) == 0 {
			return place{}
		}
		s = s.kids[0]
	}
	return s.match.at
}

// match compiles the comparison of a field.
func (c *compiling) match(m *match) *expr {
	slot, problem := c.words(), ""
	if m.field != "" {
		slot, problem = c.ref(m.field)
	}
	if problem != "" {
		c.errorf(m.at, "%s", problem)
		return &expr{op: opOr}
	}
	if class := contentOf(m.field); class != "" && m.readsText() {
		c.errorf(m.at, "no rule reads %s: its text is content (%s) and stands in no record; content.name tells that it is there", m.field, class)
	}
	if c.fields != nil && m.field != "" && m.at.line > 0 {
		*c.fields = append(*c.fields, NamedRef{m.field, slot})
	}
	var kids []*expr
	texts := map[string]bool{}
	for _, value := range m.tests {
		var spelt []*expr
		for _, t := range c.expanded(value, m.at) {
			if plain := t.op == testEqual && t.field == "" && !t.cased && t.text != "" && m.part == ""; plain && !m.all {
				texts[t.text] = true
				continue
			}
			spelt = append(spelt, c.test(m, slot, t))
		}
		if len(spelt) > 0 {
			kids = append(kids, or(spelt...))
		}
	}
	switch {
	case len(texts) == 1:
		for text := range texts {
			kids = append(kids, c.test(m, slot, test{op: testEqual, text: text}))
		}
	case len(texts) > 1:
		kids = append(kids, c.atom(atom{kind: atomOneOf, slot: slot, texts: texts}, fmt.Sprint("one of ", slot, " ", texts)))
	}
	e := or(kids...)
	if m.all && len(kids) > 1 {
		e = and(kids...)
	}
	if m.not {
		e = not(e)
	}
	return e
}

// readsText reports whether a comparison is with a text, rather than with a number or with whether there is anything.
func (m *match) readsText() bool {
	for _, value := range m.tests {
		for _, t := range value {
			switch t.op {
			case testNumber, testLess, testLessEqual, testGreater, testGreaterEqual, testNull, testExists:
			default:
				return true
			}
		}
	}
	return false
}

// expanded puts in what placeholders stand for.
func (c *compiling) expanded(tests []test, at place) (list []test) {
	for _, t := range tests {
		if t.op == testPlaceholder {
			list = append(list, c.expand(t, c.o.Placeholders, at)...)
			continue
		}
		list = append(list, t)
	}
	return list
}

// words is the slot of all values of a record.
func (c *compiling) words() Ref {
	if c.set.words < 0 {
		c.set.words = Ref(len(c.set.slots))
		c.set.slots = append(c.set.slots, slot{name: "*"})
	}
	return c.set.words
}

func (c *compiling) test(m *match, slot Ref, t test) *expr {
	a := atom{kind: atomTest, slot: slot, test: t, other: -1, part: m.part}
	if t.op == testExists {
		a.test.wanted = true
	}
	if t.field != "" {
		ref, problem := c.ref(t.field)
		if problem != "" {
			c.errorf(m.at, "%s", problem)
		}
		a.other = ref
	}
	e := c.atom(a, a.name())
	switch {
	case t.op == testExists && !t.wanted:
		return not(e)
	case t.op == testEqual && t.field == "" && t.text == "" && leftOut(m.field):
		null := atom{kind: atomTest, slot: slot, test: test{op: testNull}, other: -1}
		return or(e, c.atom(null, null.name()))
	}
	return e
}

// name is the same for atoms that ask the same.
func (a *atom) name() string {
	var b strings.Builder
	fmt.Fprint(&b, a.slot, " ", a.test.op, " ", a.test.cased, " ", a.other, " ", a.part, " ", a.test.number, " ", a.test.net, " ")
	if a.test.re != nil {
		fmt.Fprint(&b, a.test.re.String())
	}
	fmt.Fprintf(&b, " %q %d", a.test.text, []rune(a.test.glob))
	return b.String()
}

// atom finds or makes an atom.
func (c *compiling) atom(a atom, name string) *expr {
	i, ok := c.atoms[name]
	if !ok {
		i = int32(len(c.set.atoms))
		c.atoms[name] = i
		c.set.atoms = append(c.set.atoms, a)
	}
	return &expr{op: opMatch, atom: i}
}
