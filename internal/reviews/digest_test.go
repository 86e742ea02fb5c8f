package reviews_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reviews"
)

func TestWeeks(t *testing.T) {
	t.Parallel()
	for text, monday := range map[string]string{"2026-W01": "2025-12-29", "2026-W47": "2026-11-16", "2026-W53": "2026-12-28", "2021-W01": "2021-01-04", "2020-W53": "2020-12-28"} {
		w, err := reviews.ParseWeek(text)
		if err != nil || w.Begin().Format(time.DateOnly) != monday || w.String() != text || w.Next().Previous() != w || !w.End().Equal(w.Next().Begin()) {
			t.Errorf("%s: %v, begins %s", text, err, w.Begin())
		}
	}
	for _, bad := range []string{"", "2026-W00", "2026-W54", "2025-W53", "2026-47", "2026-W7", "2026-W47 ", "x2026-W47", "2026-W+7"} {
		if w, err := reviews.ParseWeek(bad); err == nil {
			t.Errorf("%q is %s", bad, w)
		}
	}
}

func FuzzParseWeek(f *testing.F) {
	f.Add("2026-W47")
	f.Add("0001-W01")
	f.Fuzz(func(t *testing.T, text string) {
		w, err := reviews.ParseWeek(text)
		if err == nil && (w.String() != text || reviews.WeekOf(w.Begin()) != w) {
			t.Errorf("%q became %s", text, w)
		}
	})
}

// nobodys is a directory that knows whose container is whose by its name.
type nobodys struct{}

func (nobodys) Owners(_ context.Context, container string) ([]casebook.Owner, error) {
	return []casebook.Owner{{Identifiers: []string{"email:dana@example.com"}, Proved: true}}, nil
}

func (nobodys) Account(_ context.Context, id string) (casebook.Owner, error) {
	return casebook.Owner{Identifiers: []string{id}}, nil
}

func (b *bench) desk() *casebook.Desk {
	b.T.Helper()
	book := casebook.NewBook()
	state, err := acts.Load(context.Background(), b.Dir, acts.Key{}, b.Journal.Reader(), book)
	if err != nil {
		b.T.Fatal(err)
	}
	return casebook.NewDesk(casebook.DefaultConfig(), casebook.Deps{Acts: state, Book: book, Door: b.Door, Content: b.Contents, Journal: b.Journal.Reader(),
		Directory: nobodys{}, Cursors: b.Journal})
}

func person(email string, roles ...access.Role) *access.Person {
	return &access.Person{Subject: "oidc:" + email + "@https://idp.example.com", Email: email, Roles: roles, Via: access.ViaOIDC, Since: time.Now()}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	danas := b.prompt("dana@example.com", "s-dana")
	desk := b.desk()
	analyst, po := person(ana, access.Analyst), person(officer, access.PrivacyOfficer)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := desk.Open(ctx, analyst, casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident, Basis: casebook.BasisLegitimateInterest, Subjects: []string{"dana@example.com"}})
	must(err)
	alone, err := desk.BreakGlass(ctx, analyst, casebook.Ask{Case: c.ID, Class: audit.ClassText, Records: []uint64{danas}, Reason: "it is spreading"})
	must(err)
	asked, err := desk.Request(ctx, analyst, casebook.Ask{Case: c.ID, Class: audit.ClassText, Records: []uint64{danas}, Reason: "and how it began"})
	must(err)
	_, err = desk.Deny(ctx, po, asked.ID, "not needed")
	must(err)
	b.act("tripod.console.search", ana, "user:dana@example.com")
	b.act("tripod.console.export", ana, "user:dana@example.com")
	b.act("tripod.access.refused", ben, "", audit.CountAttr("access.untold", 4))
	for range 3 {
		b.actUnder(c.ID, casebook.TypeContentOpen, ana, "", audit.CountAttr("position", int64(danas)), audit.TextAttr("purpose", "incident"), audit.TextAttr("class", "text"), audit.TextAttr("grant", alone.ID))
	}
	b.CatchUp()
	week := reviews.WeekOf(time.Now())
	d, err := (&reviews.Log{Reader: b.reader}).Digest(ctx, week)
	must(err)
	if diff := cmp.Diff([]reviews.Openings{{Purpose: "incident", Class: audit.ClassText, Openings: 3, Cases: 1}}, d.Openings); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(reviews.Decisions{Requested: 1, Denied: 1}, d.Grants); diff != "" {
		t.Error(diff)
	}
	if d.Refused != 5 || d.Acts[reviews.KindSearch] != 1 || d.Acts[reviews.KindExport] != 1 || d.OpenCases != 1 {
		t.Errorf("%+v", d)
	}
	if len(d.Cases) != 1 || d.Cases[0].Case != c.ID || !slices.Equal(d.Cases[0].Openers, []string{ana}) || d.Cases[0].Openings != 3 {
		t.Errorf("cases: %+v", d.Cases)
	}
	if len(d.BreakGlass) != 1 || d.BreakGlass[0].ReviewedBy != "" || d.BreakGlass[0].Overdue || !d.Alarming() {
		t.Errorf("break-glass: %+v", d.BreakGlass)
	}
	// The week after: nothing happened, and what is still owed is there still.
	if next, err := (&reviews.Log{Reader: b.reader}).Digest(ctx, week.Next()); err != nil || len(next.Openings) != 0 || len(next.BreakGlass) != 1 || next.OpenCases != 1 {
		t.Errorf("%v: %+v", err, next)
	}
	_, err = desk.Review(ctx, po, alone.ID, true, "it was")
	must(err)
	b.CatchUp()
	again, err := (&reviews.Log{Reader: b.reader}).Digest(ctx, week)
	must(err)
	if len(again.BreakGlass) != 1 || again.BreakGlass[0].ReviewedBy != officer || again.Alarming() {
		t.Errorf("reviewed: %+v", again.BreakGlass)
	}
	// It is a function of the records: read again it is the same.
	third, err := (&reviews.Log{Reader: b.reader}).Digest(ctx, week)
	must(err)
	if diff := cmp.Diff(again, third); diff != "" {
		t.Error(diff)
	}
	// Nobody is counted: the name of who acts stands beside cases alone.
	text, err := json.Marshal(struct {
		A any
		B any
		C any
	}{again.Acts, again.Openings, again.Grants})
	must(err)
	if strings.Contains(string(text), "@") {
		t.Errorf("a count of somebody: %s", text)
	}
}

// TestDigester: each week that is over gets one digest, once, and asks to be read until it was.
func TestDigester(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	empty := &reviews.Digester{Reader: b.reader, Door: b.Door, Logger: slog.New(slog.DiscardHandler)}
	if err := empty.Make(ctx); err != nil || len(b.Own(reviews.TypeDigest)) != 0 {
		t.Fatalf("a digest of weeks before the first record: %v", err)
	}
	b.act("tripod.console.search", ana, "user:dana@example.com")
	b.CatchUp()
	this := reviews.WeekOf(time.Now())
	now := time.Now()
	d := &reviews.Digester{Reader: b.reader, Door: b.Door, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	makes := func(want ...reviews.Week) {
		t.Helper()
		for range 2 { // twice is once
			if err := d.Make(ctx); err != nil {
				t.Fatal(err)
			}
			b.CatchUp()
		}
		made, err := reviews.Made(ctx, b.reader, 20)
		if err != nil {
			t.Fatal(err)
		}
		var got []reviews.Week
		for _, m := range made {
			got = append(got, m.Week)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	makes() // the first week is not over
	now = this.End().Add(time.Minute)
	makes(this)
	now = this.Next().Next().End().Add(time.Minute) // serve stood still for two weeks
	makes(this.Next().Next(), this.Next(), this)
	b.act(reviews.TypeRead, officer, "", audit.TextAttr("week", this.String()))
	b.CatchUp()
	made, err := reviews.Made(ctx, b.reader, 20)
	if err != nil || len(made) != 3 || !made[2].Read || made[0].Read {
		t.Errorf("%v: %+v", err, made)
	}
	b.act("tripod.console.search", ana, "late") // the view is behind
	now = now.AddDate(0, 0, 7)
	if err := d.Make(ctx); err != nil {
		t.Fatal(err)
	}
	if n := len(b.Own(reviews.TypeDigest)); n != 3 {
		t.Errorf("a digest was made of a week that the view had not seen whole: %d", n)
	}
	if counts := b.Own(reviews.TypeDigest)[0].Attributes; len(counts) < 8 {
		t.Errorf("%+v", counts)
	}
}
