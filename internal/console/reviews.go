package console

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reviews"
)

const (
	looksPerPage       = 50
	consultationsShown = 200
)

func (c *Console) reviewRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /reviews", (*visit).opensReviews, (*visit).reviews)
	c.stream(mux, "GET /reviews/export", (*visit).opensReviewExport, (*visit).reviewExport)
	c.page(mux, "GET /reviews/consultations", (*visit).opensConsultations, (*visit).consultations)
	c.stream(mux, "GET /reviews/consultations/export", (*visit).opensConsultationExport, (*visit).consultationExport)
	c.page(mux, "GET /reviews/digest", always(opening{typ: reviews.TypeOpen, page: "reviews.digests"}), (*visit).digests)
	c.page(mux, "GET /reviews/digest/{week}", (*visit).opensDigest, (*visit).digest)
}

// opensReview is a look at who looked, with what was asked for: who is looked for is content, as the text of a query is.
func opensReview(name, asked string) opening {
	return opening{typ: reviews.TypeOpen, page: name, query: &asked}
}

// day reads a day of a form; the zero time for none.
func (v *visit) day(name string) (time.Time, error) {
	text := v.r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return at, invalid(name + " is a day as 2026-11-23")
	}
	return at, nil
}

// reviewed is the part of the log a request asks for.
func (v *visit) reviewed() (f reviews.Filter, err error) {
	q := v.r.URL.Query()
	f = reviews.Filter{Who: strings.TrimSpace(q.Get("who")), Kind: reviews.Kind(q.Get("kind")), Case: strings.TrimSpace(q.Get("case"))}
	if len(f.Who) > longestFilter || len(f.Case) > longestFilter {
		return f, invalid("who and case are short")
	}
	if err := f.Validate(); err != nil {
		return f, invalid(err.Error())
	}
	if f.After, err = v.day("after"); err != nil {
		return f, err
	}
	if f.Before, err = v.day("before"); err == nil && !f.Before.IsZero() {
		f.Before = f.Before.AddDate(0, 0, 1) // a form means the whole day
	}
	return f, err
}

func (v *visit) opensReviews() (opening, error) {
	f, err := v.reviewed()
	return opensReview("reviews", f.String()), err
}

func (v *visit) opensReviewExport() (opening, error) {
	f, err := v.reviewed()
	if err == nil && exportForms[v.r.URL.Query().Get("as")] == nil {
		err = invalid("as is csv or ndjson")
	}
	if err == nil && len(v.exports) == cap(v.exports) {
		err = v.busy()
	}
	return opensReview("reviews.export", f.String()), err
}

// log is who looked at what, with the texts of queries: that it is looked at is on record already.
func (v *visit) log() (*reviews.Log, error) {
	l := &reviews.Log{Reader: v.deps.Reader, Veiled: v.veiled(), Unseen: v.unseen()}
	if v.deps.Contents == nil {
		return l, nil
	}
	var err error
	l.Texts, err = reviews.OpenTexts(v.deps.Contents, v.person().Label(), func(context.Context) error { return nil })
	return l, err
}

// veiled tells of which cases who looks may not know what they are about; nil where there are no cases.
func (v *visit) veiled() func(string) bool {
	if v.deps.Desk == nil {
		return nil
	}
	known := make(map[string]bool)
	return func(id string) bool {
		is, ok := known[id]
		if !ok {
			c, _, err := v.deps.Desk.Peek(v.r.Context(), v.person(), id)
			is = err != nil || c.Hidden
			known[id] = is
		}
		return is
	}
}

func (v *visit) reviews() error {
	f, err := v.reviewed()
	if err != nil {
		return err
	}
	l, err := v.log()
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	found, err := l.List(v.r.Context(), f, q.Get("cursor"), looksPerPage)
	if err != nil {
		return err
	}
	p := page.Reviews{Who: f.Who, Kind: string(f.Kind), Case: f.Case, After: q.Get("after"), Before: q.Get("before"), Unreadable: found.Unreadable.String()}
	for _, k := range reviews.Kinds() {
		p.Kinds = append(p.Kinds, page.Option{Value: string(k), Name: page.KindName(k), Chosen: k == f.Kind})
	}
	for _, l := range found.Looks {
		p.Rows = append(p.Rows, page.NewLookRow(l))
	}
	same := make(url.Values)
	for _, name := range []string{"who", "kind", "case", "after", "before"} {
		if q.Get(name) != "" {
			same.Set(name, q.Get(name))
		}
	}
	address := func(path, name, value string) string {
		u := url.Values{name: {value}}
		for k, v := range same {
			u[k] = v
		}
		return path + "?" + u.Encode()
	}
	p.CSV, p.NDJSON = address("/reviews/export", "as", "csv"), address("/reviews/export", "as", "ndjson")
	if found.Next != "" {
		p.Next = address("/reviews", "cursor", found.Next)
	}
	if q.Get("cursor") != "" {
		p.First = "/reviews?" + same.Encode()
	}
	if _, behind, err := v.searched(v.r.Context()); err == nil {
		p.Behind = behind
	}
	return v.print("reviews", v.frame("Who looked", "reviews", v.reviewCLI(f, q)), p)
}

// reviewCLI is the command that lists the same.
func (v *visit) reviewCLI(f reviews.Filter, q url.Values) string {
	args := []string{"list"}
	for _, a := range [][2]string{{"--who", f.Who}, {"--kind", string(f.Kind)}, {"--case", f.Case}, {"--after", q.Get("after")}} {
		if a[1] != "" {
			args = append(args, a[0]+"="+a[1])
		}
	}
	if !f.Before.IsZero() {
		args = append(args, "--before="+f.Before.Format(time.DateOnly))
	}
	return v.cli("reviews", args...)
}

func (v *visit) reviewExport() error {
	f, err := v.reviewed()
	if err != nil {
		return err
	}
	l, err := v.log()
	if err != nil {
		return err
	}
	return v.sendTable("tripod-reviews", func(w *reviews.Summed, csv bool) (reviews.Sidecar, error) {
		write := func(l *reviews.Look) error { return reviews.Lines[*reviews.Look](w)(l) }
		if csv {
			var err error
			if write, err = reviews.CSV(w); err != nil {
				return reviews.Sidecar{}, err
			}
		}
		told, err := l.Each(v.r.Context(), f, write)
		return reviews.Sidecar{What: "reviews", Query: f.String(), Rows: told.Looks, Position: told.Position, Behind: told.Behind}, err
	})
}

// consulted is the account a request asks for.
func (v *visit) consulted() (string, error) {
	account := strings.TrimSpace(v.r.URL.Query().Get("account"))
	if len(account) > 4*longestFilter {
		return "", invalid("account is the id of an account, or an address of it")
	}
	return account, nil
}

func (v *visit) opensConsultations() (opening, error) {
	account, err := v.consulted()
	return opensReview("reviews.consultations", account), err
}

func (v *visit) opensConsultationExport() (opening, error) {
	account, err := v.consulted()
	if err == nil && (account == "" || exportForms[v.r.URL.Query().Get("as")] == nil) {
		err = invalid("account is the id of an account, as is csv or ndjson")
	}
	if err == nil && len(v.exports) == cap(v.exports) {
		err = v.busy()
	}
	return opensReview("reviews.consultations.export", account), err
}

// consultations shows what concerned one account, the newest first.
func (v *visit) consultations() error {
	account, err := v.consulted()
	if err != nil {
		return err
	}
	p := page.Consultations{Account: account, Asked: account != ""}
	if p.Asked {
		l, err := v.log()
		if err != nil {
			return err
		}
		p.Told, err = l.Consultations(v.r.Context(), account, reviews.Filter{}, func(c reviews.Consultation) error {
			if len(p.Rows) == consultationsShown {
				p.Rows, p.More = append(p.Rows[:0], p.Rows[1:]...), true
			}
			p.Rows = append(p.Rows, c)
			return nil
		})
		if err != nil {
			return err
		}
		for i, j := 0, len(p.Rows)-1; i < j; i, j = i+1, j-1 {
			p.Rows[i], p.Rows[j] = p.Rows[j], p.Rows[i]
		}
		as := func(form string) string {
			return "/reviews/consultations/export?" + url.Values{"account": {account}, "as": {form}}.Encode()
		}
		p.CSV, p.NDJSON = as("csv"), as("ndjson")
	}
	cli := ""
	if p.Asked {
		cli = v.cli("reviews", "consultations", "--subject="+account)
	}
	return v.print("consultations", v.frame("Looks at one account", "reviews", cli), p)
}

func (v *visit) consultationExport() error {
	account, err := v.consulted()
	if err != nil {
		return err
	}
	l, err := v.log()
	if err != nil {
		return err
	}
	return v.sendTable("tripod-consultations", func(w *reviews.Summed, csv bool) (reviews.Sidecar, error) {
		write := reviews.Lines[reviews.Consultation](w)
		if csv {
			var err error
			if write, err = reviews.ConsultationsCSV(w); err != nil {
				return reviews.Sidecar{}, err
			}
		}
		told, err := l.Consultations(v.r.Context(), account, reviews.Filter{}, write)
		return reviews.Sidecar{What: "consultations", Account: cmp.Or(told.Account, account), Rows: told.Consultations, Position: told.Position, Behind: told.Behind, Limits: told.Limits}, err
	})
}
