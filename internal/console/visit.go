package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reviews"
)

// Types of the records that looking leaves.
const (
	TypeOpen   = "tripod.console.open"   // a page: tripod.page, and position or session.id where it is about one
	TypeSearch = "tripod.console.search" // a query; its text is content of class detail
	TypeExport = "tripod.console.export" // a query whose records were downloaded
)

// attrPage is the attribute that names the page opened.
const attrPage = "tripod.page"

// visit is one request of somebody signed in.
type visit struct {
	*Console
	w      http.ResponseWriter
	r      *http.Request
	who    *signedIn
	status int // of a page that is printed; 0 is 200
}

// opening says what a request opens, for the record. The zero opening records nothing: only for what refreshes a page that
// is on record (see refreshes), and for what tells no record.
type opening struct {
	typ    string
	page   string
	query  *string // text of a query, nil for none
	attrs  audit.Attrs
	caseID string // the case it is done under
}

// opens makes an opening of a page.
func opens(name string, attrs ...audit.Attr) opening {
	return opening{typ: TypeOpen, page: name, attrs: attrs}
}

// searches makes an opening of what a query finds.
func searches(typ, name, query string) opening {
	return opening{typ: typ, page: name, query: &query}
}

// key tells openings apart for who asks for the same again.
func (o opening) key() string {
	if o.query != nil {
		return "query " + *o.query
	}
	return "page " + o.page + " " + o.caseID
}

func (o opening) act(who audit.Identity) intake.Act {
	act := intake.Act{Type: o.typ, Activity: audit.ActivityView, Account: who, Case: o.caseID, Attributes: o.attrs}
	if o.typ == TypeExport || o.typ == reviews.TypeOpen && strings.HasSuffix(o.page, ".export") {
		act.Activity = audit.ActivityExport
	}
	act.Attributes = append(act.Attributes, audit.Attr{Name: attrPage, Value: audit.String(o.page)})
	if o.query != nil {
		act.Pieces = []intake.Piece{{Name: "query", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(*o.query)}}
	}
	return act
}

// patience is how long a page may take; what takes longer asks for too much at once.
const patience = 30 * time.Second

// page registers a handler for who holds the right that the table names for the pattern: what says, from the request alone, what is opened, or a *problem why nothing can be; serve
// answers once that is on record.
func (c *Console) page(mux *http.ServeMux, pattern string, what func(*visit) (opening, error), serve func(*visit) error) {
	d := door{pattern, c.doorOf(pattern)}
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		c.serve(w, r.WithContext(ctx), d, what, serve)
	})
}

// stream registers a handler like page, for what takes as long as there are records.
func (c *Console) stream(mux *http.ServeMux, pattern string, what func(*visit) (opening, error), serve func(*visit) error) {
	d := door{pattern, c.doorOf(pattern)}
	mux.HandleFunc(pattern, c.getOnly(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, d, what, serve) }))
}

func (c *Console) serve(w http.ResponseWriter, r *http.Request, d door, what func(*visit) (opening, error), serve func(*visit) error) {
	if fromElsewhere(r) {
		c.elsewhere(w, r)
		return
	}
	who, err := c.asks(r)
	if err == nil && who == nil {
		c.closed(w, r, false)
		return
	}
	v := &visit{Console: c, w: w, r: r, who: who}
	if err == nil {
		err = v.admit(d)
	}
	if err == nil {
		err = v.look(what, serve)
	}
	switch {
	case errors.Is(err, errStale):
		v.stepUp(r.URL.RequestURI())
	case err != nil:
		c.show(w, r, v.who, err)
	}
}

// look opens something and shows it.
func (v *visit) look(what func(*visit) (opening, error), serve func(*visit) error) error {
	o, err := what(v)
	if err != nil {
		return err
	}
	if err := v.record(o); err != nil {
		return err
	}
	return serve(v)
}

// always is what of a page that is always the same.
func always(o opening) func(*visit) (opening, error) {
	return func(*visit) (opening, error) { return o, nil }
}

// refreshes is what of a part of a page: nothing where the page is on record for this sign-in, else that page.
func (v *visit) refreshes(o opening) opening {
	if v.who.opened.has(o.key(), v.deps.Now()) {
		return opening{}
	}
	return o
}

// record makes an opening durable before anything is shown: there is no unlogged look.
func (v *visit) record(o opening) error {
	if o.typ == "" {
		return nil
	}
	if err := v.deps.Record(v.r.Context(), o.act(v.person().Identity())); err != nil {
		return unrecorded(err)
	}
	v.who.opened.remember(o.key(), v.deps.Now())
	return nil
}

// frame is what stands around a page. A journal that cannot be read leaves its positions out; the page itself will say so.
func (v *visit) frame(title, section, cli string) page.Frame {
	f := page.Frame{
		Title: title, Section: section, Now: v.deps.Now().UTC(), Version: v.cfg.Version, Who: v.person().Label(), Roles: roleWords(v.person().Roles), CSRF: v.who.csrf, CLI: cli,
	}
	w := v.waitsQuietly()
	f.Nav, f.Glass = v.navigation(w), glassOf(w.review, f.Now)
	f.Last, _ = v.deps.Reader.Last(v.r.Context())
	f.Signed, _, _ = v.deps.Reader.Checkpoint()
	return f
}

// print answers with a whole page.
func (v *visit) print(name string, f page.Frame, data any) error {
	v.write(v.w, v.r, cmp.Or(v.status, http.StatusOK), name, f, data)
	return nil
}

// fragment answers with a part of a page the browser already shows.
func (v *visit) fragment(name, part string, data any) error {
	return v.fragmentAs(http.StatusOK, name, part, data)
}

func (v *visit) fragmentAs(status int, name, part string, data any) error {
	var b bytes.Buffer
	if err := v.pages.Fragment(&b, name, part, data); err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // a browser that went away is no error of ours
	return nil
}

func (c *Console) write(w http.ResponseWriter, r *http.Request, status int, name string, f page.Frame, data any) {
	var b bytes.Buffer
	if err := c.pages.Page(&b, name, f, data); err != nil {
		c.deps.Logger.ErrorContext(r.Context(), "print page", "page", name, "error", err)
		http.Error(w, "the page cannot be printed; see the log", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a browser that went away is no error of ours
}
