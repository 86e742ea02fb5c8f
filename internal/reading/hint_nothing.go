package reading

import (
	"context"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
)

// mostNames bounds the values of a query that NothingHints looks for.
const mostNames = 8

// NothingHints is Hints for a query that finds nothing. It also looks for values of fields that are not listed, people and
// devices among them, and says only whether there are any and how many begin with them or stand in a neighbouring field. It
// counts, and names nobody. The error is a *ViewError.
func (r *Reader) NothingHints(ctx context.Context, q *search.Query) ([]Hint, error) {
	hints, err := r.Hints(ctx, q)
	if err != nil {
		return nil, err
	}
	index, err := r.Search(ctx)
	if err != nil {
		return nil, err
	}
	if at, err := index.Position(ctx); err != nil || at == 0 {
		return hints, err
	}
	names := 0
	for _, c := range q.Clauses() {
		if c.Not || c.Field.HasFacets() {
			continue
		}
		for _, v := range c.Values {
			if names++; v.Prefix || names > mostNames {
				continue
			}
			h, missing, err := nameHint(ctx, index, c.Field, v.Text)
			if err != nil {
				return nil, err
			}
			if missing {
				hints = append(hints, h)
			}
		}
	}
	return hints, nil
}

// nameHint looks for one value: whether it is missing and, if so, for what begins with it, or has it in another field.
func nameHint(ctx context.Context, index search.Reader, f search.Field, value string) (h Hint, missing bool, err error) {
	h = Hint{Field: f, Value: value}
	n, err := countTerm(ctx, index, h.Term())
	if err != nil || n.N > 0 || f.IsKey() {
		return h, n.N == 0, err
	}
	others := []search.Clause{{Field: f, Values: []search.Value{{Text: value, Prefix: true}}}}
	for _, near := range []search.Field{search.FieldKey, search.FieldDevice, search.FieldUser, search.FieldIP} {
		if near != f && f != search.FieldWord {
			others = append(others, search.Clause{Field: near, Values: []search.Value{{Text: value}}})
		}
	}
	for _, c := range others {
		if n, err = countTerm(ctx, index, c.String()); err != nil {
			return h, true, err
		}
		if n.N > 0 {
			h.Instead, h.Found = c.String(), n
			break
		}
	}
	return h, true, nil
}

// countTerm counts the records of one term. One that is no query by itself matches nothing.
func countTerm(ctx context.Context, index search.Reader, term string) (search.Count, error) {
	q, err := search.Parse(term, time.Time{})
	if err != nil {
		return search.Count{Exact: true}, nil
	}
	return index.Count(ctx, q)
}
