package sigma

import (
	"path"
	"slices"
	"sort"
	"strings"
)

// formula is a condition on searches.
type formula struct {
	op   operator
	kids []*formula
	name string // of a leaf: the search
}

// conditions reads the condition of a detection: a text, or a list of which one must hold.
func (p *parsing) conditions(n *node, d *detection) {
	texts := []*node{n}
	if n.kind == kindList {
		texts = n.items
	}
	used := map[string]bool{}
	for _, t := range texts {
		if t.kind != kindString {
			p.errorf(t.at(), "a condition must be a text, it is %s", t.kind)
			continue
		}
		c := conditionParser{p: p, d: d, at: t.at(), tokens: tokenise(t.text), used: used}
		if f := c.parse(); f != nil {
			d.conditions = append(d.conditions, f)
		}
	}
	if len(texts) == 0 {
		p.errorf(n.at(), "a condition is missing")
	}
	var idle []string
	for name := range d.searches {
		if !used[name] && !strings.HasPrefix(name, "_") {
			idle = append(idle, name)
		}
	}
	sort.Strings(idle)
	if len(idle) > 0 && len(d.conditions) > 0 {
		p.errorf(n.at(), "the condition does not use %s: use it, or begin its name with _", strings.Join(idle, ", "))
	}
}

// tokenise splits a condition at spaces and brackets.
func tokenise(s string) []string {
	for _, c := range []string{"(", ")", "|"} {
		s = strings.ReplaceAll(s, c, " "+c+" ")
	}
	return strings.Fields(s)
}

type conditionParser struct {
	p      *parsing
	d      *detection
	at     place
	tokens []string
	next   int
	depth  int
	failed bool
	used   map[string]bool
}

func (c *conditionParser) fail(format string, args ...any) *formula {
	if !c.failed {
		c.p.errorf(c.at, "condition: "+format, args...)
	}
	c.failed = true
	return nil
}

func (c *conditionParser) peek() string {
	if c.next < len(c.tokens) {
		return c.tokens[c.next]
	}
	return ""
}

// word takes the next token if it is this word.
func (c *conditionParser) word(w string) bool {
	if strings.EqualFold(c.peek(), w) {
		c.next++
		return true
	}
	return false
}

func (c *conditionParser) parse() *formula {
	if slices.Contains(c.tokens, "|") {
		return c.fail("what stands after | is of an older Sigma: write a correlation")
	}
	if len(c.tokens) > 10_000 {
		return c.fail("it has more than 10,000 words")
	}
	f := c.or()
	if !c.failed && c.next < len(c.tokens) {
		return c.fail("%q was not expected", c.peek())
	}
	if c.failed {
		return nil
	}
	return f
}

func (c *conditionParser) or() *formula {
	return c.joined("or", opOr, c.and)
}

func (c *conditionParser) and() *formula {
	return c.joined("and", opAnd, c.not)
}

func (c *conditionParser) joined(word string, op operator, operand func() *formula) *formula {
	f := operand()
	if f == nil || !strings.EqualFold(c.peek(), word) {
		return f
	}
	f = &formula{op: op, kids: []*formula{f}}
	for c.word(word) {
		k := operand()
		if k == nil {
			return nil
		}
		f.kids = append(f.kids, k)
	}
	return f
}

func (c *conditionParser) not() *formula {
	if c.depth++; c.depth > deepest {
		return c.fail("it is nested deeper than %d levels", deepest)
	}
	defer func() { c.depth-- }()
	if !c.word("not") {
		return c.operand()
	}
	f := c.not()
	if f == nil {
		return nil
	}
	return &formula{op: opNot, kids: []*formula{f}}
}

func (c *conditionParser) operand() *formula {
	if c.failed {
		return nil
	}
	t := c.peek()
	if t == "" {
		return c.fail("it ends where a search was expected")
	}
	c.next++
	switch {
	case t == "(":
		f := c.or()
		if f != nil && !c.word(")") {
			return c.fail("a bracket is not closed")
		}
		return f
	case c.d.searches[t] != nil && !strings.EqualFold(c.peek(), "of"):
		c.used[t] = true
		return &formula{name: t}
	case strings.EqualFold(c.peek(), "of"):
		return c.some(strings.ToLower(t))
	}
	return c.fail("there is no search %q", t)
}

// some reads "1 of selection*", "all of them".
func (c *conditionParser) some(quantity string) *formula {
	f := &formula{}
	switch quantity {
	case "1", "any":
		f.op = opOr
	case "all":
		f.op = opAnd
	default:
		return c.fail("%q of: Sigma knows 1 of, any of and all of", quantity)
	}
	c.next++ // of
	pattern := c.peek()
	c.next++
	var names []string
	for name := range c.d.searches {
		if strings.EqualFold(pattern, "them") {
			if !strings.HasPrefix(name, "_") {
				names = append(names, name)
			}
		} else if ok, err := path.Match(pattern, name); ok && err == nil && !strings.ContainsAny(pattern, `[?\`) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return c.fail("no search is called %q", pattern)
	}
	sort.Strings(names)
	for _, name := range names {
		c.used[name] = true
		f.kids = append(f.kids, &formula{name: name})
	}
	return f
}
