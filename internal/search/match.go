package search

import (
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Match reports whether a record matches the query. It is what the words of a query mean; an index answers the same.
func (q *Query) Match(r *audit.Record) bool {
	var f Facts
	f.Extract(r)
	return q.MatchFacts(&f)
}

// MatchFacts is Match for facts already extracted.
func (q *Query) MatchFacts(f *Facts) bool {
	if q.windows != nil && !slices.ContainsFunc(q.windows, func(w Window) bool { return w.From <= f.Time && f.Time < w.To }) {
		return false
	}
	for _, c := range q.clauses {
		if c.matches(f) == c.Not {
			return false
		}
	}
	return true
}

// matches reports whether the facts carry one of the clause's values, whatever its sign.
func (c *Clause) matches(f *Facts) bool {
	return slices.ContainsFunc(c.Values, func(v Value) bool {
		switch {
		case c.Field.IsKey() && v.Prefix: // only "has one" is allowed
			return slices.ContainsFunc(f.Keys, func(k Name) bool { return k.Field == c.Field })
		case c.Field.IsKey():
			return slices.Contains(f.Keys, Name{c.Field, v.Text})
		case c.Field == FieldWord && !v.Prefix && slices.ContainsFunc(f.Keys, func(k Name) bool { return k.Value == v.Text }):
			return true
		}
		text := Fold(v.Text)
		return slices.ContainsFunc(f.Names, func(n Name) bool {
			if c.Field != FieldWord && n.Field != c.Field {
				return false
			}
			value := Fold(n.Value)
			return value == text || v.Prefix && strings.HasPrefix(value, text)
		})
	})
}
