package correlate

import (
	"context"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// t0 is when the tests begin.
var t0 = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

const device1 = "d1f00000000000000000000000000000000000000000000000000000000000d1"

// feed makes records and applies them to a view as the journal would hand them on.
type feed struct {
	t       testing.TB
	dir     string
	view    *View
	seq     uint64
	now     time.Time // recorded of what comes next
	all     []journal.Stored
	pending []journal.Stored
}

func newFeed(t testing.TB) *feed {
	t.Helper()
	f := &feed{t: t, dir: t.TempDir(), now: t0}
	f.view = openView(t, f.dir)
	return f
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

// event is a numbered log record of one process; edit changes it before it is stored.
func (f *feed) event(session string, n int64, occurred time.Time, edit ...func(*audit.Record)) uint64 {
	r := &audit.Record{
		Version: audit.SchemaVersion, Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode,
		Activity: audit.ActivityModelRequest, Type: "api_request", Outcome: audit.OutcomeSuccess, Occurred: occurred, Observed: occurred,
		Sequence: &n, Service: audit.Service{Name: "claude-code", Version: "2.1.330", Scope: "com.anthropic.claude_code.events", ScopeVersion: "2.1.330"},
	}
	r.Keys.Session = session
	r.Account.Asserted.Device = device1
	r.Account.Proved.Credential = "fleet"
	for _, e := range edit {
		e(r)
	}
	return f.record(r)
}

// record adds a record to the next batch.
func (f *feed) record(r *audit.Record) uint64 {
	r.Recorded = f.now
	return f.store(journal.Stored{Bytes: r.AppendCanonical(nil)})
}

func (f *feed) tombstone() uint64 {
	return f.store(journal.Stored{Tombstone: &audit.Tombstone{Reason: audit.TombstoneErased}})
}

func (f *feed) store(s journal.Stored) uint64 {
	f.seq++
	s.Seq = f.seq
	f.all, f.pending = append(f.all, s), append(f.pending, s)
	return f.seq
}

// run is numbered events one second apart.
func (f *feed) run(session string, first, last int64, from time.Time, edit ...func(*audit.Record)) {
	for n := first; n <= last; n++ {
		f.event(session, n, from.Add(time.Duration(n-first)*time.Second), edit...)
	}
}

// apply hands on what was added, as one batch.
func (f *feed) apply() {
	f.t.Helper()
	if err := f.view.Apply(context.Background(), f.pending); err != nil {
		f.t.Fatal(err)
	}
	f.pending = nil
}

// later applies what was added and lets the journal's time pass; a metrics record of nobody shows it.
func (f *feed) later(d time.Duration) {
	f.t.Helper()
	f.now = f.now.Add(d)
	f.record(&audit.Record{Version: 1, Source: audit.SourceOTelMetric, Type: "metrics", Occurred: f.now})
	f.apply()
}

// exec changes the file behind the view's back.
func (f *feed) exec(statement string) {
	f.t.Helper()
	if err := f.view.file.Within(context.Background(), func(tx *viewfile.Tx) error { return tx.Exec(context.Background(), statement) }); err != nil {
		f.t.Fatal(err)
	}
}

func (f *feed) list(filter Filter) []Discrepancy {
	f.t.Helper()
	f.apply()
	return list(f.t, f.view, filter)
}

func (f *feed) count() Counts {
	f.t.Helper()
	counts, err := f.view.Count(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return counts
}

func list(t testing.TB, v *View, filter Filter) []Discrepancy {
	t.Helper()
	got, err := v.List(context.Background(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// statements lists what the view says, with a mark for what is closed or provisional.
func statements(list []Discrepancy) []string {
	var out []string
	for _, d := range list {
		s := d.Statement
		if d.State == StateClosed {
			s = "closed: " + s
		}
		if d.Provisional {
			s = "provisional: " + s
		}
		out = append(out, s)
	}
	return out
}
