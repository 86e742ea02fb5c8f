package sigma

import (
	"slices"
	"strings"
)

// detection is the part of a rule that says what it matches: named searches and conditions on them, of which one must hold.
type detection struct {
	searches   map[string]*search
	conditions []*formula
}

// operator joins searches and formulas.
type operator uint8

const (
	opMatch operator = iota // a leaf
	opAnd
	opOr
	opNot
	opEach // all below must hold of one element of a list
)

// search is one search identifier, or a part of it.
type search struct {
	op    operator
	kids  []*search
	match *match // of opMatch
	list  string // of opEach: the path of the list
}

// match compares one field with values.
type match struct {
	field string   // "" is any value of the record
	tests [][]test // of each value the tests of which one must hold: one for each way to spell it
	all   bool     // every value must be met, by some value of the field each; else one
	not   bool     // modifier neq
	part  timePart
	at    place
}

// detection reads the searches and conditions of a rule or filter. extra reads further keys.
func (p *parsing) detection(n *node, extra map[string]func(*entry)) detection {
	d := detection{searches: map[string]*search{}}
	if n.kind != kindMap {
		p.errorf(n.at(), "a detection must be a map, it is %s", n.kind)
		return d
	}
	var condition *node
	for i := range n.entries {
		e := &n.entries[i]
		switch {
		case e.key == "condition":
			condition = e.value
		case e.key == "timeframe":
			p.errorf(e.at(), "timeframe is of an older Sigma: write a correlation")
		case extra[e.key] != nil:
			extra[e.key](e)
		case !isIdentifier(e.key):
			p.errorf(e.at(), "search %q cannot be named in a condition: use letters, digits, _ - and .", e.key)
		default:
			d.searches[e.key] = p.search(e.value, "")
		}
	}
	if condition == nil {
		p.errorf(n.at(), "a condition is missing")
		return d
	}
	p.conditions(condition, &d)
	return d
}

func isIdentifier(s string) bool {
	for _, r := range s {
		if !identifierRune(r) {
			return false
		}
	}
	return s != "" && !slices.Contains([]string{"and", "or", "not", "of", "them", "all", "any", "1"}, strings.ToLower(s))
}

func identifierRune(r rune) bool {
	return r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// search reads a search: a map, whose entries must all hold, or a list of maps and keywords, of which one must. path is what the
// fields of a nested map stand under.
func (p *parsing) search(n *node, path string) *search {
	switch n.kind {
	case kindMap:
		return p.searchMap(n, path)
	case kindList:
		return p.searchList(n, path)
	case kindNull:
		p.errorf(n.at(), "an empty search matches nothing: remove it")
		return &search{op: opOr}
	}
	if path != "" {
		p.errorf(n.at(), "a map of fields was expected under %s", path)
		return &search{op: opOr}
	}
	return p.keywords(&node{kind: kindList, items: []*node{n}, line: n.line, col: n.col}, nil, n.at())
}

func (p *parsing) searchMap(n *node, path string) *search {
	if len(n.entries) == 0 {
		p.errorf(n.at(), "an empty map matches everything: say what it looks for")
	}
	s := &search{op: opAnd}
	for i := range n.entries {
		s.kids = append(s.kids, p.searchField(&n.entries[i], path))
	}
	return s
}

// searchList reads maps, of which one must hold, and keywords.
func (p *parsing) searchList(n *node, path string) *search {
	if len(n.items) == 0 {
		p.errorf(n.at(), "an empty list matches nothing: say what it looks for")
	}
	s := &search{op: opOr}
	words := &node{kind: kindList, line: n.line, col: n.col}
	for _, item := range n.items {
		switch {
		case item.kind == kindMap:
			s.kids = append(s.kids, p.searchMap(item, path))
		case item.scalar() && item.kind != kindNull && path == "":
			words.items = append(words.items, item)
		default:
			p.errorf(item.at(), "a list of searches holds maps or keywords, here is %s", item.kind)
		}
	}
	if len(words.items) > 0 {
		s.kids = append(s.kids, p.keywords(words, nil, n.at()))
	}
	return s
}

// keywords are values that may stand anywhere in the record.
func (p *parsing) keywords(n *node, modifiers []string, at place) *search {
	if !slices.Contains(modifiers, "re") {
		modifiers = append(slices.Clone(modifiers), "contains")
	}
	return p.leaf("", modifiers, n, at)
}

// searchField reads one entry of a map: a field with its modifiers and values, or a map nested below it.
func (p *parsing) searchField(e *entry, path string) *search {
	names := strings.Split(e.key, "|")
	field, modifiers := names[0], names[1:]
	if field == "" {
		if path != "" {
			p.errorf(e.at(), "keywords cannot stand under %s", path)
		}
		if len(modifiers) == 0 {
			p.errorf(e.at(), "a field has no name")
		}
		return p.keywords(e.value, modifiers, e.at())
	}
	if path != "" {
		field = path + "." + field
	}
	nested := e.value.kind == kindMap || e.value.kind == kindList && slices.ContainsFunc(e.value.items, func(n *node) bool { return n.kind == kindMap })
	if !nested {
		return p.leaf(field, modifiers, e.value, e.at())
	}
	if len(modifiers) > 0 {
		p.errorf(e.at(), "modifiers stand on the fields of a nested map, not on its name")
	}
	if list, ok := strings.CutSuffix(field, "[]"); ok {
		if strings.Contains(list, "[]") {
			p.errorf(e.at(), "one list inside another cannot be looked into element by element")
		}
		return &search{op: opEach, list: list, kids: []*search{p.search(e.value, list)}}
	}
	return p.search(e.value, field)
}

func (p *parsing) leaf(field string, modifiers []string, value *node, at place) *search {
	values := []*node{value}
	if value.kind == kindList {
		values = value.items
	}
	m := p.modified(field, modifiers, values, at)
	return &search{op: opMatch, match: m}
}
