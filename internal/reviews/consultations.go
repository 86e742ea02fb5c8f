package reviews

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

// Consultation is one look at what concerns an account, as its holder may be told: when and why, not who (Court of Justice
// of the European Union, C-579/21).
type Consultation struct {
	At       time.Time   `json:"at"`
	Access   Kind        `json:"access"`
	Class    audit.Class `json:"class"`               // metadata, or the class of the content that was opened
	Purpose  string      `json:"purpose,omitempty"`   // code; "" where no case was needed
	CaseKind string      `json:"case_kind,omitempty"` // request, matter, investigation
}

// Consulted says what a list of consultations rests on, and what it cannot tell.
type Consulted struct {
	Account       string   `json:"account"` // as the organisation view names it
	Identifiers   int      `json:"identifiers"`
	Consultations int      `json:"consultations"`
	Position      uint64   `json:"position"`
	Behind        uint64   `json:"behind"`
	Limits        []string `json:"limits"`
}

// consulting is one reading of the log for one account.
type consulting struct {
	*Log
	subject *subject
	cases   map[string]caseKind
	unread  int // texts of queries that could not be read
	gone    int // looks at records that are gone
}

type caseKind struct{ kind, purpose string }

// Consultations streams, oldest first, what of the log concerns an account: looks at its records, sessions, containers and
// page, queries that name it, and content of its that was opened. Texts must open (see OpenTexts). Of the filter only the
// times count.
func (l *Log) Consultations(ctx context.Context, account string, f Filter, use func(Consultation) error) (Consulted, error) {
	return l.about(ctx, account, Filter{After: f.After, Before: f.Before}, func(c *consulting, look *Look) error {
		consultation, err := c.tell(ctx, look)
		if err != nil {
			return err
		}
		return use(consultation)
	})
}

// About streams the same with who looked, for who reviews it.
func (l *Log) About(ctx context.Context, account string, f Filter, use func(*Look) error) (Consulted, error) {
	return l.about(ctx, account, f, func(_ *consulting, look *Look) error { return use(look) })
}

func (l *Log) about(ctx context.Context, account string, f Filter, use func(*consulting, *Look) error) (Consulted, error) {
	s, err := resolve(ctx, l.Reader, account)
	if err != nil {
		return Consulted{}, err
	}
	c := &consulting{Log: l, subject: s, cases: make(map[string]caseKind)}
	out := Consulted{Account: s.id, Identifiers: len(s.ids)}
	told, err := l.Each(ctx, f, func(look *Look) error {
		concerned, err := c.concerns(ctx, look)
		if err != nil || !concerned {
			return err
		}
		out.Consultations++
		return use(c, look)
	})
	out.Position, out.Behind = told.Position, told.Behind
	out.Limits = c.limits(told)
	return out, err
}

// concerns reports whether a look is at what is the subject's.
func (c *consulting) concerns(ctx context.Context, l *Look) (bool, error) {
	switch l.Kind {
	case KindSearch, KindExport:
		text, ok := c.text(l)
		if !ok {
			return false, nil
		}
		return c.subject.named(ctx, text)
	case KindList:
		text, ok := c.text(l)
		return ok && c.subject.listed(text), nil
	case KindAccount:
		text, ok := c.text(l)
		return ok && c.subject.is(text), nil
	case KindSession:
		return c.subject.ownsSession(ctx, l.Session)
	case KindRecord, KindContent:
		if l.Position > 0 {
			return c.ownsPosition(ctx, l)
		}
		return c.subject.ownsContainer(ctx, l.Container)
	}
	return false, nil
}

func (c *consulting) text(l *Look) (string, bool) {
	if l.Query == nil {
		return "", false
	}
	if l.Query.State != "held" {
		c.unread++
		return "", false
	}
	return l.Query.Text, true
}

func (c *consulting) ownsPosition(ctx context.Context, l *Look) (bool, error) {
	item, err := c.Reader.Record(ctx, l.Position)
	var damaged *journal.CorruptError
	if errors.Is(err, journal.ErrNotFound) || errors.As(err, &damaged) || err == nil && item.Record == nil {
		own, err := c.subject.ownsContainer(ctx, l.Container)
		if !own {
			c.gone++
		}
		return own, err
	}
	if err != nil {
		return false, err
	}
	return c.subject.owns(ctx, item.Record)
}

// tell leaves out everything but date, kind and purpose.
func (c *consulting) tell(ctx context.Context, l *Look) (Consultation, error) {
	out := Consultation{At: l.At, Access: l.Kind, Class: audit.ClassMetadata, Purpose: l.Purpose}
	if l.Kind == KindContent {
		out.Class = audit.ClassText
		if l.Class != "" {
			out.Class = l.Class
		}
	}
	if l.Case == "" {
		return out, nil
	}
	if c.Veiled != nil && c.Veiled(l.Case) {
		return out, nil // that there is such a matter is all that may be told
	}
	k, err := c.caseOf(ctx, l.Case)
	if out.CaseKind = k.kind; out.Purpose == "" {
		out.Purpose = k.purpose
	}
	return out, err
}

// caseOf finds what the record that opened a case says of it.
func (c *consulting) caseOf(ctx context.Context, id string) (caseKind, error) {
	if k, ok := c.cases[id]; ok {
		return k, nil
	}
	q, err := search.Parse("source:tripod type:tripod.case.open case:"+search.Quote(id), time.Now())
	if err != nil {
		return caseKind{}, err
	}
	found, err := c.Reader.Find(ctx, q, search.Page{Limit: 1, Oldest: true})
	if err != nil {
		return caseKind{}, err
	}
	var k caseKind
	for _, item := range found.Items {
		kind, _ := item.Record.Attributes.Get("kind")
		purpose, _ := item.Record.Attributes.Get("purpose")
		k = caseKind{kind.Text(), purpose.Text()}
	}
	if len(c.cases) >= mostKnown {
		clear(c.cases)
	}
	c.cases[id] = k
	return k, nil
}

// limits says what the list cannot tell.
func (c *consulting) limits(t Told) []string {
	list := []string{
		"Which records a list or a search showed is not on record: looks that named neither the account nor one of its sessions are not here.",
		"What was read on the command line or from the files is not on record, except openings of content.",
	}
	if c.unread > 0 {
		list = append(list, fmt.Sprintf("The texts of %d queries are not held: whether they named the account cannot be told.", c.unread))
	}
	if c.gone > 0 {
		list = append(list, fmt.Sprintf("%d looks were at records that are erased or cannot be read: whose they were cannot be told.", c.gone))
	}
	if len(t.Unreadable) > 0 {
		list = append(list, fmt.Sprintf("%d acts on record cannot be read.", len(t.Unreadable)))
	}
	if t.Behind > 0 {
		list = append(list, fmt.Sprintf("The search view is %d records behind: the newest acts may be missing.", t.Behind))
	}
	return list
}
