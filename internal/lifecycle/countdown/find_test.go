package countdown_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

const (
	hospital = "0f000000-0000-4000-8000-0000000000c1" // with HIPAA readiness
	office   = "0f000000-0000-4000-8000-0000000000c2" // with a period of 30 days for chats
)

// vendor is a bench whose records are of what the vendor has.
type vendor struct {
	*consoletest.Bench
	now time.Time
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}})
	v := &vendor{b, time.Now().UTC().Truncate(time.Second)}
	v.setting(hospital, "hipaa_compliance_enabled", "true")
	v.setting(office, "hipaa_compliance_enabled", "false")
	v.setting(office, "data_retention_periods", "chat: 30 days, project: indefinite")
	return v
}

func (v *vendor) setting(org, name, value string) {
	v.Tell(v.now.Add(-time.Hour), org+name, audit.SourceComplianceSettings, "settings.value", audit.Identity{Org: org}, "setting", name, "change", "first_seen", "value", value)
}

// object is a session or chat as a list shows it.
func (v *vendor) object(org, id string, source audit.Source, surface audit.Surface, changed time.Time, attrs ...audit.Attr) {
	v.T.Helper()
	r := &audit.Record{Normaliser: "compliance.content/1", Source: source, Surface: surface, Activity: audit.ActivityState, Type: "session",
		Outcome: audit.OutcomeSuccess, Occurred: changed, Observed: changed, Container: "session/compliance/" + id, Attributes: attrs}
	r.Keys.Session = id
	if source == audit.SourceComplianceChat {
		r.Type, r.Keys.Session, r.Keys.Chat, r.Container = "chat", "", id, "chat/compliance/"+id
	}
	r.Account.Proved = audit.Identity{User: "user_dana", Org: org, Credential: "compliance"}
	v.Submit("compliance", intake.Draft{Record: r, Form: []byte(id + changed.String())})
}

// said is a message of one, with text.
func (v *vendor) said(id string, source audit.Source) {
	v.T.Helper()
	r := &audit.Record{Normaliser: "compliance.content/1", Source: source, Surface: audit.SurfaceCowork, Activity: audit.ActivityPrompt, Type: "message.user",
		Outcome: audit.OutcomeSuccess, Occurred: v.now, Observed: v.now, Container: "session/compliance/" + id}
	r.Keys.Session = id
	if source == audit.SourceComplianceChat {
		r.Keys.Session, r.Keys.Chat, r.Container = "", id, "chat/compliance/"+id
	}
	r.Account.Proved.Credential = "compliance"
	v.Submit("compliance", intake.Draft{Record: r, Form: []byte("said " + id), Pieces: []intake.Piece{{Name: "content", Class: audit.ClassText, Kind: audit.KindString, Value: []byte("hello " + id)}}})
}

func (v *vendor) deps() countdown.Deps {
	return countdown.Deps{Content: v.Contents, Now: func() time.Time { return v.now }, Reader: reading.New(reading.Parts{Journal: v.Journal.Reader(), Dir: v.Dir,
		Search:       func(context.Context) (search.Reader, error) { return v.Index, nil },
		Organisation: func(context.Context) (organisation.Reader, error) { return v.Org, nil }})}
}

// TestFind: what is kept elsewhere for a while alone is counted by when it goes and by what is held of it.
func TestFind(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	day := 24 * time.Hour
	made := func(ago time.Duration) audit.Attr {
		return audit.TextAttr("created_at", v.now.Add(-ago).Format(time.RFC3339))
	}
	session, chat := audit.SourceComplianceSession, audit.SourceComplianceChat
	v.object(hospital, "clls_held", session, audit.SurfaceCowork, v.now.Add(-10*day), made(28*day))
	v.said("clls_held", session)
	v.object(hospital, "clls_lost", session, audit.SurfaceClaudeCode, v.now.Add(-5*day), made(28*day))
	v.object(hospital, "clls_later", session, audit.SurfaceCowork, v.now.Add(-2*day), made(3*day))
	v.object(hospital, "clls_word", session, audit.SurfaceOffice, v.now.Add(-2*day), made(28*day)) // of a product that is not captured there
	v.object(office, "clls_office", session, audit.SurfaceCowork, v.now.Add(-2*day), made(28*day)) // not an organisation with HIPAA readiness
	v.object(office, "claude_chat_old", chat, audit.SurfaceChat, v.now.Add(-29*day))
	v.object(office, "claude_chat_new", chat, audit.SurfaceChat, v.now.Add(-29*day))
	v.object(office, "claude_chat_new", chat, audit.SurfaceChat, v.now.Add(-time.Hour)) // goes on
	v.said("claude_chat_new", chat)
	for _, id := range []string{"claude_chat_old", "claude_chat_bin"} {
		r := &audit.Record{Normaliser: "test/1", Source: audit.SourceComplianceActivity, Surface: audit.SurfaceChat, Activity: audit.ActivityDelete, Type: "claude_chat_deleted",
			Outcome: audit.OutcomeSuccess, Occurred: v.now.Add(-day), Observed: v.now.Add(-day), Container: "chat/compliance/" + id}
		r.Keys.Chat = id
		r.Account.Proved = audit.Identity{User: "user_dana", Org: office, Credential: "compliance"}
		v.Submit("compliance", intake.Draft{Record: r, Form: []byte("deleted " + id)})
	}
	v.said("claude_chat_bin", chat)
	v.CatchUp()

	got, err := countdown.Find(t.Context(), v.deps(), 7*day)
	if err != nil {
		t.Fatal(err)
	}
	type row struct {
		Fact, Org                         string
		Objects, Held, Soon, Gone, Listed int
		First                             string
	}
	var rows []row
	for _, c := range got.Countdowns {
		r := row{Fact: c.ID, Org: c.Org, Objects: c.Objects, Held: c.Held, Soon: c.Soon, Gone: c.Gone, Listed: len(c.List)}
		if len(c.List) > 0 {
			r.First = c.List[0].ID
		}
		if c.Source == "" || c.Read == "" || c.Do == "" || c.Says == "" {
			t.Errorf("%s does not say what it rests on", c.ID)
		}
		rows = append(rows, r)
	}
	want := []row{
		{countdown.FactHIPAA, hospital, 3, 1, 1, 0, 2, "clls_lost"},
		{countdown.FactChats, office, 2, 1, 1, 0, 1, "claude_chat_old"},
		{countdown.FactSessions, office, 1, 0, 1, 0, 1, "clls_office"},
		{countdown.FactDeleted, "", 0, 0, 0, 1, 1, "claude_chat_old"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	if at := v.now.Add(2 * day); !got.Countdowns[0].Next.Equal(at) {
		t.Errorf("next: %s, want %s", got.Countdowns[0].Next, at)
	}
	if len(got.Without) > 0 {
		t.Errorf("not known: %q", got.Without)
	}
}

// TestWatcher: health says that something disappears, until it is held.
func TestWatcher(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	h := new(health.Registry)
	w := countdown.NewWatcher(v.deps(), 7*24*time.Hour, h, slog.New(slog.DiscardHandler))
	raised := func() int {
		v.CatchUp()
		if _, err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(h.Conditions())
	}
	if n := raised(); n != 0 {
		t.Fatalf("%d conditions over nothing", n)
	}
	v.object(hospital, "clls_lost", audit.SourceComplianceSession, audit.SurfaceCowork, v.now.Add(-28*24*time.Hour))
	if n := raised(); n != 1 || h.Conditions()[0].Code != countdown.ConditionDisappearing {
		t.Fatalf("%d conditions: %v", n, h.Conditions())
	}
	v.said("clls_lost", audit.SourceComplianceSession)
	if n := raised(); n != 0 {
		t.Errorf("still raised: %v", h.Conditions())
	}
	if r, err := w.Latest(t.Context()); err != nil || r.Countdowns[0].Held != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestUnswept: without the settings nothing is known of periods, and that is said.
func TestUnswept(t *testing.T) {
	t.Parallel()
	v := &vendor{consoletest.New(t, consoletest.Options{}), time.Now()}
	got, err := countdown.Find(t.Context(), v.deps(), time.Hour)
	if err != nil || len(got.Without) != 1 || len(got.Countdowns) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
