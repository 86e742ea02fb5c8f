package casebook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
)

func (b *bench) conditions() []string {
	var codes []string
	for _, c := range b.health.Conditions() {
		codes = append(codes, c.Code)
	}
	return codes
}

// later lets time pass for a desk.
type later struct {
	casebook.Acts
	by time.Duration
}

func (l *later) Within(ctx context.Context, fn func(time.Time) error) error {
	return l.Acts.Within(ctx, func(now time.Time) error { return fn(now.Add(l.by)) })
}

// TestBreakGlass: alone, at once, with a reason; it stays in health until somebody else reviews it.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	ctx, b := context.Background(), newBench(t)
	seq := b.prompt(t, "dana@example.com", "s1")
	kim, ola := person("kim", access.Analyst, access.PrivacyOfficer), person("ola", access.PrivacyOfficer)
	id := b.open(t, kim)
	ask := casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "it is leaving now, to Kingfisher"}
	_, err := b.BreakGlass(ctx, ola, ask)
	mustRefuse(t, "by who takes no part", err, casebook.ErrRefused)
	none := ask
	none.Reason = ""
	_, err = b.BreakGlass(ctx, kim, none)
	mustRefuse(t, "without a reason", err, casebook.ErrInvalid)
	g, err := b.BreakGlass(ctx, kim, ask)
	if err != nil || g.State != casebook.Opened || !g.BreakGlass || g.ReviewDue.Sub(g.At) != 72*time.Hour {
		t.Fatalf("%+v, %v", g, err)
	}
	if _, err := b.Read(ctx, kim, g.ID, seq); err != nil {
		t.Fatal(err)
	}
	b.restart(t)
	if _, err := b.Settle(ctx); err != nil || !slices.Equal(b.conditions(), []string{casebook.ConditionBreakGlass}) {
		t.Errorf("%v, %v", b.conditions(), err)
	}
	login := &access.Person{Subject: "os:kim", Email: "kim@example.com", Roles: access.Roles(), Via: access.ViaLocal}
	for what, by := range map[string]*access.Person{"oneself": kim, "one's own login": login, "counsel": person("lea", access.Counsel), "whom it is about": person("dana", access.PrivacyOfficer)} {
		_, err := b.Review(ctx, by, g.ID, true, "fine")
		mustRefuse(t, "reviewed by "+what, err, access.ErrForbidden, casebook.ErrUnknown)
	}
	_, err = b.Review(ctx, ola, g.ID, true, "")
	mustRefuse(t, "a review that says nothing", err, casebook.ErrInvalid)

	// Four days on the review is overdue, and the glass stays whole for who owes it.
	desk := b.Desk
	deps := b.deps()
	deps.Acts = &later{b.acts, 96 * time.Hour}
	b.Desk = casebook.NewDesk(b.cfg, deps)
	if _, err := b.Settle(ctx); err != nil || !slices.Equal(b.conditions(), []string{casebook.ConditionBreakGlass, casebook.ConditionOverdue}) {
		t.Errorf("%v, %v", b.conditions(), err)
	}
	_, err = b.Read(ctx, kim, g.ID, seq)
	mustRefuse(t, "read four days on", err, casebook.ErrNoGrant)
	b.Desk = desk
	if _, review, err := b.Waiting(ctx, ola); err != nil || len(review) != 1 {
		t.Errorf("%v, %v", review, err)
	}
	if _, review, _ := b.Waiting(ctx, kim); len(review) != 0 {
		t.Error("it waits for who did it")
	}
	g, err = b.Review(ctx, ola, g.ID, false, "there was time to ask")
	if err != nil || g.Justified || g.ReviewedBy.Email != ola.Email {
		t.Errorf("%+v, %v", g, err)
	}
	_, err = b.Review(ctx, person("pia", access.PrivacyOfficer), g.ID, true, "again")
	mustRefuse(t, "reviewed again", err, casebook.ErrOver)
	if _, err := b.Settle(ctx); err != nil || len(b.conditions()) > 0 {
		t.Errorf("%v, %v", b.conditions(), err)
	}
}

// TestOverdue: who owes a review that is overdue breaks no glass; by records alone, as a fold sees it.
func TestOverdue(t *testing.T) {
	t.Parallel()
	p := newPast()
	p.act("kim", casebook.TypeCaseOpen, "C-2026-0001", openAttrs("dana@example.com"), access.Analyst)
	p.act("kim", casebook.TypeGrantBreakGlass, "C-2026-0001", glassAttrs("G-2026-0001"), access.Analyst)
	p.now = p.now.Add(71 * time.Hour)
	p.act("kim", casebook.TypeGrantBreakGlass, "C-2026-0001", glassAttrs("G-2026-0002"), access.Analyst)
	p.now = p.now.Add(2 * time.Hour)
	p.act("kim", casebook.TypeGrantBreakGlass, "C-2026-0001", glassAttrs("G-2026-0003"), access.Analyst)
	if got := len(p.book.Grants("", p.now)); got != 2 {
		t.Errorf("%d grants", got)
	}
}

// TestNotice: the command is run until it succeeds, once a break-glass, also over restarts; it reads no content.
func TestNotice(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "told")
	ready := filepath.Join(t.TempDir(), "ready")
	b := newBench(t, func(c *casebook.Config) {
		c.Notice.Command = []string{"/bin/sh", "-c", `test -e "$1" || { echo Kingfisher-password >&2; exit 7; }; cat >>"$0"`, out, ready}
	})
	var logged bytes.Buffer
	ctx := context.Background()
	restart := func() {
		b.restart(t)
		deps := b.deps()
		deps.Logger = slog.New(slog.NewTextHandler(&logged, nil))
		b.Desk = casebook.NewDesk(b.cfg, deps)
	}
	restart()
	seq := b.prompt(t, "dana@example.com", "s1")
	kim := person("kim", access.Analyst)
	ask := casebook.Ask{Case: b.open(t, kim), Class: audit.ClassText, Records: []uint64{seq}, Reason: "it is leaving now, to Kingfisher"}
	if _, err := b.BreakGlass(ctx, kim, ask); err != nil {
		t.Fatal(err)
	}
	_, err := b.Settle(ctx)
	if err == nil || !slices.Contains(b.conditions(), casebook.ConditionNotice) {
		t.Fatalf("the command failed: %v, %v", err, b.conditions())
	}
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		restart()
		if _, err := b.Settle(ctx); err != nil || slices.Contains(b.conditions(), casebook.ConditionNotice) {
			t.Fatalf("%v, %v", err, b.conditions())
		}
	}
	run, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- b.Run(run) }()
	if _, err := b.BreakGlass(ctx, kim, ask); err != nil {
		t.Fatal(err)
	}
	for len(b.records(t, casebook.TypeNotice)) < 2 {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	told, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(told)), "\n")
	if len(lines) != 2 {
		t.Fatalf("told %d times: %s", len(lines), told)
	}
	var first casebook.Told
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Event != "break_glass" || first.By != "kim@example.com" || first.Covers != "1 record" {
		t.Errorf("%+v, %v", first, err)
	}
	for what, text := range map[string]string{"the notice": string(told), "the log": logged.String()} {
		if strings.Contains(text, "ingfisher") {
			t.Errorf("%s holds what it must not: %s", what, text)
		}
	}
	if !strings.Contains(logged.String(), "breaking the glass") {
		t.Error("the log does not say it")
	}
}

// past is a book made of records that a test writes, at times a test sets.
type past struct {
	book *casebook.Book
	now  time.Time // of the clock, which may be set
	high time.Time // latest there was, which is what desks go by
	seq  uint64
}

func newPast() *past {
	return &past{book: casebook.NewBook(), now: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)}
}

func (p *past) act(who, typ, caseID string, attrs audit.Attrs, roles ...access.Role) {
	p.record(person(who).Identity(), typ, caseID, attrs, roles...)
}

func (p *past) record(id audit.Identity, typ, caseID string, attrs audit.Attrs, roles ...access.Role) {
	var list []audit.Value
	for _, r := range roles {
		list = append(list, audit.String(string(r)))
	}
	p.seq++
	if p.now.After(p.high) {
		p.high = p.now
	}
	p.book.Apply(p.seq, &audit.Record{Source: audit.SourceTripod, Type: typ, Case: caseID, Recorded: p.now, Account: audit.Account{Proved: id},
		Attributes: append(slices.Clone(attrs), audit.Attr{Name: "roles", Value: audit.Array(list...)}), Content: []audit.Content{{Name: "reason", Bytes: 3}}})
}

func openAttrs(subject string) audit.Attrs {
	return audit.Attrs{audit.TextAttr("kind", "investigation"), audit.TextAttr("purpose", "incident"), audit.TextAttr("basis", "other"), audit.TextAttr("as", "analyst"),
		{Name: "subjects", Value: audit.Array(audit.Array(audit.String(subject)))}}
}

func grantAttrs(id string, records ...int64) audit.Attrs {
	var list []audit.Value
	for _, n := range append(records, 1) {
		list = append(list, audit.Int(n))
	}
	return audit.Attrs{audit.TextAttr("grant", id), audit.TextAttr("class", "text"), audit.CountAttr("minutes", 60), {Name: "records", Value: audit.Array(list...)},
		{Name: "owners", Value: audit.Array(audit.String("email:dana@example.com"))}}
}

func glassAttrs(id string) audit.Attrs {
	return append(grantAttrs(id), audit.CountAttr("review_hours", 72))
}
