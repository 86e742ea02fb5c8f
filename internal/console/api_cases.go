package console

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

// csrfHeader carries the token of a sign-in where a page of ours commands through the API; a program with a token of its own
// needs none.
const csrfHeader = "X-CSRF-Token"

// caseAPI is the API of cases, grants and content. Its bodies are those of package casebook.
func (c *Console) caseAPI(mux *http.ServeMux) {
	c.page(mux, "GET /api/v1/cases", always(opens("api.cases")), (*visit).apiCases)
	c.page(mux, "GET /api/v1/cases/{id}", (*visit).opensCase, (*visit).apiCase)
	c.page(mux, "GET /api/v1/content/{seq}", (*visit).opensContent, (*visit).apiContent)
	c.command(mux, "POST /api/v1/cases", func(v *visit, desk *casebook.Desk) (any, error) {
		var n casebook.NewCase
		if err := v.sent(&n); err != nil {
			return nil, err
		}
		return desk.Open(v.r.Context(), v.person(), n)
	})
	asks := func(do func(*casebook.Desk, context.Context, *access.Person, casebook.Ask) (casebook.Grant, error)) func(*visit, *casebook.Desk) (any, error) {
		return func(v *visit, desk *casebook.Desk) (any, error) {
			var a casebook.Ask
			if err := v.sent(&a); err != nil {
				return nil, err
			}
			if id := v.r.PathValue("id"); a.Case == "" {
				a.Case = id
			} else if a.Case != id {
				return nil, invalid("the case in the body is not the one in the address")
			}
			return do(desk, v.r.Context(), v.person(), a)
		}
	}
	c.command(mux, "POST /api/v1/cases/{id}/grants", asks((*casebook.Desk).Request))
	c.command(mux, "POST /api/v1/cases/{id}/glass", asks((*casebook.Desk).BreakGlass))
	for name, do := range decisions {
		c.command(mux, "POST /api/v1/grants/{id}/"+name, func(v *visit, desk *casebook.Desk) (any, error) {
			var d decision
			if err := v.sent(&d); err != nil {
				return nil, err
			}
			return do(v, desk, v.r.PathValue("id"), d)
		})
	}
}

// decision is what is said about a grant.
type decision struct {
	Terms     string `json:"terms"` // of approve: those of the grant as it was shown
	Note      string `json:"note"`
	Justified *bool  `json:"justified"` // of review
}

var decisions = map[string]func(*visit, *casebook.Desk, string, decision) (casebook.Grant, error){
	"approve": func(v *visit, desk *casebook.Desk, id string, d decision) (casebook.Grant, error) {
		return desk.Approve(v.r.Context(), v.person(), id, d.Terms, d.Note)
	},
	"deny": func(v *visit, desk *casebook.Desk, id string, d decision) (casebook.Grant, error) {
		return desk.Deny(v.r.Context(), v.person(), id, d.Note)
	},
	"withdraw": func(v *visit, desk *casebook.Desk, id string, d decision) (casebook.Grant, error) {
		return desk.Withdraw(v.r.Context(), v.person(), id, d.Note)
	},
	"review": func(v *visit, desk *casebook.Desk, id string, d decision) (casebook.Grant, error) {
		if d.Justified == nil {
			return casebook.Grant{}, invalid("justified is true or false")
		}
		return desk.Review(v.r.Context(), v.person(), id, *d.Justified, d.Note)
	},
}

// command registers what a program may decide by the API: under the right of its line in the table, with a fresh sign-in
// where that right asks for it, and from a browser with the token of the sign-in.
func (c *Console) command(mux *http.ServeMux, pattern string, do func(*visit, *casebook.Desk) (any, error)) {
	d := door{pattern, c.doorOf(pattern)}
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		who, err := c.asks(r)
		v := &visit{Console: c, w: w, r: r.WithContext(ctx), who: who}
		switch {
		case err != nil:
			c.show(w, r, nil, err)
			return
		case who == nil:
			c.closed(w, r, false)
			return
		case fromElsewhere(r), who.session != "" && subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(v.who.csrf)) != 1:
			c.show(w, r, v.who, errNotOurForm)
			return
		}
		if err = v.admit(d); err == nil {
			err = v.commanded(do)
		}
		switch {
		case errors.Is(err, errStale):
			v.stepUp("/")
		case err != nil:
			c.show(w, r, v.who, err)
		}
	})
}

func (v *visit) commanded(do func(*visit, *casebook.Desk) (any, error)) error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	out, err := do(v, desk)
	if err != nil {
		return err
	}
	return v.json(out)
}

// sent reads the body of a command: one JSON object, without a name that is not known.
func (v *visit) sent(into any) error {
	if kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return invalid("the body is application/json")
	}
	dec := json.NewDecoder(http.MaxBytesReader(v.w, v.r.Body, mostEntered))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return invalid("the body cannot be read: one JSON object with the names of docs/console.md")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("something stands behind the JSON object")
	}
	return nil
}

func (v *visit) apiCases() error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	list, err := desk.List(v.r.Context(), v.person())
	if err != nil {
		return err
	}
	return v.json(struct {
		Cases []casebook.Case `json:"cases"`
	}{append([]casebook.Case{}, list...)})
}

func (v *visit) apiCase() error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	c, grants, err := desk.Show(v.r.Context(), v.person(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.json(struct {
		casebook.Case
		Grants []casebook.Grant `json:"grants"`
	}{c, append([]casebook.Grant{}, grants...)})
}

// apiPiece is a piece of content; Text where it is UTF-8, else Base64.
type apiPiece struct {
	Name      string              `json:"name"`
	Class     audit.Class         `json:"class"`
	State     casebook.PieceState `json:"state"`
	Bytes     int                 `json:"bytes"`
	Truncated bool                `json:"truncated,omitempty"`
	Text      *string             `json:"text,omitempty"`
	Base64    []byte              `json:"base64,omitempty"`
}

func (v *visit) apiContent() error {
	item, g, pieces, err := v.opened()
	if err != nil {
		return err
	}
	out := struct {
		Record uint64     `json:"record"`
		Case   string     `json:"case"`
		Grant  string     `json:"grant"`
		Pieces []apiPiece `json:"pieces"`
	}{item.Seq, g.Case, g.ID, make([]apiPiece, len(pieces))}
	for i, p := range pieces {
		out.Pieces[i] = apiPiece{Name: p.Name, Class: p.Class, State: p.State, Bytes: p.Bytes, Truncated: p.Truncated}
		if text := string(p.Text); p.State == casebook.Held && utf8.ValidString(text) {
			out.Pieces[i].Text = &text
		} else if p.State == casebook.Held {
			out.Pieces[i].Base64 = p.Text
		}
	}
	return v.json(out)
}
