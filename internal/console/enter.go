package console

import (
	"crypto/subtle"
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
	act := intake.Act{Type: TypeEnter, Activity: audit.ActivitySignIn, Account: link.who}
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
func (c *Console) leave(w http.ResponseWriter, r *http.Request) {
	who := c.signedIn(r)
	if who == nil {
		c.closed(w, r, false)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if subtle.ConstantTimeCompare([]byte(r.PostFormValue("csrf")), []byte(who.csrf)) != 1 {
		c.show(w, r, who, &problem{status: http.StatusForbidden, heading: "Not from this page", text: "The form did not come from a page of this sign-in.",
			advice: "Go back, reload the page and try again."})
		return
	}
	if cookie, err := r.Cookie(cookieName(r)); err == nil {
		c.signIns.end(cookie.Value)
	}
	if err := c.deps.Record(r.Context(), intake.Act{Type: TypeLeave, Activity: audit.ActivitySignOut, Account: who.who}); err != nil {
		c.deps.Logger.WarnContext(r.Context(), "a sign-out is not on record", "error", err)
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
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
