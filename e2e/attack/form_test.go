package attack

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf is the token of a sign-in.
func (s *served) csrf(client *http.Client) string {
	s.t.Helper()
	found := csrfField.FindStringSubmatch(s.ask(client, http.MethodGet, "/", nil).body)
	if found == nil {
		s.t.Fatal("the overview has no form with a token")
	}
	return found[1]
}

// decisions are Tripod's own acts on record but for looking, and being refused.
func (s *served) decisions() (list []string) {
	s.t.Helper()
	for _, r := range s.records(func([]*audit.Record) bool { return true }) {
		switch {
		case r.Source != audit.SourceTripod, strings.HasPrefix(r.Type, "tripod.console.") && r.Type != "tripod.console.leave", r.Type == "tripod.access.refused":
		default:
			list = append(list, r.Type)
		}
	}
	return list
}

// formsWantTheirToken posts to every form what no page of the sign-in would.
func formsWantTheirToken(t *testing.T, s *served) {
	other := s.browser()
	s.signIn(other)
	own, foreign := s.csrf(s.client), s.csrf(other)
	if own == foreign {
		t.Fatal("two sign-ins share a token")
	}
	before := s.decisions()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	body := func(text string) func(*http.Request) { return func(r *http.Request) { form(r, text) } }
	tries := map[string][]func(*http.Request){
		"no token":            {body("")},
		"an empty token":      {body("csrf=")},
		"a guess":             {body("csrf=AAAAAAAAAAAAAAAAAAAAAAAAAA")},
		"two tokens":          {body("csrf=x&csrf=" + own)},
		"a token that begins": {body("csrf=" + own[:len(own)-1])},
		"another sign-in's":   {body("csrf=" + foreign)},
		"in the address":      {body(""), func(r *http.Request) { r.URL.RawQuery = "csrf=" + own }},
		"in a header":         {body(""), header("X-Csrf-Token", own)},
		"in a cookie":         {body(""), func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "csrf", Value: own}) }},
		"another origin":      {body("csrf=" + own), header("Origin", "http://evil.example")},
		"no origin at all":    {body("csrf=" + own), header("Origin", "null")},
		"another port":        {body("csrf=" + own), header("Origin", "http://127.0.0.1:9"), header("Sec-Fetch-Site", "same-site")},
		"cross-site":          {body("csrf=" + own), header("Sec-Fetch-Site", "cross-site")},
		"as plain text":       {body("csrf=" + own), header("Content-Type", "text/plain")},
		"as JSON":             {body(`{"csrf":"` + own + `"}`), header("Content-Type", "application/json")},
		"as multipart":        {body("--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n" + own + "\r\n--x--\r\n"), header("Content-Type", "multipart/form-data; boundary=x")},
		"of no kind":          {body("csrf=" + own), func(r *http.Request) { r.Header.Del("Content-Type") }},
	}
	forms := 0
	for _, route := range routes() {
		right, _ := access.ForRoute(http.MethodPost + " " + route.path)
		if route.method != http.MethodPost || right == access.Anybody {
			continue // signing in, for which there is no token yet, has tests of its own
		}
		forms++
		for _, name := range slices.Sorted(maps.Keys(tries)) {
			edit := func(r *http.Request) {
				for _, change := range tries[name] {
					change(r)
				}
			}
			if a := s.ask(s.client, http.MethodPost, route.path, edit); a.status < 400 || a.status >= 500 || a.header.Get("Location") != "" {
				t.Errorf("POST %s with %s: %d", route.path, name, a.status)
			}
		}
		if a := s.ask(nil, http.MethodPost, route.path, body("csrf="+own)); a.status != http.StatusUnauthorized {
			t.Errorf("POST %s by nobody: %d", route.path, a.status)
		}
	}
	if forms == 0 {
		t.Error("there are no forms")
	}
	if after := s.decisions(); !slices.Equal(before, after) {
		t.Errorf("something was decided: %v", after[len(before):])
	}
	if a := s.get("/health"); a.status != http.StatusOK {
		t.Errorf("the sign-in has ended: %d", a.status)
	}
}

// addressesLeadNowhereElse gives every address and the way in addresses of elsewhere to go on to.
func addressesLeadNowhereElse(t *testing.T, s *served) {
	elsewhere := []string{"//evil.example", `/\evil.example`, `\\evil.example`, "https:evil.example", "https://evil.example/", "http:///evil.example", "/%09/evil.example", "/\t/evil.example",
		"///evil.example", "/%5cevil.example", "%2f%2fevil.example", "/%0d%0aLocation:%20//evil.example", "/\r\nX-Injected: y", "//evil.example@127.0.0.1", "//127.0.0.1@evil.example",
		"javascript:alert(1)", "/..//evil.example", "/./\\evil.example", "data:text/html,x", " //evil.example"}
	check := func(what string, a answer) {
		t.Helper()
		at := a.header.Get("Location")
		u, err := url.Parse(at)
		if at != "" && (err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(at, "/") || strings.HasPrefix(at, "//") || strings.ContainsAny(at, "\\\r\n\t")) || a.header.Get("X-Injected") != "" {
			t.Errorf("%s leads to %q", what, at)
		}
		for _, refresh := range []string{`http-equiv="refresh"`, `href="//`, `href="http`, `href="javascript`, `action="//`, `action="http`} {
			if strings.Contains(a.body, refresh) && strings.Contains(a.body, "evil") && refresh != `http-equiv="refresh"` {
				t.Errorf("%s: the page has %s", what, refresh)
			}
		}
		if i := strings.Index(a.body, `http-equiv="refresh"`); i >= 0 && strings.Contains(a.body[i:min(len(a.body), i+200)], "evil") {
			t.Errorf("%s: the page goes on to %s", what, a.body[i:min(len(a.body), i+200)])
		}
	}
	for _, to := range elsewhere {
		q := make(url.Values)
		for _, name := range []string{"return", "return_to", "to", "next", "url", "redirect", "redirect_uri", "go_on", "then", "back", "page", "iss"} {
			q.Set(name, to)
		}
		for _, route := range routes() {
			if route.method == http.MethodGet && !strings.HasPrefix(route.path, "/activity") && !strings.HasPrefix(route.path, "/api/") {
				check(route.path+" to "+to, s.ask(s.client, http.MethodGet, route.path+"?"+q.Encode(), nil))
				check(route.path+" to "+to+" signed out", s.ask(nil, http.MethodGet, route.path+"?"+q.Encode(), nil))
			}
		}
		fresh := s.browser()
		check("a link to "+to, s.ask(fresh, http.MethodGet, strings.TrimPrefix(s.link(), s.addrs.Console)+"&"+q.Encode(), nil))
		fresh.CloseIdleConnections()
	}
}

// signInIsFresh plants cookies before signing in, and uses old ones after.
func signInIsFresh(t *testing.T, s *served) {
	at, err := url.Parse(s.addrs.Console)
	if err != nil {
		t.Fatal(err)
	}
	signedIn := func(client *http.Client) bool {
		return s.ask(client, http.MethodGet, "/health", nil).status == http.StatusOK
	}
	held := func(client *http.Client) []*http.Cookie { return client.Jar.Cookies(at) }

	victim := s.browser()
	name := held(s.client)[0].Name
	planted := &http.Cookie{Name: name, Value: "PLANTEDPLANTEDPLANTEDPLANT", Path: "/"}
	victim.Jar.SetCookies(at, []*http.Cookie{planted})
	a := s.signIn(victim)
	for _, set := range a.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(set)
		if err != nil || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure || c.MaxAge > 8*3600 || len(c.Value) < 22 {
			t.Errorf("the cookie %q: %v", set, err)
		}
	}
	if got := held(victim); len(got) != 1 || got[0].Value == planted.Value || !signedIn(victim) {
		t.Errorf("after signing in with a cookie that was there: %v", got)
	}
	thief := s.browser()
	thief.Jar.SetCookies(at, []*http.Cookie{planted})
	if signedIn(thief) {
		t.Error("a planted cookie is signed in")
	}

	old := *held(victim)[0]
	s.signIn(victim) // again, by another link
	thief.Jar.SetCookies(at, []*http.Cookie{&old})
	if old.Value == held(victim)[0].Value || signedIn(thief) {
		t.Error("the cookie before goes on after signing in again")
	}

	last := *held(victim)[0]
	if a := s.ask(victim, http.MethodPost, "/leave", func(r *http.Request) { form(r, "csrf="+s.csrf(victim)) }); a.status != http.StatusSeeOther {
		t.Errorf("signing out: %d", a.status)
	}
	thief.Jar.SetCookies(at, []*http.Cookie{&last})
	if signedIn(thief) {
		t.Error("a cookie outlives signing out")
	}
	if a := s.ask(nil, http.MethodGet, "/health?"+name+"="+held(s.client)[0].Value, nil); a.status != http.StatusUnauthorized {
		t.Errorf("a cookie in the address: %d", a.status)
	}
	for _, odd := range []string{"", "x", strings.Repeat("A", 5000), held(s.client)[0].Value[1:], strings.ToLower(held(s.client)[0].Value)} {
		thief.Jar.SetCookies(at, []*http.Cookie{{Name: name, Value: odd, Path: "/"}})
		if signedIn(thief) {
			t.Errorf("the cookie %.30q is signed in", odd)
		}
	}
}
