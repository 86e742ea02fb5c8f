package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
)

// caseForms registers what people decide about cases. That it was asked by the right page, by who may, signed in lately, is
// seen to by form; that no rule of cases stands against it, by the desk, which records it.
func (c *Console) caseForms(mux *http.ServeMux) {
	c.form(mux, "POST /cases", form{
		page: func(*visit) string { return "/cases/new" }, do: (*visit).openCase,
		what: always(opens("case.new")), again: (*visit).newCaseWith,
	})
	onCase := func(do func(*visit, *casebook.Desk, string) error) form {
		return form{
			page: func(v *visit) string { return page.CaseURL(v.r.PathValue("id")) },
			do: func(v *visit) (string, error) {
				desk, err := v.desk()
				if err != nil {
					return "", err
				}
				id := v.r.PathValue("id")
				if err := do(v, desk, id); err != nil {
					return "", err
				}
				return v.onCase(desk, id, page.CaseURL(id)), nil
			},
			what:  (*visit).opensCase,
			again: func(v *visit, wrong *page.Problem) error { return v.casePage(v.r.PathValue("id"), wrong) },
		}
	}
	c.form(mux, "POST /cases/{id}/join", onCase(func(v *visit, desk *casebook.Desk, id string) error {
		_, err := desk.Join(v.r.Context(), v.person(), id, casebook.Ref{Email: v.field("email"), Role: access.Role(v.field("role"))})
		return err
	}))
	c.form(mux, "POST /cases/{id}/leave", onCase(func(v *visit, desk *casebook.Desk, id string) error {
		_, err := desk.Leave(v.r.Context(), v.person(), id, casebook.Ref{Subject: v.field("subject"), Email: v.field("email")})
		return err
	}))
	c.form(mux, "POST /cases/{id}/close", onCase(func(v *visit, desk *casebook.Desk, id string) error {
		_, err := desk.Close(v.r.Context(), v.person(), id, v.field("reason"))
		return err
	}))
	c.askForms(mux)
	c.grantForms(mux)
}

// grantForms are the decisions about a grant.
func (c *Console) grantForms(mux *http.ServeMux) {
	onGrant := func(do func(v *visit, desk *casebook.Desk, grant string) (casebook.Grant, error)) form {
		return form{
			page: func(v *visit) string { return page.GrantURL(v.field("case"), v.r.PathValue("id")) },
			do: func(v *visit) (string, error) {
				desk, err := v.desk()
				if err != nil {
					return "", err
				}
				g, err := do(v, desk, v.r.PathValue("id"))
				if err != nil {
					return "", err
				}
				return v.onCase(desk, g.Case, page.GrantURL(g.Case, g.ID)), nil
			},
		}
	}
	c.form(mux, "POST /grants/{id}/approve", onGrant(func(v *visit, desk *casebook.Desk, id string) (casebook.Grant, error) {
		return desk.Approve(v.r.Context(), v.person(), id, v.field("terms"), v.field("note"))
	}))
	c.form(mux, "POST /grants/{id}/deny", onGrant(func(v *visit, desk *casebook.Desk, id string) (casebook.Grant, error) {
		return desk.Deny(v.r.Context(), v.person(), id, v.field("note"))
	}))
	c.form(mux, "POST /grants/{id}/withdraw", onGrant(func(v *visit, desk *casebook.Desk, id string) (casebook.Grant, error) {
		return desk.Withdraw(v.r.Context(), v.person(), id, v.field("note"))
	}))
	c.form(mux, "POST /grants/{id}/review", onGrant(func(v *visit, desk *casebook.Desk, id string) (casebook.Grant, error) {
		justified := v.field("justified")
		if justified != "yes" && justified != "no" {
			return casebook.Grant{}, invalid("Say whether it was justified.")
		}
		return desk.Review(v.r.Context(), v.person(), id, justified == "yes", v.field("note"))
	}))
}

// onCase is where a decision goes on: on the case's page, or on the list for who may not see the case any more, since they
// left it, or saw it only while a request waited for them.
func (v *visit) onCase(desk *casebook.Desk, id, address string) string {
	if _, _, err := desk.Peek(v.r.Context(), v.person(), id); errors.Is(err, casebook.ErrUnknown) {
		return "/cases"
	}
	return address
}

// newCase shows the form that opens a case.
func (v *visit) newCase() error { return v.newCaseWith(nil) }

func (v *visit) newCaseWith(wrong *page.Problem) error {
	p := page.NewCase{
		CSRF: v.who.csrf, Title: v.entered("title"), Reference: cmp.Or(v.entered("reference"), v.asReference()), Subjects: v.entered("subjects"), Wrong: wrong,
		Kinds:    page.Choices(casebook.Kinds(), v.entered("kind"), page.KindWords),
		Purposes: page.Choices(casebook.Purposes(), v.entered("purpose"), page.PurposeWords),
		Bases:    page.Choices(casebook.Bases(), v.entered("basis"), page.BasisWords),
	}
	return v.print("casenew", v.frame("Open a case", "cases", v.cli("case", "open", "--help")), &p)
}

func (v *visit) openCase() (string, error) {
	desk, err := v.desk()
	if err != nil {
		return "", err
	}
	n := casebook.NewCase{
		Kind: casebook.Kind(v.field("kind")), Purpose: casebook.Purpose(v.field("purpose")), Basis: casebook.Basis(v.field("basis")),
		Reference: v.field("reference"), Title: v.field("title"),
	}
	for line := range strings.Lines(v.field("subjects")) {
		if line = strings.TrimSpace(line); line != "" {
			n.Subjects = append(n.Subjects, line)
		}
	}
	c, err := desk.Open(v.r.Context(), v.person(), n)
	return page.CaseURL(c.ID), err
}

// addressWith is an address of ours with parameters, those that are empty left out.
func addressWith(path string, pairs ...string) string {
	u := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			u.Set(pairs[i], pairs[i+1])
		}
	}
	if len(u) == 0 {
		return path
	}
	return path + "?" + u.Encode()
}

// asReference is what a link to the form says is investigated: the id of an alert.
func (v *visit) asReference() string {
	if id := v.r.URL.Query().Get("alert"); len(id) == 32 && audit.InertText(id) {
		return "alert " + id
	}
	return ""
}
