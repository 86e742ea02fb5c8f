package sigma

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// valueKind is the kind of a value in a record.
type valueKind uint8

const (
	valueText valueKind = iota
	valueNumber
	valueBool
	valueNull
)

// value is one value of a slot.
type value struct {
	text   string
	lower  string
	folded bool // lower is known
	kind   valueKind
	elem   int32 // position in the list it stands in; -1 for none
	next   int32 // the next value of the slot; -1 for none
}

// slot is a field that some rule asks for.
type slot struct {
	name     string
	computed string // of a computed field, its name
	inputs   []Ref  // what it is computed from
}

// Matcher tells which rules of a Set records match, one record at a time. It is for one goroutine.
type Matcher struct {
	set  *Set
	text string // the record being read
	at   int

	values      []value
	first, last []int32 // of each slot; -1 for none
	filled      []Ref

	round    uint32
	answers  []uint32 // of each atom: round<<1 | answer
	seen     []uint32 // of each rule: the round in which it was a candidate
	chosen   []int
	hits     []int
	when     int64
	timed    bool
	recorded int64
}

// NewMatcher makes a matcher.
func (s *Set) NewMatcher() *Matcher {
	m := &Matcher{
		set: s, first: make([]int32, len(s.slots)), last: make([]int32, len(s.slots)),
		answers: make([]uint32, len(s.atoms)), seen: make([]uint32, len(s.rules)),
	}
	for i := range m.first {
		m.first[i] = -1
	}
	return m
}

// Match tells which rules the canonical bytes of a record match, in the order of Rules. The list is valid until the next call. Bytes
// that are no record are an error.
func (m *Matcher) Match(canonical []byte) ([]int, error) {
	if err := m.Read(canonical); err != nil {
		return nil, err
	}
	m.candidates()
	m.hits = m.hits[:0]
	for _, r := range m.chosen {
		if m.holds(m.set.exprs[r], -1) {
			m.hits = append(m.hits, r)
		}
	}
	return m.hits, nil
}

// Read takes a record in without matching it, for the fields of it.
func (m *Matcher) Read(canonical []byte) error {
	for _, r := range m.filled {
		m.first[r] = -1
	}
	m.filled, m.values, m.timed = m.filled[:0], m.values[:0], false
	if m.round++; m.round == 1<<31 {
		clear(m.answers)
		clear(m.seen)
		m.round = 1
	}
	if err := m.read(canonical); err != nil {
		return err
	}
	m.compute()
	return nil
}

func (m *Matcher) put(r Ref, v value) {
	v.next = -1
	i := int32(len(m.values))
	m.values = append(m.values, v)
	if m.first[r] < 0 {
		m.first[r] = i
		m.filled = append(m.filled, r)
	} else {
		m.values[m.last[r]].next = i
	}
	m.last[r] = i
}

// Values calls each for every value of a field in the record, as text, until it returns false. The texts share the memory of the
// record: clone what is kept.
func (m *Matcher) Values(r Ref, each func(text string) bool) {
	for i := m.first[r]; i >= 0; i = m.values[i].next {
		if m.values[i].kind != valueNull && !each(m.values[i].text) {
			return
		}
	}
}

// Value is the first value of a field, as text; "" where there is none. It shares the memory of the record.
func (m *Matcher) Value(r Ref) (text string) {
	m.Values(r, func(t string) bool {
		text = t
		return false
	})
	return text
}

// Number is the first value of a field that is a number.
func (m *Matcher) Number(r Ref) (f float64, ok bool) {
	m.Values(r, func(t string) bool {
		f, ok = number(t)
		return !ok
	})
	return f, ok
}

// Source is the source of the record.
func (m *Matcher) Source() string { return m.Value(m.set.base.source) }

// Time is when the record occurred in Unix milliseconds, or, where the source's clock cannot be believed, when it was recorded.
func (m *Matcher) Time() int64 {
	m.times()
	return m.when
}

// Recorded is when the record entered the journal, in Unix milliseconds.
func (m *Matcher) Recorded() int64 {
	m.times()
	return m.recorded
}

func (m *Matcher) times() {
	if m.timed {
		return
	}
	m.timed = true
	recorded, _ := time.Parse(time.RFC3339Nano, m.Value(m.set.base.recorded))
	occurred, err := time.Parse(time.RFC3339Nano, m.Value(m.set.base.occurred))
	m.recorded, m.when = recorded.UnixMilli(), occurred.UnixMilli()
	if y := occurred.Year(); err != nil || y < 1970 || y > 9998 {
		m.when = m.recorded
	}
	m.Values(m.set.base.flags, func(flag string) bool {
		if flag == audit.FlagClockAbsurd || flag == audit.FlagNoTime {
			m.when = m.recorded
		}
		return true
	})
}

func (v *value) fold() string {
	if !v.folded {
		v.lower, v.folded = strings.ToLower(v.text), true
	}
	return v.lower
}

// candidates chooses the rules that can match at all, by the index.
func (m *Matcher) candidates() {
	m.chosen = m.chosen[:0]
	choose := func(rules []int32) {
		for _, r := range rules {
			if m.seen[r] != m.round {
				m.seen[r] = m.round
				m.chosen = append(m.chosen, int(r))
			}
		}
	}
	ix := &m.set.index
	choose(ix.always)
	for _, e := range ix.equal {
		for i := m.first[e.slot]; i >= 0; i = m.values[i].next {
			choose(e.rules[m.values[i].fold()])
		}
	}
	for k := range ix.literals {
		l := &ix.literals[k]
		for i := m.first[l.slot]; i >= 0; i = m.values[i].next {
			l.scan(m.values[i].fold(), choose)
		}
	}
	slices.Sort(m.chosen)
}

// holds evaluates what a rule demands; elem is the element of a list that counts, -1 for all.
func (m *Matcher) holds(e *expr, elem int32) bool {
	switch e.op {
	case opMatch:
		return m.answer(e.atom, elem)
	case opAnd:
		for _, k := range e.kids {
			if !m.holds(k, elem) {
				return false
			}
		}
		return true
	case opOr:
		for _, k := range e.kids {
			if m.holds(k, elem) {
				return true
			}
		}
		return false
	case opNot:
		return !m.holds(e.kids[0], elem)
	}
	return m.each(e.kids[0])
}

// each reports whether one element of a list meets all that is asked of it.
func (m *Matcher) each(e *expr) bool {
	var elems [32]int32
	list := m.elements(e, elems[:0])
	for i, elem := range list {
		if !slices.Contains(list[:i], elem) && m.holds(e, elem) {
			return true
		}
	}
	return false
}

// elements lists the positions that the values of an expression stand at.
func (m *Matcher) elements(e *expr, list []int32) []int32 {
	if e.op == opMatch {
		for i := m.first[m.set.atoms[e.atom].slot]; i >= 0; i = m.values[i].next {
			if v := m.values[i].elem; v >= 0 {
				list = append(list, v)
			}
		}
		return list
	}
	for _, k := range e.kids {
		list = m.elements(k, list)
	}
	return list
}
