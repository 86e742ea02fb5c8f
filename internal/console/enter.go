package console

import (
	"net"
	"net/http"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Types of the records that signing in and out leave.
const (
	TypeEnter  = "tripod.console.enter"
	TypeLeave  = "tripod.console.leave"
	TypeRevoke = "tripod.console.revoke" // every sign-in was ended
)

// cookieName has the port in it: cookies do not tell ports apart, and two Tripods may run on one machine.
func cookieName(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return "tripod_" + port
	}
	return "tripod"
}

// signedIn finds who a request comes from, nil if from nobody.
func (c *Console) signedIn(r *http.Request) *signedIn {
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil
	}
	return c.signIns.lookup(cookie.Value)
}

// enter takes a link. It answers with a page that goes on by itself instead of a redirect: a browser that followed the link
// from another site would not send the new cookie along with a redirect.
//
// A link works once, whoever opens it: a browser that is signed in already goes on as who the link is for. One whose use
// cannot be recorded was not used.
func (c *Console) enter(w http.ResponseWriter, r *http.Request) {
	link, ok := c.signIns.redeem(r.URL.Query().Get("code"))
	switch {
	case ok:
	case c.signedIn(r) != nil: // the link of this sign-in, opened again
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	default:
		c.linkRefused(w, r)
		return
	}
	act := intake.Act{Type: TypeEnter, Activity: audit.ActivitySignIn, Account: link.who.Identity()}
	if err := c.deps.Record(r.Context(), act); err != nil {
		c.signIns.putBack(link)
		c.show(w, r, nil, unrecorded(err))
		return
	}
	secret, ok := c.signIns.admit(link)
	if !ok {
		c.linkRefused(w, r)
		return
	}
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		c.signIns.end(cookie.Value)
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: secret, Path: "/", MaxAge: int(signInLife.Seconds()), HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	c.write(w, r, http.StatusOK, "enter", c.bare("You are in"), page.Enter{Entered: true})
}

func (c *Console) linkRefused(w http.ResponseWriter, r *http.Request) {
	c.deps.Logger.WarnContext(r.Context(), "a link into the console was refused: used, too old or unknown")
	c.closed(w, r, true)
}

// leave signs out.
func (v *visit) leave() (string, error) {
	if cookie, err := v.r.Cookie(cookieName(v.r)); err == nil {
		v.signIns.end(cookie.Value)
	}
	if err := v.deps.Record(v.r.Context(), intake.Act{Type: TypeLeave, Activity: audit.ActivitySignOut, Account: v.person().Identity()}); err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "a sign-out is not on record", "error", err)
	}
	http.SetCookie(v.w, &http.Cookie{Name: cookieName(v.r), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return "/", nil
}

// stepUp asks for a fresh sign-in, after which somebody comes back to an address of ours.
func (c *Console) stepUp(v *visit, back string) {
	typed := v.r.Method == http.MethodPost
	if wantsJSON(v.r) {
		writeJSONProblem(v.w, &problem{status: http.StatusUnauthorized, code: "stale", text: errStale.Error(), advice: "sign in again"})
		return
	}
	if v.r.Header.Get("HX-Request") != "" {
		v.w.Header().Set("HX-Redirect", ours(back))
		v.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	v.status = http.StatusUnauthorized
	_ = v.print("stepup", v.frame("Sign in once more", "", ""), page.StepUp{Command: c.cli("console"), Typed: typed})
}

// closed tells how to get in, and nothing else.
func (c *Console) closed(w http.ResponseWriter, r *http.Request, spent bool) {
	if wantsJSON(r) {
		writeJSONProblem(w, &problem{status: http.StatusUnauthorized, code: "unauthorized", text: "nobody is signed in",
			advice: "open a link from tripod console, and send its cookie"})
		return
	}
	if r.Header.Get("HX-Request") != "" {
		w.Header().Set("HX-Refresh", "true") // a page whose sign-in ended must not go on standing there
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c.write(w, r, http.StatusUnauthorized, "enter", c.bare("Closed"), page.Enter{Spent: spent, Command: c.cli("console")})
}

// bare is the frame of a page that nobody is signed in to see.
func (c *Console) bare(title string) page.Frame {
	return page.Frame{Title: title, Now: c.deps.Now().UTC()}
}
