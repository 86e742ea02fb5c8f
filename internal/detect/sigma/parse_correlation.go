package sigma

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

func (p *parsing) correlation(n *node, h *Head, read map[string]func(*entry)) *Correlation {
	c := &Correlation{at: map[string]place{}}
	read["generate"] = p.flag(&c.Generate)
	read["correlation"] = func(e *entry) { p.correlated(e.value, c) }
	p.fields(n, "a correlation", read)
	c.Head = *h
	return c
}

func (p *parsing) correlated(n *node, c *Correlation) {
	if n.kind == kindMap {
		for i := range n.entries {
			c.at[n.entries[i].key] = n.entries[i].value.at()
		}
	}
	c.at[""] = n.at()
	before := len(p.problems)
	var types []string
	for _, t := range CorrelationTypes() {
		types = append(types, string(t))
	}
	p.fields(n, "correlation", map[string]func(*entry){
		"type": p.oneOf((*string)(&c.Type), types...), "rules": p.list(&c.Rules), "group-by": p.list(&c.GroupBy),
		"timespan": p.timespan(&c.Timespan), "generate": p.flag(&c.Generate), "aliases": p.aliases(c), "condition": p.bounds(c),
	})
	if len(p.problems) == before {
		p.checkCorrelation(n, c)
	}
}

func (p *parsing) aliases(c *Correlation) func(*entry) {
	return func(e *entry) {
		if e.value.kind != kindMap {
			p.errorf(e.value.at(), "aliases must be a map, it is %s", e.value.kind)
			return
		}
		c.Aliases = map[string]map[string]string{}
		for _, alias := range e.value.entries {
			if alias.value.kind != kindMap {
				p.errorf(alias.value.at(), "alias %q must be a map of rules and their fields", alias.key)
				continue
			}
			fields := map[string]string{}
			for _, f := range alias.value.entries {
				if f.value.kind != kindString {
					p.errorf(f.value.at(), "alias %q needs the name of a field here", alias.key)
				}
				fields[f.key] = f.value.text
				c.at["alias "+alias.key+" "+f.key] = f.value.at()
			}
			c.Aliases[alias.key] = fields
		}
	}
}

func (p *parsing) bounds(c *Correlation) func(*entry) {
	return func(e *entry) {
		if e.value.kind == kindString {
			p.errorf(e.value.at(), "a condition on the rules' names is not in Sigma 2.1: write a map of gt, gte, lt, lte, eq, neq")
			return
		}
		read := map[string]func(*entry){
			"field": p.list(&c.Condition.Fields),
			"percentile": func(e *entry) {
				c.Condition.Percentile = p.number(e)
				if v := c.Condition.Percentile; v <= 0 || v > 100 {
					p.errorf(e.value.at(), "percentile is %s: it must be above 0 and at most 100", e.value.text)
				}
			},
		}
		for _, op := range []string{"gt", "gte", "lt", "lte", "eq", "neq"} {
			read[op] = func(e *entry) { c.Condition.Bounds = append(c.Condition.Bounds, Bound{op, p.number(e)}) }
		}
		p.fields(e.value, "the condition of a correlation", read)
		if f := e.value.get("field"); f != nil {
			c.at["field"] = f.at()
		}
	}
}

func (p *parsing) number(e *entry) float64 {
	v, err := strconv.ParseFloat(e.value.text, 64)
	if e.value.kind != kindInt && e.value.kind != kindFloat || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		p.errorf(e.value.at(), "%s must be a number, it is %s", e.key, e.value.kind)
	}
	return v
}

// checkCorrelation holds a correlation against what its type requires.
func (p *parsing) checkCorrelation(n *node, c *Correlation) {
	need := func(ok bool, what string) {
		if !ok {
			p.errorf(n.at(), "a correlation of type %s needs %s", c.Type, what)
		}
	}
	need(c.Type != "", "a type")
	need(len(c.Rules) > 0, "rules")
	need(c.Timespan > 0, "a timespan")
	for i, r := range c.Rules {
		if slices.Contains(c.Rules[:i], r) {
			p.errorf(c.at["rules"], "rule %q is named twice", r)
		}
	}
	for alias := range c.Aliases {
		if !slices.Contains(c.GroupBy, alias) {
			p.errorf(c.at["aliases"], "alias %q is not in group-by", alias)
		}
	}
	d := &c.Condition
	some, field := len(d.Bounds) > 0, len(d.Fields)
	switch c.Type {
	case EventCount, Deviation:
		need(some, "a condition such as `gte: 10`")
		need(field == 0, "no field in its condition")
	case ValueCount:
		need(some && field > 0, "a condition with a field and a bound")
	case ValueSum, ValueAvg:
		need(some && field == 1, "a condition with one field and a bound")
	case ValuePercentile:
		need(some && field == 1 && d.Percentile > 0, "a condition with one field, `percentile` and a bound: without the percentile nobody can tell what is compared")
	case ValueMedian:
		need(some && field == 1 && (d.Percentile == 0 || d.Percentile == 50), "a condition with one field and a bound")
		d.Percentile = 50
	case Temporal, TemporalOrdered:
		need(field == 0, "no field in its condition")
		need(len(c.Rules) > 1, "two rules or more")
		if !some {
			d.Bounds = []Bound{{"gte", float64(len(c.Rules))}}
		}
	case Absence:
		need(len(c.Rules) > 1, "two rules: what is seen, and what should be seen with it")
		need(field == 0, "no field in its condition")
		if !some {
			d.Bounds = []Bound{{"gte", 1}}
		}
	case FirstSeen:
		need(field > 0 && !some, "a condition with a field and no bound")
	}
	if d.Percentile > 0 && !strings.HasPrefix(string(c.Type), "value_p") && c.Type != ValueMedian {
		p.errorf(c.at["condition"], "a percentile is for value_percentile only")
	}
	if c.Type == TemporalOrdered && !d.OnlyFromBelow() {
		p.errorf(c.at["condition"], "a correlation of type temporal_ordered takes gt and gte only")
	}
}
