package retention_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

func class(name string, what retention.What, days int, sources ...audit.Source) retention.Class {
	return retention.Class{Name: name, What: what, Keep: retention.Period{Days: days}, Sources: sources, Basis: "policy", Owner: "privacy"}
}

// fixture is a spine with some records; what is wanted of them is told by name.
type fixture struct {
	*spine
	t    *testing.T
	said map[string]said1
}

func newFixture(t *testing.T, classes ...retention.Class) *fixture {
	t.Helper()
	s := openSpine(t, t.TempDir(), classes...)
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return &fixture{s, t, make(map[string]said1)}
}

func (f *fixture) say(name string, d said1) {
	f.t.Helper()
	if d.source == "" {
		d.source = audit.SourceOTelLog
	}
	d, err := f.deliver(d)
	if err != nil {
		f.t.Fatal(err)
	}
	f.said[name] = d
}

func (f *fixture) purge(days int) []retention.Purged {
	f.t.Helper()
	f.now = f.now.AddDate(0, 0, days)
	done, more, err := f.keeper.Purge(context.Background(), audit.Identity{})
	if err != nil || more {
		f.t.Fatalf("%+v, more %v, %v", done, more, err)
	}
	return done
}

func (f *fixture) want(states map[string]string) {
	f.t.Helper()
	for name, want := range states {
		if got, err := f.state(f.said[name]); err != nil || got != want {
			f.t.Errorf("%s: %s, want %s (%v)", name, got, want, err)
		}
	}
}

func TestPurge(t *testing.T) {
	t.Parallel()
	f := newFixture(t, class("words", retention.Texts, 30), class("names", retention.Details, 60), class("telemetry", retention.Records, 365, audit.SourceOTelLog))
	f.say("a", said1{container: "session/-/a", texts: []string{"x"}, details: []string{"n"}})
	f.say("b", said1{container: "session/-/b", texts: []string{"y"}})
	f.say("hook", said1{container: "session/-/b", source: audit.SourceHookClient, details: []string{"n"}})
	if done := f.purge(29); len(done) > 0 {
		t.Errorf("before anything is due: %+v", done)
	}
	done := f.purge(2)
	if len(done) != 1 || done[0].Class != "words" || done[0].Records != 2 || done[0].Blocks != 2 || done[0].First != 1 || done[0].Last != 2 || done[0].Seq == 0 {
		t.Errorf("%+v", done)
	}
	f.want(map[string]string{"a": "erased held", "b": "erased", "hook": "held"})
	if done := f.purge(0); len(done) > 0 {
		t.Errorf("again: %+v", done)
	}
	f.purge(30)
	f.want(map[string]string{"a": "erased erased", "b": "erased", "hook": "erased"})
	done = f.purge(400)
	if len(done) != 1 || done[0].Class != "telemetry" || done[0].Records != 2 {
		t.Errorf("%+v", done)
	}
	f.want(map[string]string{"a": "tombstone erased erased", "b": "tombstone erased", "hook": "erased"})
	if err := f.verify(f.ledger.Key(), nil); err != nil {
		t.Error(err)
	}
	stored, err := f.journal.Reader().Get(context.Background(), done[0].Seq)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := stored[0].Record()
	name, _ := rec.Attributes.Get("class")
	if err != nil || rec.Type != retention.TypePurge || name.Str() != "telemetry" {
		t.Errorf("%s, %v", stored[0].Bytes, err)
	}
}

// TestSharedContentStays: what a record that stays refers to is kept until the last such record goes.
func TestSharedContentStays(t *testing.T) {
	t.Parallel()
	f := newFixture(t, class("telemetry", retention.Records, 30, audit.SourceOTelLog), class("hooks", retention.Records, 60, audit.SourceHookClient))
	f.say("stays", said1{container: "session/-/a", source: audit.SourceHookClient, texts: []string{"shared"}})
	f.say("goes", said1{container: "session/-/a", texts: []string{"shared", "own"}})
	f.purge(31)
	f.want(map[string]string{"stays": "held", "goes": "tombstone held erased"})
	f.purge(31)
	f.want(map[string]string{"stays": "tombstone erased"})
}

func TestHoldsAndLaws(t *testing.T) {
	t.Parallel()
	law := class("law", retention.Records, 90, audit.SourceHookClient)
	law.Statutory = true
	f := newFixture(t, class("all", retention.Records, 30, audit.SourceOTelLog), law)
	ctx := context.Background()
	f.say("held", said1{container: "session/-/a", email: "dana@example.com", texts: []string{"x"}})
	f.say("free", said1{container: "session/-/b", texts: []string{"x", "y"}})
	f.say("law", said1{container: "session/-/b", source: audit.SourceHookClient, texts: []string{"y"}})
	h, err := f.holds.Set(ctx, carla, hold.NewHold{Case: "C-1", Scope: hold.Scope{Custodians: []string{"dana@example.com"}}, Reason: "r"})
	if err != nil {
		t.Fatal(err)
	}
	// The free record's second text is the one that a law keeps: an order would take it along, and must not.
	for _, name := range []string{"law", "free"} {
		if _, err := f.eraser.Record(ctx, f.said[name].seq, asked); !errors.Is(err, retention.ErrStatutory) || !strings.Contains(err.Error(), `"law"`) ||
			!strings.Contains(err.Error(), f.said["law"].record.Recorded.AddDate(0, 0, 90).Format("2006-01-02")) {
			t.Errorf("%s is kept by law: %v", name, err)
		}
	}
	if _, err := f.eraser.Container(ctx, "session/-/b", asked); !errors.Is(err, retention.ErrStatutory) {
		t.Errorf("a container of which a law keeps a record: %v", err)
	}
	f.now = f.now.AddDate(0, 0, 31)
	plan, err := f.keeper.Plan(ctx)
	if err != nil || plan.Classes[0].Due != 1 || plan.Classes[0].Held != 1 || !slices.Equal(plan.Classes[0].Holds, []string{h.ID}) || plan.Classes[1].Due != 0 {
		t.Errorf("%+v, %v", plan, err)
	}
	if done := f.purge(0); len(done) != 1 || done[0].Records != 1 || done[0].Held != 1 {
		t.Errorf("%+v", done)
	}
	f.want(map[string]string{"held": "held", "free": "tombstone erased held", "law": "held"})
	if _, err := f.holds.AskRelease(ctx, carla, h.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := f.holds.Release(ctx, petra, h.ID, ""); err != nil {
		t.Fatal(err)
	}
	f.purge(0) // hold ends: retention applies at once
	f.want(map[string]string{"held": "tombstone erased", "law": "held"})
	f.now = f.now.AddDate(0, 0, 60)
	if _, err := f.eraser.Record(ctx, f.said["law"].seq, asked); err != nil {
		t.Errorf("the law's period is over: %v", err)
	}
	if err := f.verify(f.ledger.Key(), nil); err != nil {
		t.Error(err)
	}
}

// TestLawOverRetention: where a shorter class comes first, the law's period still holds, and what it kept goes when it is over.
func TestLawOverRetention(t *testing.T) {
	t.Parallel()
	law := class("law", retention.Records, 90)
	law.Statutory = true
	f := newFixture(t, class("short", retention.Records, 30), law)
	f.say("a", said1{container: "session/-/a"})
	if done := f.purge(31); len(done) > 0 {
		t.Errorf("%+v", done)
	}
	f.want(map[string]string{"a": ""})
	if done := f.purge(60); len(done) != 1 || done[0].Class != "short" {
		t.Errorf("%+v", done)
	}
	f.want(map[string]string{"a": "tombstone"})
}

// TestOwnActs: who looked goes after its period, what vouches never.
func TestOwnActs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, class("looks", retention.Records, 30, audit.SourceTripod), class("all", retention.Records, 60))
	ctx := context.Background()
	f.say("a", said1{container: "session/-/a"})
	look, err := f.door.Record(ctx, intake.Act{Type: "tripod.console.open", Activity: audit.ActivityView}, nil)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := f.eraser.Record(ctx, f.said["a"].seq, asked)
	if err != nil {
		t.Fatal(err)
	}
	f.purge(31)
	f.purge(400)
	stored, err := f.journal.Reader().Get(ctx, look, receipt.Intent, receipt.Completed)
	if err != nil || stored[0].Tombstone == nil || stored[1].Tombstone != nil || stored[2].Tombstone != nil {
		t.Errorf("look %v, order %v, completion %v, %v", stored[0].Tombstone, stored[1].Tombstone, stored[2].Tombstone, err)
	}
	if err := f.verify(f.ledger.Key(), nil); err != nil {
		t.Error(err)
	}
}

// TestPurgeGoesOnWhereItWasCutShort: what was ordered is finished at the next start, the rest by the next purge.
func TestPurgeGoesOnWhereItWasCutShort(t *testing.T) {
	t.Parallel()
	dir, classes := t.TempDir(), []retention.Class{class("words", retention.Texts, 30), class("all", retention.Records, 30, audit.SourceOTelLog)}
	f := &fixture{openSpine(t, dir, classes...), t, make(map[string]said1)}
	f.say("a", said1{container: "session/-/a", texts: []string{"x"}})
	f.say("hook", said1{container: "session/-/a", source: audit.SourceHookClient, texts: []string{"y"}})
	f.now = f.now.AddDate(0, 0, 31)
	cut := errors.New("cut")
	f.eraser.Signed = func(context.Context, uint64) error { return cut }
	if _, _, err := f.keeper.Purge(context.Background(), audit.Identity{}); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	f.want(map[string]string{"a": "held", "hook": "held"})
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	said, now := f.said, f.now
	f.spine = openSpine(t, dir, classes...)
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	f.said, f.now = said, now
	f.want(map[string]string{"a": "erased", "hook": "erased"})
	f.purge(0)
	f.want(map[string]string{"a": "tombstone erased", "hook": "erased"})
	if err := f.verify(f.ledger.Key(), nil); err != nil {
		t.Error(err)
	}
}

func TestBookOfClasses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ctx, book := context.Background(), retention.NewBook()
	state, err := acts.Load(ctx, f.dir, acts.Key{}, f.journal.Reader(), book)
	if err != nil {
		t.Fatal(err)
	}
	cfg := retention.Config{Classes: []retention.Class{class("words", retention.Texts, 30)}}
	last := func() uint64 { n, _ := f.journal.Reader().Last(ctx); return n }
	for range 2 {
		if err := retention.Adopt(ctx, state, f.door, book, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := retention.InForce(ctx, state, book); err != nil || last() != 1 || len(got.Classes) != 1 || got.Classes[0].Keep.Days != 30 {
		t.Errorf("%+v, %v, %d records", got, err, last())
	}
	if err := retention.Adopt(ctx, state, f.door, book, retention.Config{}); err != nil || last() != 2 || len(book.Config().Classes) != 0 {
		t.Errorf("no classes any more: %v, %+v", err, book.Config())
	}
}
