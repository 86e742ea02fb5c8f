package signin_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
)

func TestLink(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	who, err := svc.Local("priya")
	if err != nil {
		t.Fatal(err)
	}
	code, err := svc.Link(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	secret, sess, err := svc.Redeem(ctx, code, signin.From{IP: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := svc.Lookup(secret); !ok || got.ID != sess.ID || got.Person.Email != "priya@example.com" || !got.Person.Has(access.PrivacyOfficer) {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, _, err := svc.Redeem(ctx, code, signin.From{}); !errors.Is(err, signin.ErrNobody) {
		t.Errorf("a link works twice: %v", err)
	}
	if _, ok := svc.Lookup(sess.ID); ok {
		t.Error("the public id opens")
	}
	if got := s.records(t, signin.TypeEnter); len(got) != 1 || got[0].Account.Proved.Email != "priya@example.com" {
		t.Errorf("on record: %+v", got)
	}
	who.Roles = access.Roles() // whatever a caller claims
	if code, err = svc.Link(ctx, who); err != nil {
		t.Fatal(err)
	}
	if _, sess, err = svc.Redeem(ctx, code, signin.From{}); err != nil || len(sess.Person.Roles) != 1 {
		t.Errorf("roles of a caller's making: %+v, %v", sess, err)
	}
	if _, err := svc.Local("mallory"); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("a stranger: %v", err)
	}
	if p, err := svc.Local("tripod"); err != nil || !slices.Equal(p.Roles, []access.Role{access.Administrator}) {
		t.Errorf("the bootstrap administrator: %+v, %v", p, err)
	}
}

// TestRestart: sign-ins outlast the process; what was ended, altered, moved or put back does not.
func TestRestart(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	kept, _ := enter(t, svc, "priya")
	ended, endedSess := enter(t, svc, "ana")
	altered, alteredSess := enter(t, svc, "ana")
	movedFrom, movedSess := enter(t, svc, "priya")
	db, err := sql.Open("sqlite", filepath.Join(s.dir, signin.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec := func(q string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(ctx, q, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE TABLE copy AS SELECT * FROM sign_ins`)
	if err := svc.End(ctx, endedSess.ID, nil); err != nil {
		t.Fatal(err)
	}
	// While it runs, the file counts for nothing.
	exec(`DELETE FROM sign_ins`)
	if _, ok := svc.Lookup(kept); !ok {
		t.Error("deleting a row signs somebody out")
	}
	exec(`INSERT INTO sign_ins SELECT * FROM copy`)
	if _, ok := svc.Lookup(ended); ok {
		t.Error("a row put back signs somebody in while the process runs")
	}
	exec(`UPDATE sign_ins SET sealed = CAST(substr(sealed, 1, 20) || x'00' || substr(sealed, 22) AS BLOB) WHERE id = ?`, alteredSess.ID)
	exec(`UPDATE sign_ins SET id = 'ELSEWHERE' WHERE id = ?`, movedSess.ID)
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	again := s.start(t, people())
	for name, c := range map[string]struct {
		secret string
		want   bool
	}{"kept": {kept, true}, "ended": {ended, false}, "altered": {altered, false}, "moved": {movedFrom, false}} {
		if _, ok := again.Lookup(c.secret); ok != c.want {
			t.Errorf("%s: signed in %v", name, ok)
		}
	}
	if len(s.health.Conditions()) != 1 {
		t.Errorf("nobody is told: %+v", s.health.Conditions())
	}
	var rows int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sign_ins`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows left, %v", rows, err)
	}
}

func TestEndAll(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	svc := s.start(t, people())
	one, sess := enter(t, svc, "priya")
	two, _ := enter(t, svc, "priya")
	other, _ := enter(t, svc, "ana")
	who, err := svc.Local("priya")
	if err != nil {
		t.Fatal(err)
	}
	code, err := svc.Link(ctx, who)
	if err != nil {
		t.Fatal(err)
	}
	n, err := svc.EndAll(ctx, sess.Person.Subject, &sess.Person)
	if err != nil || n != (signin.Ended{SignIns: 2, Links: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
	for secret, want := range map[string]bool{one: false, two: false, other: true} {
		if _, ok := svc.Lookup(secret); ok != want {
			t.Errorf("signed in %v, want %v", ok, want)
		}
	}
	if _, _, err := svc.Redeem(ctx, code, signin.From{}); !errors.Is(err, signin.ErrNobody) {
		t.Errorf("a link from before: %v", err)
	}
	if _, err := svc.EndAll(ctx, "", nil); err != nil || len(svc.Sessions()) != 0 {
		t.Errorf("%v, %v", svc.Sessions(), err)
	}
	enter(t, svc, "priya")
	if len(svc.Sessions()) != 1 {
		t.Error("nobody gets in any more")
	}
}

// TestTime: nothing lasts longer for a clock that is set back, in the process or across a restart.
func TestTime(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	now := time.Now()
	s.now = func() time.Time { return now }
	cfg := people()
	cfg.Idle = signin.MaxSession
	svc := s.start(t, cfg)
	secret, sess := enter(t, svc, "priya")
	if life := sess.Until.Sub(sess.Began); life != signin.MaxSession {
		t.Errorf("it lasts %v", life)
	}
	now = now.Add(signin.MaxSession - time.Minute)
	if _, ok := svc.Lookup(secret); !ok {
		t.Error("over too early")
	}
	now = now.Add(2 * time.Minute)
	if _, ok := svc.Lookup(secret); ok {
		t.Error("it lasts too long")
	}
	now = now.Add(-9 * time.Hour)
	if _, ok := svc.Lookup(secret); ok {
		t.Error("the clock was set back, and it is good again")
	}
	if err := svc.Close(); err != nil {
		t.Fatal(err)
	}
	again := s.startWith(t, people(), func(d *signin.Deps) { d.NotBefore = time.Now().Add(9 * time.Hour) })
	if _, ok := again.Lookup(secret); ok {
		t.Error("the clock was set back before the start, and it is good again")
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	cfg := people()
	cfg.Local[1].Roles = []access.Role{access.Analyst, access.Counsel}
	svc := s.start(t, cfg)
	priya, _ := enter(t, svc, "priya")
	ana, _ := enter(t, svc, "ana")
	next := people()
	next.Local = next.Local[1:]
	next.Local[0].Roles = []access.Role{access.Counsel, access.Operator}
	if err := svc.Reload(ctx, next); err != nil {
		t.Fatal(err)
	}
	if _, ok := svc.Lookup(priya); ok {
		t.Error("who is mapped no more is still signed in")
	}
	if got, ok := svc.Lookup(ana); !ok || !slices.Equal(got.Person.Roles, []access.Role{access.Counsel}) {
		t.Errorf("roles are lost by a reload, none is gained: %+v", got)
	}
}

func TestMany(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	svc := s.start(t, people())
	first, _ := enter(t, svc, "ana")
	for range 20 {
		enter(t, svc, "ana")
	}
	if _, ok := svc.Lookup(first); ok || len(svc.Sessions()) != 20 {
		t.Errorf("%d sign-ins of one person", len(svc.Sessions()))
	}
}
