package console_test

import (
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/console/page"
)

func TestLinkOpensOnceAndForFifteenMinutes(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	now := time.Now()
	b.Clock.Store(&now)
	link := b.Link(consoletest.Auditor())
	late := b.Link(consoletest.Auditor())

	if a := b.Get("/"); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, "tripod console") || strings.Contains(a.Body, "<nav") {
		t.Fatalf("without a link: %d %s", a.Status, a.Body)
	}
	a := b.Do(http.MethodGet, link, nil)
	cookie := a.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=28800"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	if a := b.Get("/"); a.Status != http.StatusOK {
		t.Errorf("with the cookie: %d", a.Status)
	}
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusSeeOther {
		t.Errorf("used link with a cookie: %d, want to go on", a.Status)
	}
	jar := b.Client.Jar
	b.Client.Jar = nil
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusUnauthorized || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("used link without a cookie: %d", a.Status)
	}
	later := now.Add(16 * time.Minute)
	b.Clock.Store(&later)
	if a := b.Do(http.MethodGet, late, nil); a.Status != http.StatusUnauthorized {
		t.Errorf("link after 15 minutes: %d", a.Status)
	}
	b.Client.Jar = jar
	later = now.Add(8*time.Hour + time.Minute)
	b.Clock.Store(&later)
	if a := b.Get("/"); a.Status != http.StatusUnauthorized {
		t.Errorf("cookie after 8 hours: %d", a.Status)
	}
}

func TestEndingEverySignInClosesEveryPage(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	link := b.Link(consoletest.Auditor())
	by := &access.Person{Subject: "os:operator"}
	if ended, err := b.SignIns.EndAll(t.Context(), "", by); ended.SignIns != 1 || ended.Links != 1 || err != nil {
		t.Errorf("%+v ended: %v", ended, err)
	}
	if a := b.Get("/"); a.Status != http.StatusUnauthorized {
		t.Errorf("page after it: %d", a.Status)
	}
	part := b.Do(http.MethodGet, b.Server.URL+"/activity/new?q=&since=0", func(r *http.Request) { r.Header.Set("HX-Request", "true") })
	if part.Status != http.StatusUnauthorized || part.Header.Get("HX-Refresh") != "true" || part.Body != "" {
		t.Errorf("part of a page after it: %d %v %s", part.Status, part.Header, part.Body)
	}
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusUnauthorized {
		t.Errorf("link after it: %d", a.Status)
	}
}

func TestSignOutWantsItsOwnForm(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	csrf := valueOf(b.Get("/").Body, "csrf")
	leave := func(token string, header ...string) consoletest.Answer {
		return b.Do(http.MethodPost, b.Server.URL+"/leave", func(r *http.Request) {
			r.URL.RawQuery = "" // the token is read from the form alone
			r.Body, r.ContentLength = body(url.Values{"csrf": {token}}.Encode())
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
		})
	}
	if a := leave("guess"); a.Status != http.StatusForbidden {
		t.Errorf("wrong token: %d", a.Status)
	}
	if a := leave(csrf, "Origin", "http://evil.example"); a.Status != http.StatusForbidden {
		t.Errorf("other origin: %d", a.Status)
	}
	if a := leave(csrf, "Sec-Fetch-Site", "cross-site"); a.Status != http.StatusForbidden {
		t.Errorf("cross-site: %d", a.Status)
	}
	if a := b.Get("/"); a.Status != http.StatusOK {
		t.Fatalf("still signed in: %d", a.Status)
	}
	if a := leave(csrf, "Origin", b.Server.URL, "Sec-Fetch-Site", "same-origin"); a.Status != http.StatusSeeOther {
		t.Errorf("own form: %d", a.Status)
	}
	if a := b.Get("/"); a.Status != http.StatusUnauthorized {
		t.Errorf("after signing out: %d", a.Status)
	}
}

func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	get := func(host string) int {
		return b.Do(http.MethodGet, b.Server.URL+"/", func(r *http.Request) { r.Host = host }).Status
	}
	for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example", "[2001:db8::1]:80", "0.0.0.0"} {
		if got := get(host); got != http.StatusMisdirectedRequest {
			t.Errorf("host %s: %d, want it refused", host, got)
		}
	}
	for _, host := range []string{"localhost", "localhost:8480", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:8480"} {
		if got := get(host); got == http.StatusMisdirectedRequest {
			t.Errorf("host %s refused", host)
		}
	}
}

func TestEveryAnswerCarriesTheProtections(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	check := func(name string, a consoletest.Answer) {
		t.Helper()
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy %q", name, csp)
		}
		for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
	}
	noStore := func(name string, a consoletest.Answer) {
		t.Helper()
		check(name, a)
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	noStore("closed", b.Get("/"))
	noStore("spent link", b.Get("/enter?code=x"))
	check("other host", b.Do(http.MethodGet, b.Server.URL, func(r *http.Request) { r.Host = "evil.example" }))
	b.SignIn()
	for _, path := range consoletest.Pages {
		a := b.Get(path)
		noStore(path, a)
		if a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	noStore("nowhere", b.Get("/nowhere"))
}

func TestStaticFilesAreKeptForEver(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	renderer, err := page.New()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("page/static/*")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, file := range files {
		url, err := renderer.Assets().URL(filepath.Base(file))
		if err != nil {
			t.Fatal(err)
		}
		plain := b.Do(http.MethodGet, b.Server.URL+url, func(r *http.Request) { r.Header.Set("Accept-Encoding", "identity") })
		if plain.Status != http.StatusOK || !strings.Contains(plain.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d %v", url, plain.Status, plain.Header)
		}
		again := b.Do(http.MethodGet, b.Server.URL+url, func(r *http.Request) { r.Header.Set("If-None-Match", plain.Header.Get("ETag")) })
		if again.Status != http.StatusNotModified {
			t.Errorf("%s again: %d", url, again.Status)
		}
		packed := b.Do(http.MethodGet, b.Server.URL+url, func(r *http.Request) { r.Header.Set("Accept-Encoding", "br, gzip") })
		if packed.Header.Get("Content-Encoding") != "gzip" || len(packed.Body) >= len(plain.Body) && len(plain.Body) > 1000 {
			t.Errorf("%s packed: %v, %d of %d bytes", url, packed.Header, len(packed.Body), len(plain.Body))
		}
	}
	if a := b.Get("/static/../console.go"); a.Status == http.StatusOK {
		t.Error("a file outside the assets is served")
	}
}

func TestNothingIsShownThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	full := errors.New("journal is full")
	b.RecordError.Store(&full)
	for _, path := range consoletest.Pages {
		a := b.Get(path)
		if a.Status != http.StatusServiceUnavailable || !strings.Contains(a.Body, "recorded") && !strings.Contains(a.Body, "does not take records") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	b.RecordError.Store(nil)
	jar := b.Client.Jar
	b.Client.Jar = nil
	b.RecordError.Store(&full)
	if a := b.Do(http.MethodGet, b.Link(consoletest.Auditor()), nil); a.Status != http.StatusServiceUnavailable || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("entering unrecorded: %d", a.Status)
	}
	b.RecordError.Store(nil)
	b.Client.Jar = jar
}

func TestLinkIsUsedUpByWhoOpensIt(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	link := b.Link(consoletest.Auditor())
	for _, method := range []string{http.MethodHead, http.MethodPost} {
		if a := b.Do(method, link, nil); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "GET" || a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %v", method, a.Status, a.Header)
		}
	}
	full := errors.New("journal is full")
	b.RecordError.Store(&full)
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("entering unrecorded: %d", a.Status)
	}
	b.RecordError.Store(nil)
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusOK || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("the link after what did not use it up: %d", a.Status)
	}
	second := b.Link(consoletest.Somebody("successor", access.Roles()...))
	old := b.Client.Jar
	if a := b.Do(http.MethodGet, second, nil); a.Status != http.StatusOK || a.Header.Get("Set-Cookie") == "" {
		t.Errorf("a link for who is signed in: %d", a.Status)
	}
	if a := b.Get("/"); !strings.Contains(a.Body, "successor") {
		t.Error("the second link did not sign in as who it is for")
	}
	if entered := b.Own(signin.TypeEnter); len(entered) != 2 || entered[1].Account.Proved.OSUser != "successor" {
		t.Errorf("%d entries on record", len(entered))
	}
	b.Client.Jar = nil
	if a := b.Do(http.MethodGet, second, nil); a.Status != http.StatusUnauthorized {
		t.Errorf("the second link again, elsewhere: %d", a.Status)
	}
	b.Client.Jar = old
}

// TestOtherPagesOpenNothing holds that no page of elsewhere, as one on another port of this machine, looks in the name of who
// is signed in.
func TestOtherPagesOpenNothing(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	from := func(path string, header ...string) consoletest.Answer {
		return b.Do(http.MethodGet, b.Server.URL+path, func(r *http.Request) {
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
		})
	}
	own := len(b.Own("tripod.console."))
	for _, path := range append(consoletest.Pages, "/record/1", "/record/1/source", "/session/x", "/activity/words", "/activity/export?as=csv&q=") {
		for _, site := range []string{"same-site", "cross-site", "unheard-of"} {
			if a := from(path, "Sec-Fetch-Site", site, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"); a.Status != http.StatusForbidden {
				t.Errorf("%s from %s: %d", path, site, a.Status)
			}
		}
	}
	followed := from(`/activity?q=%22><b>&x=//evil`, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	consoletest.CheckInert(t, "the way on", followed.Body)
	if followed.Status != http.StatusForbidden || !strings.Contains(followed.Body, `<a href="/activity?q=`) {
		t.Errorf("a link followed from elsewhere: %d %s", followed.Status, followed.Body)
	}
	if n := len(b.Own("tripod.console.")); n != own {
		t.Errorf("%d records of what another page asked for", n-own)
	}
	for _, site := range []string{"same-origin", "none"} {
		if a := from("/", "Sec-Fetch-Site", site); a.Status != http.StatusOK {
			t.Errorf("from %s: %d", site, a.Status)
		}
	}
	if a := b.Do(http.MethodGet, b.Link(consoletest.Auditor()), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); a.Status != http.StatusOK {
		t.Errorf("a link sent by mail: %d", a.Status)
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	own := len(b.Own("tripod.console."))
	f := func(method, path, allow string) {
		t.Helper()
		a := b.Do(method, b.Server.URL+path, nil)
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != allow {
			t.Errorf("%s %s: %d, allowed are %q", method, path, a.Status, a.Header.Get("Allow"))
		}
	}
	f(http.MethodPost, "/activity?q=", "GET")
	f(http.MethodDelete, "/record/7", "GET")
	f(http.MethodPut, "/api/v1/search?q=x", "GET")
	f(http.MethodGet, "/leave", "POST")
	f(http.MethodPost, "/static/x.css", "GET")
	f(http.MethodHead, "/activity/export?as=csv&q=", "GET")
	if n := len(b.Own("tripod.console.")); n != own {
		t.Errorf("%d records of what was refused", n-own)
	}
	if a := b.Do(http.MethodPost, b.Server.URL+"/nowhere", nil); a.Status != http.StatusNotFound {
		t.Errorf("an address that is none: %d", a.Status)
	}
}

func TestOpeningIsARecord(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	b.Get("/")
	opened := b.Own("tripod.console.")
	if len(opened) != 2 || opened[0].Type != signin.TypeEnter || opened[0].Activity != audit.ActivitySignIn {
		t.Fatalf("recorded %d: %+v", len(opened), opened)
	}
	r := opened[1]
	name, _ := r.Attributes.Get("tripod.page")
	if r.Type != console.TypeOpen || r.Activity != audit.ActivityView || name.Str() != "overview" || r.Account.Proved.OSUser != "auditor" {
		t.Errorf("recorded %s %s page %q by %+v", r.Type, r.Activity, name.Str(), r.Account)
	}
}
