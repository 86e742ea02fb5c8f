package casebook_test

import (
	"context"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

// TestOpening: an analyst opens a case, asks, somebody else approves, and the analyst reads; each opening is on record
// before, and everything stands after a restart.
func TestOpening(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim, ola := person("kim", access.Analyst), person("ola", access.PrivacyOfficer)
	id := b.open(t, kim)
	if id != "C-"+time.Now().UTC().Format("2006")+"-0001" {
		t.Errorf("number %s", id)
	}
	g := b.request(t, kim, id, seq)
	if g.State != casebook.Requested || g.Minutes != 60 {
		t.Fatalf("%+v", g)
	}
	_, err := b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "before anybody approved", err, casebook.ErrNoGrant)
	if waiting, _, err := b.Waiting(ctx, ola); err != nil || len(waiting) != 1 {
		t.Errorf("waiting for ola: %v, %v", waiting, err)
	}
	if waiting, _, err := b.Waiting(ctx, kim); err != nil || len(waiting) != 0 {
		t.Errorf("waiting for kim: %v, %v", waiting, err)
	}
	g = b.approve(t, ola, g)
	if g.State != casebook.Opened || g.ApprovedBy.Email != "ola@example.com" || time.Until(g.Until) > time.Hour || time.Until(g.Until) < 59*time.Minute {
		t.Fatalf("%+v", g)
	}
	for range 2 {
		pieces, err := b.Read(ctx, kim, g.ID, seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := texts(pieces); got["prompt"] != canary || got["cwd"] != "/home/kingfisher" {
			t.Errorf("%v", got)
		}
		b.restart(t)
	}
	opened := b.records(t, casebook.TypeContentOpen)
	if len(opened) != 4 { // two classes, twice
		t.Fatalf("%d openings on record", len(opened))
	}
	for _, r := range opened {
		if r.Case != id || r.Account.Proved.Email != "kim@example.com" {
			t.Errorf("%+v", r)
		}
		for name, want := range map[string]string{"grant": g.ID, "purpose": "incident", "container": "session/s1", "position": "1"} {
			if v, _ := r.Attributes.Get(name); v.Text() != want {
				t.Errorf("%s is %q, want %q", name, v.Text(), want)
			}
		}
	}
	c, grants, err := b.Show(ctx, ola, id)
	if err != nil || c.Title != "What left the building" || len(grants) != 1 || grants[0].Reason != "to see what left" {
		t.Errorf("%+v, %+v, %v", c, grants, err)
	}
	if n := len(b.records(t, casebook.TypeContentOpen)); n != 5 {
		t.Errorf("that somebody read the case file is not on record: %d", n)
	}
}

// TestClass: a grant for detail opens no text, and says so.
func TestClass(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t, func(c *casebook.Config) { c.TwoPeople.Detail = false })
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst)
	g, err := b.Request(ctx, kim, casebook.Ask{Case: b.open(t, kim), Class: audit.ClassDetail, Query: "type:user_prompt", Reason: "where it ran", Minutes: 5})
	if err != nil || g.State != casebook.Opened || !g.Alone || g.Matches != 1 {
		t.Fatalf("one person is enough for detail here: %+v, %v", g, err)
	}
	later := b.prompt(t, "dana@example.com", "s1")
	b.restart(t) // the query is read back from the request
	pieces, err := b.Read(ctx, kim, g.ID, seq)
	if got := texts(pieces); err != nil || len(got) != 1 || got["cwd"] == "" {
		t.Errorf("%v, %v", got, err)
	}
	for _, p := range pieces {
		if p.Name == "prompt" && (p.State != casebook.NotGranted || p.Text != nil || p.Bytes != len(canary)) {
			t.Errorf("%+v", p)
		}
	}
	_, err = b.Read(ctx, kim, g.ID, later)
	mustRefuse(t, "what was recorded after the request", err, casebook.ErrNoGrant)
}
