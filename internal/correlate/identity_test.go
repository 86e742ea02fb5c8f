package correlate

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
)

func sorted(less func(a, b string) bool) cmp.Option { return cmpopts.SortSlices(less) }

// mismatch makes a record assert another e-mail address than its credential proves.
func mismatch(r *audit.Record) {
	r.Account.Asserted.Email, r.Account.Proved.Email = "boss@example.com", "dana@example.com"
	r.Flag(audit.FlagIdentityMismatch)
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 0, 2, t0, mismatch)
	f.apply()
	f.run("A", 3, 4, t0.Add(time.Minute), mismatch)
	f.event("A", 5, t0.Add(2*time.Minute), mismatch, func(r *audit.Record) { r.Account.Asserted.Org, r.Account.Proved.Org = "o1", "o2" })
	f.event("B", 0, t0, func(r *audit.Record) {
		r.Resource = audit.Attrs{{Name: "user.email", Value: audit.String("a@example.com")}, {Name: "os.type", Value: audit.String("linux")}}
		r.Attributes = audit.Attrs{{Name: "user.email", Value: audit.String("b@example.com")}, {Name: "user.id", Value: audit.String("1")},
			{Name: "user.id#2", Value: audit.String("2")}, {Name: "os.type", Value: audit.String("darwin")}}
		r.Flag(audit.FlagIdentityConflict)
	})
	f.event("C", 0, t0, func(r *audit.Record) {
		r.Source, r.Sequence = audit.SourceOTelMetric, nil
		mismatch(r)
	})
	got := f.list(Filter{})
	want := []string{
		"5 records of session A assert another e-mail address than the credential proves",
		"1 record of session A asserts another e-mail address, organisation than the credential proves",
		"1 record of session B asserts two different values for user.email, user.id",
		"1 record of session C asserts another e-mail address than the credential proves",
	}
	less := func(a, b string) bool { return a < b }
	if diff := cmp.Diff(want, statements(got), sorted(less)); diff != "" {
		t.Error(diff)
	}
	i := 0
	for got[i].Count != 5 {
		i++
	}
	five := got[i]
	if five.FirstSeq != 1 || five.LastSeq != 5 || !five.From.Equal(t0) || !five.To.Equal(t0.Add(61*time.Second)) ||
		five.Account.Email != "boss@example.com" || five.Details.Proved.Email != "dana@example.com" || five.Severity != SeverityHigh {
		t.Errorf("got %+v", five)
	}
	f.compareRebuilt()
}

func TestClocks(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	absurd := func(ahead time.Duration) {
		f.event("A", 0, f.now.Add(ahead), func(r *audit.Record) {
			r.Sequence = nil
			r.Flag(audit.FlagClockAbsurd)
		})
	}
	absurd(48 * time.Hour)
	f.apply()
	absurd(72*time.Hour + time.Millisecond)
	absurd(-400 * 24 * time.Hour)
	f.later(24 * time.Hour)
	absurd(30 * time.Hour)
	want := []string{
		"1 record of one device carried times more than a day ahead of Tripod's clock or a year behind it on 2026-11-24",
		"3 records of one device carried times more than a day ahead of Tripod's clock or a year behind it on 2026-11-23",
	}
	got := f.list(Filter{})
	if diff := cmp.Diff(want, statements(got)); diff != "" {
		t.Error(diff)
	}
	if d := got[1].Details; d.OffsetMin != "-9600h0m0s" || d.OffsetMax != "72h0m0s" {
		t.Errorf("got offsets %q to %q", d.OffsetMin, d.OffsetMax)
	}
	if n := len(f.list(Filter{Kind: KindClock, After: t0, Before: t0.Add(time.Hour)})); n != 1 {
		t.Errorf("%d found by the day it was recorded, want 1", n)
	}
	f.compareRebuilt()
}

// TestErasure: account details go with the record they rest on, also from the files; counts stay.
func TestErasure(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	const who = "canary-dana@example.com"
	name := func(r *audit.Record) { r.Account.Asserted.Email = who }
	f.run("A", 0, 9, t0, name)
	f.run("A", 12, 13, t0.Add(time.Minute), name)
	tool := f.result("A", "t1")
	seq := f.event("B", 0, t0, mismatch, name)
	f.event("B", 1, t0, mismatch, name)
	clock := f.event("D", 0, t0.Add(-500*24*time.Hour), name, func(r *audit.Record) { r.Flag(audit.FlagClockAbsurd) })
	if got := f.list(Filter{}); len(got) != 4 {
		t.Fatalf("got %v, want four", statements(got))
	}
	if !filesContain(t, f.dir, who) {
		t.Fatal("the address is not in the files to begin with")
	}
	for _, order := range []uint64{1, seq, tool, clock} { // the record that asserted the account first
		f.record(&audit.Record{Version: 1, Source: audit.SourceTripod, Type: audit.TypeEraseRecord, Activity: audit.ActivityErasure, Occurred: f.now,
			Attributes: audit.Attrs{{Name: "position", Value: audit.Int(int64(order))},
				{Name: "commitment", Value: audit.String(audit.Commitment{}.String())}}})
	}
	got := f.list(Filter{})
	if len(got) != 4 {
		t.Errorf("got %v, want four still", statements(got))
	}
	for _, d := range got {
		if d.Account != nil || d.Details.Proved != nil || !d.AccountErased || d.Count == 0 {
			t.Errorf("got %+v, want no account but a count", d)
		}
	}
	if filesContain(t, f.dir, who) {
		t.Error("the address is still in the files")
	}
	f.run("B", 2, 3, t0, mismatch)
	for _, d := range f.list(Filter{Kind: KindIdentityMismatch}) {
		if d.Account != nil || d.Count != 4 {
			t.Errorf("got %+v, want no account but a count of 4", d)
		}
	}
}

// TestRebuildBesideTombstones: a rebuild does not take what was erased for what never came.
func TestRebuildBesideTombstones(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		feed func(*feed)
		want []string
	}{
		{"all of the gap", func(f *feed) {
			f.run("A", 0, 4, t0)
			for range 5 {
				f.tombstone()
			}
			f.run("A", 10, 14, t0.Add(10*time.Second))
		}, nil},
		{"some of the gap", func(f *feed) {
			f.run("A", 0, 4, t0)
			f.tombstone()
			f.run("B", 0, 0, t0)
			f.tombstone()
			f.run("A", 10, 14, t0.Add(10*time.Second))
		}, []string{"3 records of session A between sequence 4 and 10 were expected and not received, besides up to 2 that may have been erased since"}},
		{"elsewhere", func(f *feed) {
			f.tombstone()
			f.run("A", 0, 4, t0)
			f.run("A", 6, 14, t0.Add(10*time.Second))
			f.tombstone()
		}, []string{"1 record of session A between sequence 4 and 6 was expected and not received"}},
		{"the start", func(f *feed) {
			for range 3 {
				f.tombstone()
			}
			f.run("A", 3, 14, t0)
		}, nil},
		{"a start long after", func(f *feed) {
			f.run("B", 0, 0, t0)
			f.tombstone()
			f.run("B", 1, 1, t0)
			f.later(2 * time.Hour)
			f.run("A", 1, 14, f.now)
		}, []string{"1 record at the start of a process, before sequence 1 of session A, was expected and not received"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			c.feed(f)
			f.apply()
			f.later(Grace)
			if diff := cmp.Diff(c.want, statements(f.list(Filter{}))); diff != "" {
				t.Error(diff)
			}
			f.compareRebuilt()
		})
	}
}
