package organisation

import (
	"context"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// t0 is when the tests begin.
var t0 = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const org = "0f000000-0000-4000-8000-0000000000c1"

// feed makes records and hands them to a view as the journal would.
type feed struct {
	t    testing.TB
	view *View
	seq  uint64
	now  time.Time
	all  []journal.Stored
	next int // of all, to be applied
}

func newFeed(t testing.TB) *feed {
	t.Helper()
	return &feed{t: t, view: openView(t, t.TempDir()), now: t0}
}

func openView(t testing.TB, dir string) *View {
	t.Helper()
	v, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// record adds a record a minute after the one before.
func (f *feed) record(r *audit.Record) uint64 {
	f.now = f.now.Add(time.Minute)
	r.Version, r.Recorded = audit.SchemaVersion, f.now
	if r.Occurred.IsZero() {
		r.Occurred = f.now
	}
	return f.store(journal.Stored{Bytes: r.AppendCanonical(nil)})
}

func (f *feed) store(s journal.Stored) uint64 {
	f.seq++
	s.Seq = f.seq
	f.all = append(f.all, s)
	return f.seq
}

// activity adds one of the activity feed, by somebody with an address.
func (f *feed) activity(typ, user, email string, pairs ...any) uint64 {
	return f.activityAs(typ, audit.Identity{User: user, Email: email}, pairs...)
}

func (f *feed) activityAs(typ string, who audit.Identity, pairs ...any) uint64 {
	who.Org, who.Credential = org, "compliance"
	return f.record(&audit.Record{Source: audit.SourceComplianceActivity, Activity: audit.ActivityAdminChange, Type: typ,
		Account: audit.Account{Proved: who}, Attributes: attrs(pairs...)})
}

// listed adds what a sweep of the directory found of a user.
func (f *feed) listed(change, user, email, role string, pairs ...any) uint64 {
	if change != "first_seen" || user == "user_late" {
		pairs = append(pairs, "last_sweep", "2026-11-23T08:00:00Z")
	}
	list := append([]any{"change", change, "id", user, "organization_uuid", org, "email", email, "organization_role", role}, pairs...)
	return f.record(&audit.Record{Source: audit.SourceComplianceDirectory, Activity: audit.ActivityAdminChange, Type: "directory.user",
		Account: audit.Account{Proved: audit.Identity{User: user, Email: email, Org: org}}, Attributes: attrs(list...)})
}

// setting adds what a sweep of the settings found.
func (f *feed) setting(name, change, value string, pairs ...any) uint64 {
	list := append([]any{"organization_uuid", org, "setting", name, "change", change, "value", value}, pairs...)
	return f.record(&audit.Record{Source: audit.SourceComplianceSettings, Activity: audit.ActivityAdminChange, Type: "settings.value",
		Account: audit.Account{Proved: audit.Identity{Org: org}}, Attributes: attrs(list...)})
}

// client adds what a client says somebody did.
func (f *feed) client(email, session string) uint64 {
	r := &audit.Record{Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Type: "user_prompt", Container: "session/fleet/" + session}
	r.Account.Asserted = audit.Identity{Email: email, UUID: "uuid-of-" + email, Device: "d1"}
	r.Account.Proved.Credential = "fleet"
	r.Keys.Session = session
	return f.record(r)
}

func attrs(pairs ...any) audit.Attrs {
	var list audit.Attrs
	for i := 0; i < len(pairs); i += 2 {
		var v audit.Value
		switch x := pairs[i+1].(type) {
		case string:
			v = audit.String(x)
		case bool:
			v = audit.Bool(x)
		case int:
			v = audit.Int(int64(x))
		case []string:
			var items []audit.Value
			for _, s := range x {
				items = append(items, audit.String(s))
			}
			v = audit.Array(items...)
		}
		list = append(list, audit.Attr{Name: pairs[i].(string), Value: v})
	}
	return list
}

// apply hands on what was added, as one batch.
func (f *feed) apply() {
	f.t.Helper()
	if err := f.view.Apply(context.Background(), f.all[f.next:]); err != nil {
		f.t.Fatal(err)
	}
	f.next = len(f.all)
}

// erase orders a record to be erased, which leaves a tombstone.
func (f *feed) erase(seq uint64) {
	s := &f.all[seq-1]
	f.record(&audit.Record{Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecord,
		Attributes: attrs("position", int(seq), "commitment", s.Commitment.String())})
	*s = journal.Stored{Seq: seq, Commitment: s.Commitment, Tombstone: &audit.Tombstone{Reason: audit.TombstoneErased}}
}

// state is everything a view answers.
type state struct {
	Settings []Setting
	History  []SettingChange
	Keys     []Key
	Callers  []Caller
	Accounts *Accounts
	Events   map[string][]AccountEvent
	Owners   map[string][]Owner
}

func (f *feed) state() state {
	f.t.Helper()
	f.apply()
	return stateOf(f.t, f.view)
}

func stateOf(t testing.TB, v *View) state {
	t.Helper()
	ctx := context.Background()
	s := state{Events: make(map[string][]AccountEvent), Owners: make(map[string][]Owner)}
	var err error
	check := func() {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Settings, err = v.Settings(ctx)
	check()
	s.History, err = v.SettingHistory(ctx, "", 1000)
	check()
	s.Keys, err = v.Keys(ctx)
	check()
	s.Callers, err = v.Callers(ctx)
	check()
	s.Accounts, err = v.Accounts(ctx, Filter{})
	check()
	for _, a := range s.Accounts.List {
		_, s.Events[a.ID], err = v.Account(ctx, a.ID)
		check()
	}
	for _, c := range []string{"session/fleet/s1", "chat/compliance/chat_1", "project/compliance/p1"} {
		s.Owners[c], err = v.Owner(ctx, c)
		check()
	}
	return s
}

func (s *state) account(t testing.TB, name string) *Account {
	t.Helper()
	for i := range s.Accounts.List {
		if a := &s.Accounts.List[i]; a.Name == name {
			return a
		}
	}
	t.Fatalf("no account %s among %d", name, len(s.Accounts.List))
	return nil
}
