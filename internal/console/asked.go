package console

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/search"
)

// defaultQuery leaves Tripod's own acts out. It stands in the query bar like any other and can be taken away.
const defaultQuery = "-source:tripod"

// asked is the query a request is about.
type asked struct {
	text  string
	query *search.Query
	terms terms
	now   time.Time
	err   *search.QueryError
}

// ask reads the query of a request; without one it is the default.
func (v *visit) ask() asked {
	text := defaultQuery
	if params := v.r.URL.Query(); params.Has("q") {
		text = strings.TrimSpace(params.Get("q"))
	}
	return asks(text, v.deps.Now())
}

// asks reads a query.
func asks(text string, now time.Time) asked {
	a := asked{text: text, now: now}
	var err error
	if a.query, err = search.Parse(a.text, a.now); err != nil && !errors.As(err, &a.err) {
		a.err = &search.QueryError{Query: a.text, Message: err.Error()}
	}
	if a.err == nil {
		a.terms = splitTerms(a.text)
	}
	return a
}

// mustAsk is ask for what cannot do without a query.
func (v *visit) mustAsk() (asked, error) {
	a := v.ask()
	if a.err != nil {
		return a, a.err
	}
	return a, nil
}

func (a *asked) url(t terms) string { return page.ActivityURL(t.String()) }

// at is an address below the activity page about this query, with more parameters behind it.
func (a *asked) at(path string, params ...string) string {
	u := path + "?q=" + url.QueryEscape(a.text)
	for i := 0; i+1 < len(params); i += 2 {
		u += "&" + params[i] + "=" + url.QueryEscape(params[i+1])
	}
	return u
}

// wrong shows where a query has its mistake.
func (a *asked) wrong() *page.Wrong {
	if a.err == nil {
		return nil
	}
	text := a.err.Query
	from := min(max(a.err.Offset, 0), len(text))
	to := min(from+max(a.err.Length, 1), len(text))
	return &page.Wrong{Before: text[:from], Bad: text[from:to], After: text[to:], Message: a.err.Message}
}

// chips are the terms, each with the query without it.
func (a *asked) chips() []page.Chip {
	var list []page.Chip
	for i, t := range a.terms {
		list = append(list, page.Chip{Term: t, Not: strings.HasPrefix(t, "-"), URL: a.url(a.terms.without(i))})
	}
	return list
}

// ranges are the quick stretches of time.
func (a *asked) ranges() []page.Link {
	times := a.terms.times().String()
	var list []page.Link
	for _, r := range []struct{ name, term, title string }{
		{"1 h", "after:-1h", "the last hour"}, {"24 h", "after:-24h", "the last 24 hours"}, {"7 d", "after:-7d", "the last 7 days"},
		{"30 d", "after:-30d", "the last 30 days"}, {"All", "", "all time"},
	} {
		t := a.terms.within()
		if r.term != "" {
			t = append(t, r.term)
		}
		list = append(list, page.Link{Name: r.name, Title: r.title, URL: a.url(t), Current: times == r.term})
	}
	return list
}

// cli is the command that finds the same; "" where a shell could misread it.
func (c *Console) cli(command string, words ...string) string {
	line := "tripod " + command
	if c.cfg.Dir != "" {
		words = append([]string{"--data", c.cfg.Dir}, words...)
	}
	for _, w := range words {
		if !audit.InertText(w) {
			return ""
		}
		line += " " + shellWord(w)
	}
	return line
}

// shellWord quotes a word for a POSIX shell.
func shellWord(w string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./:=@", r))
	}
	if w != "" && strings.IndexFunc(w, func(r rune) bool { return !plain(r) }) < 0 {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// number reads a parameter that counts something.
func (v *visit) number(name string, preset, most int) (int, error) {
	text := v.r.URL.Query().Get(name)
	if text == "" {
		return preset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, invalid(name + " is a number from 1 to " + strconv.Itoa(most))
	}
	return n, nil
}
