package sigma

import "slices"

// Compiled is a correlation whose rules and fields are found.
type Compiled struct {
	*Correlation
	Of    []Part
	Alone bool // it fires by itself, and does not only serve other correlations
}

// Part is one of the rules a correlation rests on.
type Part struct {
	Rule        int // index in Rules; -1 for a correlation
	Correlation int // index in Correlations; -1 for a rule
	// Group are the fields that group-by reads of this part, in its order. Of a correlation that itself is grouped by one,
	// Inner tells where that stands in its group, else it is -1.
	Group  []Ref
	Inner  []int
	Values []Ref // what the condition's field reads
}

// generated reports whether some correlation that rests on a document lets it fire by itself, too.
func (c *compiling) generated(doc int) bool {
	for _, d := range c.docs {
		if d.Correlation == nil || !d.Correlation.Generate || c.disabled(&d.Correlation.Head) {
			continue
		}
		for _, name := range d.Correlation.Rules {
			if i, ok := c.byRef[name]; ok && i == doc {
				return true
			}
		}
	}
	return false
}

// compileCorrelations puts the correlations in order, each behind those it rests on, and finds their fields.
func (c *compiling) compileCorrelations() {
	ruleIndex := map[int]int{}
	for i, d := range c.docs {
		if d.Rule != nil {
			ruleIndex[i] = len(ruleIndex)
		}
	}
	done, open := map[int]int{}, map[int]bool{}
	var visit func(i int, needed bool)
	visit = func(i int, needed bool) {
		k := c.docs[i].Correlation
		if _, ok := done[i]; ok || !needed {
			return
		}
		c.file = k.File
		if open[i] {
			c.errorf(k.at["rules"], "correlation %q rests on itself", k.Ref())
			return
		}
		open[i] = true
		made := &Compiled{Correlation: k}
		for _, name := range k.Rules {
			j, ok := c.byRef[name]
			if !ok || c.docs[j].Filter != nil {
				c.file = k.File
				c.errorf(k.at["rules"], "there is no rule %q", name)
				continue
			}
			c.asked[j] = true
			p := Part{Rule: -1, Correlation: -1}
			if c.docs[j].Rule != nil {
				p.Rule = ruleIndex[j]
			} else {
				if visit(j, true); len(c.problems) > 0 {
					return
				}
				p.Correlation = done[j]
			}
			c.file = k.File
			c.part(k, name, j, &p)
			made.Of = append(made.Of, p)
		}
		delete(open, i)
		done[i] = len(c.set.correlations)
		c.set.correlations = append(c.set.correlations, made)
	}
	for i, d := range c.docs {
		if d.Correlation != nil {
			visit(i, !c.disabled(&d.Correlation.Head))
		}
	}
	for i, at := range done {
		made := c.set.correlations[at]
		made.Alone = !c.disabled(&made.Head) && (!c.asked[i] || c.generated(i))
	}
	for _, k := range c.set.correlations {
		c.file = k.File
		for alias, fields := range k.Aliases {
			for rule := range fields {
				if !slices.Contains(k.Rules, rule) {
					c.errorf(k.at["alias "+alias+" "+rule], "alias %q names %q, which is not one of the correlation's rules", alias, rule)
				}
			}
		}
		if len(k.Tripod.Inside)+len(k.Tripod.Outside)+len(k.Tripod.Exceptions) > 0 {
			c.errorf(place{k.Line, 1}, "calendars and exceptions stand on the rules a correlation rests on, or in a filter")
		}
	}
}

// part finds what a correlation reads of one of the rules it rests on.
func (c *compiling) part(k *Correlation, name string, doc int, p *Part) {
	inner := c.docs[doc].Correlation
	find := func(field string, at place) (Ref, int) {
		if inner != nil {
			if i := slices.Index(inner.GroupBy, field); i >= 0 {
				return -1, i
			}
			if !eager(inner) {
				c.errorf(at, "%q does not group by %q, and has no one record that has it", name, field)
				return -1, -1
			}
		}
		ref, problem := c.ref(field)
		if problem != "" {
			c.errorf(at, "%s", problem)
		}
		return ref, -1
	}
	for _, g := range k.GroupBy {
		field, at := g, k.at["group-by"]
		if alias, ok := k.Aliases[g]; ok {
			if field, ok = alias[name]; !ok {
				c.errorf(k.at["aliases"], "alias %q does not say which field of %q it is", g, name)
				continue
			}
			at = k.at["alias "+g+" "+name]
		}
		ref, i := find(field, at)
		p.Group, p.Inner = append(p.Group, ref), append(p.Inner, i)
	}
	for _, f := range k.Condition.Fields {
		if inner != nil {
			c.errorf(k.at["field"], "a condition on a field is for rules, not for correlations")
			continue
		}
		ref, _ := find(f, k.at["field"])
		p.Values = append(p.Values, ref)
	}
}

// eager reports whether a correlation fires at a record, and not when its time is over.
func eager(c *Correlation) bool {
	return c.Type != Absence && c.Type != Deviation && c.Condition.OnlyFromBelow()
}

// Eager reports whether the correlation fires with the record that completes it. Any other is judged when its time is over.
func (c *Compiled) Eager() bool { return eager(c.Correlation) }
