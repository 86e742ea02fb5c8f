package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// judging is one evaluation. It belongs to one goroutine.
type judging struct {
	set   *ruleSet
	cache *cache[span, []Finding] // nil: none
	marks *marks                  // nil: none
	facts facts

	known    bool // facts.findings are there
	early    bool // the text has not ended: rules that ask about it wait
	deadline time.Time
	ctx      context.Context // ends at the deadline
	cancel   context.CancelFunc
	noted    []string // marks
	failed   []error
}

// begin reads the event; what is wrong with its arguments is a failure, and the rest is judged all the same.
func begin(set *ruleSet, c *cache[span, []Finding], m *marks, ev *Event) *judging {
	j := &judging{set: set, cache: c, marks: m, facts: facts{set: set, event: ev, tool: toolOf(ev.Tool, ev.MCP), text: ev.Text}}
	args, err := readArguments(ev.Arguments)
	if err != nil {
		j.fail(err)
	}
	j.facts.args = args
	j.facts.marks = ev.Marks
	if noted := m.get(ev); len(noted) > 0 {
		j.facts.marks = joinWords(noted, ev.Marks)
	}
	if ev.Text == "" && len(ev.Arguments) > 0 {
		if j.facts.text = spoken(args); err != nil {
			j.facts.text = unreadText(ev.Arguments)
		}
	}
	j.deadline = time.Now().Add(set.cfg.Budget.of(len(j.facts.text)))
	return j
}

func (j *judging) fail(err error) {
	if !slices.ContainsFunc(j.failed, func(f error) bool { return f.Error() == err.Error() }) {
		j.failed = append(j.failed, err)
	}
}

// run tries the rules of the point in their order.
func (j *judging) run(ctx context.Context) Verdict {
	j.ctx = ctx
	defer func() {
		if j.cancel != nil {
			j.cancel()
		}
	}()
	v := Verdict{Effect: Allow, RuleSet: j.set.version}
	for _, r := range j.set.at[j.facts.event.Point] {
		m, is := j.try(r)
		if !is {
			continue
		}
		v.Matches = append(v.Matches, m)
		if m.Exception == "" {
			j.marks.add(j.facts.event, r.Marks)
			j.noted = append(j.noted, r.Marks...)
		}
		if m.Mode != Enforce || m.Exception != "" {
			continue
		}
		if m.Effect == Allow && v.Effect == Allow {
			v.Rule = m.Rule
		}
		if m.Effect.Rank() > v.Effect.Rank() {
			v.Effect, v.Rule, v.Message = m.Effect, m.Rule, m.Message
		}
		if m.Effect == Allow {
			break
		}
	}
	if j.facts.over {
		j.fail(fmt.Errorf("%w: more paths or destinations than are looked at", ErrIncomplete))
	}
	v.Failed = errors.Join(j.failed...)
	return v
}

// try holds one rule against the event, the cheapest first.
func (j *judging) try(r *rule) (Match, bool) {
	if !r.concerns(&j.facts) || j.early && r.asksText() {
		return Match{}, false
	}
	var counted []Finding
	if len(r.selects) > 0 {
		for i := range j.findings() {
			if f := &j.facts.findings[i]; r.selected(f) {
				counted = append(counted, *f)
			}
		}
		if len(counted) < r.Min {
			return Match{}, false
		}
	}
	if r.when != nil && !j.holds(r, r.when) {
		return Match{}, false
	}
	return Match{
		Rule: r.ID, Effect: r.Effect, Mode: r.Mode, Severity: r.Severity, Message: r.Message, Findings: counted,
		Controls: r.Controls, Techniques: r.Techniques, Exception: j.excepted(r),
	}, true
}

// mostAsked is how many bytes of a text conditions may ask about: an expression takes some 30 ms a MB and cannot be interrupted.
const mostAsked = 4 << 20

// clock is a context that ends at the deadline; it is made when something first needs one.
func (j *judging) clock() context.Context {
	if j.cancel == nil {
		j.ctx, j.cancel = context.WithDeadline(j.ctx, j.deadline)
	}
	return j.ctx
}

func (j *judging) holds(r *rule, c *condition) bool {
	if c.reading("findings") {
		j.findings()
	}
	if whole := j.facts.text; len(whole) > mostAsked && c.reading("text") {
		j.facts.text = strings.ToValidUTF8(whole[:mostAsked], "")
		defer func() { j.facts.text = whole }()
		j.fail(fmt.Errorf("%w: rule %s asks about a text of %d bytes, of which the first %d were looked at", ErrIncomplete, r.ID, len(whole), mostAsked))
	}
	is, err := c.holds(j.clock, r.ID, &j.facts)
	if err != nil {
		j.fail(err)
	}
	return is
}

// concerns reports whether the rule is about such an event at all, as far as that needs no condition.
func (r *rule) concerns(f *facts) bool {
	ev := f.event
	return (len(r.Sources) == 0 || slices.Contains(r.Sources, ev.Source)) &&
		(len(r.Surfaces) == 0 || slices.Contains(r.Surfaces, ev.Surface)) &&
		(len(r.Kinds) == 0 || slices.Contains(r.Kinds, ev.Kind)) &&
		(len(r.Tools) == 0 || f.tool.name != "" && anyGlob(r.Tools, f.tool.full)) &&
		(len(r.MCP) == 0 || f.tool.server != "" && anyGlob(r.MCP, f.tool.server)) &&
		(r.Who == nil || r.who(&ev.Account))
}

func (r *rule) who(a *audit.Account) bool {
	if r.Effect == Allow {
		return r.Who.matches(&a.Proved)
	}
	return r.Who.matches(&a.Proved, &a.Asserted)
}

func (r *rule) selected(f *Finding) bool {
	return slices.ContainsFunc(r.selects, func(s selector) bool { return s.matches(f) })
}

// excepted tells which exception of the rule holds for the event; "" is none.
func (j *judging) excepted(r *rule) string {
	f := &j.facts
	for i := range r.exceptions {
		x := &r.exceptions[i]
		if f.event.At.IsZero() || !f.event.At.Before(x.until) ||
			len(x.Surfaces) > 0 && !slices.Contains(x.Surfaces, f.event.Surface) ||
			len(x.Tools) > 0 && (f.tool.name == "" || !anyGlob(x.Tools, f.tool.full)) ||
			len(x.MCP) > 0 && (f.tool.server == "" || !anyGlob(x.MCP, f.tool.server)) ||
			x.Who != nil && !x.Who.matches(&f.event.Account.Proved) ||
			x.when != nil && !j.holds(r, x.when) {
			continue
		}
		return x.String()
	}
	return ""
}

// findings are what the detectors find in the text, from the cache where it is known.
func (j *judging) findings() []Finding {
	if j.known {
		return j.facts.findings
	}
	j.known = true
	text := j.facts.text
	if text == "" {
		return nil
	}
	var key span
	if j.cache != nil {
		key = spanOf(j.facts.event, text, j.set.detectors.Version())
		if found, is := j.cache.get(key); is {
			j.facts.findings = found
			return found
		}
	}
	found, err := j.scan(text)
	j.facts.findings = found
	if err != nil {
		j.fail(err)
	} else {
		j.cache.put(key, found)
	}
	return found
}

// piece is how many bytes are scanned between two looks at the clock.
const piece = 64 << 10

// scan runs the detectors over the text, which may take as long as the deadline says. One piece is read whatever the clock says.
func (j *judging) scan(text string) ([]Finding, error) {
	if len(text) <= piece {
		return j.set.detectors.Scan(text), nil
	}
	stream := j.set.detectors.Stream()
	var found []Finding
	for rest := text; rest != ""; {
		n := min(piece, len(rest))
		found = append(found, stream.Write([]byte(rest[:n]))...)
		rest = rest[n:]
		if rest != "" && (j.ctx.Err() != nil || time.Now().After(j.deadline)) {
			return found, fmt.Errorf("%w: %d of %d bytes were scanned", ErrIncomplete, len(text)-len(rest), len(text))
		}
	}
	found = append(found, stream.Close()...)
	slices.SortStableFunc(found, func(a, b Finding) int { return a.Start - b.Start })
	return found, nil
}
