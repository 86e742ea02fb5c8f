package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/wording"
)

// How much of a case's records and acts one page shows.
const (
	caseRecords = 25
	caseActs    = 50
)

// self tells who looks apart from others.
type self struct{ *access.Person }

// is reports whether somebody of a case is who looks.
func (s self) is(r casebook.Ref) bool {
	return r.Subject != "" && r.Subject == s.Subject || r.Email != "" && strings.EqualFold(r.Email, s.Email)
}

// showCase goes on part by part: what cannot be read says so in its place.
func (v *visit) showCase() error { return v.casePage(v.r.PathValue("id"), nil) }

// casePage prints the page of a case, with what was wrong with a form of it.
func (v *visit) casePage(id string, wrong *page.Problem) error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	ctx, me := v.r.Context(), self{v.person()}
	c, grants, err := desk.Show(ctx, me.Person, id)
	if err != nil {
		return err
	}
	waits, err := v.waits(desk)
	if err != nil {
		return err
	}
	p := page.Case{CaseRow: page.CaseRow{Case: c}, Now: v.deps.Now().UTC(), CSRF: v.who.csrf, Wrong: wrong}
	p.Mine = slices.ContainsFunc(c.Participants, me.is)
	p.MayChange = v.may(access.OpenCase) && (me.is(c.Owner) || v.person().Has(access.PrivacyOfficer) && len(c.Privileged) == 0)
	p.MayAsk = p.Mine && v.may(access.RequestGrant)
	p.MayGlass = p.Mine && v.may(access.BreakGlass)
	p.MayHold = p.Mine && c.Kind == casebook.KindMatter && v.may(access.SetHold) && v.deps.Lifecycle != nil
	for _, role := range access.Holders(access.ReadCases) {
		p.Roles = append(p.Roles, string(role))
	}
	for _, r := range c.Participants {
		p.People = append(p.People, page.Participant{Ref: r, Owner: r == c.Owner, Self: me.is(r)})
	}
	for _, s := range c.Subjects {
		p.About = append(p.About, page.Subject{Who: s.Account, Query: subjectQuery(s)})
	}
	for i := range grants {
		p.Grants = append(p.Grants, v.grant(&c, &grants[i], waits))
	}
	if !c.Hidden {
		p.RecordsProblem = v.part(v.fillCaseRecords(ctx, &p, grants))
		p.ActsProblem = v.part(v.fillCaseActs(ctx, &p))
	}
	return v.print("case", v.frame("Case "+page.Plain(c.ID), "cases", v.cli("case", "show", c.ID)), &p)
}

// grant is a grant with what who looks may do with it. What they may decide is what the desk says waits for them.
func (v *visit) grant(c *casebook.Case, g *casebook.Grant, w waits) page.Grant {
	me := self{v.person()}
	out := page.Grant{Grant: *g, Now: v.deps.Now().UTC(), CSRF: v.who.csrf, Reads: v.may(access.ReadRecords), Mine: me.is(g.By)}
	this := func(other casebook.Grant) bool { return other.ID == g.ID }
	out.MayDecide, out.MayReview = slices.ContainsFunc(w.approve, this), slices.ContainsFunc(w.review, this)
	lives := g.State == casebook.Requested || g.State == casebook.Opened
	out.MayWithdraw = lives && (out.Mine || me.is(c.Owner) || g.State == casebook.Opened && v.may(access.ApproveGrant))
	return out
}

// subjectQuery finds the records that name an account a case is about.
func subjectQuery(s casebook.Subject) string {
	values := []string{search.Quote(plainAccount(s.Account))}
	for _, id := range s.Known {
		if q := search.Quote(plainAccount(id)); !slices.Contains(values, q) {
			values = append(values, q)
		}
	}
	return "user:" + strings.Join(values, ",")
}

// plainAccount is an identifier without the word that says which kind it is: records are found by any.
func plainAccount(id string) string {
	if kind, rest, ok := strings.Cut(id, ":"); ok && slices.Contains([]string{"email", "user", "uuid", "subject", "key", "service", "os_user"}, kind) {
		return rest
	}
	return id
}

// caseQuery finds the records about everybody a case is about; "" where it is about nobody in particular.
func caseQuery(c *casebook.Case) string {
	var values []string
	for _, s := range c.Subjects {
		if q := strings.TrimPrefix(subjectQuery(s), "user:"); !slices.Contains(values, q) {
			values = append(values, q)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return defaultQuery + " user:" + strings.Join(values, ",")
}

// fillCaseRecords lists the records of whom a case is about: for who cannot search, it is all they see of records.
func (v *visit) fillCaseRecords(ctx context.Context, p *page.Case, grants []casebook.Grant) error {
	p.RecordsQuery = caseQuery(&p.Case)
	if p.RecordsQuery == "" {
		return nil
	}
	reads := v.may(access.ReadRecords)
	if reads {
		p.RecordsURL = page.ActivityURL(p.RecordsQuery)
	} else if !p.Mine {
		p.RecordsQuery = ""
		return nil
	}
	q, err := search.Parse(p.RecordsQuery, v.deps.Now())
	if err != nil {
		return err
	}
	found, err := v.deps.Reader.Find(ctx, q, search.Page{Limit: caseRecords, Cursor: v.r.URL.Query().Get("cursor")})
	if err != nil {
		return err
	}
	if found.Next != "" {
		p.RecordsNext = page.CaseURL(p.ID) + "?" + url.Values{"cursor": {found.Next}}.Encode() + "#in-scope"
	}
	me := self{v.person()}
	for i := range found.Items {
		item := &found.Items[i]
		row := page.CaseRecord{Seq: item.Seq, At: item.Record.Occurred, Words: wording.Sentence(item.Record),
			Source: string(item.Record.Source), Reads: reads}
		row.Who, _ = item.Record.Account.Telling()
		for _, piece := range item.Record.Content {
			if piece.Address != "" {
				row.Held++
			}
		}
		if row.Held > 0 && p.MayAsk && p.State == casebook.Open {
			row.Ask = "/cases/ask?" + url.Values{"case": {p.ID}, "record": {strconv.FormatUint(item.Seq, 10)}}.Encode()
		}
		for g := range grants {
			if row.Held > 0 && grants[g].State == casebook.Opened && me.is(grants[g].By) && grants[g].Names(item.Seq, item.Record) {
				row.Content = page.ContentURL(item.Seq, grants[g].ID)
			}
		}
		p.Records = append(p.Records, row)
	}
	return nil
}

// fillCaseActs lists what was done under a case.
func (v *visit) fillCaseActs(ctx context.Context, p *page.Case) error {
	text := "source:tripod case:" + search.Quote(p.ID)
	q, err := search.Parse(text, v.deps.Now())
	if err != nil {
		return err
	}
	reads := v.may(access.ReadRecords)
	if reads {
		p.ActsMore = page.ActivityURL(text)
	}
	found, err := v.deps.Reader.Find(ctx, q, search.Page{Limit: caseActs})
	if err != nil {
		return err
	}
	for i := range found.Items {
		r := found.Items[i].Record
		row := page.CaseAct{Seq: found.Items[i].Seq, At: r.Recorded, Words: wording.Sentence(r), Reads: reads}
		row.Who, _ = r.Account.Telling()
		if at, ok := r.Attributes.Get("position"); ok {
			row.Position, _ = strconv.ParseUint(at.Text(), 10, 63)
		}
		p.Acts = append(p.Acts, row)
	}
	return nil
}

// caseProblem makes what the rules of cases answer presentable, nil where the error is not theirs.
func caseProblem(err error) *problem {
	switch {
	case errors.Is(err, casebook.ErrUnknown):
		return &problem{status: http.StatusNotFound, code: "not_found", heading: "Not found", text: "There is no such case or grant, or it is not for you to see.",
			advice: "The list of cases has those you may see."}
	case errors.Is(err, casebook.ErrNoGrant), errors.Is(err, casebook.ErrRefused):
		return &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not under the rules of cases", text: capital(err.Error()) + ".",
			advice: "docs/cases.md has the rules."}
	case errors.Is(err, casebook.ErrInvalid):
		return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This cannot be done as entered", text: capital(err.Error()) + "."}
	case errors.Is(err, casebook.ErrOver):
		return &problem{status: http.StatusConflict, code: "over", heading: "It is over", text: capital(err.Error()) + "."}
	}
	return nil
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
