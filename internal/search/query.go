package search

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Value is one value a clause accepts: a whole value, or everything that begins with Text.
type Value struct {
	Text   string
	Prefix bool
}

// Clause is one condition: the record carries one of Values in Field (or, where Not, none of them).
type Clause struct {
	Field  Field
	Not    bool
	Values []Value
}

// Window is a stretch of time in Unix milliseconds, half-open: From is inside, To is not.
type Window struct{ From, To int64 }

// The ends of a window that is open.
const (
	Beginning = math.MinInt64
	End       = math.MaxInt64
)

// Query is a parsed query: all its clauses hold, and the record's time lies in one of its windows. The zero Query matches
// everything.
type Query struct {
	clauses []Clause // sorted, each (field, not) once; words one clause each
	after   *int64
	before  *int64
	at      []period
	notAt   []period
	windows []Window // nil: no bound
}

// Clauses are the conditions other than time. They must not be changed.
func (q *Query) Clauses() []Clause { return q.clauses }

// Windows are the stretches of time the query asks for, sorted and apart; none when nothing can match.
func (q *Query) Windows() []Window {
	if q.windows == nil {
		return []Window{{Beginning, End}}
	}
	return q.windows
}

// String is the query in its canonical form: parsed again it gives an equal query.
func (q *Query) String() string {
	var terms []string
	for _, c := range q.clauses {
		terms = append(terms, c.String())
	}
	if q.after != nil {
		terms = append(terms, "after:"+formatInstant(*q.after))
	}
	if q.before != nil {
		terms = append(terms, "before:"+formatInstant(*q.before))
	}
	if len(q.at) > 0 {
		terms = append(terms, "at:"+formatPeriods(q.at))
	}
	if len(q.notAt) > 0 {
		terms = append(terms, "-at:"+formatPeriods(q.notAt))
	}
	return strings.Join(terms, " ")
}

// String is the clause as a query spells it.
func (c Clause) String() string {
	var b strings.Builder
	if c.Not {
		b.WriteByte('-')
	}
	if c.Field != FieldWord {
		b.WriteString(c.Field.String())
		b.WriteByte(':')
	}
	for i, v := range c.Values {
		if i > 0 {
			b.WriteByte(',')
		}
		switch {
		case v.Text == "":
		case c.Field == FieldWord && i == 0 && bareWordMisread(v.Text):
			b.WriteString(quote(v.Text))
		default:
			b.WriteString(Quote(v.Text))
		}
		if v.Prefix {
			b.WriteByte('*')
		}
	}
	return b.String()
}

// Quote spells a value so that a query takes it literally: session:Quote(id).
func Quote(value string) string {
	if value == "" || strings.ContainsAny(value, `",*\`) || strings.ContainsFunc(value, unicode.IsSpace) {
		return quote(value)
	}
	return value
}

func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// bareWordMisread tells whether a word without quotes would be read as something else.
func bareWordMisread(w string) bool {
	name, _, colon := strings.Cut(w, ":")
	return w[0] == '-' || w[0] == '(' || isOperator(w) || colon && isFieldName(name)
}

// normalise brings the clauses into canonical order: one clause a field and sign, values sorted, each once.
func (q *Query) normalise() {
	merged := q.clauses[:0:0]
	at := make(map[side]int)
	for _, c := range q.clauses {
		key := side{c.Field, c.Not}
		if i, ok := at[key]; ok && c.Field != FieldWord {
			merged[i].Values = append(merged[i].Values, c.Values...)
			continue
		}
		at[key] = len(merged)
		merged = append(merged, Clause{c.Field, c.Not, slices.Clone(c.Values)})
	}
	for _, c := range merged {
		slices.SortFunc(c.Values, compareValues)
	}
	for i := range merged {
		merged[i].Values = slices.Compact(merged[i].Values)
	}
	slices.SortStableFunc(merged, compareClauses)
	q.clauses = slices.CompactFunc(merged, func(a, b Clause) bool { return compareClauses(a, b) == 0 })
	q.at, q.notAt = normalisePeriods(q.at), normalisePeriods(q.notAt)
	q.windows = q.computeWindows()
}

// side is a field asked for or excluded.
type side struct {
	field Field
	not   bool
}

func compareValues(a, b Value) int {
	if c := strings.Compare(a.Text, b.Text); c != 0 {
		return c
	}
	return compareBools(a.Prefix, b.Prefix)
}

func compareClauses(a, b Clause) int {
	return cmp.Or(cmp.Compare(a.Field, b.Field), compareBools(a.Not, b.Not), slices.CompareFunc(a.Values, b.Values, compareValues))
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
