package console_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

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
	link := b.Console.Link(audit.Identity{OSUser: "auditor"})
	late := b.Console.Link(audit.Identity{OSUser: "auditor"})

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
	later := now.Add(15 * time.Minute)
	b.Clock.Store(&later)
	if a := b.Do(http.MethodGet, late, nil); a.Status != http.StatusUnauthorized {
		t.Errorf("link after 15 minutes: %d", a.Status)
	}
	b.Client.Jar = jar
	later = now.Add(8 * time.Hour)
	b.Clock.Store(&later)
	if a := b.Get("/"); a.Status != http.StatusUnauthorized {
		t.Errorf("cookie after 8 hours: %d", a.Status)
	}
}

func TestRevokeEndsEverySignIn(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	link := b.Console.Link(audit.Identity{})
	b.Console.Revoke()
	if a := b.Get("/"); a.Status != http.StatusUnauthorized {
		t.Errorf("page after Revoke: %d", a.Status)
	}
	part := b.Do(http.MethodGet, b.Server.URL+"/activity/new?q=&since=0", func(r *http.Request) { r.Header.Set("HX-Request", "true") })
	if part.Status != http.StatusUnauthorized || part.Header.Get("HX-Refresh") != "true" || part.Body != "" {
		t.Errorf("part of a page after Revoke: %d %v %s", part.Status, part.Header, part.Body)
	}
	if a := b.Do(http.MethodGet, link, nil); a.Status != http.StatusUnauthorized {
		t.Errorf("link after Revoke: %d", a.Status)
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
	for _, url := range renderer.Assets().URLs() {
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
	if a := b.Do(http.MethodGet, b.Console.Link(audit.Identity{}), nil); a.Status != http.StatusServiceUnavailable || a.Header.Get("Set-Cookie") != "" {
		t.Errorf("entering unrecorded: %d", a.Status)
	}
	b.RecordError.Store(nil)
	b.Client.Jar = jar
}

func TestOpeningIsARecord(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	b.Get("/")
	opened := b.Own("tripod.console.")
	if len(opened) != 2 || opened[0].Type != console.TypeEnter || opened[0].Activity != audit.ActivitySignIn {
		t.Fatalf("recorded %d: %+v", len(opened), opened)
	}
	r := opened[1]
	name, _ := r.Attributes.Get("tripod.page")
	if r.Type != console.TypeOpen || r.Activity != audit.ActivityView || name.Str() != "overview" || r.Account.Proved.OSUser != "auditor" {
		t.Errorf("recorded %s %s page %q by %+v", r.Type, r.Activity, name.Str(), r.Account)
	}
}
