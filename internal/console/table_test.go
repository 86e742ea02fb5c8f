package console_test

import (
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

var wildcard = regexp.MustCompile(`\{[^}]*\}`)

// ofMachines are routes that the surroundings add.
var ofMachines = []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /debug/pprof/", "GET /debug/pprof/profile"}

// TestEveryRouteForEveryRole asks every address as every role, signed out, with a cookie and with a token: who holds its
// right is let in, nobody else is told anything.
func TestEveryRouteForEveryRole(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{Access: func(cfg *signin.Config, _ *signin.Deps) { cfg.Tokens.Content = true }})
	var listed []string
	for _, e := range access.Table() {
		if e.Route != "" && !slices.Contains(ofMachines, e.Route) {
			listed = append(listed, e.Route)
		}
	}
	slices.Sort(listed)
	if got := b.Console.Routes(); !slices.Equal(got, listed) {
		t.Errorf("registered and listed differ:\n%v\n%v", got, listed)
	}
	boss := b.Admit(consoletest.Auditor())
	for _, role := range append(access.Roles(), "") {
		ask := asRole(t, b, &boss, role)
		for _, route := range listed {
			right, _ := access.ForRoute(route)
			if right == access.Anybody || route == "POST /leave" || route == "POST /me/end" {
				continue
			}
			who := &access.Person{Roles: []access.Role{role}}
			checkDoor(t, string(role)+" "+route, route, role != "" && who.May(right), ask)
		}
	}
}

// asRole is how somebody of a role, "" for nobody, asks: with a cookie or, where program is set, with a token.
func asRole(t *testing.T, b *consoletest.Bench, boss *access.Person, role access.Role) func(method, path string, program bool) consoletest.Answer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.Client.Jar = jar
	token, csrf := "", ""
	if role != "" {
		who := consoletest.Somebody("one-"+strings.ReplaceAll(string(role), "_", "-"), role)
		b.SignInAs(who)
		csrf = valueOf(b.Get("/me").Body, "csrf")
		_, token, err = b.SignIns.MakeToken(t.Context(), boss, signin.TokenSpec{Name: "of-" + strings.ReplaceAll(string(role), "_", "-"), Owner: who.Email, Until: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(method, path string, program bool) consoletest.Answer {
		if b.Client.Jar = jar; program {
			b.Client.Jar = nil
		}
		return b.Do(method, b.Server.URL+path, func(r *http.Request) {
			if program {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			if method == http.MethodPost {
				r.Header.Set("X-CSRF-Token", csrf)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Body, r.ContentLength = body("csrf=" + csrf)
			}
		})
	}
}

// checkDoor holds that an address opens for who may, and for nobody else.
func checkDoor(t *testing.T, what, route string, may bool, ask func(method, path string, program bool) consoletest.Answer) {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	path = wildcard.ReplaceAllString(strings.TrimSuffix(path, "{$}"), "1")
	refused := func(a consoletest.Answer) bool {
		return (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden) && !strings.Contains(a.Body, "<table")
	}
	if a := ask(method, path, false); may == refused(a) {
		t.Errorf("%s, by cookie: %d, may: %v", what, a.Status, may)
	}
	api := strings.HasPrefix(path, "/api/")
	if a := ask(method, path, true); api && may == refused(a) || !api && a.Status != http.StatusUnauthorized {
		t.Errorf("%s, by token: %d, may: %v", what, a.Status, may)
	}
}
