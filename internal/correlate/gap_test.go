package correlate

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
)

func version(v string) func(*audit.Record) {
	return func(r *audit.Record) { r.Service.Version, r.Service.ScopeVersion = v, v }
}

func TestSequenceGaps(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return t0.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		name string
		feed func(*feed)
		want []string
	}{
		{"nothing is missing", func(f *feed) { f.run("A", 0, 50, at(0)) }, nil},
		{"a hole", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 53, 60, at(60))
		}, []string{"12 records of session A between sequence 40 and 53 were expected and not received"}},
		{"one record", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 42, 60, at(60))
		}, []string{"1 record of session A between sequence 40 and 42 was expected and not received"}},
		{"the start", func(f *feed) { f.run("A", 6, 9, at(0)) },
			[]string{"6 records at the start of a process, before sequence 6 of session A, were expected and not received"}},
		{"the start of an old client", func(f *feed) { f.run("A", 6, 9, at(0), version("2.1.160")) }, nil},
		{"the start of a client without a version", func(f *feed) { f.run("A", 6, 9, at(0), version("")) }, nil},
		{"a hole of an old client", func(f *feed) {
			f.run("A", 6, 9, at(0), version("2.1.100"))
			f.run("A", 100, 120, at(60), version("2.1.100"))
		}, []string{"90 records of session A between sequence 9 and 100 were expected and not received"}},
		{"an old client resumed without its start", func(f *feed) {
			f.run("A", 0, 3, at(0), version("2.1.100"))
			f.run("A", 6, 20, at(60), version("2.1.100"))
		}, nil},
		{"absurd numbers", func(f *feed) {
			f.event("A", -1, at(0))
			f.event("A", math.MaxInt64, at(0))
			f.event("A", 0, at(1))
		}, nil},
		{"no numbers", func(f *feed) {
			for i := range 5 {
				f.event("A", 0, at(i), func(r *audit.Record) { r.Sequence = nil })
			}
		}, nil},
		{"delivered twice", func(f *feed) {
			f.run("A", 0, 20, at(0))
			f.run("A", 5, 10, at(5))
			f.run("A", 20, 20, at(20))
		}, nil},
		{"delivered twice around a hole", func(f *feed) {
			f.run("A", 0, 20, at(0))
			f.run("A", 30, 40, at(30))
			f.run("A", 15, 20, at(15))
			f.run("A", 30, 31, at(30))
		}, []string{"9 records of session A between sequence 20 and 30 were expected and not received"}},
		{"batches in reverse", func(f *feed) {
			f.run("A", 30, 40, at(30))
			f.run("A", 10, 29, at(10))
			f.run("A", 0, 9, at(0))
		}, nil},
		{"within one millisecond", func(f *feed) {
			for _, n := range []int64{0, 2, 3, 1} {
				f.event("A", n, at(0))
			}
		}, nil},
		{"/clear goes on under another session", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 41, 60, at(100))
			f.run("C", 61, 70, at(86400))
		}, nil},
		{"/clear, then back to the session", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 41, 60, at(100))
			f.run("A", 61, 70, at(200))
			f.run("B", 71, 80, at(300))
		}, nil},
		{"/clear with a loss on the border", func(f *feed) {
			f.run("A", 0, 38, at(0))
			f.run("B", 43, 60, at(100))
		}, []string{"4 records between sequence 38 of session A and sequence 43 of session B were expected and not received"}},
		{"resumed by another process", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 0, 60, at(100))
			f.run("A", 0, 5, at(86400))
		}, nil},
		{"resumed without its start", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("A", 7, 60, at(100))
		}, []string{"7 records at the start of a process, before sequence 7 of session A, were expected and not received"}},
		{"a session of one process resumed inside another that counts higher", func(f *feed) {
			f.run("A", 0, 40, at(0))
			f.run("B", 0, 45, at(100))
			f.run("A", 46, 60, at(200))
		}, nil},
		{"two processes at once", func(f *feed) {
			for n := int64(0); n < 50; n++ {
				f.event("A", n, at(int(n)))
				if n != 20 {
					f.event("B", n, at(int(n)))
				}
			}
		}, []string{"1 record of session B between sequence 19 and 21 was expected and not received"}},
		{"two processes at once, one without its start", func(f *feed) {
			for n := int64(0); n < 50; n++ {
				f.event("A", n, at(int(n)))
				if n > 3 {
					f.event("B", n, at(int(n)))
				}
			}
		}, []string{"4 records at the start of a process, before sequence 4 of session B, were expected and not received"}},
		{"one session in two processes at once", func(f *feed) {
			f.run("A", 0, 50, at(0))
			for n := int64(0); n < 50; n++ {
				f.event("A", 51+n, at(60+int(n)))
				f.event("A", n, at(60+int(n)).Add(time.Millisecond))
			}
		}, nil},
		{"other devices and credentials do not help", func(f *feed) {
			f.run("A", 5, 10, at(100))
			f.run("B", 0, 4, at(0), func(r *audit.Record) { r.Account.Asserted.Device = "other" })
			f.run("C", 0, 4, at(0), func(r *audit.Record) { r.Account.Proved.Credential = "other" })
			f.run("D", 0, 4, at(0), func(r *audit.Record) { r.Account.Asserted.Device, r.Account.Asserted.Subject = "", "other" })
		}, []string{"5 records at the start of a process, before sequence 5 of session A, were expected and not received"}},
		{"two pass through one session without a hole", func(f *feed) {
			for n := range int64(40) { // the second is ahead
				f.event("A", n, at(int(2*n)))
				f.event("A", n, at(int(n)))
			}
			f.run("A", 40, 60, at(80))
			f.run("A", 40, 50, at(90))
		}, nil},
		{"a hole in which another process went on", func(f *feed) {
			f.run("old", 0, 30, at(0))
			f.run("A", 0, 23, at(9000))
			f.run("B", 31, 36, at(9100)) // looks like what followed the old session
			f.run("B", 42, 75, at(9200))
			f.run("A", 84, 90, at(9300))
		}, []string{
			"15 records of session A between sequence 23 and 84 were expected and not received",
			"5 records of session B between sequence 36 and 42 were expected and not received",
		}},
		{"a renewed credential", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.run("A", 11, 20, at(11), func(r *audit.Record) { r.Account.Proved.Credential = "renewed" })
		}, nil},
		{"a clock put back", func(f *feed) {
			f.run("A", 0, 10, at(3600))
			f.run("A", 11, 20, at(0))
		}, nil},
		{"a clock put back, beside an earlier process of the session", func(f *feed) {
			f.run("A", 0, 5, at(-1000))
			f.run("A", 0, 10, at(3600))
			f.run("A", 11, 20, at(0))
		}, nil},
		{"a clock put back, and batches in reverse", func(f *feed) {
			f.run("A", 11, 20, at(0))
			f.run("A", 0, 10, at(3600))
		}, nil},
		{"a start lost just where another process pauses", func(f *feed) {
			f.run("A", 0, 7, at(0))
			f.run("B", 8, 30, at(20))
			f.run("A", 8, 20, at(1000))
		}, []string{"8 records at the start of a process, before sequence 8 of session B, were expected and not received"}},
		{"what seemed to lie in a hole goes on beyond it", func(f *feed) {
			f.run("old", 0, 19, at(-5000))
			f.run("A", 0, 10, at(0))
			f.run("B", 20, 25, at(100))
			f.run("A", 40, 50, at(200))
			f.apply()
			f.run("B", 26, 26, at(250))
		}, []string{"29 records of session A between sequence 10 and 40 were expected and not received"}},
		{"a clock that was wrong for a moment", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.run("A", 11, 11, at(600))
			f.run("A", 12, 20, at(12))
		}, nil},
		{"a clock that was absurd for a moment", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.apply()
			f.now = at(15)
			f.run("A", 11, 11, at(86400*365), func(r *audit.Record) { r.Flag(audit.FlagClockAbsurd) })
			f.run("A", 12, 20, at(12))
			f.run("A", 23, 24, at(23))
		}, []string{
			"2 records of session A between sequence 20 and 23 were expected and not received",
			"1 record of one device carried times more than a day ahead of Tripod's clock or a year behind it on 2026-11-23",
		}},
		{"a clock put back by an hour, then a loss", func(f *feed) {
			f.run("A", 0, 10, at(3600))
			f.run("A", 11, 20, at(0))
			f.run("A", 31, 40, at(30))
		}, []string{"10 records of session A between sequence 20 and 31 were expected and not received"}},
		{"an idle process is recognised for a week", func(f *feed) {
			f.run("A", 0, 10, at(0))
			f.run("B", 11, 12, at(6*86400))
			f.run("C", 13, 14, at(30*86400))
		}, []string{"13 records at the start of a process, before sequence 13 of session C, were expected and not received"}},
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

// TestGraceAndLateData: a gap is provisional for a while, shrinks under its id while data comes late, and in the end leaves no trace
// if it was short, or is closed.
func TestGraceAndLateData(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		late time.Duration
		want []string
	}{
		{"within grace", Grace, nil},
		{"after grace", Grace + time.Second, []string{"closed: Records before sequence 20 of session A were missing for 2m1s and have since been received"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			f.run("A", 0, 9, t0)
			f.run("A", 20, 29, t0.Add(20*time.Second))
			first := f.list(Filter{})
			if diff := cmp.Diff([]string{"provisional: 10 records of session A between sequence 9 and 20 were expected and not received"}, statements(first)); diff != "" {
				t.Error(diff)
			}
			f.later(Grace - time.Second)
			if got := f.list(Filter{}); len(got) != 1 || !got[0].Provisional {
				t.Errorf("got %+v, want it provisional still", got)
			}
			f.now = t0.Add(c.late)
			f.run("A", 10, 12, t0.Add(10*time.Second))
			f.run("A", 15, 19, t0.Add(15*time.Second))
			between := f.list(Filter{})
			if len(between) != 1 || between[0].ID != first[0].ID || between[0].Count != 2 || between[0].FirstSeq != 24 || between[0].LastSeq != 25 {
				t.Errorf("got %+v, want 2 missing under id %s", between, first[0].ID)
			}
			if counts := f.count(); counts.Open != 1 || counts.ByKind[KindSequenceGap] != 1 {
				t.Errorf("got counts %+v, want one open", counts)
			}
			f.run("A", 13, 14, t0.Add(13*time.Second))
			last := f.list(Filter{})
			if diff := cmp.Diff(c.want, statements(last)); diff != "" {
				t.Error(diff)
			}
			if len(last) == 1 && (last[0].ID != first[0].ID || last[0].Count != 0) {
				t.Errorf("got %+v, want id %s and nothing missing", last[0], first[0].ID)
			}
			f.compareRebuilt()
		})
	}
}

// TestGapFields holds every field of one gap.
func TestGapFields(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	who := func(r *audit.Record) {
		r.Account.Asserted.Email, r.Account.Asserted.User = "dana@example.com", "user_01"
	}
	f.run("A", 0, 9, t0, who)
	f.run("B", 12, 19, t0.Add(time.Minute), who)
	got := f.list(Filter{})
	want := []Discrepancy{{
		ID: got[0].ID, Kind: KindSequenceGap, Severity: SeverityMedium, State: StateOpen, Provisional: true, Count: 2,
		Statement: "2 records between sequence 9 of session A and sequence 12 of session B were expected and not received",
		FirstSeq:  10, LastSeq: 11, Credential: "fleet", Account: &Account{User: "user_01", Email: "dana@example.com", Device: device1},
		Session: "B", Service: "claude-code", ServiceVersion: "2.1.330", From: t0.Add(9 * time.Second), To: t0.Add(time.Minute), Recorded: t0,
		Details: Details{Missing: []Range{{10, 11}}, PreviousSession: "A"},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Discrepancy{}), cmpopts.IgnoreFields(Discrepancy{}, "accountSeq")); diff != "" {
		t.Error(diff)
	}
	const form = `{"id":"%s","kind":"sequence_gap","statement":"2 records between sequence 9 of session A and sequence 12 of session B were ` +
		`expected and not received","severity":"medium","state":"open","provisional":true,"count":2,"first_seq":10,"last_seq":11,` +
		`"credential":"fleet","account":{"user":"user_01","email":"dana@example.com","device":"` + device1 + `"},"session":"B",` +
		`"service":"claude-code","service_version":"2.1.330","from":"2026-11-23T09:00:09Z","to":"2026-11-23T09:01:00Z",` +
		`"recorded":"2026-11-23T09:00:00Z","details":{"missing":[{"first":10,"last":11}],"previous_session":"A"}}`
	if b, err := json.Marshal(got[0]); err != nil || string(b) != fmt.Sprintf(form, got[0].ID) {
		t.Errorf("got JSON %s (%v)", b, err)
	}
	if want := "dsc_6eea85"; !strings.HasPrefix(got[0].ID, want) {
		t.Errorf("got id %s, want %s…: ids must not change between versions", got[0].ID, want)
	}
	for _, filter := range []Filter{{Session: "A"}, {Session: "B"}, {Kind: KindSequenceGap}, {State: StateOpen}, {After: t0.Add(time.Minute)}, {Before: t0.Add(61 * time.Second)}} {
		if n := len(f.list(filter)); n != 1 {
			t.Errorf("filter %+v finds %d, want 1", filter, n)
		}
	}
	for _, filter := range []Filter{{Session: "C"}, {Kind: KindClock}, {State: StateClosed}, {After: t0.Add(61 * time.Second)}, {Before: t0.Add(time.Minute)}} {
		if n := len(f.list(filter)); n != 0 {
			t.Errorf("filter %+v finds %d, want none", filter, n)
		}
	}
}

// TestLossyStreamStaysSmall: a client whose every second record is lost fills neither memory nor file, and no loss is forgotten.
func TestLossyStreamStaysSmall(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	records := int64(5000)
	if testing.Short() {
		records = 2 * (maxLive + keptGaps)
	}
	for n := range records {
		f.event("A", 2*n, t0.Add(time.Duration(n)*time.Second))
		if n%700 == 0 {
			f.apply()
		}
	}
	f.later(Grace)
	var missing, rows int64
	for _, d := range f.list(Filter{Limit: -1}) {
		missing += d.Count
		rows++
	}
	if missing != records-1 {
		t.Errorf("%d are missing, want %d", missing, records-1)
	}
	if most := int64(maxLive + keptGaps + 1); rows > most {
		t.Errorf("%d discrepancies, want at most %d", rows, most)
	}
	if n := len(f.view.names.lastDev.live); n > maxLive {
		t.Errorf("%d stretches in memory, want at most %d", n, maxLive)
	}
	f.compareRebuilt()
}

// TestManySessions: a device with more sessions than are held forgets the oldest, yet claims nothing false when one of them
// goes on, is repeated or was the start of another.
func TestManySessions(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	f := newFeed(t)
	session := func(i int) string { return fmt.Sprintf("S%d", i) }
	const sessions = 3 * maxLive
	for i := range sessions {
		f.run(session(i), 0, 5, t0.Add(time.Duration(i)*time.Minute))
	}
	f.apply()
	end := t0.Add(sessions * time.Minute)
	f.run(session(0), 6, 9, end) // goes on
	again := session(1)
	f.run(again, 2, 5, t0.Add(62*time.Second))        // delivered again
	f.run("new", 6, 9, end)                           // may go on from one that is forgotten
	f.run(session(2), 8, 9, end)                      // goes on with a hole
	f.run(session(3), 0, 9, end)                      // resumed
	f.run(session(4), 7, 9, end.Add(10*24*time.Hour)) // goes on with a hole, much later
	f.later(Grace)
	for _, s := range f.view.names.lastDev.live {
		if s.st.key.session == again {
			t.Errorf("%s %d to %d is held again", again, s.lo, s.hi)
		}
	}
	want := []string{
		"1 record of session S4 between sequence 5 and 7 was expected and not received",
		"2 records of session S2 between sequence 5 and 8 were expected and not received",
	}
	if diff := cmp.Diff(want, statements(f.list(Filter{}))); diff != "" {
		t.Error(diff)
	}
	f.compareRebuilt()
}

// TestLateDataInsideAGap: pieces that come late into a gap leave no discrepancies of their own.
func TestLateDataInsideAGap(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 0, 9, t0)
	f.run("A", 20, 29, t0.Add(20*time.Second))
	id := f.list(Filter{})[0].ID
	for _, piece := range [][2]int64{{15, 16}, {13, 14}, {17, 19}, {10, 12}} {
		f.later(2 * Grace)
		f.run("A", piece[0], piece[1], t0.Add(time.Duration(piece[0])*time.Second))
	}
	got := f.list(Filter{})
	if len(got) != 1 || got[0].ID != id || got[0].State != StateClosed {
		t.Errorf("got %+v, want %s closed", got, id)
	}
	f.compareRebuilt()
}

// TestAccountKnownLater: a gap names the account although only a later record of the session does.
func TestAccountKnownLater(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 3, 9, t0)
	f.apply()
	f.run("A", 10, 11, t0.Add(10*time.Second), func(r *audit.Record) { r.Account.Asserted.Email = "dana@example.com" })
	got := f.list(Filter{})
	if len(got) != 1 || got[0].Account == nil || got[0].Account.Email != "dana@example.com" {
		t.Errorf("got %+v, want the account", got)
	}
	f.compareRebuilt()
}

// TestLongSessionStaysSmall: pauses cost nothing in the long run, and no gap is forgotten over them.
func TestLongSessionStaysSmall(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	const turns = 300
	for i := range int64(turns) {
		f.now = t0.Add(time.Duration(i) * 20 * time.Minute)
		f.run("A", 10*i, 10*i+8+min(1, i%100), f.now) // the last of each hundredth turn is lost
		f.apply()
	}
	f.later(2 * time.Hour)
	f.run("B", 0, 0, f.now)
	want := []string{
		"1 record of session A between sequence 2008 and 2010 was expected and not received",
		"1 record of session A between sequence 1008 and 1010 was expected and not received",
		"1 record of session A between sequence 8 and 10 was expected and not received",
	}
	if diff := cmp.Diff(want, statements(f.list(Filter{}))); diff != "" {
		t.Error(diff)
	}
	if n := len(f.view.names.lastDev.live); n > 30 {
		t.Errorf("%d stretches in memory", n)
	}
	f.compareRebuilt()
}
