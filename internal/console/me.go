package console

import (
	"errors"
	"net/http"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/page"
)

func (c *Console) meRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /me", always(opens("me")), (*visit).showMe)
	c.form(mux, "POST /me/end", form{page: func(*visit) string { return "/me" }, do: (*visit).endOwn})
}

// showMe tells somebody what is known of them, what they may, and where they are signed in.
func (v *visit) showMe() error {
	p := v.person()
	m := &page.Me{Now: v.deps.Now().UTC(), Who: p.Label(), Email: p.Email, Subject: p.Subject, Via: viaWords(p.Via), Roles: roleWords(p.Roles), Since: p.Since,
		Groups: p.Groups, Cases: p.Cases, Write: true, EndURL: "/me/end"}
	for _, r := range rightRows(access.Rights(), nil) {
		if v.may(access.Right(r.Right)) {
			m.Rights = append(m.Rights, r)
		}
	}
	for _, x := range v.ownSignIns() {
		row := v.signInRow(&x)
		m.SignIns = append(m.SignIns, row)
		if row.This {
			m.Until = row.Until
		} else {
			m.Others++
		}
	}
	return v.print("me", v.frame("You", "me", ""), m)
}

func (v *visit) ownSignIns() []signin.Session {
	var list []signin.Session
	for _, x := range v.deps.SignIn.Sessions() {
		if x.Person.Subject == v.person().Subject {
			list = append(list, x)
		}
	}
	return list
}

// endOwn ends one of somebody's own sign-ins, or all of them but this.
func (v *visit) endOwn() (string, error) {
	id, others := v.field("id"), v.field("others") == "yes"
	if (id == "") == !others {
		return "", invalid("Say which sign-in to end: one, or all others.")
	}
	for _, x := range v.ownSignIns() {
		if x.ID != id && (!others || x.ID == v.who.session) {
			continue
		}
		if err := v.deps.SignIn.End(v.r.Context(), x.ID, v.person()); err != nil && !errors.Is(err, signin.ErrNobody) {
			return "", err
		}
	}
	return "/me", nil
}
