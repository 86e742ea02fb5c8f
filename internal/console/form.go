package console

import (
	"crypto/subtle"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/console/page"
)

// mostEntered bounds, in bytes, what a form may send: reasons are sentences, not files.
const mostEntered = 128 << 10

// entering is how long a form may take to arrive: who sends it byte by byte holds nothing for longer.
const entering = 30 * time.Second

// form is what a page lets somebody decide. That it was asked by its own page, under a token of the sign-in, by who holds the
// right of its line in the table, and lately signed in where that right asks for it, is seen to before do.
type form struct {
	// page is the address of the page that has the form: where a fresh sign-in comes back to, and what problems refer to.
	page func(*visit) string
	// do does it, as v.person(), with what v.field tells, and says at which address of ours to go on. What it does is on record
	// by itself; it must bring its errors in one of the forms that asProblem knows.
	do func(*visit) (goOn string, err error)
	// again shows the page again with what is wrong; v.entered tells it what was typed. Nil: the problem has a page of its own,
	// which shows what was typed.
	again func(v *visit, wrong *page.Problem) error
	// what is the record of looking at that page; required with again.
	what func(*visit) (opening, error)
}

// form registers a form.
func (c *Console) form(mux *http.ServeMux, pattern string, f form) {
	c.formWith(mux, door{pattern, c.doorOf(pattern)}, f)
}

func (c *Console) formWith(mux *http.ServeMux, d door, f form) {
	mux.HandleFunc(d.pattern, func(w http.ResponseWriter, r *http.Request) {
		who, err := c.asks(r)
		v := &visit{Console: c, w: w, r: r, who: who}
		switch {
		case err != nil:
			c.show(w, r, nil, err)
			return
		case v.who == nil:
			c.closed(w, r, false)
			return
		case fromElsewhere(r):
			c.show(w, r, v.who, errNotOurForm)
			return
		}
		goOn, err := v.decide(d, f)
		switch {
		case errors.Is(err, errStale):
			v.stepUp(f.page(v))
		case errors.Is(err, errAnswered):
		case err != nil:
			v.again(f, err)
		default:
			c.drafts.forget(v.person().Subject, f.page(v))
			v.goOn(goOn)
		}
	})
}

// errAnswered is what do returns where it has answered by itself: with what is shown this once.
var errAnswered = errors.New("answered")

// decide does what a form asks for, once everything stands that must.
func (v *visit) decide(d door, f form) (string, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, mostEntered)
	if kind, _, _ := strings.Cut(v.r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return "", invalid("A form sends application/x-www-form-urlencoded.")
	}
	rc := http.NewResponseController(v.w)
	_ = rc.SetReadDeadline(time.Now().Add(entering)) // not every writer has one
	err := v.r.ParseForm()
	_ = rc.SetReadDeadline(time.Time{})
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return "", &problem{status: http.StatusRequestEntityTooLarge, code: "invalid", heading: "Too long", text: "This is longer than a form may be.",
				advice: "Shorten what you wrote; documents belong into the case's own files."}
		}
		return "", invalid("The form cannot be read.")
	}
	if subtle.ConstantTimeCompare([]byte(v.r.PostForm.Get("csrf")), []byte(v.who.csrf)) != 1 {
		return "", errNotOurForm
	}
	if err := v.admit(d); err != nil {
		return "", err
	}
	return f.do(v)
}

// errNotOurForm refuses what no page of this sign-in sent.
var errNotOurForm = &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not from this page",
	text: "The form did not come from a page of this sign-in.", advice: "Go back, reload the page and try again."}

// again shows what went wrong where it can be put right.
func (v *visit) again(f form, err error) {
	p, _ := asProblem(err)
	if p == errNotOurForm || f.again == nil || p.status >= http.StatusInternalServerError || p.status == http.StatusForbidden {
		v.wrong(f, err)
		return
	}
	o, whatErr := f.what(v)
	if whatErr == nil {
		whatErr = v.record(v.refreshes(o))
	}
	if whatErr == nil {
		v.status = p.status
		whatErr = f.again(v, &page.Problem{Heading: p.heading, Text: p.text, Advice: p.advice})
	}
	if whatErr != nil {
		v.wrong(f, whatErr)
	}
}

// wrong shows what went wrong on a page of its own, with what was typed, so that nothing is lost.
func (v *visit) wrong(f form, err error) {
	p, _ := asProblem(err)
	if p != errNotOurForm {
		shown := *p
		shown.entered, shown.goOn = v.typed(), f.page(v)
		err = &shown
	}
	v.show(v.w, v.r, v.who, err)
}

// field is what was entered in a field of a form, without spaces around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// fields are all values of a field: boxes that were ticked.
func (v *visit) fields(name string) []string { return v.r.PostForm[name] }

// entered is what somebody typed in a field of this page, for the page to show: now, or before they had to sign in afresh.
func (v *visit) entered(name string) string {
	if v.r.Method == http.MethodPost {
		return v.r.PostForm.Get(name)
	}
	return v.drafts.of(v.person().Subject, v.r.URL.Path, v.deps.Now()).Get(name)
}

// wasEntered reports whether a value of a field was chosen, as entered does.
func (v *visit) wasEntered(name, value string) bool {
	if v.r.Method == http.MethodPost {
		return slices.Contains(v.r.PostForm[name], value)
	}
	return slices.Contains(v.drafts.of(v.person().Subject, v.r.URL.Path, v.deps.Now())[name], value)
}

// typed lists the fields in which something was typed.
func (v *visit) typed() []page.Entered {
	var list []page.Entered
	for _, name := range slices.Sorted(maps.Keys(v.r.PostForm)) {
		if text := v.field(name); text != "" && name != "csrf" {
			list = append(list, page.Entered{Name: strings.ReplaceAll(name, "_", " "), Text: text})
		}
	}
	return list
}

// goOn answers a form: the browser asks for a page of ours, so that reloading it decides nothing twice.
func (v *visit) goOn(address string) {
	http.Redirect(v.w, v.r, ours(address), http.StatusSeeOther)
}

// ours is an address within the console, "/" for any that might lead elsewhere.
func ours(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(address, "/") {
		return "/"
	}
	for _, text := range []string{address, u.Path} { // as it stands, and as a browser or a proxy may read it
		if strings.HasPrefix(text, "//") || strings.ContainsFunc(text, func(r rune) bool { return r == '\\' || r < ' ' }) {
			return "/"
		}
	}
	if strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/..") || strings.Contains(u.Path, "/.") {
		return "/"
	}
	return u.String()
}

// Drafts are what was typed by who had to sign in afresh first. They are kept in memory only, for a while, and shown to
// nobody else.
const (
	draftLife  = 15 * time.Minute
	mostDrafts = 200 // the oldest give way
	mostOfOne  = 5   // of one person, likewise
)

type draft struct {
	subject, path string
	back          string // the whole address; "" once somebody went back to it
	values        url.Values
	until         time.Time
}

type drafts struct {
	mu   sync.Mutex
	list []draft // oldest first
}

// keep remembers what was typed on a page of ours.
func (v *visit) keep(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	values := make(url.Values)
	for name, list := range v.r.PostForm {
		if name != "csrf" {
			values[name] = slices.Clone(list)
		}
	}
	v.drafts.keep(draft{subject: v.person().Subject, path: u.Path, back: address, values: values, until: v.deps.Now().Add(draftLife)}, v.deps.Now())
}

func (d *drafts) keep(one draft, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	theirs := 0
	for i := len(d.list) - 1; i >= 0; i-- {
		old := d.list[i]
		if old.subject == one.subject {
			theirs++
		}
		if !now.Before(old.until) || old.subject == one.subject && (old.path == one.path || theirs >= mostOfOne) {
			d.list = slices.Delete(d.list, i, i+1)
		}
	}
	if len(d.list) == mostDrafts {
		d.list = slices.Delete(d.list, 0, 1)
	}
	d.list = append(d.list, one)
}

func (d *drafts) of(subject, path string, now time.Time) url.Values {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.list {
		if one.subject == subject && one.path == path && now.Before(one.until) {
			return one.values
		}
	}
	return nil
}

// back is where somebody was who had to sign in afresh, once; "" for nowhere.
func (d *drafts) back(subject string, now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := len(d.list) - 1; i >= 0; i-- {
		if one := &d.list[i]; one.subject == subject && one.back != "" && now.Before(one.until) {
			address := one.back
			one.back = ""
			return address
		}
	}
	return ""
}

func (d *drafts) forget(subject, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = slices.DeleteFunc(d.list, func(one draft) bool { return one.subject == subject && one.path == u.Path })
}
