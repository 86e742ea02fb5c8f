package search

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of a query.
const (
	MaxQuery  = 8 << 10 // bytes
	maxValues = 256     // over all clauses
)

// Parse reads a query. Relative times (after:-7d, at:today) are resolved against now; with a zero now they are refused.
// The error, if any, is a *QueryError.
//
//	user:dana@example.com activity:tool_call -outcome:success after:2026-11-01
//
// Terms are separated by spaces and all must hold. A field given twice, or a list after a comma, means any of the values;
// - before a term means none of them; * at the end of a value means a prefix, alone any value. Values with spaces, commas
// or stars are quoted. Names match without regard to case, ids of keys (session:, request: …) exactly and whole. A word
// without a field matches any name or id. Times are UTC and half-open.
func Parse(text string, now time.Time) (*Query, error) {
	p := &parser{text: text, now: now, query: new(Query)}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.query, nil
}

type parser struct {
	text   string
	at     int
	now    time.Time
	query  *Query
	values int
}

func (p *parser) fail(offset, length int, format string, args ...any) error {
	return &QueryError{Query: p.text, Offset: offset, Length: length, Message: fmt.Sprintf(format, args...)}
}

func (p *parser) parse() error {
	if len(p.text) > MaxQuery {
		p.text = cut(p.text, MaxQuery)
		return p.fail(len(p.text), 0, "the query is longer than %d bytes", MaxQuery)
	}
	if !utf8.ValidString(p.text) {
		return p.fail(validPrefix(p.text), 1, "not valid UTF-8")
	}
	for {
		p.skipSpace()
		if p.at == len(p.text) {
			break
		}
		if err := p.term(); err != nil {
			return err
		}
	}
	p.query.normalise()
	return nil
}

// validPrefix is the length of the part that is valid UTF-8.
func validPrefix(s string) int {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(s)
}

func (p *parser) skipSpace() {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
}

// term reads [-][field:]value{,value}.
func (p *parser) term() error {
	start := p.at
	not := false
	if p.text[p.at] == '-' {
		not = true
		p.at++
		if p.atEnd() {
			return p.fail(start, 1, `a lone "-" negates nothing: write -tool:Bash, or quote it`)
		}
	}
	field, err := p.field()
	if err != nil {
		return err
	}
	if field == FieldWord {
		if err := p.refuseOperators(); err != nil {
			return err
		}
	}
	values, err := p.list(field)
	if err != nil {
		return err
	}
	if field.info().kind == kindTime {
		return p.addTimes(field, not, values, start)
	}
	c := Clause{Field: field, Not: not}
	for _, v := range values {
		if err := p.check(field, v); err != nil {
			return err
		}
		c.Values = append(c.Values, v.Value)
	}
	p.query.clauses = append(p.query.clauses, c)
	return nil
}

// atEnd reports whether a term ends here.
func (p *parser) atEnd() bool {
	if p.at == len(p.text) {
		return true
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return unicode.IsSpace(r)
}

// field reads "name:" if it stands here; otherwise the term is a word.
func (p *parser) field() (Field, error) {
	name, rest, colon := strings.Cut(p.text[p.at:], ":")
	if !colon || !isFieldName(name) {
		return FieldWord, nil
	}
	f, ok := FieldByName(strings.ToLower(name))
	if !ok {
		if near := nearest(strings.ToLower(name), fieldNames()); near != "" {
			return 0, p.fail(p.at, len(name), "unknown field %q, did you mean %q?", name, near)
		}
		return 0, p.fail(p.at, len(name), `unknown field %q: the fields are %s; quote the word to search for it with its colon`,
			name, strings.Join(fieldNames(), ", "))
	}
	begin := p.at
	p.at += len(name) + 1
	if p.atEnd() {
		hint := ""
		if strings.TrimSpace(rest) != "" {
			hint = ", without a space after the colon"
		}
		return 0, p.fail(begin, len(name)+1, "%s: wants a value%s", f, hint)
	}
	return f, nil
}

func fieldNames() []string {
	var names []string
	for _, f := range Fields() {
		names = append(names, f.String())
	}
	return names
}

func isFieldName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != '_' {
			return false
		}
	}
	return s != ""
}

func isOperator(w string) bool { return w == "AND" || w == "OR" || w == "NOT" }

// refuseOperators catches what other query languages would understand and this one would take for a word.
func (p *parser) refuseOperators() error {
	word := p.text[p.at:]
	if i := strings.IndexFunc(word, unicode.IsSpace); i >= 0 {
		word = word[:i]
	}
	switch {
	case isOperator(word):
		return p.fail(p.at, len(word), `%s is no operator here: all terms must hold, tool:Bash,Read means any of them, - negates; quote %q to search for the word`, word, word)
	case word[0] == '(':
		return p.fail(p.at, 1, "there are no groups: tool:Bash,Read means any of them; quote a word that begins with a parenthesis")
	}
	return nil
}

// placed is a value and where it stands.
type placed struct {
	Value
	offset, length int
	quoted         bool
}

// list reads value{,value}.
func (p *parser) list(f Field) ([]placed, error) {
	var values []placed
	for {
		v, err := p.value(f)
		if err != nil {
			return nil, err
		}
		if p.values++; p.values > maxValues {
			return nil, p.fail(v.offset, v.length, "more than %d values", maxValues)
		}
		values = append(values, v)
		if p.at == len(p.text) || p.text[p.at] != ',' {
			return values, nil
		}
		p.at++
	}
}

// value reads one value: bare up to a space or comma, or quoted, with an optional star behind it.
func (p *parser) value(f Field) (placed, error) {
	v := placed{offset: p.at}
	var err error
	if p.at < len(p.text) && p.text[p.at] == '"' {
		v.quoted = true
		v.Text, err = p.quoted()
	} else {
		v.Text, err = p.bare()
	}
	if err != nil {
		return v, err
	}
	if p.at < len(p.text) && p.text[p.at] == '*' {
		v.Prefix = true
		p.at++
	}
	v.length = p.at - v.offset
	if !p.atEnd() && p.text[p.at] != ',' {
		if v.Prefix {
			return v, p.fail(p.at-1, 1, "* stands only at the end of a value; quote the value to search for the star itself")
		}
		return v, p.fail(p.at, 1, "a space or a comma is missing after the closing quote")
	}
	if v.Text == "" && !v.Prefix {
		where := "here"
		if f != FieldWord {
			where = "in " + f.String() + ":"
		}
		return v, p.fail(v.offset, max(1, v.length), "a value is missing %s", where)
	}
	return v, nil
}

func (p *parser) bare() (string, error) {
	start := p.at
	for i, r := range p.text[start:] {
		if unicode.IsSpace(r) || r == ',' || r == '*' {
			p.at = start + i
			return p.text[start:p.at], nil
		}
		if r == '"' {
			return "", p.fail(start+i, 1, `a quote within a value: quote the whole value and write \" inside`)
		}
	}
	p.at = len(p.text)
	return p.text[start:], nil
}

func (p *parser) quoted() (string, error) {
	start := p.at
	var b strings.Builder
	for i := start + 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			p.at = i + 1
			return b.String(), nil
		case c == '\\' && i+1 < len(p.text) && (p.text[i+1] == '"' || p.text[i+1] == '\\'):
			i++
			b.WriteByte(p.text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", p.fail(start, 1, "this quote is never closed")
}

// check refuses what could never match although it looks as if it might: in an audit, a misspelt value that silently
// finds nothing is worse than an error.
func (p *parser) check(f Field, v placed) error {
	switch {
	case f == FieldWord && v.Prefix && v.Text == "":
		return p.fail(v.offset, v.length, "a lone * matches everything: leave it out, or write tool:* for records that have a tool")
	case f.IsKey() && v.Prefix && v.Text != "":
		return p.fail(v.offset+v.length-1, 1, "%s: takes whole ids; %s:* finds the records that have one", f, f)
	case v.Prefix:
		return nil
	case f == FieldActivity:
		var known []string
		for _, a := range audit.Activities() {
			known = append(known, string(a))
		}
		return p.checkClosed(f, v, known)
	case f == FieldOutcome:
		return p.checkClosed(f, v, []string{string(audit.OutcomeSuccess), string(audit.OutcomeFailure), string(audit.OutcomeDenied), string(audit.OutcomeUnknown)})
	}
	return nil
}

func (p *parser) checkClosed(f Field, v placed, known []string) error {
	lower := fold(v.Text)
	for _, k := range known {
		if k == lower {
			return nil
		}
	}
	if near := nearest(lower, known); near != "" {
		return p.fail(v.offset, v.length, "unknown %s %q, did you mean %q?", f, v.Text, near)
	}
	return p.fail(v.offset, v.length, "unknown %s %q: want one of %s", f, v.Text, strings.Join(known, ", "))
}

func (p *parser) addTimes(f Field, not bool, values []placed, start int) error {
	q := p.query
	if not && f != FieldAt {
		return p.fail(start, 1, "%s: cannot be negated: use %s:", f, map[Field]Field{FieldAfter: FieldBefore, FieldBefore: FieldAfter}[f])
	}
	for i, v := range values {
		if v.Prefix {
			return p.fail(v.offset+v.length-1, 1, "times have no prefix: at:2026-11 means the whole month")
		}
		t, err := parseTime(v.Text, p.now)
		if err != nil {
			return p.fail(v.offset, v.length, "%s", err)
		}
		switch f {
		case FieldAt:
			if not {
				q.notAt = append(q.notAt, t)
			} else {
				q.at = append(q.at, t)
			}
			continue
		case FieldAfter:
			if q.after != nil || i > 0 {
				return p.fail(v.offset, v.length, "after: is given twice")
			}
			q.after = &t.start
		case FieldBefore:
			if q.before != nil || i > 0 {
				return p.fail(v.offset, v.length, "before: is given twice")
			}
			q.before = &t.start
		}
		if q.after != nil && q.before != nil && *q.after >= *q.before {
			return p.fail(v.offset, v.length, "nothing lies between after:%s and before:%s", formatInstant(*q.after), formatInstant(*q.before))
		}
	}
	return nil
}
