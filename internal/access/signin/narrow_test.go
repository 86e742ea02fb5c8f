package signin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/access/signin/signintest"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TestTokenNarrow: a token makes no other, is bound to no case that its owner is not bound to, and knows its owner's manager.
func TestTokenNarrow(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	cfg := people()
	cfg.Local = append(cfg.Local, signin.Local{OSUser: "ext", Roles: []access.Role{access.Administrator, access.Auditor}, Until: time.Now().Add(time.Hour), Cases: []string{"C-2026-0001", "C-2026-0002"}})
	svc := s.start(t, cfg)
	bearer := func(by *access.Person, spec signin.TokenSpec) *access.Person {
		t.Helper()
		_, secret, err := svc.MakeToken(ctx, by, spec)
		if err != nil {
			t.Fatal(err)
		}
		p, err := svc.Bearer(ctx, secret, signin.From{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	free := bearer(&admin, signin.TokenSpec{Name: "free", Only: []access.Right{access.WriteSettings}})
	if free.Cases != nil {
		t.Errorf("bound to %q by nobody", free.Cases)
	}
	if _, _, err := svc.MakeToken(ctx, free, signin.TokenSpec{Name: "wide"}); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("a token made one: %v", err)
	}
	ext, err := svc.Local("ext")
	if err != nil {
		t.Fatal(err)
	}
	for _, cases := range [][]string{nil, {}, {"C-2026-0001"}} {
		p := bearer(&ext, signin.TokenSpec{Name: fmt.Sprintf("ext%d-%d", len(cases), time.Now().UnixNano()), Cases: cases})
		want := ext.Cases
		if len(cases) > 0 {
			want = cases
		}
		if !slices.Equal(p.Cases, want) {
			t.Errorf("%q asked for: %q, want %q", cases, p.Cases, want)
		}
	}
	if _, _, err := svc.MakeToken(ctx, &ext, signin.TokenSpec{Name: "other", Cases: []string{"C-2026-0003"}}); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("another case than its owner's: %v", err)
	}
	managed := &access.Person{Subject: "oidc:1@idp", Manager: "omar@example.com", Roles: []access.Role{access.Administrator}, Via: access.ViaOIDC}
	if p := bearer(managed, signin.TokenSpec{Name: "managed"}); p.Manager != managed.Manager {
		t.Errorf("manager %q", p.Manager)
	}
}

// TestTokensEnd: one record ends every token, those made after it excepted.
func TestTokensEnd(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for range 2 {
		_, secret, err := svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "siem"})
		if err != nil {
			t.Fatal(err)
		}
		secrets = append(secrets, secret)
		if len(secrets) == 1 {
			if _, err := s.door.Record(ctx, intake.Act{Type: signin.TypeUntokenAll, Activity: audit.ActivityAdminChange}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, want := range []error{signin.ErrNobody, nil} {
		if _, err := svc.Bearer(ctx, secrets[i], signin.From{}); !errors.Is(err, want) {
			t.Errorf("token %d: %v, want %v", i, err, want)
		}
	}
}

// TestLinkAfterReload: who opens a link comes in as what they are then, not as what they were when it was made.
func TestLinkAfterReload(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	link := func(login string) string {
		t.Helper()
		who, err := svc.Local(login)
		if err != nil {
			t.Fatal(err)
		}
		code, err := svc.Link(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	priya, ana := link("priya"), link("ana")
	next := people()
	next.Local = next.Local[1:]
	next.Local[0].Roles = []access.Role{access.Operator}
	if err := svc.Reload(ctx, next); err != nil {
		t.Fatal(err)
	}
	if _, _, err := svc.Redeem(ctx, priya, from); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("who is mapped no more came in: %v", err)
	}
	if _, sess, err := svc.Redeem(ctx, ana, from); err != nil || !slices.Equal(sess.Person.Roles, []access.Role{access.Operator}) {
		t.Errorf("%+v, %v", sess, err)
	}
}

// TestOthersGuess: whatever strangers are refused, and however many, people sign in, and the provider signs them out.
func TestOthersGuess(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	for host := range 20 {
		for range 25 {
			_, _ = svc.Bearer(ctx, "tripod_wrong", signin.From{IP: fmt.Sprintf("198.51.100.%d", host)})
		}
	}
	cookie, _ := i.enter(t, svc, "ana")
	for range 25 { // in the same network
		_, _ = svc.Bearer(ctx, "tripod_wrong", from)
	}
	query, binding := i.begin(t, svc, signin.Attempt{}, signintest.Login{Sub: "priya"})
	if _, _, _, err := svc.Finish(ctx, query, binding, from); err != nil {
		t.Error(err)
	}
	out := i.Sign(map[string]any{"iss": i.Issuer, "aud": signintest.Client, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "jti": "one", "sub": "ana",
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}})
	if err := svc.BackChannel(ctx, out, signin.From{IP: "192.0.2.200"}); err != nil {
		t.Error(err)
	}
	if _, ok := svc.Lookup(cookie); ok {
		t.Error("signed out at the provider, and still signed in")
	}
}
