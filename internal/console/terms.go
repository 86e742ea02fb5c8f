package console

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/tripod-audit/tripod/internal/search"
)

// terms are the terms of a query as somebody spelled them, so that a click changes one and leaves the others alone:
// after:-7d stays relative.
type terms []string

// splitTerms splits the text of a query that parses.
func splitTerms(text string) terms {
	var list terms
	start, quoted, escaped := -1, false, false
	for i, r := range text {
		switch {
		case start < 0 && unicode.IsSpace(r):
			continue
		case start < 0:
			start = i
		}
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && unicode.IsSpace(r):
			list, start = append(list, text[start:i]), -1
		}
	}
	if start >= 0 {
		list = append(list, text[start:])
	}
	return list
}

func (t terms) String() string { return strings.Join(t, " ") }

// clause reads one term; ok is false for a term about time.
func clause(term string, now time.Time) (c search.Clause, ok bool) {
	q, err := search.Parse(term, now)
	if err != nil || len(q.Clauses()) != 1 {
		return c, false
	}
	return q.Clauses()[0], true
}

// without drops one term.
func (t terms) without(i int) terms { return slices.Delete(slices.Clone(t), i, i+1) }

// instead puts another term in place of the one that asks for this value alone; ok is false where none does.
func (t terms) instead(f search.Field, value, other string, now time.Time) (out terms, ok bool) {
	if other == "" {
		return nil, false
	}
	for i, term := range t {
		if c, ok := clause(term, now); ok && c.Field == f && !c.Not && len(c.Values) == 1 && names(c.Values, value) {
			out = slices.Clone(t)
			out[i] = other
			return out, true
		}
	}
	return nil, false
}

// withoutField drops the terms that ask for values of a field.
func (t terms) withoutField(f search.Field, now time.Time) terms {
	return slices.DeleteFunc(slices.Clone(t), func(term string) bool {
		c, ok := clause(term, now)
		return ok && c.Field == f && !c.Not
	})
}

// values are what the terms ask of a field.
func (t terms) values(f search.Field, now time.Time) []search.Value {
	var list []search.Value
	for _, term := range t {
		if c, ok := clause(term, now); ok && c.Field == f && !c.Not {
			list = append(list, c.Values...)
		}
	}
	return list
}

// names reports whether a list of values has a whole value in it.
func names(values []search.Value, text string) bool {
	return slices.ContainsFunc(values, func(v search.Value) bool { return !v.Prefix && search.Fold(v.Text) == search.Fold(text) })
}

// toggle adds a value to what is asked of a field, or takes it back.
func (t terms) toggle(f search.Field, value string, now time.Time) terms {
	out := slices.Clone(t)
	taken := false
	for i := len(out) - 1; i >= 0; i-- {
		c, ok := clause(out[i], now)
		if !ok || c.Field != f || c.Not || !names(c.Values, value) {
			continue
		}
		taken = true
		rest := slices.DeleteFunc(slices.Clone(c.Values), func(v search.Value) bool { return names([]search.Value{v}, value) })
		if len(rest) == 0 {
			out = slices.Delete(out, i, i+1)
		} else {
			out[i] = search.Clause{Field: f, Values: rest}.String()
		}
	}
	if taken {
		return out
	}
	for i := range out {
		if c, ok := clause(out[i], now); ok && c.Field == f && !c.Not {
			out[i] = search.Clause{Field: f, Values: append(slices.Clone(c.Values), search.Value{Text: value})}.String()
			return out
		}
	}
	return append(out, search.Clause{Field: f, Values: []search.Value{{Text: value}}}.String())
}

// except adds a term that leaves a value out.
func (t terms) except(f search.Field, value string) terms {
	return append(slices.Clone(t), search.Clause{Field: f, Not: true, Values: []search.Value{{Text: value}}}.String())
}

// within replaces what the terms say about time.
func (t terms) within(times ...string) terms {
	out := slices.DeleteFunc(slices.Clone(t), isTime)
	return append(out, times...)
}

// times are the terms about time.
func (t terms) times() terms {
	return slices.DeleteFunc(slices.Clone(t), func(term string) bool { return !isTime(term) })
}

func isTime(term string) bool {
	name, _, colon := strings.Cut(strings.TrimPrefix(term, "-"), ":")
	f, ok := search.FieldByName(strings.ToLower(name))
	return colon && ok && (f == search.FieldAfter || f == search.FieldBefore || f == search.FieldAt)
}

// between spells a half-open stretch of time.
func between(from, to time.Time) []string {
	return []string{"after:" + spell(from), "before:" + spell(to)}
}

func spell(t time.Time) string {
	t = t.UTC()
	switch {
	case t.Nanosecond() != 0:
		return t.Format("2006-01-02T15:04:05.000Z")
	case t.Second() == 0 && t.Minute() == 0 && t.Hour() == 0:
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05Z")
}
