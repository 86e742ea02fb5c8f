package correlate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

// ours is what Tripod says of its calls, and what the vendor's feed shows of them.
type ours struct {
	*feed
	rows int
}

func (o *ours) act(typ string, attrs audit.Attrs) uint64 {
	r := &audit.Record{Version: 1, Source: audit.SourceTripod, Surface: audit.SurfaceTripod, Activity: audit.ActivityOperation, Type: typ, Occurred: o.now, Attributes: attrs}
	r.Account.Proved.Credential = "compliance"
	return o.record(r)
}

func attrs(list ...any) (a audit.Attrs) {
	for i := 0; i < len(list); i += 2 {
		v, ok := list[i+1].(audit.Value)
		if s, isText := list[i+1].(string); isText {
			v, ok = audit.String(s), true
		}
		if n, isInt := list[i+1].(int); isInt {
			v, ok = audit.Int(int64(n)), true
		}
		if !ok {
			panic(list[i+1])
		}
		a = append(a, audit.Attr{Name: list[i].(string), Value: v})
	}
	return a
}

func (o *ours) begins(run string) {
	o.act("tripod.compliance.run", attrs("run", run, "state", "began", "host", "vendor.example", "most_unrecorded", 120))
}

func (o *ours) ends(run string, last int) {
	o.act("tripod.compliance.run", attrs("run", run, "state", "ended", "host", "vendor.example", "calls", last))
}

// says records calls as made; a negative number is one that got no answer, one above 1000 one that was refused.
func (o *ours) says(run string, numbers ...int) {
	var ids, calls, statuses, dates []audit.Value
	for _, n := range numbers {
		status, id, date := 200, request(run, n), o.now.Unix()
		switch {
		case n < 0:
			n, status, id, date = -n, 0, "", 0
		case n > 1000:
			status = 429
		}
		ids, calls = append(ids, audit.String(id)), append(calls, audit.Int(int64(n)))
		statuses, dates = append(statuses, audit.Int(int64(status))), append(dates, audit.Int(date))
	}
	o.act("tripod.compliance.requests", attrs("run", run, "calls", audit.Array(calls...), "request_ids", audit.Array(ids...), "statuses", audit.Array(statuses...), "dates", audit.Array(dates...)))
}

func request(run string, n int) string { return fmt.Sprintf("req_%s_%d", run, n) }

const (
	ourKey     = "apikey_ours"
	ourAddress = "192.0.2.1"
)

// shows has the feed show a call that happened the given time ago.
func (o *ours) shows(run string, n int, ago time.Duration, edit ...func(*audit.Record)) uint64 {
	o.rows++
	r := &audit.Record{
		Version: 1, Source: audit.SourceComplianceActivity, Surface: audit.SurfaceUnknown, Activity: audit.ActivityView, Type: "compliance_api_accessed",
		ID: fmt.Sprintf("activity_%d", o.rows), Occurred: o.now.Add(-ago), IP: ourAddress,
		Attributes: attrs("actor.user_agent", fmt.Sprintf("tripod/1.2 (run %s, call %d)", run, n), "request_method", "GET", "url.route", "/v1/compliance/activities"),
	}
	r.Account.Proved.Key, r.Keys.Request = ourKey, request(run, n)
	for _, e := range edit {
		e(r)
	}
	return o.record(r)
}

func asRequest(id string) func(*audit.Record) { return func(r *audit.Record) { r.Keys.Request = id } }

func from(key, address, agent string) func(*audit.Record) {
	return func(r *audit.Record) {
		r.Account.Proved.Key, r.IP, r.Attributes[0].Value = key, address, audit.String(agent)
	}
}

func (o *ours) states(from, to time.Time) {
	o.act("tripod.feed.statement", attrs("feed", "compliance.activity", "host", "vendor.example", "status", "final",
		"from", from.UTC().Format(time.RFC3339), "to", to.UTC().Format(time.RFC3339)))
}

// found is what the view says in the end, the same however the journal is cut into batches.
func (o *ours) found() []string {
	o.t.Helper()
	o.later(20 * time.Minute)
	live := o.list(Filter{Limit: -1})
	rng := rand.New(rand.NewPCG(1, uint64(len(o.all))))
	for _, most := range []int{1, 7, len(o.all)} {
		v := openView(o.t, o.t.TempDir())
		for rest := o.all; len(rest) > 0; {
			n := 1 + rng.IntN(min(most, len(rest)))
			if most == len(o.all) {
				n = most
			}
			if err := v.Apply(context.Background(), rest[:n]); err != nil {
				o.t.Fatal(err)
			}
			rest = rest[n:]
		}
		if diff := cmp.Diff(live, list(o.t, v, Filter{Limit: -1}), cmp.AllowUnexported(Discrepancy{})); diff != "" {
			o.t.Errorf("in batches of up to %d (-live +rebuilt):\n%s", most, diff)
		}
	}
	return statements(live)
}

// TestOwnCalls: what is ours is quiet, and what is not is told.
func TestOwnCalls(t *testing.T) {
	f := func(name string, want []string, story func(o *ours)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &ours{feed: newFeed(t)}
			o.begins("A")
			o.says("A", 1, 2, 3)
			o.shows("A", 1, time.Minute)
			story(o)
			if diff := cmp.Diff(want, o.found()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	unrecognised := func(n, address string) []string {
		verb, it := "are", "them"
		if n == "1 call" {
			verb, it = "is", "it"
		}
		return []string{fmt.Sprintf("%s under our key apikey_ours from %s on 2026-11-23 %s not recognised: no record of Tripod has %s", n, address, verb, it)}
	}
	f("all of it ours", nil, func(o *ours) { o.shows("A", 3, 0); o.shows("A", 2, 0) })
	f("the feed is first", nil, func(o *ours) {
		o.shows("A", 4, 0)
		o.later(14 * time.Minute)
		o.says("A", 4)
	})
	f("our record is very late", []string{"closed: 1 call under our key came without a record of Tripod's, which has since been received"}, func(o *ours) {
		o.ends("A", 3)
		o.shows("B", 4, 0)
		o.later(20 * time.Minute)
		o.says("B", 4)
	})
	f("somebody else", unrecognised("2 calls", "203.0.113.9"), func(o *ours) {
		o.shows("", 0, 0, from(ourKey, "203.0.113.9", "curl/8"), asRequest("req_x"))
		o.shows("", 0, 0, from(ourKey, "203.0.113.9", "curl/8"), asRequest("req_y"))
	})
	f("somebody else under another key", nil, func(o *ours) { o.shows("", 0, 0, from("apikey_theirs", "203.0.113.9", "curl/8"), asRequest("req_x")) })
	f("before our first call", nil, func(o *ours) { o.shows("Z", 1, time.Hour) })
	f("a run nobody began", unrecognised("1 call", ourAddress), func(o *ours) { o.shows("Z", 1, 0) })
	f("lost by a crash", nil, func(o *ours) {
		o.shows("A", 4, 0)
		o.shows("A", 123, 0)
		o.begins("B")
		o.says("B", 1)
		o.shows("B", 1, 0)
	})
	f("further than a crash can lose", unrecognised("1 call", ourAddress), func(o *ours) { o.shows("A", 124, 0) })
	f("after the run was over", unrecognised("1 call", ourAddress), func(o *ours) {
		o.begins("B")
		o.says("B", 1)
		o.shows("B", 1, 0)
		o.later(10 * time.Minute)
		o.shows("A", 5, 0)
	})
	f("after the run ended in order", unrecognised("1 call", ourAddress), func(o *ours) {
		o.ends("A", 3)
		o.shows("A", 4, 0)
	})
	f("a number again", unrecognised("1 call", ourAddress), func(o *ours) {
		o.shows("A", 2, 0)
		o.later(5 * time.Minute)
		o.shows("A", 2, 0, asRequest("req_other"))
	})
	f("a number we use afterwards", unrecognised("1 call", "203.0.113.9"), func(o *ours) {
		o.shows("A", 5, 0, asRequest("req_other"), func(r *audit.Record) { r.IP = "203.0.113.9" })
		o.later(time.Hour)
		o.says("A", 5)
		o.shows("A", 5, 0)
	})
	f("sent twice by the transport", nil, func(o *ours) {
		o.shows("A", 2, time.Second, asRequest("req_other"))
		o.shows("A", 2, 0)
	})
	f("no answer came", nil, func(o *ours) {
		o.says("A", -4)
		o.shows("A", 4, 0)
	})
	f("shown again with another body", nil, func(o *ours) {
		o.shows("A", 1, time.Minute, func(r *audit.Record) { r.Supersedes = "seq:3" })
	})
}

// TestUnrecordedCalls: the feed was read for the last time and lacks calls that were answered.
func TestUnrecordedCalls(t *testing.T) {
	f := func(name string, want []string, story func(o *ours)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &ours{feed: newFeed(t)}
			o.begins("A")
			o.now = o.now.Add(10 * time.Minute)
			o.says("A", 1, 2, 3, -4, 1005)
			story(o)
			if diff := cmp.Diff(want, o.found()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	after := func(o *ours) { o.later(25 * time.Hour); o.states(t0, t0.Add(time.Hour)) }
	f("shown", nil, func(o *ours) { o.shows("A", 1, 0); o.shows("A", 2, 0); o.shows("A", 3, 0); after(o) })
	f("one is not", []string{"1 call that Tripod made is not in the activity feed, which shows others of the same window"}, func(o *ours) {
		o.shows("A", 1, 0)
		o.shows("A", 2, 0)
		after(o)
	})
	f("it comes after all", []string{"closed: 1 call of Tripod's came into the activity feed after the window was read for the last time"}, func(o *ours) {
		o.shows("A", 1, 0)
		o.shows("A", 2, 0)
		after(o)
		o.later(time.Hour)
		o.shows("A", 3, 26*time.Hour)
	})
	f("none is: this key is shown no calls", nil, after)
	f("not read to its end", nil, func(o *ours) { o.shows("A", 1, 0); o.later(25 * time.Hour) })
	f("another window", nil, func(o *ours) {
		o.shows("A", 1, 0)
		o.later(25 * time.Hour)
		o.states(t0.Add(time.Hour), t0.Add(2*time.Hour))
	})
}

// TestUnrecognisedCallNamesIt: what somebody needs to look further.
func TestUnrecognisedCallNamesIt(t *testing.T) {
	t.Parallel()
	o := &ours{feed: newFeed(t)}
	o.begins("A")
	o.says("A", 1)
	o.shows("A", 1, 0)
	seq := o.shows("", 0, 0, from(ourKey, "203.0.113.9", "curl/8"), asRequest("req_x"))
	for n := range mostForeign + 5 {
		o.shows("", 0, 0, from(ourKey, "203.0.113.10", "curl/8"), asRequest(fmt.Sprint("req_", n)))
	}
	o.later(20 * time.Minute)
	for _, d := range o.list(Filter{}) {
		if d.Details.Address == "203.0.113.10" {
			if d.Count != mostForeign+5 || len(d.Details.Calls) != mostNamed {
				t.Errorf("%d calls, %d named", d.Count, len(d.Details.Calls))
			}
			continue
		}
		want := Details{Key: ourKey, Address: "203.0.113.9", UserAgent: "curl/8", Calls: []Call{
			{At: t0, Request: "req_x", Method: "GET", Route: "/v1/compliance/activities", Why: whyNoRun},
		}}
		if diff := cmp.Diff(want, d.Details); diff != "" || d.Severity != SeverityHigh || d.FirstSeq != seq {
			t.Errorf("%+v\n(-want +got):\n%s", d, diff)
		}
	}
	o.record(&audit.Record{Version: 1, Source: audit.SourceTripod, Type: audit.TypeEraseRecord, Activity: audit.ActivityErasure, Occurred: o.now,
		Attributes: attrs("position", int(seq), "commitment", audit.Commitment{}.String())})
	if n := len(o.list(Filter{})); n != 2 {
		t.Errorf("%d discrepancies after an erasure, want both", n)
	}
	if filesContain(t, o.dir, "203.0.113.9\"") || filesContain(t, o.dir, "203.0.113.9 ") {
		t.Error("an address is still in the file after the record of it was ordered erased")
	}
}

// TestForgedNamesAreBounded: who has the key and names a run, one of ours or none, has as many calls kept as who names none;
// all are counted.
func TestForgedNamesAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	const batches = 3
	f := func(name, run string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &ours{feed: newFeed(t)}
			o.begins("A")
			o.says("A", 1)
			o.shows("A", 1, 0)
			for batch := range batches {
				for n := range mostForeign {
					o.shows(run, 0, 0, from(ourKey, "203.0.113.10", fmt.Sprintf("curl/8 (run %s, call %d)", run, 100_000*batch+1000+n)), asRequest(fmt.Sprint("req_", batch, "_", n)))
				}
				o.later(20 * time.Minute)
				o.apply()
			}
			d := o.list(Filter{Kind: KindUnrecognisedCall})
			if len(d) != 1 || d[0].Count != int64(batches*mostForeign) {
				t.Fatalf("%+v", d)
			}
			var kept int
			if err := o.view.file.Readers().QueryRowContext(t.Context(), `SELECT count(*) FROM own_shown`).Scan(&kept); err != nil {
				t.Fatal(err)
			}
			if kept > mostForeign {
				t.Errorf("%d calls are kept one by one", kept)
			}
		})
	}
	f("a run of ours", "A")
	f("no run of ours", "Z")
}

// TestManyCallsInAnyOrder: crashes, faults and late rows of honest runs never raise anything.
func TestManyCallsInAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	const lives = 5
	for seed := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 9))
		o := &ours{feed: newFeed(t)}
		for life := range lives {
			run := strings.Repeat("R", life+1)
			o.begins(run)
			recorded, issued := 0, 0
			for range 5 + rng.IntN(20) {
				issued = min(recorded+120, issued+rng.IntN(60))
				upTo := min(issued, recorded+rng.IntN(60))
				var numbers []int
				for n := recorded + 1; n <= upTo; n++ {
					numbers = append(numbers, n)
				}
				rng.Shuffle(len(numbers), func(i, k int) { numbers[i], numbers[k] = numbers[k], numbers[i] })
				if len(numbers) > 0 {
					o.says(run, numbers...)
				}
				recorded = upTo
				for n := max(1, issued-60); n <= issued; n++ { // the feed shows what it likes, when it likes, some of it twice
					if rng.IntN(4) == 0 {
						o.shows(run, n, time.Second)
					}
				}
				o.later(time.Duration(rng.IntN(300)) * time.Second)
			}
			if rng.IntN(3) == 0 {
				var rest []int
				for n := recorded + 1; n <= issued; n++ {
					rest = append(rest, n)
				}
				o.says(run, rest...)
				o.ends(run, issued)
			}
		}
		for _, d := range o.list(Filter{Limit: -1}) {
			if d.State == StateOpen {
				t.Errorf("seed %d: %s %+v", seed, d.Statement, d.Details.Calls)
			}
		}
	}
}

func FuzzOwnAgent(f *testing.F) {
	f.Add("tripod/1.2 (run 9F3C, call 17)")
	f.Add("tripod/1.2 (run , call 0)")
	f.Add("curl/8 (run a, call -1) x")
	f.Fuzz(func(t *testing.T, agent string) {
		rest, run, n := ownAgent(agent)
		if run == "" && rest != agent || run != "" && n <= 0 || len(rest)+len(run) > len(agent) {
			t.Errorf("%q: %q, %q, %d", agent, rest, run, n)
		}
	})
}
