package sigma

import (
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// testOp is a kind of comparison.
type testOp uint8

const (
	testEqual testOp = iota
	testPrefix
	testSuffix
	testContains
	testAny // any value at all
	testGlob
	testNumber // equal to a number
	testLess
	testLessEqual
	testGreater
	testGreaterEqual
	testNull
	testExists
	testRegexp
	testCIDR
	testPlaceholder // takes the place of values that Compile puts in
)

// test is one comparison with one value.
type test struct {
	op     testOp
	cased  bool
	wanted bool    // of testExists
	text   string  // folded unless cased
	glob   pattern // folded unless cased
	number float64
	re     *regexp.Regexp
	net    netip.Prefix
	field  string // what is compared with is the value of this field

	mods []string // of testPlaceholder: what is done with its values
}

// timePart is a number taken out of a date.
type timePart string

var comparisons = map[string]testOp{"lt": testLess, "lte": testLessEqual, "gt": testGreater, "gte": testGreaterEqual}

// modifiers of the specification, by what they do.
var (
	placing  = []string{"contains", "startswith", "endswith"}
	encoding = []string{"base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash"}
	parts    = []string{"minute", "hour", "day", "week", "month", "year"}
	flags    = []string{"i", "m", "s"}
	others   = []string{"all", "cased", "neq", "re", "cidr", "exists", "expand", "fieldref", "lt", "lte", "gt", "gte"}
)

// Modifiers lists the modifiers a rule can use, as docs/sigma.md shows them.
func Modifiers() []string { return slices.Concat(placing, encoding, flags, parts, others) }

// modified makes the match of a field with values under modifiers.
func (p *parsing) modified(field string, modifiers []string, values []*node, at place) *match {
	m := &match{field: field, at: at}
	if !p.checkModifiers(m, modifiers, values, at) {
		return m
	}
	for _, v := range values {
		m.tests = append(m.tests, p.tests(m, modifiers, v))
	}
	return m
}

// checkModifiers refuses combinations that mean nothing.
func (p *parsing) checkModifiers(m *match, modifiers []string, values []*node, at place) bool {
	has := func(list ...string) int {
		n := 0
		for _, mod := range modifiers {
			if slices.Contains(list, mod) {
				n++
			}
		}
		return n
	}
	regexpBefore := false
	for i, mod := range modifiers {
		switch {
		case !slices.Contains(Modifiers(), mod):
			p.errorf(at, "unknown modifier %q: known are %s", mod, strings.Join(Modifiers(), ", "))
			return false
		case slices.Contains(modifiers[:i], mod) && mod != "base64":
			p.errorf(at, "modifier %q stands twice", mod)
			return false
		case slices.Contains(flags, mod) && !regexpBefore:
			p.errorf(at, "modifier %q stands behind re only", mod)
			return false
		case mod == "re":
			regexpBefore = true
		case slices.Contains(parts, mod):
			m.part = timePart(mod)
		}
	}
	m.all, m.not = has("all") > 0, has("neq") > 0
	comparing := has("lt", "lte", "gt", "gte")
	typed := has("re") + has("cidr") + has("exists") + comparing
	switch {
	case len(values) == 0:
		p.errorf(at, "an empty list matches nothing: give values")
	case m.all && len(values) == 1 && m.field != "":
		p.errorf(at, "modifier all needs more than one value")
	case typed > 1, has(parts...) > 1, has(placing...) > 1 && m.field != "":
		p.errorf(at, "modifiers %s contradict each other", strings.Join(modifiers, ", "))
	case typed > 0 && comparing == 0 && has(slices.Concat(encoding, parts)...) > 0,
		comparing > 0 && has(slices.Concat(encoding, placing)...) > 0,
		typed > 0 && comparing == 0 && m.field != "" && has(placing...) > 0,
		m.part != "" && has(slices.Concat(encoding, placing, []string{"cased", "fieldref"})...) > 0,
		has("fieldref") > 0 && typed > comparing,
		has("fieldref") > 0 && has(append([]string{"expand"}, encoding...)...) > 0,
		has("cased") > 0 && typed > 0:
		p.errorf(at, "modifiers %s do not go together", strings.Join(modifiers, ", "))
	case len(values) > 1 && (comparing > 0 || has("exists") > 0):
		p.errorf(at, "modifiers %s take one value, not a list", strings.Join(modifiers, ", "))
	case m.field == "" && (typed > has("re") || m.part != "" || has("fieldref") > 0):
		p.errorf(at, "modifiers %s need a field", strings.Join(modifiers, ", "))
	case m.field == "" && m.not:
		p.errorf(at, "keywords take no neq: write `not` in the condition")
	default:
		return true
	}
	return false
}

// tests makes the comparisons that one value stands for under modifiers: more than one where it can be spelt in several ways.
func (p *parsing) tests(m *match, modifiers []string, v *node) []test {
	has := func(mod string) bool { return slices.Contains(modifiers, mod) }
	if !v.scalar() {
		p.errorf(v.at(), "a value must be a text, a number, true, false or null; here is %s", v.kind)
		return nil
	}
	for name, op := range comparisons {
		if has(name) && has("fieldref") {
			return []test{{op: op, field: v.text}}
		} else if has(name) {
			return p.numbered(op, v)
		}
	}
	switch {
	case has("exists"):
		if v.kind != kindBool {
			p.errorf(v.at(), "exists takes true or false")
		}
		return []test{{op: testExists, wanted: v.text == "true"}}
	case has("fieldref"):
		return p.referring(modifiers, v)
	case v.kind == kindNull:
		if len(modifiers) > 0 && !slices.Equal(modifiers, []string{"neq"}) || m.field == "" {
			p.errorf(v.at(), "null takes no modifier but neq, and a field")
		}
		return []test{{op: testNull}}
	case m.part != "":
		return p.numbered(testNumber, v)
	case has("cidr"):
		net, err := netip.ParsePrefix(v.text)
		if err != nil {
			p.errorf(v.at(), "%q is not a network such as 10.0.0.0/8", v.text)
		}
		return []test{{op: testCIDR, net: net.Masked()}}
	case has("re"):
		return p.regular(modifiers, v)
	case (v.kind == kindInt || v.kind == kindFloat) && plainValue(modifiers):
		return p.numbered(testNumber, v)
	case has("expand"):
		return p.expanding(modifiers, v)
	}
	return p.spelt(parsePattern(v.text), modifiers, v)
}

// plainValue reports whether modifiers leave a value as it is.
func plainValue(modifiers []string) bool {
	return !slices.ContainsFunc(modifiers, func(m string) bool { return m != "all" && m != "neq" && m != "cased" })
}

func (p *parsing) numbered(op testOp, v *node) []test {
	f, err := strconv.ParseFloat(v.text, 64)
	if v.kind != kindInt && v.kind != kindFloat || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		p.errorf(v.at(), "%q must be a number", v.text)
	}
	return []test{{op: op, number: f}}
}

func (p *parsing) regular(modifiers []string, v *node) []test {
	set := ""
	for _, f := range flags {
		if slices.Contains(modifiers, f) {
			set += f
		}
	}
	expression := v.text
	if set != "" {
		expression = "(?" + set + ")" + expression
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		p.errorf(v.at(), "the regular expression is not understood (look-around and back-references are not in Sigma): %v", err)
		return nil
	}
	return []test{{op: testRegexp, re: re}}
}

// referring makes the comparison with another field of the record.
func (p *parsing) referring(modifiers []string, v *node) []test {
	if v.kind != kindString {
		p.errorf(v.at(), "fieldref takes the name of a field")
	}
	t := test{op: testEqual, field: v.text, cased: slices.Contains(modifiers, "cased")}
	for name, op := range map[string]testOp{"contains": testContains, "startswith": testPrefix, "endswith": testSuffix} {
		if slices.Contains(modifiers, name) {
			t.op = op
		}
	}
	return []test{t}
}

// spelt applies the modifiers that change a text, in their order.
func (p *parsing) spelt(first pattern, modifiers []string, v *node) []test {
	spellings := []pattern{first}
	for _, mod := range modifiers {
		var next []pattern
		for _, s := range spellings {
			t, problem := transform(s, mod)
			if problem != "" {
				p.errorf(v.at(), "%s", problem)
				return nil
			}
			next = append(next, t...)
		}
		if spellings = next; len(spellings) > mostSpellings {
			p.errorf(v.at(), "%q has more than %d spellings: write fewer dashes", v.text, mostSpellings)
			return nil
		}
	}
	var list []test
	for _, s := range spellings {
		if !validText(s) {
			p.errorf(v.at(), "records hold text, in which this encoding never occurs: put base64 or base64offset behind it")
			return nil
		}
		list = append(list, s.test(slices.Contains(modifiers, "cased")))
	}
	return list
}

func validText(p pattern) bool {
	for _, r := range p {
		if r == utf8.RuneError || r >= rawByte {
			return false
		}
	}
	return true
}
