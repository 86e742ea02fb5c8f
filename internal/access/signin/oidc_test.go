package signin_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/access/signin/signintest"
	"github.com/tripod-audit/tripod/internal/secret"
)

const callback = "http://127.0.0.1:8480/signin/callback"

var from = signin.From{IP: "192.0.2.1", Agent: "test"}

// idp is a spine with a provider.
type idp struct {
	*spine
	*signintest.Provider
	cfg signin.Config
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	p, err := signintest.Start(callback,
		signintest.Human{Sub: "priya", Email: "Priya@example.com", Name: "Priya", Groups: []string{"everybody", "privacy"}, Manager: "omar@example.com"},
		signintest.Human{Sub: "ana", Email: "ana@example.com", Groups: []string{"security"}},
		signintest.Human{Sub: "omar", Email: "omar@example.com", Groups: []string{"platform", "admins"}},
		signintest.Human{Sub: "ext", Email: "ext@auditors.example", Groups: []string{"auditors"}},
		signintest.Human{Sub: "nobody", Email: "nobody@example.com", Groups: []string{"everybody"}},
		signintest.Human{Sub: "liar", Email: "priya@example.com", Unverified: true, Groups: []string{"security"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	cfg := p.Config()
	cfg.Roles = []signin.Mapping{
		{Group: "privacy", Role: access.PrivacyOfficer}, {Group: "security", Role: access.Analyst}, {Group: "platform", Role: access.Operator},
		{Group: "admins", Role: access.Administrator}, {Group: "auditors", Role: access.Auditor, Until: time.Now().Add(2 * time.Hour), Cases: []string{"C-2026-0001"}},
		{Email: "priya@example.com", Role: access.Counsel},
	}
	return &idp{spine: newSpine(t), Provider: p, cfg: cfg}
}

func (i *idp) start(t *testing.T) *signin.Service {
	t.Helper()
	return i.startWith(t, i.cfg, func(d *signin.Deps) {
		d.Callback, d.Home = callback, "http://127.0.0.1:8480/"
		d.ClientSecret = func(context.Context) (secret.String, error) { return secret.New(signintest.Secret), nil }
	})
}

// begin begins a sign-in and plays the browser at the provider.
func (i *idp) begin(t *testing.T, svc *signin.Service, a signin.Attempt, l signintest.Login) (url.Values, string) {
	t.Helper()
	a.From = from
	redirect, binding, err := svc.Begin(context.Background(), a)
	if err != nil {
		t.Fatal(err)
	}
	query, err := i.Answer(redirect, l)
	if err != nil {
		t.Fatal(err)
	}
	return query, binding
}

func (i *idp) enter(t *testing.T, svc *signin.Service, sub string) (string, *signin.Session) {
	t.Helper()
	query, binding := i.begin(t, svc, signin.Attempt{ReturnTo: "/activity"}, signintest.Login{Sub: sub})
	cookie, sess, to, err := svc.Finish(context.Background(), query, binding, from)
	if err != nil || to != "/activity" {
		t.Fatalf("%s: %q, %v", sub, to, err)
	}
	return cookie, sess
}

func TestPeople(t *testing.T) {
	t.Parallel()
	i := newIDP(t)
	svc := i.start(t)
	f := func(sub, email string, roles ...access.Role) *signin.Session {
		t.Helper()
		cookie, sess := i.enter(t, svc, sub)
		p := sess.Person
		if p.Subject != "oidc:"+sub+"@"+i.Issuer || p.Email != email || !slices.Equal(p.Roles, roles) || p.Via != access.ViaOIDC {
			t.Errorf("%+v", p)
		}
		if _, ok := svc.Lookup(cookie); !ok {
			t.Errorf("%s is not signed in", sub)
		}
		if err := svc.Fresh(&p); err != nil {
			t.Errorf("%s: %v", sub, err)
		}
		return sess
	}
	if p := f("priya", "priya@example.com", access.PrivacyOfficer, access.Counsel).Person; p.Manager != "omar@example.com" || p.Name != "Priya" {
		t.Errorf("%+v", p)
	}
	f("ana", "ana@example.com", access.Analyst)
	f("liar", "", access.Analyst) // an address that is not verified is nobody's
	ext := f("ext", "ext@auditors.example", access.Auditor)
	if !slices.Equal(ext.Person.Cases, []string{"C-2026-0001"}) || !ext.Until.Before(time.Now().Add(3*time.Hour)) {
		t.Errorf("an auditor for two hours: %+v", ext)
	}
	query, binding := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "nobody"})
	if _, _, _, err := svc.Finish(context.Background(), query, binding, from); !errors.Is(err, signin.ErrNoRole) {
		t.Errorf("somebody without a role: %v", err)
	}
	refused := i.records(t, signin.TypeRefused)
	if len(refused) != 1 || refused[0].Account.Proved.Email != "nobody@example.com" {
		t.Errorf("on record: %+v", refused)
	}
	for _, r := range i.records(t, signin.TypeEnter) {
		if strings.Contains(r.Account.Proved.Subject, signintest.Secret) {
			t.Error("a secret is on record")
		}
	}
	if next := i.cfg; true {
		next.Roles = next.Roles[1:] // privacy is mapped no more
		if err := svc.Reload(context.Background(), next); err != nil {
			t.Fatal(err)
		}
		for _, x := range svc.Sessions() {
			if x.Person.Has(access.PrivacyOfficer) {
				t.Error("a role that is mapped no more")
			}
		}
	}
}

// TestBootstrap: the local administrator is there until one signs in at the provider, and with the configuration's say so
// after that.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	local, _ := enter(t, svc, "tripod")
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "first"})
	if err != nil {
		t.Fatal(err)
	}
	code, err := svc.Link(ctx, admin)
	if err != nil {
		t.Fatal(err)
	}
	i.enter(t, svc, "priya") // no administrator
	if _, ok := svc.Lookup(local); !ok {
		t.Error("somebody else ended the bootstrap administrator")
	}
	i.enter(t, svc, "omar")
	over := func(svc *signin.Service) {
		t.Helper()
		if _, err := svc.Local("tripod"); !errors.Is(err, signin.ErrOver) {
			t.Errorf("Local: %v", err)
		}
		if _, ok := svc.Lookup(local); ok {
			t.Error("still signed in")
		}
		if _, err := svc.Link(ctx, admin); !errors.Is(err, signin.ErrOver) {
			t.Errorf("Link: %v", err)
		}
		if p, err := svc.Bearer(ctx, token, from); err != nil || p.May(access.ReadHealth) {
			t.Errorf("Bearer: %+v, %v", p, err)
		}
	}
	over(svc)
	if _, _, err := svc.Redeem(ctx, code, from); !errors.Is(err, signin.ErrOver) {
		t.Errorf("Redeem: %v", err)
	}
	if len(i.records(t, signin.TypeOver)) != 1 {
		t.Error("not on record")
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	svc = i.start(t)
	over(svc)
	i.cfg.Bootstrap = true
	if err := svc.Reload(ctx, i.cfg); err != nil {
		t.Fatal(err)
	}
	over(svc) // it takes a restart
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	svc = i.start(t)
	if _, err := svc.Local("tripod"); err != nil {
		t.Error(err)
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- svc.Run(run) }()
	for len(i.records(t, signin.TypeKept)) == 0 {
		runtime.Gosched()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestStepUp(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	i.cfg.OIDC.ACR = []string{"phrh"}
	svc := i.start(t)
	_, sess := i.enter(t, svc, "priya")
	if err := svc.Fresh(&sess.Person); !errors.Is(err, signin.ErrNotFresh) {
		t.Errorf("without the context that is asked for: %v", err)
	}
	step := signin.Attempt{StepUp: true, Subject: sess.Person.Subject}
	f := func(why string, a signin.Attempt, l signintest.Login, want error) *signin.Session {
		t.Helper()
		redirect, _, err := svc.Begin(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		if u, err := url.Parse(redirect); err != nil || u.Query().Get("max_age") != "300" || u.Query().Get("acr_values") != "phrh" {
			t.Errorf("%s: asked for %s", why, redirect)
		}
		query, binding := i.begin(t, svc, a, l)
		_, sess, _, err := svc.Finish(ctx, query, binding, from)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", why, err, want)
		}
		return sess
	}
	f("an old sign-in", step, signintest.Login{Sub: "priya", ACR: "phrh", At: time.Now().Add(-time.Hour)}, signin.ErrNotFresh)
	f("another context", step, signintest.Login{Sub: "priya", ACR: "pwd"}, signin.ErrNotFresh)
	f("somebody else", step, signintest.Login{Sub: "ana", ACR: "phrh"}, signin.ErrOther)
	if got := f("as asked", step, signintest.Login{Sub: "priya", ACR: "phrh"}, nil); got == nil || svc.Fresh(&got.Person) != nil {
		t.Errorf("%+v", got)
	}
}

// TestReplay: code, state and cookie are good once, together, and for ten minutes.
func TestReplay(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	now := time.Now()
	i.now = func() time.Time { return now }
	svc := i.start(t)
	query, binding := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	f := func(why string, query url.Values, binding string, want error) {
		t.Helper()
		before := len(svc.Sessions())
		if _, _, _, err := svc.Finish(ctx, query, binding, from); !errors.Is(err, want) || len(svc.Sessions()) != before {
			t.Errorf("%s: %v, want %v", why, err, want)
		}
	}
	if _, _, _, err := svc.Finish(ctx, query, binding, from); err != nil {
		t.Fatal(err)
	}
	f("state twice", query, binding, signin.ErrNobody)
	again, other := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	again.Set("code", query.Get("code"))
	f("code twice", again, other, signin.ErrProvider)
	third, _ := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	f("another browser", third, other, signin.ErrNobody)
	fourth, binding4 := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	now = now.Add(11 * time.Minute)
	f("too late", fourth, binding4, signin.ErrNobody)
	now = now.Add(-11 * time.Minute)
	f("no state", url.Values{"code": {"x"}}, "", signin.ErrNobody)
	fifth, binding5 := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	fifth.Set("iss", "https://other.example.com")
	f("another provider's answer", fifth, binding5, signin.ErrProvider)
	sixth, binding6 := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	sixth.Set("error", "access_denied")
	f("declined", sixth, binding6, signin.ErrDeclined)
}

// TestForged: no token is believed but the provider's own, for us, now, and for this sign-in.
func TestForged(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	var earlier string
	f := func(why string, good bool, forge func(p *signintest.Provider, claims map[string]any, token string) string) {
		t.Helper()
		i.Forge(func(p *signintest.Provider, token string) string {
			claims := signintest.Claims(token)
			delete(claims, "at_hash")
			return forge(p, claims, token)
		})
		redirect, binding, err := svc.Begin(ctx, signin.Attempt{From: from})
		if err != nil {
			t.Fatal(err)
		}
		query, err := i.Answer(redirect, signintest.Login{Sub: "ana"})
		if err != nil {
			t.Fatal(err)
		}
		_, _, _, err = svc.Finish(ctx, query, binding, from)
		if good && err != nil || !good && !errors.Is(err, signin.ErrProvider) && !errors.Is(err, signin.ErrTooMany) {
			t.Errorf("%s: %v", why, err)
		}
	}
	change := func(name string, value any) func(*signintest.Provider, map[string]any, string) string {
		return func(p *signintest.Provider, claims map[string]any, _ string) string {
			if value == nil {
				delete(claims, name)
			} else {
				claims[name] = value
			}
			return p.Sign(claims)
		}
	}
	f("as it is", true, func(p *signintest.Provider, claims map[string]any, token string) string {
		earlier = token
		return p.Sign(claims)
	})
	f("that of an earlier sign-in", false, func(*signintest.Provider, map[string]any, string) string { return earlier })
	f("expired", false, change("exp", time.Now().Add(-time.Hour).Unix()))
	f("issued long ago", false, change("iat", time.Now().Add(-time.Hour).Unix()))
	f("issued in the future", false, change("iat", time.Now().Add(time.Hour).Unix()))
	f("without a time of issue", false, change("iat", nil))
	f("another provider's", false, change("iss", "https://other.example.com"))
	f("another client's", false, change("aud", "another"))
	f("ours and another client's, without azp", false, func(p *signintest.Provider, claims map[string]any, _ string) string {
		delete(claims, "azp")
		claims["aud"] = []string{signintest.Client, "another"}
		return p.Sign(claims)
	})
	f("with another azp", false, change("azp", "another"))
	f("with another nonce", false, change("nonce", "another"))
	f("without a nonce", false, change("nonce", nil))
	f("without a subject", false, change("sub", nil))
	f("of too long a subject", false, change("sub", strings.Repeat("x", 300)))
	f("unsigned", false, func(_ *signintest.Provider, _ map[string]any, token string) string {
		parts := strings.Split(token, ".")
		return "eyJhbGciOiJub25lIn0." + parts[1] + "."
	})
	f("signed with the public key as a secret", false, func(p *signintest.Provider, claims map[string]any, _ string) string {
		return signintest.SignWith(jose.HS256, p.PublicKey(), "key-1", claims)
	})
	f("signed with a key of somebody else", false, func(_ *signintest.Provider, claims map[string]any, _ string) string {
		other, err := signintest.Start(callback)
		if err != nil {
			return err.Error()
		}
		defer other.Close()
		return other.Sign(claims)
	})
	f("a logout token", false, change("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}))
	f("garbage", false, func(*signintest.Provider, map[string]any, string) string { return "x.y.z" })
	i.Forge(nil)
}

// TestRotate: keys of the provider change, and it may be down; who is signed in stays so, and health says it.
func TestRotate(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	i.SetDown(true)
	svc := i.start(t) // it starts all the same
	if _, _, err := svc.Begin(ctx, signin.Attempt{From: from}); !errors.Is(err, signin.ErrProvider) {
		t.Errorf("down: %v", err)
	}
	conditions := i.health.Conditions()
	if len(conditions) != 1 || conditions[0].Code != "access.oidc" {
		t.Errorf("health: %+v", conditions)
	}
	i.SetDown(false)
	svc = i.start(t)
	cookie, _ := i.enter(t, svc, "ana")
	if len(i.health.Conditions()) != 0 {
		t.Errorf("health: %+v", i.health.Conditions())
	}
	if err := i.Rotate(); err != nil {
		t.Fatal(err)
	}
	i.enter(t, svc, "priya")
	i.SetDown(true)
	if _, ok := svc.Lookup(cookie); !ok {
		t.Error("the provider is down, and nobody is signed in any more")
	}
	i.SetDown(false)
	for _, path := range i.Asked() {
		if strings.Contains(path, "userinfo") || strings.Contains(path, "introspect") {
			t.Errorf("asked for %s", path)
		}
	}
}

// TestLogout: logout everywhere by the provider's back channel.
func TestLogout(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	event := map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
	token := func(change map[string]any) string {
		claims := map[string]any{
			"iss": i.Issuer, "aud": signintest.Client, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": rand.Text(), "sub": "ana", "events": event,
		}
		for k, v := range change {
			if claims[k] = v; v == nil {
				delete(claims, k)
			}
		}
		return i.Sign(claims)
	}
	one, sess := i.enter(t, svc, "ana")
	two, _ := i.enter(t, svc, "ana")
	other, _ := i.enter(t, svc, "priya")
	if to, err := url.Parse(svc.LogoutURL(sess)); err != nil || to.Query().Get("id_token_hint") == "" || to.Query().Get("post_logout_redirect_uri") != "http://127.0.0.1:8480/" {
		t.Errorf("sign-out at the provider: %v, %v", to, err)
	}
	refused := func(why, token string) {
		t.Helper()
		if err := svc.BackChannel(ctx, token, from); !errors.Is(err, signin.ErrNobody) {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("no event", token(map[string]any{"events": nil}))
	refused("another event", token(map[string]any{"events": map[string]any{"x": map[string]any{}}}))
	refused("an id token", token(map[string]any{"events": nil, "nonce": "x"}))
	refused("a nonce", token(map[string]any{"nonce": "x"}))
	refused("no jti", token(map[string]any{"jti": nil}))
	refused("nobody", token(map[string]any{"sub": nil}))
	refused("another client", token(map[string]any{"aud": "another"}))
	refused("another provider", token(map[string]any{"iss": "https://other.example.com"}))
	refused("old", token(map[string]any{"iat": time.Now().Add(-time.Hour).Unix()}))
	refused("expired", token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}))
	if _, ok := svc.Lookup(one); !ok {
		t.Fatal("a refused token ended a sign-in")
	}
	good := token(nil)
	if err := svc.BackChannel(ctx, good, from); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]bool{one: false, two: false, other: true} {
		if _, ok := svc.Lookup(secret); ok != want {
			t.Errorf("signed in %v, want %v", ok, want)
		}
	}
	refused("twice", good)
	if err := svc.BackChannel(ctx, token(map[string]any{"sub": nil, "sid": "sid-priya"}), from); err != nil {
		t.Fatal(err)
	}
	if _, ok := svc.Lookup(other); ok {
		t.Error("ended by sid, and still signed in")
	}
}

// TestFlights: who begins many sign-ins crowds out nobody else's.
func TestFlights(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	query, binding := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "ana"})
	for range 3000 {
		if _, _, err := svc.Begin(ctx, signin.Attempt{From: signin.From{IP: "198.51.100.7"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := svc.Finish(ctx, query, binding, from); err != nil {
		t.Errorf("crowded out: %v", err)
	}
}
