package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/search"
)

// What the form that asks for a grant can name.
const (
	askRecord    = "record"
	askContainer = "container" // all content of the session, chat or file that the record belongs to
	askQuery     = "query"
)

// askPreset is how many minutes the form proposes.
const askPreset = 30

func (c *Console) askForms(mux *http.ServeMux) {
	asks := func(address string, glass bool, do func(*casebook.Desk, context.Context, *access.Person, casebook.Ask) (casebook.Grant, error)) form {
		return form{
			page: func(v *visit) string {
				return addressWith(address, "case", v.field("case"), "record", v.field("record"), "session", v.field("session"))
			},
			do: func(v *visit) (string, error) {
				desk, err := v.desk()
				if err != nil {
					return "", err
				}
				a, err := v.asks()
				if err != nil {
					return "", err
				}
				g, err := do(desk, v.r.Context(), v.person(), a)
				return page.GrantURL(g.Case, g.ID), err
			},
			what:  (*visit).opensAsk,
			again: func(v *visit, wrong *page.Problem) error { return v.askPage(glass, wrong) },
		}
	}
	c.form(mux, "POST /cases/ask", asks("/cases/ask", false, (*casebook.Desk).Request))
	c.form(mux, "POST /cases/glass", asks("/cases/glass", true, (*casebook.Desk).BreakGlass))
}

// parameter is what the address says, or the form where one was sent.
func (v *visit) parameter(name string) string {
	if v.r.Method == http.MethodPost {
		return v.field(name)
	}
	return v.r.URL.Query().Get(name)
}

// opensAsk says that the form is opened, and about which record.
func (v *visit) opensAsk() (opening, error) {
	o := opens("case.ask")
	if text := v.parameter("record"); text != "" {
		seq, err := strconv.ParseUint(text, 10, 63)
		if err != nil || seq == 0 {
			return o, invalid("record is a position in the journal")
		}
		o.attrs = append(o.attrs, audit.Attr{Name: "position", Value: audit.Int(int64(seq))})
	}
	if id := v.parameter("case"); len(id) <= longestCaseID && audit.InertText(id) {
		o.caseID = id
	}
	return o, nil
}

// asks is what a form asks for.
func (v *visit) asks() (casebook.Ask, error) {
	a := casebook.Ask{
		Case: v.field("case"), Class: audit.Class(v.field("class")), Reason: v.field("reason"), OwnerUnknown: v.field("unknown") == "yes",
	}
	var err error
	if a.Minutes, err = strconv.Atoi(v.field("minutes")); err != nil {
		return a, invalid("Minutes is a number from 1 to " + strconv.Itoa(casebook.MaxMinutes) + ".")
	}
	switch v.field("what") {
	case askRecord:
		seq, err := strconv.ParseUint(v.field("record"), 10, 63)
		if err != nil || seq == 0 {
			return a, invalid("Name a record by its position.")
		}
		a.Records = []uint64{seq}
	case askContainer:
		if a.Containers, err = v.containersAsked(); err != nil {
			return a, err
		}
	case askQuery:
		if a.Query = v.field("query"); a.Query == "" {
			return a, invalid("Write the query whose finds you ask to open.")
		}
	default:
		return a, invalid("Say what you ask to open.")
	}
	return a, nil
}

// containersAsked are those of the record, or of the session, that the form is about.
func (v *visit) containersAsked() ([]string, error) {
	ctx := v.r.Context()
	if text := v.parameter("record"); text != "" {
		seq, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return nil, invalid("Name a record by its position.")
		}
		item, err := v.deps.Reader.Record(ctx, seq)
		if err != nil || item.Record == nil || item.Record.Container == "" || !v.inSight(item.Record) {
			return nil, notFound(fmt.Sprintf("Record %d belongs to nothing that holds content.", seq), "")
		}
		return []string{item.Record.Container}, nil
	}
	id := v.parameter("session")
	if id == "" || !v.may(access.ReadRecords) {
		return nil, invalid("Name a record or a session.")
	}
	s, err := v.deps.Reader.SessionUpTo(ctx, id, mostOfSession)
	if err != nil {
		return nil, err
	}
	var list []string
	for i := range s.Items {
		r := s.Items[i].Record
		holds := slices.ContainsFunc(r.Content, func(c audit.Content) bool { return c.Address != "" })
		if holds && !slices.Contains(list, r.Container) {
			list = append(list, r.Container)
		}
	}
	if len(list) == 0 {
		return nil, notFound("No content of this session is held.", "")
	}
	return list, nil
}

// inSight reports whether who asks may know of a record: who reads none, of those that name an account the case is about.
func (v *visit) inSight(r *audit.Record) bool {
	if v.may(access.ReadRecords) {
		return true
	}
	c, _, err := v.deps.Desk.Peek(v.r.Context(), v.person(), v.parameter("case"))
	if err != nil || c.Hidden {
		return false
	}
	q, err := search.Parse(caseQuery(&c), v.deps.Now())
	return err == nil && len(c.Subjects) > 0 && q.Match(r)
}

func (v *visit) showAsk() error { return v.askPage(false, nil) }

func (v *visit) showGlass() error { return v.askPage(true, nil) }

// askPage shows the form that asks for a grant, or breaks the glass: as a dialog beside the page that asked for it, else as a
// page.
func (v *visit) askPage(glass bool, wrong *page.Problem) error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	list, err := desk.List(v.r.Context(), v.person())
	if err != nil {
		return err
	}
	p := page.Ask{
		CSRF: v.who.csrf, Session: v.parameter("session"), Query: v.entered("query"), Minutes: askPreset, Most: casebook.MaxMinutes, Reason: v.entered("reason"),
		Unknown: v.wasEntered("unknown", "yes"), Glass: glass, MayOpen: v.may(access.OpenCase), Logged: casebook.Dialog, Wrong: wrong,
		Classes: page.Choices([]audit.Class{audit.ClassDetail, audit.ClassText}, v.entered("class"), page.ClassWords),
	}
	if v.r.Method == http.MethodGet || p.Session == "" && v.field("known") != "" {
		p.Seq, _ = strconv.ParseUint(v.parameter("record"), 10, 63)
	}
	if n, err := strconv.Atoi(v.entered("minutes")); err == nil {
		p.Minutes = n
	}
	me, chosen := self{v.person()}, v.parameter("case")
	for i := range list {
		c := &list[i]
		if c.State == casebook.Open && !c.Hidden && slices.ContainsFunc(c.Participants, me.is) {
			p.Cases = append(p.Cases, page.Choice{Value: c.ID, Words: c.ID + ", " + page.PurposeWords(string(c.Purpose)), Chosen: c.ID == chosen})
		}
	}
	p.What = v.askChoices(&p)
	title, other, right := "Ask to open content", "/cases/glass", access.BreakGlass
	if glass {
		title, other, right = "Break the glass", "/cases/ask", access.RequestGrant
	}
	if v.may(right) {
		p.Other = addressWith(other, "case", chosen, "record", v.parameter("record"), "session", p.Session)
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.fragment("ask", "ask-dialog", p)
	}
	return v.print("ask", v.frame(title, "cases", ""), p)
}

// askChoices are what may be named: the least first.
func (v *visit) askChoices(p *page.Ask) []page.Choice {
	var list []page.Choice
	if p.Seq > 0 {
		list = append(list, page.Choice{Value: askRecord, Words: fmt.Sprintf("record %d alone", p.Seq)})
	}
	if p.Seq > 0 || p.Session != "" {
		if containers, err := v.containersAsked(); err == nil {
			words := "all content it belongs to"
			if p.Session != "" {
				words = "all content of this session"
			}
			for _, c := range containers {
				list = append(list, page.Choice{Value: askContainer, Words: words, Note: c})
				break
			}
			if n := len(containers); n > 1 {
				list[len(list)-1].Note = fmt.Sprintf("%s and %d more", containers[0], n-1)
			}
		}
	}
	if p.Seq == 0 && p.Session == "" {
		p.ByNumber, p.Number = true, v.entered("record")
		list = append(list, page.Choice{Value: askRecord, Words: "one record, by its position"})
	}
	list = append(list, page.Choice{Value: askQuery, Words: "what a query finds"})
	entered := v.entered("what")
	for i := range list {
		list[i].Chosen = list[i].Value == entered
	}
	if !slices.ContainsFunc(list, func(c page.Choice) bool { return c.Chosen }) {
		list[0].Chosen = true
	}
	return list
}
