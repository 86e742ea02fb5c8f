package reading

import (
	"context"
	"fmt"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// Hint is a value of a query that no record has: a search that finds nothing, or leaves nothing out, for a slip of the
// finger should not look like an answer.
type Hint struct {
	Field   search.Field
	Value   string
	Nearest string // what may have been meant; "" if nothing is close
	// Instead is a term that does find records, Found how many, where Nearest was not looked for; "" for none.
	Instead string
	Found   search.Count
	Behind  bool // the index has yet to take records in, and one of them may have it
}

// Term is the term that no record matches, as a query spells it.
func (h Hint) Term() string {
	return search.Clause{Field: h.Field, Values: []search.Value{{Text: h.Value}}}.String()
}

// Other is the term that may have been meant, "" for none.
func (h Hint) Other() string {
	if h.Nearest != "" {
		return search.Clause{Field: h.Field, Values: []search.Value{{Text: h.Nearest}}}.String()
	}
	return h.Instead
}

// String is one line.
func (h Hint) String() string {
	s := "no record has " + h.Term()
	if h.Behind {
		s = "no record indexed so far has " + h.Term()
	}
	switch other := h.Other(); {
	case other != "" && h.Nearest == "":
		s += "; did you mean " + other + " (" + found(h.Found) + ")?"
	case other != "":
		s += "; did you mean " + other + "?"
	case h.Field.IsKey():
		s += "; ids are matched whole"
	}
	return s
}

func found(c search.Count) string {
	switch {
	case !c.Exact:
		return fmt.Sprintf("at least %d records", c.N)
	case c.N == 1:
		return "1 record"
	}
	return fmt.Sprintf("%d records", c.N)
}

// maxFacets bounds the values of one field that are looked at. A field with more gives no hints.
const maxFacets = 1000

// Hints looks at the values a query names, negated or not, in fields whose values can be listed: those of people cannot.
// Values that end with a star are passed over. The error is a *ViewError.
func (r *Reader) Hints(ctx context.Context, q *search.Query) ([]Hint, error) {
	fields := listed(q)
	if len(fields) == 0 {
		return nil, nil
	}
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	facets, err := index.Facets(ctx, new(search.Query), fields, maxFacets)
	if err != nil {
		return nil, err
	}
	if !facets.Total.Exact || facets.Total.N == 0 {
		return nil, nil
	}
	var hints []Hint
	for _, c := range q.Clauses() {
		if slices.Contains(fields, c.Field) && len(facets.Values[c.Field]) < maxFacets {
			hints = append(hints, hintsFor(&c, facets.Values[c.Field])...)
		}
	}
	return hints, nil
}

// listed are the fields of a query that have facets, each once.
func listed(q *search.Query) (fields []search.Field) {
	for _, c := range q.Clauses() {
		if c.Field.HasFacets() && !slices.Contains(fields, c.Field) {
			fields = append(fields, c.Field)
		}
	}
	return fields
}

func hintsFor(c *search.Clause, had []search.FacetValue) (hints []Hint) {
	values := make([]string, len(had))
	for i, v := range had {
		values[i] = v.Value
	}
	for _, v := range c.Values {
		same := func(known string) bool { return search.Fold(known) == search.Fold(v.Text) }
		if v.Prefix || slices.ContainsFunc(values, same) {
			continue
		}
		h := Hint{Field: c.Field, Value: v.Text}
		known := slices.ContainsFunc(vocabulary(c.Field), same) || c.Field == search.FieldSource && audit.Source(v.Text).Plane() != ""
		if !known { // else it is spelt right, and there is none
			h.Nearest = search.Nearest(v.Text, slices.Concat(values, vocabulary(c.Field)))
		}
		hints = append(hints, h)
	}
	return hints
}

// vocabulary are the words of a field that a record may have and none needs to.
func vocabulary(f search.Field) (words []string) {
	switch f {
	case search.FieldActivity:
		words = texts(audit.Activities())
	case search.FieldSurface:
		words = texts(audit.Surfaces())
	case search.FieldFlag:
		words = audit.Flags()
	case search.FieldOutcome:
		words = texts([]audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown})
	}
	return words
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}
