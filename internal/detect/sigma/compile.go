package sigma

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Calendar is a set of times that a rule can ask for by name.
type Calendar interface{ Covers(t time.Time) bool }

// Options are what rules refer to and do not say themselves.
type Options struct {
	Calendars    map[string]Calendar
	Placeholders map[string][]string // values of %name% under the modifier expand
	Disabled     map[string]bool     // ids or names of what does not fire; correlations may still rest on it
}

// Set is rules made ready to match. It is immutable and safe for concurrent use.
type Set struct {
	rules        []*Rule
	correlations []*Compiled
	exprs        []*expr // of each rule; nil of one that nothing asks for
	alone        []bool  // whether each rule fires by itself
	named        [][]NamedRef
	groups       [][]Ref
	atoms        []atom
	calendars    []Calendar
	slots        []slot
	computed     []Ref // slots that are computed
	root         *trie
	index        index
	words        Ref // the slot of all values; -1 where no rule asks for them
	base         baseRefs
}

// Ref refers to a field of a Set.
type Ref int32

// NamedRef is a field with the name the rule calls it by.
type NamedRef struct {
	Name string
	Ref  Ref
}

type baseRefs struct{ occurred, recorded, flags, source Ref }

// compiling makes a Set.
type compiling struct {
	parsing
	set    *Set
	o      Options
	slots  map[string]Ref
	atoms  map[string]int32
	byRef  map[string]int // id or name → index of the document
	docs   []Document
	asked  map[int]bool // documents that correlations rest on
	times  []string     // names of set.calendars
	fields *[]NamedRef  // of the rule being compiled
}

// Compile checks rules, correlations and filters against the fields of records and each other, and makes a Set of them. It tells all
// it finds wrong, each as an *Error with line and column.
func Compile(docs []Document, o Options) (*Set, error) {
	c := &compiling{
		set: &Set{root: &trie{}, words: -1}, o: o, docs: docs,
		slots: map[string]Ref{}, atoms: map[string]int32{}, byRef: map[string]int{}, asked: map[int]bool{},
	}
	c.set.base = baseRefs{c.plainField("occurred"), c.plainField("recorded"), c.plainField("flags"), c.plainField("source")}
	c.register()
	if len(c.problems) == 0 {
		c.compileCorrelations()
	}
	if len(c.problems) == 0 {
		c.compileRules()
		c.checkFilters()
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	c.set.index = buildIndex(c.set)
	return c.set, nil
}

// Rules lists the rules, in the order they were given in. Match speaks of them by their index.
func (s *Set) Rules() []*Rule { return s.rules }

// Alone reports whether a rule fires by itself, and does not only serve correlations.
func (s *Set) Alone(rule int) bool { return s.alone[rule] }

// Named lists the fields a rule compares, in the order of the rule.
func (s *Set) Named(rule int) []NamedRef { return s.named[rule] }

// Group lists the fields that tell what a firing of a rule is about; see Tripod.Group.
func (s *Set) Group(rule int) []Ref { return s.groups[rule] }

// Correlations lists the correlations, each behind those it rests on.
func (s *Set) Correlations() []*Compiled { return s.correlations }

// Find tells what a rule or correlation says of itself, by its Ref: the Rule of a firing.
func (s *Set) Find(ref string) (*Head, bool) {
	for _, r := range s.rules {
		if r.Ref() == ref {
			return &r.Head, true
		}
	}
	for _, c := range s.correlations {
		if c.Ref() == ref {
			return &c.Head, true
		}
	}
	return nil, false
}

// plainField is a field that is known to be there.
func (c *compiling) plainField(name string) Ref {
	ref, _ := c.ref(name)
	return ref
}

// ref finds or makes the slot of a field.
func (c *compiling) ref(field string) (Ref, string) {
	field = strings.ReplaceAll(field, "[]", "")
	if r, ok := c.slots[field]; ok {
		return r, ""
	}
	paths, computed, problem := resolve(field)
	if problem != "" {
		return 0, problem
	}
	r := Ref(len(c.set.slots))
	c.set.slots = append(c.set.slots, slot{name: field, computed: computed})
	c.slots[field] = r
	for _, p := range paths {
		c.set.root.add(p, r)
	}
	if from := computedFrom(computed); from != nil {
		inputs := make([]Ref, len(from))
		for i, f := range from {
			inputs[i] = c.plainField(f)
		}
		c.set.slots[r].inputs = inputs
		c.set.computed = append(c.set.computed, r)
	}
	return r, ""
}

// register gives every document its names, and sorts out which are rules.
func (c *compiling) register() {
	for i, d := range c.docs {
		h := d.Head()
		c.file = h.File
		for _, name := range []string{h.ID, h.Name} {
			if name == "" {
				continue
			}
			if other, ok := c.byRef[name]; ok && other != i {
				before := c.docs[other].Head()
				c.errorf(place{h.Line, 1}, "%q is also what %s:%d is called", name, before.File, before.Line)
			}
			c.byRef[name] = i
		}
	}
}

func (c *compiling) disabled(h *Head) bool { return c.o.Disabled[h.ID] || c.o.Disabled[h.Name] }

// compileRules compiles every rule that fires or is asked for, with the filters that apply.
func (c *compiling) compileRules() {
	for i, d := range c.docs {
		if d.Rule == nil {
			continue
		}
		r := d.Rule
		c.file = r.File
		var fields []NamedRef
		c.fields = &fields
		e := c.rule(r)
		for _, f := range c.docs {
			if f.Filter != nil && c.applies(f.Filter, r) {
				c.file = f.Filter.File
				e = and(e, c.detect(&f.Filter.detection))
			}
		}
		c.file = r.File
		alone := !c.disabled(&r.Head) && (!c.asked[i] || c.generated(i))
		if c.disabled(&r.Head) && !c.asked[i] {
			e = nil
		}
		c.set.rules, c.set.exprs, c.set.alone = append(c.set.rules, r), append(c.set.exprs, e), append(c.set.alone, alone)
		c.set.named = append(c.set.named, fields)
		c.set.groups = append(c.set.groups, c.group(r))
	}
}

func (c *compiling) group(r *Rule) []Ref {
	names := r.Tripod.Group
	if len(names) == 0 {
		names = []string{"account"}
	}
	var refs []Ref
	for _, f := range names {
		ref, problem := c.ref(f)
		if problem != "" {
			c.errorf(r.Tripod.at["group"], "%s", problem)
		}
		refs = append(refs, ref)
	}
	return refs
}

// GroupNames are the names of the fields of Group.
func (r *Rule) GroupNames() []string {
	if len(r.Tripod.Group) == 0 {
		return []string{"account"}
	}
	return r.Tripod.Group
}

func (c *compiling) rule(r *Rule) *expr {
	e := and(c.search(r.LogSource.search()), c.detect(&r.detection))
	c.fields = nil
	for _, x := range r.Tripod.Exceptions {
		e = and(e, not(and(c.detect(&x.detection), c.before(x.Until))))
	}
	for _, name := range r.Tripod.Inside {
		e = and(e, c.calendar(name, r.Tripod.at["inside"]))
	}
	for _, name := range r.Tripod.Outside {
		e = and(e, not(c.calendar(name, r.Tripod.at["outside"])))
	}
	return e
}

// before holds of records that came before a time.
func (c *compiling) before(t time.Time) *expr {
	return c.atom(atom{kind: atomBefore, until: t.UnixMilli()}, fmt.Sprint("before ", t.UnixMilli()))
}

// calendar holds of records whose time a calendar covers.
func (c *compiling) calendar(name string, at place) *expr {
	cal := c.o.Calendars[name]
	if cal == nil {
		c.errorf(at, "there is no calendar %q: the configuration names them (detect: calendars)", name)
		return &expr{op: opOr}
	}
	i := slices.Index(c.times, name)
	if i < 0 {
		i = len(c.times)
		c.times, c.set.calendars = append(c.times, name), append(c.set.calendars, cal)
	}
	return c.atom(atom{kind: atomCalendar, calendar: i}, "calendar "+name)
}

// applies reports whether a filter is about a rule.
func (c *compiling) applies(f *Filter, r *Rule) bool {
	if !r.LogSource.within(f.LogSource) {
		return false
	}
	return len(f.Rules) == 0 || slices.Contains(f.Rules, r.ID) || r.Name != "" && slices.Contains(f.Rules, r.Name)
}

// checkFilters refuses filters that name rules there are not, which would otherwise do nothing.
func (c *compiling) checkFilters() {
	for _, d := range c.docs {
		if d.Filter == nil {
			continue
		}
		c.file = d.Filter.File
		for _, name := range d.Filter.Rules {
			i, ok := c.byRef[name]
			switch {
			case !ok || c.docs[i].Rule == nil:
				c.errorf(place{d.Filter.Line, 1}, "the filter names rule %q, which is not there", name)
			case !c.applies(d.Filter, c.docs[i].Rule):
				c.errorf(place{d.Filter.Line, 1}, "the filter names rule %q, whose log source is not within its own", name)
			}
		}
	}
}
