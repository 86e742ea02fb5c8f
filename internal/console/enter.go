package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/page"
)

func (c *Console) signInRoutes(mux *http.ServeMux) {
	c.open(mux, "GET /enter", c.getOnly(c.enter))
	c.open(mux, "GET /signin", c.getOnly(c.begin))
	c.open(mux, "GET /signin/callback", c.getOnly(c.finish))
	c.open(mux, "POST /signin/backchannel", http.HandlerFunc(c.backChannel))
	c.page(mux, "GET /signin/again", always(opening{}), (*visit).showStepUp)
	c.form(mux, "POST /leave", form{page: func(*visit) string { return "/" }, do: (*visit).leave})
}

// enter takes a link.
//
// A link works once, whoever opens it: a browser that is signed in already goes on as who the link is for. One whose use
// cannot be recorded was not used.
func (c *Console) enter(w http.ResponseWriter, r *http.Request) {
	secret, s, err := c.deps.SignIn.Redeem(r.Context(), r.URL.Query().Get("code"), from(r))
	if errors.Is(err, signin.ErrNobody) && c.signedIn(r) != nil { // the link of this sign-in, opened again
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err != nil {
		c.notIn(w, r, err)
		return
	}
	c.in(w, r, secret, s, "")
}

// in signs the browser in. It answers with a page that goes on by itself instead of a redirect: a browser that came from
// another site would not send the new cookie along with a redirect. Every sign-in has a secret of its own, so that nobody
// can have chosen it; the one that this browser had before ends.
func (c *Console) in(w http.ResponseWriter, r *http.Request, secret string, s *signin.Session, goOn string) {
	if before := c.signedIn(r); before != nil && before.session != s.ID {
		if err := c.deps.SignIn.End(r.Context(), before.session, before.person); err != nil && !errors.Is(err, signin.ErrNobody) {
			c.deps.Logger.WarnContext(r.Context(), "end of the sign-in before", "error", err)
		}
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: secret, Path: "/", MaxAge: int(s.Until.Sub(c.deps.Now()).Seconds()), HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	if goOn == "" || goOn == "/" {
		goOn = cmp.Or(c.drafts.back(s.Person.Subject, c.deps.Now()), landing(&s.Person))
	}
	c.write(w, r, http.StatusOK, "enter", c.bare("You are in"), page.Enter{Entered: true, GoOn: ours(goOn)})
}

// landing is where somebody begins: counsel, who see no records but those of their matters, with these.
func landing(p *access.Person) string {
	if cases, ok := access.ForRoute("GET /cases"); ok && p.May(cases) && !p.May(access.ReadRecords) {
		return "/cases"
	}
	return "/"
}

// flowCookie holds by which browser a sign-in at the identity provider was begun. It is Lax, since the browser comes back
// from there.
func flowCookie(r *http.Request, value string, age int) *http.Cookie {
	name := strings.Replace(cookieName(r), "__Host-", "__Secure-", 1) + "_signin"
	return &http.Cookie{Name: name, Value: value, Path: "/signin", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil}
}

// flowSeconds is how long a sign-in at the identity provider may take.
const flowSeconds = 600

// begin sends the browser to the identity provider.
func (c *Console) begin(w http.ResponseWriter, r *http.Request) {
	attempt := signin.Attempt{ReturnTo: ours(r.URL.Query().Get("return")), From: from(r)}
	if who := c.signedIn(r); who != nil {
		attempt.Replaces = who.session
		if r.URL.Query().Has("again") {
			attempt.StepUp, attempt.Subject = true, who.person.Subject
		}
	}
	address, binding, err := c.deps.SignIn.Begin(r.Context(), attempt)
	if err != nil {
		c.notIn(w, r, err)
		return
	}
	http.SetCookie(w, flowCookie(r, binding, flowSeconds))
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// finish takes the browser back from the identity provider.
func (c *Console) finish(w http.ResponseWriter, r *http.Request) {
	binding := ""
	if cookie, err := r.Cookie(flowCookie(r, "", 0).Name); err == nil {
		binding = cookie.Value
		http.SetCookie(w, flowCookie(r, "", -1))
	}
	secret, s, returnTo, err := c.deps.SignIn.Finish(r.Context(), r.URL.Query(), binding, from(r))
	if err != nil {
		c.notIn(w, r, err)
		return
	}
	c.in(w, r, secret, s, returnTo)
}

// notIn says why somebody was not let in, as far as a stranger may know.
func (c *Console) notIn(w http.ResponseWriter, r *http.Request, err error) {
	p := &problem{status: http.StatusUnauthorized, code: "unauthorized", heading: "Not signed in", text: sentence(err), goOn: "/"}
	switch {
	case errors.Is(err, signin.ErrNobody):
		c.deps.Logger.WarnContext(r.Context(), "a link or a sign-in was refused: used, too old or unknown")
		c.closed(w, r, true)
		return
	case errors.Is(err, signin.ErrUnrecorded):
		c.show(w, r, nil, unrecorded(err))
		return
	case errors.Is(err, signin.ErrTooMany):
		p.status, p.code, p.wait = http.StatusTooManyRequests, "too_many", 60
	case errors.Is(err, signin.ErrNoRole), errors.Is(err, signin.ErrOver), errors.Is(err, signin.ErrOther), errors.Is(err, access.ErrForbidden):
		p.status, p.code = http.StatusForbidden, "forbidden"
	case errors.Is(err, signin.ErrProvider):
		p.status, p.code = http.StatusServiceUnavailable, "unavailable"
	case errors.Is(err, signin.ErrNoProvider):
		p.status, p.code, p.advice = http.StatusNotFound, "not_found", "Ask on the machine for a link: "+c.cli("console")
	case errors.Is(err, signin.ErrDeclined), errors.Is(err, signin.ErrNotFresh):
	default:
		c.show(w, r, nil, err)
		return
	}
	c.show(w, r, nil, p)
}

// sentence is the text of an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// leave signs out here, and offers to at the identity provider.
func (v *visit) leave() (string, error) {
	ended, err := v.deps.SignIn.Leave(v.r.Context(), v.who.session, v.person())
	if err != nil && !errors.Is(err, signin.ErrNobody) {
		v.deps.Logger.WarnContext(v.r.Context(), "a sign-out is not on record", "error", err)
	}
	http.SetCookie(v.w, &http.Cookie{Name: cookieName(v.r), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: v.r.TLS != nil})
	if ended != "" {
		v.write(v.w, v.r, http.StatusOK, "enter", v.bare("Signed out"), page.Enter{Left: true, Provider: v.deps.SignIn.Provider(), SignOut: ended})
		return "", errAnswered
	}
	return "/", nil
}

// backChannel takes the word of the identity provider that somebody signed out there (OpenID Connect Back-Channel Logout).
func (c *Console) backChannel(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := c.deps.SignIn.BackChannel(r.Context(), r.PostFormValue("logout_token"), from(r)); err != nil {
		status := http.StatusBadRequest
		if errors.Is(err, signin.ErrProvider) {
			status = http.StatusServiceUnavailable
		}
		c.deps.Logger.WarnContext(r.Context(), "a sign-out by the identity provider was refused", "error", err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":"invalid_request"}` + "\n"))
		return
	}
	w.WriteHeader(http.StatusOK)
}

// closed tells how to get in, and nothing else.
func (c *Console) closed(w http.ResponseWriter, r *http.Request, spent bool) {
	if wantsJSON(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="tripod"`)
		writeJSONProblem(w, &problem{status: http.StatusUnauthorized, code: "unauthorized", text: "nobody is signed in",
			advice: "send an API token (Authorization: Bearer tripod_…), or the cookie of a sign-in"})
		return
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Refresh", "true") // a page whose sign-in ended must not go on standing there
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	p := page.Enter{Spent: spent, Command: c.cli("console"), Provider: c.deps.SignIn.Provider()}
	if p.Provider != "" {
		p.SignIn = signInURL(back(r), false)
	}
	c.write(w, r, http.StatusUnauthorized, "enter", c.bare("Sign in"), p)
}

// back is where a sign-in from here comes back to.
func back(r *http.Request) string {
	if r.Method != http.MethodGet || strings.HasPrefix(r.URL.Path, "/signin") || r.URL.Path == "/enter" {
		return "/"
	}
	return ours(r.URL.RequestURI())
}

// signInURL begins a sign-in at the identity provider that comes back to an address of ours.
func signInURL(back string, again bool) string {
	q := url.Values{}
	if back != "/" {
		q.Set("return", back)
	}
	if again {
		q.Set("again", "1")
	}
	if len(q) == 0 {
		return "/signin"
	}
	return "/signin?" + q.Encode()
}

// stepUp asks for a fresh sign-in, after which somebody comes back to an address of ours.
func (v *visit) stepUp(back string) {
	switch {
	case wantsJSON(v.r):
		writeJSONProblem(v.w, &problem{status: http.StatusForbidden, code: "stale", text: errStale.Error(), advice: "sign in again; a token proves nobody present"})
		return
	case v.r.Header.Get("HX-Request") != "": // the page around it asks
		if u, err := url.Parse(v.r.Header.Get("HX-Current-URL")); err == nil {
			back = u.RequestURI()
		}
		v.w.Header().Set("HX-Redirect", "/signin/again?"+url.Values{"return": {ours(back)}}.Encode())
		v.w.WriteHeader(http.StatusForbidden)
		return
	}
	v.keep(ours(back))
	v.status = http.StatusForbidden
	_ = v.printStepUp(back)
}

// showStepUp is the page that asks for a fresh sign-in, by itself.
func (v *visit) showStepUp() error {
	back := ours(v.r.URL.Query().Get("return"))
	v.keep(back)
	return v.printStepUp(back)
}

func (v *visit) printStepUp(back string) error {
	p := page.StepUp{Command: v.cli("console"), Typed: v.r.Method == http.MethodPost}
	if v.person().Via == access.ViaOIDC {
		p.Provider, p.SignIn = v.deps.SignIn.Provider(), signInURL(ours(back), true)
	}
	return v.print("stepup", v.frame("Sign in once more", "", ""), p)
}

// bare is the frame of a page that nobody is signed in to see.
func (c *Console) bare(title string) page.Frame {
	return page.Frame{Title: title, Now: c.deps.Now().UTC()}
}
