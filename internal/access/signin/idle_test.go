package signin_test

import (
	"context"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/access/signin/signintest"
	"github.com/tripod-audit/tripod/internal/audit"
)

func mustLive(t *testing.T, what string, svc *signin.Service, secret string, want bool) {
	t.Helper()
	if _, ok := svc.Peek(secret); ok != want {
		t.Errorf("%s: signed in %v, want %v", what, ok, want)
	}
}

// TestIdle: a sign-in that nobody uses ends; what a page asks by itself is no use of it, and neither is a restart.
func TestIdle(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	svc := s.start(t, people())
	used, _ := enter(t, svc, "ana")
	left, leftSess := enter(t, svc, "priya")
	for range 3 {
		now = now.Add(29 * time.Minute)
		if _, ok := svc.Lookup(used); !ok {
			t.Error("what is used ended")
		}
		svc.Sweep(ctx)
	}
	mustLive(t, "nobody used it", svc, left, false)
	if ends := s.records(t, signin.TypeEnd); len(ends) != 1 || textOf(ends[0], "sign_in.id") != leftSess.ID || textOf(ends[0], "sign_in.reason") != "idle" {
		t.Errorf("on record: %+v", ends)
	}
	now = now.Add(20 * time.Minute)
	mustLive(t, "within the time", svc, used, true)
	svc.Sweep(ctx)
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	again := s.start(t, people())
	mustLive(t, "after a restart", again, used, true)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(11 * time.Minute)
	mustLive(t, "31 minutes after its last use, over a restart", s.start(t, people()), used, false)
}

func textOf(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

// TestIdleReload: a shorter time counts at once, and a wrong one is refused.
func TestIdleReload(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	svc := s.start(t, people())
	secret, _ := enter(t, svc, "ana")
	now = now.Add(10 * time.Minute)
	cfg := people()
	cfg.Idle = 5 * time.Minute
	if err := svc.Reload(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	mustLive(t, "idle for longer than is allowed now", svc, secret, false)
	for _, wrong := range []signin.Config{{Idle: time.Second}, {Idle: 2 * time.Hour, Session: time.Hour}, {Idle: 9 * time.Hour}} {
		if wrong.Validate() == nil {
			t.Errorf("%v of %v is taken", wrong.Idle, wrong.Session)
		}
	}
}

// TestReplaces: of a sign-in and the fresh one that takes its place, one is good at any time: the old one until the new one
// has begun.
func TestReplaces(t *testing.T) {
	t.Parallel()
	ctx, i := context.Background(), newIDP(t)
	svc := i.start(t)
	old, oldSess := i.enter(t, svc, "ana")
	other, _ := i.enter(t, svc, "ana")
	again := signin.Attempt{StepUp: true, Subject: oldSess.Person.Subject, Replaces: oldSess.ID}
	query, binding := i.begin(t, svc, again, signintest.Login{Sub: "priya"})
	if _, _, _, err := svc.Finish(ctx, query, binding, from); err == nil {
		t.Fatal("somebody else came back")
	}
	mustLive(t, "the new one did not begin", svc, old, true)
	query, binding = i.begin(t, svc, again, signintest.Login{Sub: "ana"})
	fresh, _, _, err := svc.Finish(ctx, query, binding, from)
	if err != nil {
		t.Fatal(err)
	}
	mustLive(t, "the one that is replaced", svc, old, false)
	mustLive(t, "the new one", svc, fresh, true)
	mustLive(t, "another browser's", svc, other, true)
	if ends := i.records(t, signin.TypeEnd); len(ends) != 1 || textOf(ends[0], "sign_in.id") != oldSess.ID || textOf(ends[0], "sign_in.reason") != "replaced" {
		t.Errorf("on record: %+v", ends)
	}
}

// TestFarClock: a clock that ran far ahead and was set right ends every sign-in, and shuts nobody out.
func TestFarClock(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	svc := s.start(t, people())
	now = now.AddDate(70, 0, 0)
	ahead, _ := enter(t, svc, "ana")
	now = time.Now()
	mustLive(t, "before anybody noticed", svc, ahead, true)
	svc.Sweep(ctx)
	mustLive(t, "of the wrong time", svc, ahead, false)
	_, sess := enter(t, svc, "ana")
	if !sess.Until.Before(now.Add(9 * time.Hour)) {
		t.Errorf("a sign-in until %v", sess.Until)
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	later := s.startWith(t, people(), func(d *signin.Deps) { d.NotBefore = now.AddDate(70, 0, 0) })
	if len(later.Sessions()) != 0 {
		t.Error("what began before the last record, which is of a time to come, is taken up")
	}
	_, sess = enter(t, later, "ana")
	if !sess.Until.Before(now.Add(9 * time.Hour)) {
		t.Errorf("a sign-in until %v", sess.Until)
	}
}

// TestBookBack: of a token is left what was left of it, and what was over stays over.
func TestBookBack(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	book := signin.NewBook()
	svc := s.startWith(t, people(), func(d *signin.Deps) {})
	boss, err := svc.Local("root2")
	if err != nil {
		t.Fatal(err)
	}
	for name, life := range map[string]time.Duration{"short": time.Hour, "long": 48 * time.Hour} {
		if _, _, err := svc.MakeToken(context.Background(), &boss, signin.TokenSpec{Name: name, Roles: []access.Role{access.Administrator}, Until: time.Now().Add(life)}); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range s.records(t, signin.TypeToken) {
		book.Apply(uint64(i+1), r)
	}
	from := time.Now().Add(24 * time.Hour)
	to := time.Now().Add(-24 * time.Hour)
	book.Back(9, from, to)
	for _, tok := range book.List() {
		switch state := tok.State(to); {
		case tok.Name == "short" && state != "ended":
			t.Errorf("what was over is %s again", state)
		case tok.Name == "long" && (state != "good" || tok.Until.Sub(to) > 24*time.Hour):
			t.Errorf("%s until %v, %v after the clock was set back", state, tok.Until, tok.Until.Sub(to))
		}
	}
}
