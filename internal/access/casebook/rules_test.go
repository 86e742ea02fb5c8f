package casebook_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TestFourEyes: nobody approves what they asked for, whatever they come in by, and nobody decides about themselves.
func TestFourEyes(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst, access.PrivacyOfficer)
	id := b.open(t, kim)
	g := b.request(t, kim, id, seq)
	token := *kim
	token.Via, token.Token = access.ViaToken, "batch"
	other := token
	other.Token = "batch-2"
	login := &access.Person{Subject: "os:kim", Email: "KIM@example.com", Roles: access.Roles(), Via: access.ViaLocal}
	nameless := &access.Person{Subject: "os:root", Roles: access.Roles(), Via: access.ViaLocal}
	for what, by := range map[string]*access.Person{
		"who asked": kim, "a token of theirs": &token, "another token of theirs": &other, "their login on the machine": login,
		"a login that proves no address": nameless, "whom it is about": person("dana", access.PrivacyOfficer),
		"no right to approve": person("ola", access.Analyst, access.Administrator, access.Auditor, access.Operator), "nobody": nil, "no subject": {Roles: access.Roles()},
	} {
		_, err := b.Approve(ctx, by, g.ID, g.Terms, "")
		mustRefuse(t, what, err, access.ErrForbidden, casebook.ErrUnknown)
		_, err = b.Deny(ctx, by, g.ID, "")
		mustRefuse(t, what+" denies", err, access.ErrForbidden, casebook.ErrUnknown)
	}
	_, _, err := b.Waiting(ctx, nil)
	mustRefuse(t, "what waits for nobody", err, access.ErrForbidden)
	ola := person("ola", access.PrivacyOfficer)
	narrow := *ola
	narrow.Cases = []string{"C-2020-0001"}
	_, err = b.Approve(ctx, &narrow, g.ID, g.Terms, "")
	mustRefuse(t, "a token for another case", err, casebook.ErrUnknown)
	_, err = b.Approve(ctx, ola, g.ID, "", "")
	mustRefuse(t, "terms that were not shown", err, casebook.ErrOver)
	if len(b.records(t, casebook.TypeGrantApprove))+len(b.records(t, casebook.TypeGrantDeny)) > 0 {
		t.Error("a refused act is on record as one that was done")
	}
	b.approve(t, ola, g)
	_, err = b.Approve(ctx, person("max", access.Counsel), g.ID, g.Terms, "")
	mustRefuse(t, "twice", err, casebook.ErrOver)
}

// TestTabs: whatever is decided at once on one request, one decision counts, and none of the one who asked.
func TestTabs(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.PrivacyOfficer)
	g := b.request(t, kim, b.open(t, kim), seq)
	others := []*access.Person{kim, person("ola", access.PrivacyOfficer), kim, person("max", access.Counsel), kim, person("ida", access.Counsel)}
	errs := make([]error, 2*len(others))
	var wg sync.WaitGroup
	for i, by := range others {
		wg.Go(func() { _, errs[2*i] = b.Approve(ctx, by, g.ID, g.Terms, "") })
		wg.Go(func() { _, errs[2*i+1] = b.Deny(ctx, by, g.ID, "") })
	}
	wg.Wait()
	done := 0
	for i, err := range errs {
		if err == nil {
			done++
			if others[i/2] == kim {
				t.Error("who asked decided")
			}
		}
	}
	if n := len(b.records(t, casebook.TypeGrantApprove)) + len(b.records(t, casebook.TypeGrantDeny)); done != 1 || n != 1 {
		t.Errorf("%d decisions counted, %d are on record", done, n)
	}
}

// TestOver: what was denied, withdrawn, ended by closing or ran out opens nothing and is not revived.
func TestOver(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	kim, ola := person("kim", access.Analyst), person("ola", access.PrivacyOfficer)
	for what, end := range map[string]func(*bench, string, casebook.Grant) error{
		"denied":    func(b *bench, _ string, g casebook.Grant) error { _, err := b.Deny(ctx, ola, g.ID, "no"); return err },
		"withdrawn": func(b *bench, _ string, g casebook.Grant) error { _, err := b.Withdraw(ctx, kim, g.ID, ""); return err },
		"closed":    func(b *bench, id string, _ casebook.Grant) error { _, err := b.Close(ctx, kim, id, "done"); return err },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			seq := b.prompt(t, "dana@example.com", "s1")
			id := b.open(t, kim)
			waits, opened := b.request(t, kim, id, seq), b.approve(t, ola, b.request(t, kim, id, seq))
			if err := end(b, id, waits); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := b.Approve(ctx, ola, waits.ID, waits.Terms, "")
				mustRefuse(t, "approved after it was "+what, err, casebook.ErrOver)
				_, err = b.Read(ctx, kim, waits.ID, seq)
				mustRefuse(t, "read after it was "+what, err, casebook.ErrNoGrant)
				_, err = b.Read(ctx, kim, opened.ID, seq)
				if (what == "closed") != (err != nil) {
					t.Errorf("the other grant: %v", err)
				}
				b.restart(t)
			}
			if what == "closed" {
				_, err := b.Request(ctx, kim, casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "again"})
				mustRefuse(t, "asked for in a closed case", err, casebook.ErrOver)
				_, err = b.Join(ctx, kim, id, casebook.Ref{Email: "max@example.com", Role: access.Analyst})
				mustRefuse(t, "joined a closed case", err, casebook.ErrOver)
			}
		})
	}
}

// TestLeaving: who leaves a case loses their grants in it, also when they join again.
func TestLeaving(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim, max, ola := person("kim", access.Analyst), person("max", access.Analyst), person("ola", access.PrivacyOfficer)
	id := b.open(t, kim)
	_, err := b.Request(ctx, max, casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "x"})
	mustRefuse(t, "asked for by who takes no part", err, casebook.ErrUnknown)
	join := func() {
		t.Helper()
		if _, err := b.Join(ctx, kim, id, casebook.Ref{Email: "Max@example.com", Role: access.Analyst}); err != nil {
			t.Fatal(err)
		}
	}
	join()
	g := b.approve(t, ola, b.request(t, max, id, seq))
	if _, err := b.Read(ctx, max, g.ID, seq); err != nil {
		t.Fatal(err)
	}
	_, err = b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "another's grant", err, casebook.ErrNoGrant)
	if _, err := b.Leave(ctx, max, id, casebook.Ref{}); err != nil {
		t.Fatal(err)
	}
	join()
	_, err = b.Read(ctx, max, g.ID, seq)
	mustRefuse(t, "read after leaving", err, casebook.ErrNoGrant)
	_, err = b.Join(ctx, kim, id, casebook.Ref{Email: "dana@example.com", Role: access.Analyst})
	mustRefuse(t, "joined by whom it is about", err, casebook.ErrRefused)
	_, err = b.Leave(ctx, kim, id, casebook.Ref{})
	mustRefuse(t, "left by its owner", err, casebook.ErrRefused)
	_, err = b.Close(ctx, max, id, "")
	mustRefuse(t, "closed by who does not own it", err, casebook.ErrRefused)
}

// TestForged: what a client reports under the name of an act of ours changes nothing.
func TestForged(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst)
	id := b.open(t, kim)
	g := b.request(t, kim, id, seq)
	ola := person("ola", access.PrivacyOfficer)
	attrs := audit.Attrs{audit.TextAttr("grant", g.ID), audit.TextAttr("terms", g.Terms), {Name: "roles", Value: audit.Array(audit.String("privacy_officer"))}}
	for _, source := range audit.Sources() {
		if source == audit.SourceTripod {
			continue
		}
		b.submit(t, &audit.Record{Normaliser: "test/1", Source: source, Surface: audit.SurfaceTripod, Activity: audit.ActivityOperation, Type: casebook.TypeGrantApprove,
			Outcome: audit.OutcomeSuccess, Case: id, Attributes: attrs, Account: audit.Account{Proved: ola.Identity()}})
	}
	// Nor does one of ours that names nobody as proved, or whose roles do not hold the right.
	for _, act := range []intake.Act{
		{Type: casebook.TypeGrantApprove, Case: id, Attributes: attrs},
		{Type: casebook.TypeGrantApprove, Case: id, Attributes: attrs, Account: kim.Identity()},
		{Type: casebook.TypeGrantApprove, Case: id, Attributes: attrs[:2], Account: ola.Identity()},
		{Type: casebook.TypeGrantApprove, Case: "C-2026-0099", Attributes: attrs, Account: ola.Identity()},
	} {
		act.Activity = audit.ActivityOperation
		if _, err := b.door.Record(ctx, act, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "after forged approvals", err, casebook.ErrNoGrant)
	b.restart(t)
	_, err = b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "after forged approvals and a restart", err, casebook.ErrNoGrant)
	b.approve(t, ola, g) // the real one counts
	if _, err := b.Read(ctx, kim, g.ID, seq); err != nil {
		t.Error(err)
	}
}

// TestOpenCase: a case says what it is for, and nobody opens one about themselves.
func TestOpenCase(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	b.people.accounts["user:user_kim"] = casebook.Owner{Identifiers: []string{"user:user_kim", "email:kim@example.com"}}
	kim := person("kim", access.Analyst)
	good := casebook.NewCase{Kind: casebook.KindRequest, Purpose: casebook.PurposeAccessRequest, Basis: casebook.BasisLegalObligation, Subjects: []string{"dana@example.com"}}
	for what, change := range map[string]func(*casebook.NewCase){
		"no kind":                      func(n *casebook.NewCase) { n.Kind = "" },
		"a purpose of their own":       func(n *casebook.NewCase) { n.Purpose = "curiosity" },
		"no basis":                     func(n *casebook.NewCase) { n.Basis = "" },
		"employment without agreement": func(n *casebook.NewCase) { n.Purpose = casebook.PurposeEmployment },
		"a request of nobody":          func(n *casebook.NewCase) { n.Subjects = nil },
		"about themselves":             func(n *casebook.NewCase) { n.Subjects = []string{"Kim@example.com"} },
		"about their account":          func(n *casebook.NewCase) { n.Subjects = []string{"user_kim"} },
		"a reference that is a text":   func(n *casebook.NewCase) { n.Reference = "see\nbelow" },
		"an account that is a text":    func(n *casebook.NewCase) { n.Subjects = []string{"dana <script>"} },
		"a role they lack":             func(n *casebook.NewCase) { n.As = access.Counsel },
	} {
		n := good
		change(&n)
		_, err := b.Open(ctx, kim, n)
		mustRefuse(t, what, err, casebook.ErrInvalid, casebook.ErrRefused)
	}
	_, err := b.Open(ctx, person("adi", access.Administrator, access.Operator, access.Auditor), good)
	mustRefuse(t, "opened by an administrator", err, access.ErrForbidden)
	good.Purpose, good.Reference = casebook.PurposeEmployment, "BV 2026/14"
	c, err := b.Open(ctx, kim, good)
	if err != nil || c.Reference != "BV 2026/14" || c.Owner.Role != access.Analyst {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRequestBounds: a request says what, for how long and why.
func TestRequestBounds(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t, func(c *casebook.Config) { c.Grant = 30 * time.Minute })
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst)
	good := casebook.Ask{Case: b.open(t, kim), Class: audit.ClassText, Records: []uint64{seq}, Reason: "why"}
	for what, change := range map[string]func(*casebook.Ask){
		"no reason":             func(a *casebook.Ask) { a.Reason = " " },
		"an hour":               func(a *casebook.Ask) { a.Minutes = 60 },
		"a negative time":       func(a *casebook.Ask) { a.Minutes = -1 },
		"nothing":               func(a *casebook.Ask) { a.Records = nil },
		"metadata":              func(a *casebook.Ask) { a.Class = audit.ClassMetadata },
		"a query of no sense":   func(a *casebook.Ask) { a.Query = "all of it" },
		"too many containers":   func(a *casebook.Ask) { a.Containers = make([]string, casebook.MaxContainers+1) },
		"no such case":          func(a *casebook.Ask) { a.Case = "C-2026-0404" },
		"a record of nobody":    func(a *casebook.Ask) { a.Containers = []string{"session/unknown"} },
		"a record there is not": func(a *casebook.Ask) { a.Records = []uint64{9_999} },
	} {
		a := good
		change(&a)
		_, err := b.Request(ctx, kim, a)
		mustRefuse(t, what, err, casebook.ErrInvalid, casebook.ErrUnknown)
	}
	if g, err := b.Request(ctx, kim, good); err != nil || g.Minutes != 30 {
		t.Errorf("%+v, %v", g, err)
	}
	b.people.err = errors.New("the view is being built")
	_, err := b.Request(ctx, kim, good)
	mustRefuse(t, "while nobody can tell whose content it is", err)
}
