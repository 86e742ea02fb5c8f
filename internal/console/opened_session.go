package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
)

// openedAtOnce is how many records of a session are opened on one page: each is a record of its own.
const openedAtOnce = 20

// opensSessionContent says of which session, and under which grant.
func (v *visit) opensSessionContent() (opening, error) {
	grant, err := v.grantNamed()
	if err != nil {
		return opening{}, err
	}
	return opens("session.content", audit.Attr{Name: "session.id", Value: audit.String(v.sessionID())}, audit.TextAttr("grant", grant)), nil
}

// holdsContent reports whether a record refers to content that was held.
func holdsContent(r *audit.Record) bool {
	return r != nil && slices.ContainsFunc(r.Content, func(c audit.Content) bool { return c.Address != "" })
}

// showSessionContent shows what was written in a session, record by record, as far as a grant goes. Of records it does not
// cover nothing is told.
func (v *visit) showSessionContent() error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	ctx, id := v.r.Context(), v.r.URL.Query().Get("grant")
	grants, err := desk.Usable(ctx, v.person())
	if err != nil {
		return err
	}
	at := slices.IndexFunc(grants, func(g casebook.Grant) bool { return g.ID == id })
	if at < 0 {
		return fmt.Errorf("%w: you have no open grant %.20q; ask for one in a case you take part in", casebook.ErrNoGrant, id)
	}
	g := &grants[at]
	items, err := v.coveredBy(g)
	if err != nil {
		return err
	}
	from, err := v.number("from", 1, mostOfSession)
	if err != nil {
		return err
	}
	p := &page.OpenedSession{Session: v.sessionID(), Case: g.Case, Grant: g.ID, Until: g.Until, Reads: v.may(access.ReadRecords), From: from, Of: len(items)}
	for _, item := range items[min(from-1, len(items)):min(from-1+openedAtOnce, len(items))] {
		pieces, err := desk.Read(ctx, v.person(), g.ID, item.Seq)
		if err != nil {
			return err
		}
		p.List = append(p.List, v.openedOf(&item, g, pieces))
	}
	to := func(from int) string {
		return page.SessionContentURL(p.Session, g.ID) + "&" + url.Values{"from": {strconv.Itoa(from)}}.Encode()
	}
	if from > 1 {
		p.Prev = to(max(1, from-openedAtOnce))
	}
	if from-1+openedAtOnce < len(items) {
		p.Next = to(from + openedAtOnce)
	}
	return v.print("sessioncontent", v.frame("Content of session "+page.Plain(p.Session), "cases", ""), p)
}

// coveredBy are the records of the session that hold content and that a grant names.
func (v *visit) coveredBy(g *casebook.Grant) ([]reading.Item, error) {
	s, err := v.deps.Reader.SessionUpTo(v.r.Context(), v.sessionID(), mostOfSession)
	if err != nil {
		return nil, err
	}
	items := slices.DeleteFunc(s.Items, func(i reading.Item) bool { return !holdsContent(i.Record) || !g.Names(i.Seq, i.Record) })
	if len(items) == 0 {
		return nil, fmt.Errorf("%w: %s is for nothing of this session", casebook.ErrNoGrant, g.ID)
	}
	return items, nil
}

// addSessionOpenables says what opens the content of a session, or asks for a grant.
func (v *visit) addSessionOpenables(p *page.Session, items []reading.Item) {
	if v.deps.Desk == nil || !slices.ContainsFunc(items, func(i reading.Item) bool { return holdsContent(i.Record) }) {
		return
	}
	if v.may(access.RequestGrant) {
		p.Ask = addressWith("/cases/ask", "session", p.ID)
	}
	if !v.may(access.OpenContent) {
		return
	}
	grants, err := v.deps.Desk.Usable(v.r.Context(), v.person())
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "list grants", "error", err)
		return
	}
	for i := range grants {
		g := &grants[i]
		if slices.ContainsFunc(items, func(i reading.Item) bool { return holdsContent(i.Record) && g.Names(i.Seq, i.Record) }) {
			p.Openables = append(p.Openables, page.Openable{Grant: g.ID, Case: g.Case, Until: g.Until, Class: string(g.Class), URL: page.SessionContentURL(p.ID, g.ID), Whole: true})
		}
	}
}
