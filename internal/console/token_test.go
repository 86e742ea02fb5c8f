package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// withToken asks for an address with a token and whatever cookies the client has.
func withToken(b *consoletest.Bench, path, token string) consoletest.Answer {
	return b.Do(http.MethodGet, b.Server.URL+path, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
}

// TestTokenByTheAPI: a token is for the API, alone; who guesses is held off, and nobody is locked out by that.
func TestTokenByTheAPI(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	boss := b.Admit(consoletest.Auditor())
	_, good, err := b.SignIns.MakeToken(t.Context(), &boss, signin.TokenSpec{Name: "siem", Until: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	const api = "/api/v1/search?q="
	want := func(what string, a consoletest.Answer, status int) {
		t.Helper()
		if a.Status != status {
			t.Errorf("%s: %d %s", what, a.Status, a.Body)
		}
	}
	want("a good token", withToken(b, api, good), http.StatusOK)
	want("on a page", withToken(b, "/activity", good), http.StatusUnauthorized)
	b.SignIn()
	cookies := b.Client.Jar
	want("beside a cookie", withToken(b, api, good), http.StatusBadRequest)
	want("a wrong one beside a cookie", withToken(b, api, "tripod_wrong"), http.StatusBadRequest)
	want("beside a cookie on a page", withToken(b, "/activity", good), http.StatusBadRequest)
	want("the cookie alone", b.Get(api), http.StatusOK)
	b.Client.Jar = nil
	refused, held := 0, 0
	for range 40 {
		switch a := withToken(b, api, "tripod_"+strings.Repeat("A", 52)); a.Status {
		case http.StatusUnauthorized:
			refused++
		case http.StatusTooManyRequests:
			if held++; a.Header.Get("Retry-After") == "" {
				t.Error("who is held off is not told for how long")
			}
		default:
			t.Fatalf("a guess: %d", a.Status)
		}
	}
	if refused < 15 || held < 10 { // a few may come back while the test runs
		t.Errorf("%d refused, %d held off", refused, held)
	}
	want("a good token from the same address", withToken(b, api, good), http.StatusOK)
	b.Client.Jar = cookies
	want("a sign-in from the same address", b.Get(api), http.StatusOK)
	if err := b.SignIns.EndToken(t.Context(), &boss, "siem"); err != nil {
		t.Fatal(err)
	}
	b.Client.Jar = nil
	if a := withToken(b, api, good); a.Status == http.StatusOK {
		t.Error("a token that was ended is good")
	}
}
