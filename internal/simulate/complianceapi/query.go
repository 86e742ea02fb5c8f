package complianceapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// params are the query parameters a route takes. Any other is refused.
type params struct {
	limit  *limits
	ranges map[string]string // created_at, updated_at: the operators, space-separated
	lists  map[string]int    // name without brackets: how many at most, 0 for any number
	words  map[string]string // values permitted, space-separated; "" for any text
	whole  map[string]int    // a whole number and its default
	cursor bool              // after_id and before_id
	page   bool
}

type limits struct {
	usual int // 0: everything
	most  int
}

// span is a range of times; a zero time bounds nothing.
type span struct{ gte, gt, lte, lt time.Time }

func (s span) empty() bool { return s == span{} }

func (s span) holds(t time.Time) bool {
	return (s.gte.IsZero() || !t.Before(s.gte)) && (s.gt.IsZero() || t.After(s.gt)) && (s.lte.IsZero() || !t.After(s.lte)) && (s.lt.IsZero() || t.Before(s.lt))
}

// query is what a request asks for.
type query struct {
	limit               int
	after, before, page string
	created, updated    span
	lists               map[string][]string
	words               map[string]string
	whole               map[string]int
}

func (q *query) desc(usual bool) bool {
	if q.words["order"] == "" {
		return usual
	}
	return q.words["order"] == "desc"
}

// parse reads a raw query. Wording follows the vendor's, new or old.
func (p *params) parse(raw string, w Wording) (*query, *refusal) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("The query string could not be parsed.")
	}
	q := &query{lists: map[string][]string{}, words: map[string]string{}, whole: map[string]int{}}
	if p.limit != nil {
		q.limit = p.limit.usual
	}
	for name, n := range p.whole {
		q.whole[name] = n
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if e := p.read(q, name, values[name], w); e != nil {
			return nil, e
		}
	}
	if q.after != "" && q.before != "" {
		return nil, invalid("Only one of after_id and before_id can be given.")
	}
	return q, nil
}

func (p *params) read(q *query, name string, values []string, w Wording) *refusal {
	value := values[len(values)-1]
	if list, ok := strings.CutSuffix(name, "[]"); ok {
		if most, ok := p.lists[list]; ok {
			if most > 0 && len(values) > most {
				return invalid("%s: List should have at most %d items after validation, not %d", name, most, len(values))
			}
			q.lists[list] = values
			return nil
		}
		return p.unknown(name)
	}
	if field, op, ok := strings.Cut(name, "."); ok {
		if ops, ok := p.ranges[field]; ok && slices.Contains(strings.Fields(ops), op) {
			return q.bound(field, op, value, w)
		}
		return p.unknown(name)
	}
	if permitted, ok := p.words[name]; ok {
		if permitted != "" && !slices.Contains(strings.Fields(permitted), value) {
			return invalid("%s: Input should be '%s'", name, strings.Join(strings.Fields(permitted), "' or '"))
		}
		q.words[name] = value
		return nil
	}
	if _, ok := p.whole[name]; ok {
		n, err := strconv.Atoi(value)
		if err != nil {
			return invalid("%s: Input should be a valid integer, unable to parse string as an integer", name)
		}
		q.whole[name] = n
		return nil
	}
	switch {
	case name == "limit" && p.limit != nil:
		return p.limit.read(q, value, w)
	case name == "page" && p.page:
		q.page = value
	case name == "after_id" && p.cursor:
		q.after = value
	case name == "before_id" && p.cursor:
		q.before = value
	default:
		return p.unknown(name)
	}
	return nil
}

func (l *limits) read(q *query, value string, w Wording) *refusal {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return invalid("limit: Input should be a valid integer, unable to parse string as an integer")
	case (n < 1 || n > l.most) && w == August:
		return invalid("The limit parameter must be between 1 and %d, inclusive. Got %d.", l.most, n)
	case n > l.most:
		return invalid("limit: Input should be less than or equal to %d", l.most)
	case n < 1:
		return invalid("limit: Input should be greater than or equal to 1")
	}
	q.limit = n
	return nil
}

func (q *query) bound(field, op, value string, w Wording) *refusal {
	t, problem := moment(value)
	if problem != "" {
		if w == August {
			return invalid("The `%s.%s` parameter contains an invalid timestamp format. Use RFC 3339 with a time zone.", field, op)
		}
		return invalid("%s.%s: %s", field, op, problem)
	}
	s := &q.created
	if field == "updated_at" {
		s = &q.updated
	}
	switch op {
	case "gte":
		s.gte = t
	case "gt":
		s.gt = t
	case "lte":
		s.lte = t
	case "lt":
		s.lt = t
	}
	return nil
}

// moment reads a time, which needs a zone.
func moment(value string) (t time.Time, problem string) {
	t, err := time.Parse(time.RFC3339Nano, value)
	if err == nil {
		return t.UTC(), ""
	}
	for _, bare := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if _, err := time.Parse(bare, value); err == nil {
			return t, "Input should have timezone info"
		}
	}
	return time.Time{}, "Input should be a valid datetime or date, invalid character in year"
}

// unknown refuses a parameter, with what was meant where that is plain.
func (p *params) unknown(name string) *refusal {
	meant := strings.TrimSuffix(strings.ReplaceAll(name, "[", "."), "]")
	var known []string
	for field, ops := range p.ranges {
		for _, op := range strings.Fields(ops) {
			known = append(known, field+"."+op)
		}
	}
	for list := range p.lists {
		known = append(known, list+"[]")
	}
	slices.Sort(known)
	for _, k := range known {
		if meant == k || name+"[]" == k || name+"s[]" == k || strings.ReplaceAll(name, "_", ".") == strings.ReplaceAll(k, "_", ".") {
			return invalid("Unknown query parameter: '%s'. Did you mean '%s'?", name, k)
		}
	}
	return invalid("Unknown query parameter: '%s'.", name)
}
