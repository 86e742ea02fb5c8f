package signin_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
)

func TestToken(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	svc := s.start(t, people())
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	tok, secret, err := svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "siem", Owner: "ana@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, signin.TokenPrefix) || len(secret) != len(signin.TokenPrefix)+52 {
		t.Errorf("a token of %d characters", len(secret))
	}
	p, err := svc.Bearer(ctx, secret, signin.From{})
	if err != nil {
		t.Fatal(err)
	}
	for right, want := range map[access.Right]bool{
		access.ReadRecords: true, access.ExportRecords: true, // the first the maker may, too; the second is the exception
		access.OpenCase: false, access.RequestGrant: false, // the owner may, the maker may not
		access.OpenContent: false, access.BreakGlass: false, // nobody may by token
		access.WriteSettings: false, // the maker may, the owner may not
	} {
		if p.May(right) != want {
			t.Errorf("%s: %v", right, !want)
		}
	}
	if p.Subject != "os:ana" || p.Token != "siem" || signin.Fresh(p, now, time.Hour) == nil {
		t.Errorf("%+v", p)
	}
	for _, r := range s.records(t, signin.TypeToken) {
		for _, a := range r.Attributes {
			if strings.Contains(a.Value.Str(), secret[len(signin.TokenPrefix):]) {
				t.Error("the secret is on record")
			}
		}
	}
	refused := func(why, token string) {
		t.Helper()
		if p, err := svc.Bearer(ctx, token, signin.From{IP: "192.0.2.7"}); !errors.Is(err, signin.ErrNobody) {
			t.Errorf("%s: %+v, %v", why, p, err)
		}
	}
	refused("empty", "")
	refused("without its prefix", secret[len(signin.TokenPrefix):])
	last := "A"
	if strings.HasSuffix(secret, last) {
		last = "B"
	}
	refused("another", secret[:len(secret)-1]+last)
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	svc = s.start(t, people()) // of tokens, the records tell everything
	if _, err := svc.Bearer(ctx, secret, signin.From{}); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := svc.EndToken(ctx, &admin, tok.Name); err != nil {
		t.Fatal(err)
	}
	refused("ended", secret)
	if err := svc.EndToken(ctx, &admin, tok.ID); !errors.Is(err, signin.ErrNobody) {
		t.Errorf("ended twice: %v", err)
	}
	_, secret, err = svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "siem", Until: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(61 * time.Minute)
	refused("run out", secret)
	now = now.Add(-time.Hour)
	refused("run out, with the clock set back", secret)
}

func TestTokenRefused(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	ana, err := svc.Local("ana")
	if err != nil {
		t.Fatal(err)
	}
	f := func(by *access.Person, spec signin.TokenSpec, want string) {
		t.Helper()
		if _, _, err := svc.MakeToken(ctx, by, spec); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", spec, err, want)
		}
	}
	f(&ana, signin.TokenSpec{Name: "x"}, "administrator")
	f(&admin, signin.TokenSpec{Name: "Not A Name"}, "small letters")
	f(&admin, signin.TokenSpec{Name: "x", Owner: "nobody@example.com"}, "nobody known")
	f(&admin, signin.TokenSpec{Name: "x", Roles: []access.Role{access.Counsel}}, "does not have the role counsel")
	f(&admin, signin.TokenSpec{Name: "x", Owner: "ana", Roles: []access.Role{access.PrivacyOfficer}}, "does not have the role")
	f(&admin, signin.TokenSpec{Name: "x", Only: []access.Right{"everything"}}, "no right")
	f(&admin, signin.TokenSpec{Name: "x", Until: time.Now().Add(400 * 24 * time.Hour)}, "within")
	f(&admin, signin.TokenSpec{Name: "x", Until: time.Now().Add(-time.Hour)}, "within")
	if _, _, err := svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	f(&admin, signin.TokenSpec{Name: "x"}, "in use")
}

// TestTokenContent: where the configuration says so, a token may do what people need a fresh sign-in for; it stands for
// its owner all the same.
func TestTokenContent(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	cfg := people()
	cfg.Local[1].Roles = []access.Role{access.Analyst, access.Administrator}
	cfg.Tokens.Content = true
	svc := s.start(t, cfg)
	ana, err := svc.Local("ana")
	if err != nil {
		t.Fatal(err)
	}
	var people []*access.Person
	for _, name := range []string{"one", "two"} {
		_, secret, err := svc.MakeToken(ctx, &ana, signin.TokenSpec{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		p, err := svc.Bearer(ctx, secret, signin.From{})
		if err != nil || !p.May(access.OpenContent) || svc.Fresh(p) != nil {
			t.Fatalf("%+v, %v", p, err)
		}
		people = append(people, p)
	}
	if !people[0].Same(people[1]) || !people[0].Same(&ana) {
		t.Error("two tokens of one person are two people")
	}
	cfg.Local[1].Roles = []access.Role{access.Administrator}
	cfg.Tokens.Content = false
	if err := svc.Reload(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	_, secret, err := svc.MakeToken(ctx, &ana, signin.TokenSpec{Name: "three"})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := svc.Bearer(ctx, secret, signin.From{}); err != nil || p.May(access.OpenContent) || p.May(access.ExportRecords) || !p.May(access.WriteSettings) {
		t.Errorf("roles that are mapped no more: %+v, %v", p, err)
	}
}

// TestGuessing: who guesses is held off and put on record a few times, and locks nobody out.
func TestGuessing(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	admin, err := svc.Local("tripod")
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := svc.MakeToken(ctx, &admin, signin.TokenSpec{Name: "good"})
	if err != nil {
		t.Fatal(err)
	}
	many := 0
	for range 100 {
		if _, err := svc.Bearer(ctx, "tripod_wrong", signin.From{IP: "192.0.2.9"}); errors.Is(err, signin.ErrTooMany) {
			many++
		}
	}
	if many < 50 {
		t.Errorf("held off %d times", many)
	}
	if n := len(s.records(t, signin.TypeRefused)); n == 0 || n > 40 {
		t.Errorf("%d records", n)
	}
	if len(s.health.Conditions()) != 1 {
		t.Error("health does not tell")
	}
	if _, err := svc.Bearer(ctx, secret, signin.From{IP: "192.0.2.9"}); err != nil {
		t.Errorf("what is good is refused: %v", err)
	}
	if _, err := svc.Bearer(ctx, "tripod_wrong", signin.From{IP: "192.0.2.10"}); !errors.Is(err, signin.ErrNobody) {
		t.Errorf("another address: %v", err)
	}
}
