package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// newKept is a bench with one session of kofi's and a class whose period of a day is over once the clock is set forward.
func newKept(t *testing.T) *desk {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}, Retention: retention.Config{Classes: []retention.Class{
		{Name: "words", What: retention.Texts, Keep: retention.Period{Days: 1}, Basis: "policy 7", Owner: "privacy officer"},
	}}})
	d := &desk{Bench: b, t: t, ana: consoletest.Somebody("ana", access.Analyst), priya: consoletest.Somebody("priya", access.PrivacyOfficer), carl: consoletest.Somebody("carl", access.Counsel)}
	d.prompt = d.say("kofi@example.com", "s1", canary)
	b.CatchUp()
	return d
}

// matter opens a matter as Carl.
func (d *desk) matter() string {
	d.t.Helper()
	c, err := d.Desk.Open(context.Background(), d.carl, casebook.NewCase{Kind: casebook.KindMatter, Purpose: casebook.PurposeLegalMatter, Basis: casebook.BasisLegalClaims, Title: "T"})
	if err != nil {
		d.t.Fatal(err)
	}
	return c.ID
}

// hold sets a hold as Carl, by the form.
func (d *desk) hold(matter string) string {
	d.t.Helper()
	at := d.done(d.send(d.carl, "/lifecycle", "/lifecycle/holds", "case", matter, "custodians", "kofi@example.com\n", "surface", "claude_code", "reason", "the complaint of Tuesday"))
	_, id, _ := strings.Cut(at, "#")
	return id
}

// TestHolds: what is held is not purged, it is released by two people, and the matter stays open meanwhile.
func TestHolds(t *testing.T) {
	t.Parallel()
	d := newKept(t)
	m := d.matter()
	id := d.hold(m)
	if !strings.HasPrefix(id, "H-") {
		t.Fatalf("hold %q", id)
	}
	if a := d.send(d.carl, "/cases/"+m, "/cases/"+m+"/close"); a.Status != http.StatusForbidden || !strings.Contains(text(a.Body), id) {
		t.Errorf("a matter was closed over its hold: %d %s", a.Status, text(a.Body))
	}
	sees := func(who *access.Person, path string, want ...string) {
		t.Helper()
		d.SignInAs(who)
		page := text(d.Get(path).Body)
		for _, w := range want {
			if without, not := strings.CutPrefix(w, "!"); not == strings.Contains(page, strings.TrimPrefix(w, "!")) {
				t.Errorf("%s as %s: %q, wanted: %v\n%s", path, who.Name, without, !not, page)
			}
		}
	}
	sees(d.carl, "/lifecycle", id, "all of kofi@example.com", "in force", "Ask for its release", "!the complaint of Tuesday")
	sees(d.carl, "/lifecycle?hold="+id, "the complaint of Tuesday")
	sees(consoletest.Somebody("olga", access.Operator), "/lifecycle", "words", "!"+id, "!kofi@example.com")
	sees(consoletest.Somebody("cora", access.Counsel), "/lifecycle", id, "for who takes part in its matter", "!kofi@example.com")

	ask := "/lifecycle/holds/" + id
	if a := d.send(d.carl, "/lifecycle", ask+"/release"); a.Status != http.StatusConflict {
		t.Errorf("released before it was asked for: %d", a.Status)
	}
	d.done(d.send(d.carl, "/lifecycle", ask+"/ask-release", "reason", "settled"))
	if a := d.send(d.carl, "/lifecycle", ask+"/release"); a.Status != http.StatusForbidden || !strings.Contains(text(a.Body), "second person") {
		t.Errorf("released alone: %d %s", a.Status, text(a.Body))
	}
	sees(d.carl, "/lifecycle", "You asked for it")
	if a := d.send(consoletest.Somebody("kofi", access.Counsel), "/lifecycle", ask+"/release"); a.Status != http.StatusForbidden {
		t.Errorf("released by its custodian: %d", a.Status)
	}
	d.done(d.send(d.priya, "/lifecycle", ask+"/keep", "reason", "not yet"))
	d.done(d.send(d.carl, "/lifecycle", ask+"/ask-release", "reason", "settled"))
	d.done(d.send(d.priya, "/lifecycle", ask+"/release"))
	sees(d.carl, "/lifecycle", "1 released", "released by priya@example.com")
	d.done(d.send(d.carl, "/cases/"+m, "/cases/"+m+"/close"))
}

// TestHoldForm: what is not as it should be is said beside what was typed.
func TestHoldForm(t *testing.T) {
	t.Parallel()
	d := newKept(t)
	m := d.matter()
	for _, f := range []struct {
		want  string
		pairs []string
	}{
		{"it names what it covers", []string{"case", m, "reason", "typed before"}},
		{"give a reason", []string{"case", m, "custodians", "kofi@example.com"}},
		{"no matter", []string{"case", "C-2026-0099", "custodians", "kofi@example.com", "reason", "typed before"}},
		{"positions", []string{"case", m, "records", "one two", "reason", "typed before"}},
		{"written as 2026-11-01", []string{"case", m, "from", "tomorrow", "reason", "typed before"}},
		{"begins before it ends", []string{"case", m, "from", "2026-11-02", "until", "2026-11-01", "reason", "typed before"}},
	} {
		a := d.send(d.carl, "/lifecycle", "/lifecycle/holds", f.pairs...)
		if a.Status != http.StatusBadRequest || !strings.Contains(text(a.Body), f.want) {
			t.Errorf("%v: %d %s", f.pairs, a.Status, text(a.Body))
		}
		if strings.Contains(strings.Join(f.pairs, " "), "typed before") && !strings.Contains(a.Body, "typed before") {
			t.Errorf("%v: what was typed is lost", f.pairs)
		}
	}
	if n := len(d.Own("tripod.hold.")); n != 0 {
		t.Errorf("%d records of holds that are none", n)
	}
}

// TestPurgeByHand: a purge takes a tick and a fresh sign-in, destroys what is due, and passes over what is held.
func TestPurgeByHand(t *testing.T) {
	t.Parallel()
	d := newKept(t)
	d.say("dana@example.com", "s2", "of somebody else")
	d.CatchUp()
	m := d.matter()
	d.hold(m)
	d.done(d.send(d.priya, "/lifecycle", "/lifecycle/purge", "sure", "yes"))
	if n := len(d.Own(retention.TypePurge)); n != 0 {
		t.Fatalf("%d purges of what is not due", n)
	}
	if a := d.send(d.priya, "/lifecycle", "/lifecycle/purge"); a.Status != http.StatusBadRequest {
		t.Errorf("purged without a tick: %d", a.Status)
	}
	if a := d.send(d.ana, "/lifecycle", "/lifecycle/purge", "sure", "yes"); a.Status != http.StatusForbidden {
		t.Errorf("purged by an analyst: %d", a.Status)
	}
	later := time.Now().Add(3 * 24 * time.Hour)
	d.Clock.Store(&later)
	d.SignInAs(d.priya)
	page := text(d.Get("/lifecycle").Body)
	if !strings.Contains(page, "1 held") || !strings.Contains(page, "Destroy the 1 that are due") {
		t.Errorf("the plan: %s", page)
	}
	if a := d.send(d.priya, "/lifecycle", "/lifecycle/purge", "sure", "yes"); a.Status != http.StatusSeeOther {
		t.Fatalf("purge: %d %s", a.Status, text(a.Body))
	}
	done := d.Own(retention.TypePurge)
	if len(done) != 1 || done[0].Account.Proved.Email != "priya@example.com" {
		t.Fatalf("purges on record: %d", len(done))
	}
	if page := text(d.Get("/lifecycle").Body); !strings.Contains(page, "priya@example.com") || !strings.Contains(page, "1 record") {
		t.Errorf("the purge is not shown: %s", page)
	}
}
