package casebook_test

import (
	"context"
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

// TestOwnContent: nobody opens their own content or their manager's, by whatever identifier it is theirs, and not what
// belongs to who approved.
func TestOwnContent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	ola := person("ola", access.PrivacyOfficer)
	for what, prepare := range map[string]func(b *bench, kim *access.Person){
		"their address in a record": func(*bench, *access.Person) {},
		"an owner of the container": func(b *bench, _ *access.Person) {
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"email:kim@example.com"}}}
		},
		"an old address of theirs": func(b *bench, _ *access.Person) {
			b.people.accounts["email:kim@example.com"] = casebook.Owner{Identifiers: []string{"user:u1", "email:old@example.com"}}
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"email:old@example.com"}}}
		},
		"their manager's address": func(b *bench, kim *access.Person) {
			kim.Manager = "Bo@example.com"
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"email:bo@example.com"}}}
		},
		"their manager by an id": func(b *bench, kim *access.Person) {
			kim.Manager = "00u7"
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"subject:00u7"}}}
		},
		"their subject at the vendor": func(b *bench, _ *access.Person) {
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"subject:kim"}}}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b, kim := newBench(t), person("kim", access.Analyst)
			id := b.open(t, kim)
			email := "dana@example.com"
			if what == "their address in a record" {
				email = "kim@example.com"
			}
			seq := b.prompt(t, email, "s1")
			harmless := b.request(t, kim, id, b.prompt(t, "dana@example.com", "s2"))
			prepare(b, kim)
			ask := casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "why"}
			_, err := b.Request(ctx, kim, ask)
			mustRefuse(t, "request", err, casebook.ErrRefused)
			_, err = b.BreakGlass(ctx, kim, ask)
			mustRefuse(t, "break-glass", err, casebook.ErrRefused)
			if g := b.approve(t, ola, harmless); g.State != casebook.Opened {
				t.Errorf("%+v", g)
			}
		})
	}
	t.Run("found out later", func(t *testing.T) {
		t.Parallel()
		b, kim := newBench(t), person("kim", access.Analyst)
		seq := b.prompt(t, "dana@example.com", "s1")
		g := b.approve(t, ola, b.request(t, kim, b.open(t, kim), seq))
		for _, who := range []string{"kim", "ola"} {
			b.people.owners["session/s1"] = []casebook.Owner{{Identifiers: []string{"email:" + who + "@example.com"}}}
			_, err := b.Read(ctx, kim, g.ID, seq)
			mustRefuse(t, who, err, access.ErrForbidden)
		}
		if len(b.records(t, casebook.TypeContentOpen)) > 0 {
			t.Error("an opening is on record that was refused")
		}
	})
}

// TestUnknownOwner: content of nobody opens where the grant says so, and then with two people whatever the class.
func TestUnknownOwner(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t, func(c *casebook.Config) { c.TwoPeople = casebook.TwoPeople{} })
	kim, ola := person("kim", access.Analyst), person("ola", access.PrivacyOfficer)
	id := b.open(t, kim)
	seq := b.prompt(t, "", "s1")
	ask := casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "why"}
	_, err := b.Request(ctx, kim, ask)
	mustRefuse(t, "not said", err, casebook.ErrInvalid)
	ask.OwnerUnknown = true
	g, err := b.Request(ctx, kim, ask)
	if err != nil || g.State != casebook.Requested {
		t.Fatalf("%+v, %v", g, err)
	}
	if _, err := b.Read(ctx, kim, b.approve(t, ola, g).ID, seq); err != nil {
		t.Error(err)
	}
	// What was somebody's when it was asked for, and is nobody's now, stays shut.
	known := b.prompt(t, "dana@example.com", "s2")
	alone := b.request(t, kim, id, known)
	if alone.State != casebook.Opened || !alone.Alone {
		t.Fatalf("%+v", alone)
	}
	_, err = b.Read(ctx, kim, alone.ID, seq)
	mustRefuse(t, "another record", err, casebook.ErrNoGrant)
	b.cfg.TwoPeople.Text = true
	b.restart(t)
	_, err = b.Read(ctx, kim, alone.ID, known)
	mustRefuse(t, "a grant of one person where it takes two by now", err, casebook.ErrNoGrant)
}

// TestPrivileged: content of a privileged group opens to counsel of a matter alone, and such a matter is seen by who takes
// part in it.
func TestPrivileged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBench(t, func(c *casebook.Config) {
		c.TwoPeople = casebook.TwoPeople{}
		c.Privileged = []casebook.Privileged{{Group: "works-council", Kind: "works_council"}}
	})
	member := casebook.Owner{Identifiers: []string{"user:u1", "email:dana@example.com"}, Groups: []string{"works-council"}}
	kim, ola := person("kim", access.Analyst), person("ola", access.PrivacyOfficer)
	lea, mo := person("lea", access.Counsel), person("mo", access.Counsel)
	seq := b.prompt(t, "dana@example.com", "s1")
	early := b.open(t, kim)
	g := b.request(t, kim, early, seq)
	if g.State != casebook.Opened {
		t.Fatalf("%+v", g)
	}
	matter, err := b.Open(ctx, lea, casebook.NewCase{Kind: casebook.KindMatter, Purpose: casebook.PurposeLegalMatter, Basis: casebook.BasisLegalClaims})
	if err != nil {
		t.Fatal(err)
	}
	broken, err := b.BreakGlass(ctx, lea, casebook.Ask{Case: matter.ID, Class: audit.ClassText, Records: []uint64{seq}, Reason: "at once"})
	if err != nil {
		t.Fatal(err)
	}
	b.people.accounts["email:dana@example.com"] = member // she was elected since
	_, err = b.Read(ctx, lea, broken.ID, seq)
	mustRefuse(t, "read by counsel of a matter who broke the glass before", err, casebook.ErrNoGrant)
	_, err = b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "read by an analyst", err, casebook.ErrRefused)
	ask := casebook.Ask{Case: early, Class: audit.ClassText, Records: []uint64{seq}, Reason: "why"}
	_, err = b.Request(ctx, kim, ask)
	mustRefuse(t, "asked for by an analyst", err, casebook.ErrRefused)
	_, err = b.BreakGlass(ctx, kim, ask)
	mustRefuse(t, "broken by an analyst", err, casebook.ErrRefused)
	about := casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident, Basis: casebook.BasisLegalClaims, Subjects: []string{"dana@example.com"}}
	for _, by := range []*access.Person{kim, ola, lea} {
		_, err = b.Open(ctx, by, about)
		mustRefuse(t, "an investigation by "+by.Email, err, casebook.ErrRefused)
	}
	about.Kind, about.Purpose = casebook.KindMatter, casebook.PurposeLegalMatter
	_, err = b.Open(ctx, ola, about)
	mustRefuse(t, "a matter by a privacy officer", err, casebook.ErrRefused)
	c, err := b.Open(ctx, lea, about)
	if err != nil || !slices.Equal(c.Privileged, []string{"works_council"}) {
		t.Fatalf("%+v, %v", c, err)
	}
	ask.Case = c.ID
	_, err = b.BreakGlass(ctx, lea, ask)
	mustRefuse(t, "broken by counsel of the matter", err, casebook.ErrRefused)
	g, err = b.Request(ctx, lea, ask)
	if err != nil || g.State != casebook.Requested {
		t.Fatalf("one person is not enough: %+v, %v", g, err)
	}
	_, err = b.Approve(ctx, ola, g.ID, g.Terms, "")
	mustRefuse(t, "approved by who takes no part", err, casebook.ErrRefused)

	list, err := b.List(ctx, ola)
	i := slices.IndexFunc(list, func(l casebook.Case) bool { return l.ID == c.ID })
	if err != nil || i < 0 || !list[i].Hidden || list[i].Subjects != nil || list[i].Purpose != "" || list[i].Participants != nil || list[i].Owner != (casebook.Ref{}) {
		t.Errorf("a privacy officer sees %+v, %v", list, err)
	}
	if shown, grants, err := b.Show(ctx, ola, c.ID); err != nil || !shown.Hidden || grants != nil || shown.Title != "" {
		t.Errorf("%+v, %v, %v", shown, grants, err)
	}
	if _, _, err := b.Show(ctx, mo, c.ID); err == nil {
		t.Error("counsel of no matter sees it")
	}
	if waiting, _, _ := b.Waiting(ctx, ola); len(waiting) > 0 {
		t.Errorf("it waits for who takes no part: %+v", waiting)
	}
	_, err = b.Join(ctx, ola, c.ID, casebook.Ref{Email: ola.Email, Role: access.PrivacyOfficer})
	mustRefuse(t, "joined by oneself", err, casebook.ErrRefused)
	_, err = b.Join(ctx, lea, c.ID, casebook.Ref{Email: kim.Email, Role: access.Analyst})
	mustRefuse(t, "joined by an analyst", err, casebook.ErrRefused)
	if _, err := b.Join(ctx, lea, c.ID, casebook.Ref{Email: mo.Email, Role: access.Counsel}); err != nil {
		t.Fatal(err)
	}
	b.approve(t, mo, g)
	if _, err := b.Read(ctx, lea, g.ID, seq); err != nil {
		t.Error(err)
	}
	demoted := *lea
	demoted.Roles = []access.Role{access.Analyst}
	_, err = b.Read(ctx, &demoted, g.ID, seq)
	mustRefuse(t, "read by who is counsel no more", err, casebook.ErrRefused)
}

// TestSight: whom a case is about sees nothing of it, whatever their role.
func TestSight(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	kim := person("kim", access.Analyst)
	id := b.open(t, kim)
	for who, want := range map[*access.Person]int{
		kim: 1, person("ola", access.PrivacyOfficer): 1, person("ari", access.Auditor): 1, person("dana", access.PrivacyOfficer, access.Auditor): 0,
		person("max", access.Analyst): 0, person("lea", access.Counsel): 0,
	} {
		list, err := b.List(ctx, who)
		if err != nil || len(list) != want {
			t.Errorf("%s sees %d cases, want %d (%v)", who.Email, len(list), want, err)
		}
		if _, _, err := b.Show(ctx, who, id); (err == nil) != (want == 1) {
			t.Errorf("%s: %v", who.Email, err)
		}
	}
	seq := b.prompt(t, "rob@example.com", "s1")
	b.request(t, kim, id, seq)
	if list, _ := b.List(ctx, person("lea", access.Counsel)); len(list) != 1 {
		t.Error("who may approve does not see what waits")
	}
	_, err := b.List(ctx, person("adi", access.Administrator))
	mustRefuse(t, "listed by an administrator", err, access.ErrForbidden)
}
