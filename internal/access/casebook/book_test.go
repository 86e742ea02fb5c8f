package casebook_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

// TestEnd: a grant ends to the second, by the time its approval was recorded, whichever way the clock was set.
func TestEnd(t *testing.T) {
	t.Parallel()
	for what, shift := range map[string]time.Duration{"a steady clock": time.Minute, "set back": -48 * time.Hour, "set forward": 48 * time.Hour} {
		p := newPast()
		p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("dana@example.com"), access.Analyst)
		p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs("G-2026-0001"), access.Analyst)
		asked := p.now
		g, _ := p.book.Grant("G-2026-0001", p.now)
		p.now = p.now.Add(shift)
		p.act("ola", casebook.TypeGrantApprove, "C-2026-0001", audit.Attrs{audit.TextAttr("grant", g.ID), audit.TextAttr("terms", g.Terms)}, access.PrivacyOfficer)
		end := p.now.Add(time.Hour)
		if shift < 0 {
			end = asked.Add(time.Hour) // nothing is younger than what was recorded before it
		}
		for _, c := range []struct {
			at   time.Time
			want casebook.GrantState
		}{{end.Add(-time.Nanosecond), casebook.Opened}, {end, casebook.Expired}, {end.Add(time.Hour), casebook.Expired}} {
			if g, _ := p.book.Grant(g.ID, c.at); g.State != c.want || !g.Until.Equal(end) {
				t.Errorf("%s: at %s it is %s until %s, want %s until %s", what, c.at, g.State, g.Until, c.want, end)
			}
		}
	}
}

// TestLapse: a request that nobody answered for a week cannot be approved.
func TestLapse(t *testing.T) {
	t.Parallel()
	p := newPast()
	p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("dana@example.com"), access.Analyst)
	p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs("G-2026-0001"), access.Analyst)
	g, _ := p.book.Grant("G-2026-0001", p.now)
	p.now = p.now.Add(7 * 24 * time.Hour)
	p.act("ola", casebook.TypeGrantApprove, "C-2026-0001", audit.Attrs{audit.TextAttr("grant", g.ID), audit.TextAttr("terms", g.Terms)}, access.PrivacyOfficer)
	if g, _ := p.book.Grant(g.ID, p.now); g.State != casebook.Expired {
		t.Errorf("%+v", g)
	}
}

// TestChanged: a number is not used twice, so what was asked for cannot be changed under who approves it, and an approval
// of other terms counts for nothing.
func TestChanged(t *testing.T) {
	t.Parallel()
	p := newPast()
	p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("dana@example.com"), access.Analyst)
	p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs("G-2026-0002"), access.Analyst)
	shown, _ := p.book.Grant("G-2026-0002", p.now)
	for _, id := range []string{"G-2026-0002", "G-2026-0001", "G-2026-2", "C-2026-0003", ""} {
		p.act("kim", casebook.TypeGrantRequest, "C-2026-0001", grantAttrs(id, 2, 3, 4), access.Analyst)
	}
	p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("rob@example.com"), access.Analyst)
	if g, _ := p.book.Grant(shown.ID, p.now); len(p.book.Grants("", p.now)) != 1 || !slices.Equal(g.Records, []uint64{1}) || len(p.book.Cases()) != 1 {
		t.Errorf("%+v", g)
	}
	p.act("ola", casebook.TypeGrantApprove, "C-2026-0001", audit.Attrs{audit.TextAttr("grant", shown.ID), audit.TextAttr("terms", "another")}, access.PrivacyOfficer)
	if g, _ := p.book.Grant(shown.ID, p.now); g.State != casebook.Requested {
		t.Errorf("%+v", g)
	}
}

// human is somebody of the property test, with all they can come in by. The first two prove an address, the others do not.
func human(i, way int) audit.Identity {
	name := fmt.Sprintf("h%d", i)
	switch way {
	case 0:
		return audit.Identity{Subject: "oidc:" + name + "@https://idp.example", Email: name + "@example.com"}
	case 1:
		return audit.Identity{OSUser: name, Email: name + "@example.com"}
	case 2:
		return audit.Identity{Subject: "oidc:" + name + "@https://idp.example"}
	case 3:
		return audit.Identity{OSUser: "root"}
	}
	return audit.Identity{Subject: "oidc:" + name + "@https://idp.example", Email: name + "@example.com", Credential: fmt.Sprint("token", way)}
}

// who is the human of a ref; -1 where it could be anybody.
func who(r casebook.Ref) int {
	for i := range humans {
		for _, way := range []int{0, 1, 2} {
			if id := human(i, way); r.Email != "" && r.Email == id.Email || r.Subject != "" && r.Subject == id.Subject {
				return i
			}
		}
	}
	return -1
}

const humans = 5

// TestFourEyesHold does things at random, most of them wrong, and holds after each that what is open was opened by two
// people whom it is not about, or by breaking the glass, within the hour.
func TestFourEyesHold(t *testing.T) {
	t.Parallel()
	seeds := 25
	if testing.Short() {
		seeds = 15
	}
	opened, broken := 0, 0
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 6))
		p := newPast()
		approvedAt := make(map[string]time.Time)
		p.record(human(1, 0), casebook.TypeCaseOpen, "C-2026-0001", openAttrs("h0@example.com"), access.Analyst)
		for range 250 {
			randomAct(r, p)
			for _, g := range p.book.Grants("", p.high) {
				if g.State != casebook.Opened {
					continue
				}
				if _, known := approvedAt[g.ID]; !known {
					approvedAt[g.ID] = p.high
					if opened++; g.BreakGlass {
						broken++
					}
				}
				checkOpen(t, seed, p, g, approvedAt[g.ID])
			}
		}
	}
	if opened-broken < seeds || broken < seeds/3 {
		t.Errorf("%d opened, %d of them by breaking the glass: the test tries too little", opened, broken)
	}
}

func checkOpen(t *testing.T, seed int, p *past, g casebook.Grant, since time.Time) {
	t.Helper()
	c, _ := p.book.Case(g.Case)
	by, second := who(g.By), who(g.ApprovedBy)
	about := func(i int) bool { return i == 0 } // h0 is whom every case is about
	switch {
	case c.State != casebook.Open, !slices.ContainsFunc(c.Participants, func(r casebook.Ref) bool { return who(r) == by }):
		t.Fatalf("seed %d: %s is open, its case %s or who asked no part of it", seed, g.ID, c.State)
	case by < 0 || about(by):
		t.Fatalf("seed %d: %s is open for nobody in particular, or whom it is about: %+v", seed, g.ID, g)
	case !g.BreakGlass && (second < 0 || second == by || about(second)):
		t.Fatalf("seed %d: %s is open by the word of %d and %d: %+v", seed, g.ID, by, second, g)
	case g.ReviewedBy != casebook.Ref{} && (who(g.ReviewedBy) == by || who(g.ReviewedBy) < 0):
		t.Fatalf("seed %d: %s was reviewed by who opened it: %+v", seed, g.ID, g)
	case g.Until.Sub(since) > time.Hour:
		t.Fatalf("seed %d: %s is open for %s", seed, g.ID, g.Until.Sub(since))
	}
}

// randomAct does one thing; clocks run, jump and are set back.
func randomAct(r *rand.Rand, p *past) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	switch p.now = p.now.Add(time.Duration(r.IntN(20)) * time.Minute); r.IntN(30) {
	case 0:
		p.now = p.now.Add(26 * time.Hour)
	case 1:
		p.now = p.now.Add(-3 * time.Hour)
	}
	id, roles := human(r.IntN(humans), []int{0, 0, 0, 0, 1, 1, 2, 3, 4, 5}[r.IntN(10)]), []access.Role{access.Analyst, access.PrivacyOfficer}
	if r.IntN(4) == 0 {
		roles = access.Roles()[r.IntN(6):][:1]
	}
	cases, grants := []string{"C-2026-0001"}, []string{"G-2026-0001"}
	for _, c := range p.book.Cases() {
		if cases = append(cases, c.ID); c.State == casebook.Open {
			cases = append(cases, c.ID, c.ID, c.ID)
		}
	}
	for _, g := range p.book.Grants("", p.high) {
		if grants = append(grants, g.ID); g.State == casebook.Requested {
			grants = append(grants, g.ID, g.ID, g.ID, g.ID)
		}
	}
	next := func(letter string, n int) string { return fmt.Sprintf("%s-2026-%04d", letter, n+r.IntN(2)) }
	about := openAttrs("h0@example.com")
	mostly := func(g casebook.Grant) string {
		if r.IntN(8) == 0 {
			return pick(cases...)
		}
		return g.Case
	}
	g, _ := p.book.Grant(pick(grants...), p.high)
	answer := audit.Attrs{audit.TextAttr("grant", g.ID), audit.TextAttr("terms", pick(g.Terms, g.Terms, g.Terms, "other"))}
	ask := grantAttrs(next("G", len(p.book.Grants("", p.high))))
	ask[4] = audit.Attr{Name: "owners", Value: audit.Array(audit.String(pick("email:h0@example.com", "subject:h0")))}
	switch r.IntN(16) {
	case 0:
		p.record(id, casebook.TypeCaseOpen, next("C", len(p.book.Cases())), about, roles...)
	case 1:
		if r.IntN(4) == 0 {
			p.record(id, casebook.TypeCaseClose, pick(cases...), nil, roles...)
		}
	case 2, 3:
		p.record(id, casebook.TypeCaseJoin, pick(cases...), audit.Attrs{audit.TextAttr("participant_email", fmt.Sprintf("h%d@example.com", r.IntN(humans))),
			audit.TextAttr("participant_role", pick("analyst", "privacy_officer", "counsel", "operator"))}, roles...)
	case 4:
		p.record(id, casebook.TypeCaseLeave, pick(cases...), audit.Attrs{audit.TextAttr("participant_email", fmt.Sprintf("h%d@example.com", r.IntN(humans)))}, roles...)
	case 5, 6, 7, 8:
		p.record(id, casebook.TypeGrantRequest, pick(cases...), ask, roles...)
	case 9:
		p.record(id, casebook.TypeGrantBreakGlass, pick(cases...), append(ask, audit.CountAttr("review_hours", 72)), roles...)
	case 10:
		p.record(id, casebook.TypeGrantReview, mostly(g), answer, roles...)
	case 11:
		p.record(id, pick(casebook.TypeGrantWithdraw, casebook.TypeGrantDeny), mostly(g), answer, roles...)
	default:
		p.record(id, casebook.TypeGrantApprove, mostly(g), answer, roles...)
	}
}

// TestAbout: a case is about whom it names, whatever they come in by, and about nobody else.
func TestAbout(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.open(t, person("kim", access.Analyst))
	for who, want := range map[string]bool{"Dana@example.com": true, "kim@example.com": false, "": false} {
		if got := b.book.About(id, audit.Identity{OSUser: "somebody", Email: who}); got != want {
			t.Errorf("about %q: %v", who, got)
		}
	}
	if b.book.About("C-2026-9999", audit.Identity{Email: "dana@example.com"}) {
		t.Error("about a case that there is not")
	}
}
