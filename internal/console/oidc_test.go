package console_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/access/signin/signintest"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/secret"
)

// browser is one browser of somebody who signs in at a real identity provider. Like one, it does not send the cookie of its
// sign-in along when the provider sends it back, since that cookie is SameSite=Strict.
type browser struct {
	*consoletest.Bench
	t   *testing.T
	idp *signintest.Provider
	jar http.CookieJar
}

func newBrowser(t *testing.T, b *consoletest.Bench, idp *signintest.Provider) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{b, t, idp, jar}
}

func (b *browser) ask(method, address string, fields url.Values) consoletest.Answer {
	b.t.Helper()
	b.Client.Jar = b.jar
	return b.Do(method, b.Server.URL+address, func(r *http.Request) {
		if fields != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = body(fields.Encode())
		}
	})
}

var signInLink = regexp.MustCompile(`href="(/signin\?[^"]*|/signin)"`)

// follow begins a sign-in with the link of a page, signs in at the provider and comes back; it returns where the console then
// leads.
func (b *browser) follow(page string, l signintest.Login) string {
	b.t.Helper()
	m := signInLink.FindStringSubmatch(page)
	if m == nil {
		b.t.Fatalf("no link to sign in: %s", text(page))
	}
	begun := b.ask(http.MethodGet, strings.ReplaceAll(m[1], "&amp;", "&"), nil)
	if begun.Status != http.StatusSeeOther {
		b.t.Fatalf("begin: %d %s", begun.Status, text(begun.Body))
	}
	query, err := b.idp.Answer(begun.Header.Get("Location"), l)
	if err != nil {
		b.t.Fatal(err)
	}
	here, err := url.Parse(b.Server.URL + "/signin/callback")
	if err != nil {
		b.t.Fatal(err)
	}
	flow := b.jar.Cookies(here)
	flow = slices.DeleteFunc(flow, func(c *http.Cookie) bool { return !strings.HasSuffix(c.Name, "_signin") })
	b.Client.Jar = nil
	a := b.Do(http.MethodGet, here.String()+"?"+query.Encode(), func(r *http.Request) {
		for _, c := range flow {
			r.AddCookie(c)
		}
	})
	b.jar.SetCookies(here, (&http.Response{Header: a.Header}).Cookies())
	if a.Status != http.StatusOK || !strings.Contains(a.Body, "You are in") {
		b.t.Fatalf("come back: %d %s", a.Status, text(a.Body))
	}
	_, rest, _ := strings.Cut(a.Body, "content=\"0;url=")
	to, _, _ := strings.Cut(rest, `"`)
	return to
}

// secret is the cookie of the sign-in.
func (b *browser) secret() *http.Cookie {
	b.t.Helper()
	home, err := url.Parse(b.Server.URL + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	list := b.jar.Cookies(home)
	if len(list) != 1 {
		b.t.Fatalf("cookies: %v", list)
	}
	return list[0]
}

// opens reports whether a cookie is that of a sign-in.
func (b *browser) opens(c *http.Cookie) bool {
	b.t.Helper()
	b.Client.Jar = nil
	return b.Do(http.MethodGet, b.Server.URL+"/me", func(r *http.Request) { r.AddCookie(c) }).Status == http.StatusOK
}

// TestOIDCThroughPages: somebody signs in at the identity provider, has to come back fresh to approve, of which one sign-in is
// left, and signs out everywhere; all of it by the pages.
func TestOIDCThroughPages(t *testing.T) {
	t.Parallel()
	idp, err := signintest.Start("http://127.0.0.1:8480/signin/callback",
		signintest.Human{Sub: "priya", Email: "priya@example.com", Groups: []string{"privacy"}}, signintest.Human{Sub: "ana", Email: "ana@example.com", Groups: []string{"security"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(idp.Close)
	b := consoletest.New(t, consoletest.Options{Access: func(cfg *signin.Config, d *signin.Deps) {
		*cfg = idp.Config()
		cfg.Roles = []signin.Mapping{{Group: "privacy", Role: access.PrivacyOfficer}, {Group: "security", Role: access.Analyst}}
		d.Callback, d.Home = "http://127.0.0.1:8480/signin/callback", "http://127.0.0.1:8480/"
		d.ClientSecret = func(context.Context) (secret.String, error) { return secret.New(signintest.Secret), nil }
	}})
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ctx := context.Background()
	ana := &access.Person{Subject: "oidc:ana@" + idp.Issuer, Email: "ana@example.com", Roles: []access.Role{access.Analyst}, Via: access.ViaOIDC, Since: time.Now()}
	c, err := b.Desk.Open(ctx, ana, casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident, Basis: casebook.BasisLegitimateInterest, Subjects: []string{"kofi@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	at := (&desk{Bench: b, t: t}).say("kofi@example.com", "s1", canary)
	b.CatchUp()
	g, err := b.Desk.Request(ctx, ana, casebook.Ask{Case: c.ID, Class: audit.ClassText, Records: []uint64{at}, Reason: "the alert named it"})
	if err != nil {
		t.Fatal(err)
	}

	one, two := newBrowser(t, b, idp), newBrowser(t, b, idp)
	a := one.ask(http.MethodGet, "/cases/"+c.ID, nil)
	if a.Status != http.StatusUnauthorized || strings.Contains(a.Body, c.ID+"</") {
		t.Fatalf("a stranger: %d %s", a.Status, text(a.Body))
	}
	if to := one.follow(a.Body, signintest.Login{Sub: "priya", At: time.Now().Add(-20 * time.Minute)}); to != "/cases/"+c.ID {
		t.Errorf("goes on to %q", to)
	}
	two.follow(two.ask(http.MethodGet, "/", nil).Body, signintest.Login{Sub: "priya"})
	stale, other := one.secret(), two.secret()

	approve := func() consoletest.Answer {
		shown := one.ask(http.MethodGet, "/cases/"+c.ID, nil)
		_, form, _ := strings.Cut(shown.Body, `action="/grants/`+g.ID+"/")
		return one.ask(http.MethodPost, "/grants/"+g.ID+"/approve", url.Values{"csrf": {valueOf(shown.Body, "csrf")}, "case": {c.ID}, "terms": {valueOf(form, "terms")}, "note": {"go ahead"}})
	}
	if a = approve(); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "Sign in once more") {
		t.Fatalf("with a sign-in of 20 minutes ago: %d %s", a.Status, text(a.Body))
	}
	if to := one.follow(a.Body, signintest.Login{Sub: "priya"}); to != "/cases/"+c.ID+"#"+g.ID {
		t.Errorf("afresh goes on to %q", to)
	}
	if one.secret().Value == stale.Value || one.opens(stale) {
		t.Error("the sign-in from before is good still")
	}
	if !one.opens(one.secret()) || !one.opens(other) {
		t.Error("more than the sign-in from before has ended")
	}
	if a = approve(); a.Status != http.StatusSeeOther {
		t.Fatalf("with a fresh sign-in: %d %s", a.Status, text(a.Body))
	}
	if _, grants, err := b.Desk.Show(ctx, ana, c.ID); err != nil || len(grants) != 1 || grants[0].State != casebook.Opened || grants[0].ApprovedBy.Email != "priya@example.com" {
		t.Errorf("%+v, %v", grants, err)
	}

	me := one.ask(http.MethodGet, "/me", nil)
	if a = one.ask(http.MethodPost, "/me/end", url.Values{"csrf": {valueOf(me.Body, "csrf")}, "others": {"yes"}}); a.Status != http.StatusSeeOther {
		t.Fatalf("end the others: %d %s", a.Status, text(a.Body))
	}
	if one.opens(other) || !one.opens(one.secret()) {
		t.Error("not the others alone ended")
	}
	last := one.secret()
	if a = one.ask(http.MethodPost, "/leave", url.Values{"csrf": {valueOf(me.Body, "csrf")}}); a.Status != http.StatusOK && a.Status != http.StatusSeeOther {
		t.Fatalf("leave: %d %s", a.Status, text(a.Body))
	}
	if one.opens(last) || len(b.SignIns.Sessions()) != 0 {
		t.Errorf("still signed in: %v", b.SignIns.Sessions())
	}
}
