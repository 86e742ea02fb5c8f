package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// methods are those that somebody may try on any address.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodTrace, "PROPFIND"}

// routes are the addresses of the table with something in place of what they name.
func routes() (list []struct{ method, path string }) {
	for _, e := range access.Table() {
		if method, path, ok := strings.Cut(e.Route, " "); ok {
			for _, p := range []string{"{seq}", "{id}", "{case}", "{grant}", "{hold}", "{name}", "{token}"} {
				path = strings.ReplaceAll(path, p, "1")
			}
			path = strings.TrimSuffix(path, "{$}")
			for i := strings.Index(path, "{"); i >= 0; i = strings.Index(path, "{") {
				path = path[:i] + "1" + path[i+strings.Index(path[i:], "}")+1:]
			}
			list = append(list, struct{ method, path string }{method, path})
		}
	}
	return list
}

// checkGuarded wants the protections in an answer.
func checkGuarded(t *testing.T, what string, a answer) {
	t.Helper()
	csp := a.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(csp, "unsafe") ||
		!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") || !strings.Contains(csp, "form-action 'self'") {
		t.Errorf("%s: Content-Security-Policy %q", what, csp)
	}
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := a.header.Get(header); got != want {
			t.Errorf("%s: %s is %q", what, header, got)
		}
	}
	if cached := a.header.Get("Cache-Control"); cached != "no-store" && !strings.Contains(what, "/static/") {
		t.Errorf("%s: Cache-Control %q", what, cached)
	}
	for header := range a.header {
		if strings.HasPrefix(header, "Access-Control-") || header == "Server" || header == "X-Powered-By" {
			t.Errorf("%s: %s: %s", what, header, a.header.Get(header))
		}
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable && a.status != http.StatusNotImplemented {
		t.Errorf("%s: %d %.200s", what, a.status, a.body)
	}
}

// TestConsole tries the console of one serve.
func TestConsole(t *testing.T) {
	s := serve(t, configuration(t))
	t.Run("every answer is guarded", func(t *testing.T) { everyAnswerIsGuarded(t, s) })
	t.Run("paths lead nowhere", func(t *testing.T) { pathsLeadNowhere(t, s) })
	t.Run("odd requests", func(t *testing.T) { oddRequests(t, s) })
	t.Run("forms", func(t *testing.T) { formsWantTheirToken(t, s) })
	t.Run("bodies are bounded", func(t *testing.T) { bodiesAreBounded(t, s) })
	t.Run("other pages learn nothing", func(t *testing.T) { otherPagesLearnNothing(t, s) })
	t.Run("addresses lead nowhere else", func(t *testing.T) { addressesLeadNowhereElse(t, s) })
	t.Run("sign-in", func(t *testing.T) { signInIsFresh(t, s) })
}

// everyAnswerIsGuarded asks every address by every method, with a sign-in and without.
func everyAnswerIsGuarded(t *testing.T, s *served) {
	listed := map[string]bool{}
	for _, route := range routes() {
		listed[route.method+" "+route.path] = true
	}
	for _, route := range routes() {
		for _, method := range methods {
			for who, client := range map[string]*http.Client{"": s.client, " signed out": nil} {
				if route.path == "/leave" && method == http.MethodPost {
					continue // with the forms
				}
				for _, query := range []string{"", "?q=%22&field=%00&since=x&cursor=%ff&as=..&id=%00&code=x"} {
					what := method + " " + route.path + query + who
					a := s.ask(client, method, route.path+query, func(r *http.Request) { r.Header.Set("X-Echo", "echo-canary") })
					checkGuarded(t, what, a)
					if strings.Contains(a.body, "echo-canary") {
						t.Errorf("%s repeats the request", what)
					}
					if !listed[method+" "+route.path] && method != http.MethodHead && a.status < 400 {
						t.Errorf("%s: %d, and the table has no such route", what, a.status)
					}
					if right, _ := access.ForRoute(route.method + " " + route.path); client == nil && right != access.Anybody && a.status < 400 {
						t.Errorf("%s: %d", what, a.status)
					}
					if a.header.Get("Set-Cookie") != "" {
						t.Errorf("%s sets a cookie", what)
					}
				}
			}
		}
	}
	checkGuarded(t, "nowhere", s.get("/nowhere"))
	checkGuarded(t, "another host", s.ask(nil, http.MethodGet, "/", func(r *http.Request) { r.Host = "evil.example" }))
	if a := s.get("/debug/pprof/"); a.status != http.StatusNotFound {
		t.Errorf("profiles: %d", a.status)
	}
}

// raw sends bytes as they are, and returns what comes back until the connection ends or has been silent for a while.
func raw(t *testing.T, s *served, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.addrs.Console, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		return ""
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return "" // closed without an answer
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return fmt.Sprintf("%d %v %s", res.StatusCode, res.Header, body)
}

// cookie is that of who is signed in, as a line of a request.
func (s *served) cookie() string {
	u, err := url.Parse(s.addrs.Console)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for _, c := range s.client.Jar.Cookies(u) {
		list = append(list, c.Name+"="+c.Value)
	}
	return "Cookie: " + strings.Join(list, "; ") + "\r\n"
}

// pathsLeadNowhere asks for files by every spelling of the way up.
func pathsLeadNowhere(t *testing.T, s *served) {
	secret, err := os.ReadFile(filepath.Join(s.cfg.Data, "keys", "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.addrs.Console, "http://")
	for _, begin := range []string{"/static/", "/record/", "/session/", "/record/1/", "/api/v1/", "/cases/", "/holds/", "/", "/organisation/"} {
		for _, up := range []string{"../", "..%2f", "%2e%2e/", "%2e%2e%2f", `..\`, "..%5c", "....//", "..;/", "%252e%252e%252f", "..%c0%af", "..%00/", "/", "//"} {
			for _, target := range []string{"keys/master.key", "etc/passwd", "proc/self/environ", "journal.db"} {
				path := begin + strings.Repeat(up, 9) + target
				got := raw(t, s, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n"+s.cookie()+"Connection: close\r\n\r\n")
				if strings.HasPrefix(got, "200") && !strings.Contains(got, "text/html") || strings.Contains(got, strings.TrimSpace(string(secret))) || strings.Contains(got, "root:x:") ||
					strings.Contains(got, "SQLite format") || strings.Contains(got, "PATH=") {
					t.Errorf("%s: %.200s", path, got)
				}
			}
		}
	}
	for _, path := range []string{"/activity/export?q=&as=../../x", "/activity/export?q=&as=csv%0d%0aX-Injected:%20y", "/record/1/proof.json?name=..%2f%0d%0aX-Injected:y"} {
		a := s.get(path)
		if name := a.header.Get("Content-Disposition"); strings.ContainsAny(strings.TrimPrefix(name, "attachment; filename="), `/\`) || a.header.Get("X-Injected") != "" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
}

// oddRequests sends what two parsers might read differently.
func oddRequests(t *testing.T, s *served) {
	host := strings.TrimPrefix(s.addrs.Console, "http://")
	page := func(got string) bool { return strings.HasPrefix(got, "200") }
	if got := raw(t, s, "GET /health HTTP/1.1\r\nHost: "+host+"\r\n"+s.cookie()+"Connection: close\r\n\r\n"); !page(got) {
		t.Fatalf("the usual request: %.200s", got)
	}
	for name, request := range map[string]string{
		"absolute form":           "GET http://evil.example/health HTTP/1.1\r\nHost: " + host + "\r\n",
		"absolute form, own host": "GET http://" + host + "/health HTTP/1.1\r\nHost: evil.example\r\n\r\nGET http://evil.example/ HTTP/1.1\r\nHost: " + host + "\r\n",
		"another host":            "GET /health HTTP/1.1\r\nHost: evil.example\r\n",
		"user in the host":        "GET /health HTTP/1.1\r\nHost: " + host + "@evil.example\r\n",
		"two hosts":               "GET /health HTTP/1.1\r\nHost: " + host + "\r\nHost: evil.example\r\n",
		"two hosts, other order":  "GET /health HTTP/1.1\r\nHost: evil.example\r\nHost: " + host + "\r\n",
		"no host":                 "GET /health HTTP/1.1\r\n",
		"old, no host":            "GET /health HTTP/1.0\r\n",
		"empty host":              "GET /health HTTP/1.1\r\nHost:\r\n",
		"decimal host":            "GET /health HTTP/1.1\r\nHost: 2130706433\r\n",
		"host with a path":        "GET /health HTTP/1.1\r\nHost: 127.0.0.1/evil\r\n",
		"both lengths":            "POST /health HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: " + host + "\r\n",
		"two lengths":             "POST /health HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\nContent-Length: 5\r\n",
		"odd coding":              "POST /health HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: xchunked\r\n",
		"space before the colon":  "GET /health HTTP/1.1\r\nHost : " + host + "\r\n",
		"tunnel":                  "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n",
		"method in lower case":    "get /health HTTP/1.1\r\nHost: " + host + "\r\n",
		"an upgrade":              "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n",
	} {
		if name == "absolute form, own host" {
			if got := raw(t, s, request+s.cookie()+"Connection: close\r\n\r\n"); strings.Contains(got, "evil") {
				t.Errorf("%s: %.300s", name, got)
			}
			continue
		}
		if got := raw(t, s, request+s.cookie()+"Connection: close\r\n\r\n"); page(got) || strings.Contains(got, "evil.example") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
	for _, header := range []string{"X-Forwarded-Host: evil.example", "X-Forwarded-For: 203.0.113.9", "X-Original-Url: /organisation", "X-Rewrite-Url: /organisation", "X-Http-Method-Override: POST", "Forwarded: host=evil.example"} {
		got := raw(t, s, "GET /health HTTP/1.1\r\nHost: "+host+"\r\n"+header+"\r\n"+s.cookie()+"Connection: close\r\n\r\n")
		if !page(got) || strings.Contains(got, "evil.example") || strings.Contains(got, "203.0.113.9") || !strings.Contains(got, "<title>Health") {
			t.Errorf("%s: %.300s", header, got)
		}
	}
	for _, header := range []string{"Range: bytes=0-9,0-9,0-9", "If-None-Match: *", "If-Modified-Since: Mon, 23 Nov 2099 00:00:00 GMT", "Expect: 100-continue"} {
		if got := raw(t, s, "GET /health HTTP/1.1\r\nHost: "+host+"\r\n"+header+"\r\n"+s.cookie()+"Connection: close\r\n\r\n"); !page(got) && !strings.HasPrefix(got, "417") {
			t.Errorf("%s: %.300s", header, got)
		}
	}
}

// bodiesAreBounded sends more than anything reads.
func bodiesAreBounded(t *testing.T, s *served) {
	host := strings.TrimPrefix(s.addrs.Console, "http://")
	if got := raw(t, s, "GET /health HTTP/1.1\r\nHost: "+host+"\r\nX-Long: "+strings.Repeat("x", 1<<17)+"\r\n\r\n"); got != "" && !strings.HasPrefix(got, "431") {
		t.Errorf("headers of 128 KiB: %.100s", got)
	}
	if got := raw(t, s, "GET /activity?q="+strings.Repeat("x", 1<<15)+" HTTP/1.1\r\nHost: "+host+"\r\n"+s.cookie()+"Connection: close\r\n\r\n"); len(got) > 200<<10 {
		t.Errorf("a query of 32 KiB is answered with %d bytes", len(got))
	}
	for _, route := range routes() {
		if route.method != http.MethodPost {
			continue
		}
		for _, client := range []*http.Client{s.client, nil} {
			a := s.ask(client, http.MethodPost, route.path, func(r *http.Request) { form(r, "csrf=x&reason="+strings.Repeat("x", 8<<20)) })
			if a.status < 400 || a.status >= 500 || len(a.body) > 1<<20 {
				t.Errorf("POST %s with 8 MiB: %d, %d bytes", route.path, a.status, len(a.body))
			}
		}
	}
}

// otherPagesLearnNothing asks with the cookie of who is signed in, as a page of elsewhere would.
func otherPagesLearnNothing(t *testing.T, s *served) {
	for _, route := range routes() {
		if right, _ := access.ForRoute(route.method + " " + route.path); right == access.Anybody || slices.Contains([]string{"/static/", "/"}, route.path) && right == access.Anybody {
			continue
		}
		for _, site := range []string{"cross-site", "same-site"} {
			for _, mode := range []string{"cors", "no-cors", "navigate"} {
				a := s.ask(s.client, route.method, route.path, func(r *http.Request) {
					r.Header.Set("Origin", "http://127.0.0.1:9")
					r.Header.Set("Sec-Fetch-Site", site)
					r.Header.Set("Sec-Fetch-Mode", mode)
					r.Header.Set("Sec-Fetch-Dest", "empty")
				})
				if a.status != http.StatusForbidden && a.status != http.StatusUnauthorized {
					t.Errorf("%s %s from %s by %s: %d", route.method, route.path, site, mode, a.status)
				}
				checkGuarded(t, route.path, a)
			}
		}
	}
}
