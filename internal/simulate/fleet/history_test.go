package fleet_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// identify names a log record by what a receiver can see of it.
func identify(l plog.LogRecord) string {
	m := l.Attributes()
	return fmt.Sprint(attr(m, "session.id"), " ", attr(m, "event.name"), " ", attr(m, "event.sequence"), " ", l.Timestamp().AsTime().UnixMilli(), " ", attr(m, "tool_use_id"), attr(m, "request_id"))
}

// named is identify for what is expected.
func named(e *fleet.Expected) string {
	if e.Source == audit.SourceOTelSpan {
		return fmt.Sprint(e.Type, " ", e.Keys.Trace, " ", e.Keys.Span, " ", e.Keys.ParentSpan, " ", e.At.UnixNano(), " ", e.Told.UnixNano())
	}
	return fmt.Sprint(e.Keys.Session, " ", e.Type, " ", seq(e.Sequence), " ", e.At.UnixMilli(), " ", e.Keys.ToolUse+e.Keys.Request)
}

// arrived is everything a sink was given, each as often as it was.
func arrived(s *sink) map[string]int {
	got := counted(s)
	for _, sp := range s.spans() {
		got[fmt.Sprint(sp.Name(), " ", sp.TraceID(), " ", sp.SpanID(), " ", sp.ParentSpanID(), " ", uint64(sp.StartTimestamp()), " ", uint64(sp.EndTimestamp()))]++
	}
	return got
}

func compare(t *testing.T, want, got map[string]int) {
	t.Helper()
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			t.Errorf("%s arrived %d times, want %d", k, got[k], want[k])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(got)) {
		if want[k] == 0 {
			t.Errorf("%s arrived and nobody told it", k)
		}
	}
}

// TestHistoryTellsEverythingOnce: what the clients tell in two stretches, the second from where the first is cut, is what arrives.
func TestHistoryTellsEverythingOnce(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	f, w := week(t, s, nil)
	from, cut, to := monday.Add(9*time.Hour), monday.Add(34*time.Hour+17*time.Minute), monday.AddDate(0, 0, 3)
	var sum fleet.Report
	var told []fleet.Expected
	for _, part := range [][2]time.Time{{from, cut}, {cut, to}} {
		list := fleet.Told(w, &w.Org, part[0], part[1])
		for _, e := range list {
			if e.Told.Before(part[0]) || !e.Told.Before(part[1]) {
				t.Errorf("%+v is told at another time", e)
			}
		}
		told = append(told, list...)
		r, err := f.History(t.Context(), part[0], part[1])
		if err != nil || len(r.Refused)+len(r.Lost)+r.Retries > 0 {
			t.Fatalf("%v, report %+v", err, r)
		}
		sum.Missed += r.Missed
		sum.Events += r.Events
		sum.Spans += r.Spans
	}
	want := map[string]int{}
	missed := 0
	for _, e := range told {
		if e.Missed {
			missed++
		} else {
			want[named(&e)]++
		}
	}
	if len(want) < 1000 || missed == 0 {
		t.Fatalf("%d told, %d missed: the world is too quiet for this test", len(want), missed)
	}
	compare(t, want, arrived(s))
	if sum.Missed != missed || sum.Events+sum.Spans != len(want) {
		t.Errorf("report counts %d missed, %d events, %d spans; want %d missed, %d records", sum.Missed, sum.Events, sum.Spans, missed, len(want))
	}
}

// TestExpectIsWhatIsTold: what Expect says an act leaves is what is told of it in the course of its process.
func TestExpectIsWhatIsTold(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 11})
	from, to := monday, monday.AddDate(0, 0, 3)
	traceless := map[string]bool{"compaction": true, "permission_mode_changed": true, "skill_activated": true, "subagent_completed": true, "plugin_installed": true, "hook_execution_start": true, "hook_execution_complete": true}
	// loose forgets what an act by itself does not know.
	loose := func(e *fleet.Expected) string {
		if traceless[e.Type] {
			e.Keys.Trace, e.Keys.Span = "", ""
		}
		return fmt.Sprint(e.Act, e.Missed, " ", e.Source, " ", e.Type, " ", e.At.UnixNano(), fmt.Sprintf(" %+v", e.Keys))
	}
	want, got := map[string]int{}, map[string]int{}
	for _, e := range fleet.Told(w, &w.Org, from, to) {
		got[loose(&e)]++
	}
	open := 0
	for _, a := range w.Between(from, to) {
		for _, e := range fleet.Expect(&a, &w.Org) {
			k := loose(&e)
			if e.Told.IsZero() && got[k] == 0 { // of a turn that was not over
				open++
			} else if e.Told.Before(to) {
				want[k]++
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if got[k] != want[k] {
			t.Errorf("%s is told %d times, want %d", k, got[k], want[k])
		}
		delete(got, k)
	}
	for k := range got {
		t.Errorf("%s is told and no act leaves it", k) // the days begin and end at night, when nothing is under way
	}
	if len(want) < 1000 || open > 5 {
		t.Errorf("%d expected, %d turns without an end", len(want), open)
	}
}

// TestSequencesAndClocks: each process counts its events from nought without a gap, in the order of its clock, wherever in the
// week the history begins.
func TestSequencesAndClocks(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 5})
	process := map[string]string{}
	for _, a := range w.Between(monday, monday.AddDate(0, 0, 9)) {
		if a.Process != nil {
			process[a.ID] = a.Process.ID
		}
	}
	processes := 0
	for edge := time.Duration(0); edge < 7*24*time.Hour; edge += 5*time.Hour + 40*time.Minute {
		from := monday.Add(edge)
		next, last := map[string]int64{}, map[string]time.Time{}
		for _, e := range fleet.Told(w, &w.Org, from, from.Add(30*time.Hour)) {
			if e.Source != audit.SourceOTelLog || e.Sequence < 0 {
				continue
			}
			p := process[e.Act]
			if e.Sequence != next[p] || e.At.Before(last[p]) {
				t.Errorf("from %v: %s has %s as %d at %v, want %d after %v", from, p, e.Type, e.Sequence, e.At, next[p], last[p])
			}
			next[p], last[p] = e.Sequence+1, e.At
		}
		processes += len(next)
	}
	if processes < 200 {
		t.Errorf("only %d processes", processes)
	}
}

// TestHistoryLeavesOutWhatRunsAlready: of a process that began before a history nothing is sent, of all others everything.
func TestHistoryLeavesOutWhatRunsAlready(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 7})
	from, to := monday.Add(34*time.Hour+17*time.Minute), monday.AddDate(0, 0, 2)
	told := map[string]bool{} // by act
	for _, e := range fleet.Told(w, &w.Org, from, to) {
		told[e.Act] = true
	}
	running, begun := 0, 0
	for _, a := range w.Between(from, to) {
		switch {
		case a.Process == nil || a.Kind != world.Prompt || !slices.Contains(a.Seen, audit.SourceOTelLog):
		case a.Process.Start.Before(from):
			if running++; told[a.ID] {
				t.Errorf("%s of a process that began at %v is told", a.ID, a.Process.Start)
			}
		default:
			if begun++; !told[a.ID] {
				t.Errorf("%s of a process that began at %v is not told", a.ID, a.Process.Start)
			}
		}
	}
	if running == 0 || begun == 0 {
		t.Errorf("%d prompts of processes that ran already, %d of others: nothing is shown", running, begun)
	}
}

// TestMetricsAgreeWithEvents: the tokens and the cost of a session are the same by its metrics as by its events.
func TestMetricsAgreeWithEvents(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	w := world.New(world.Options{Seed: 7, Without: world.Incidents()})
	f := newFleet(t, fleet.Config{World: w, Org: &w.Org, HTTP: s.URL})
	if _, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 2)); err != nil {
		t.Fatal(err)
	}
	ended := map[string]bool{} // the others may have counted what they have not told yet
	for _, a := range w.Between(monday, monday.AddDate(0, 0, 2)) {
		if a.Kind == world.Stop {
			ended[a.Keys.Session] = true
		}
	}
	told, metered := map[string]float64{}, map[string]float64{}
	for _, l := range s.logs() {
		m := l.Attributes()
		if attr(m, "event.name") != "api_request" || attr(m, "service.name") == "cowork" || !ended[attr(m, "session.id")] { // Cowork sends no metrics
			continue
		}
		for kind, name := range map[string]string{"input": "input_tokens", "output": "output_tokens", "cacheRead": "cache_read_tokens", "cacheCreation": "cache_creation_tokens"} {
			n, err := strconv.ParseFloat(attr(m, name), 64)
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				told[attr(m, "session.id")+" "+kind] += n
			}
		}
	}
	for _, rm := range s.metrics() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, mt := range sm.Metrics().All() {
				if mt.Name() != "claude_code.token.usage" {
					continue
				}
				for _, p := range mt.Sum().DataPoints().All() {
					if p.Timestamp() < p.StartTimestamp() {
						t.Errorf("a point ends %v before it began", p.StartTimestamp()-p.Timestamp())
					}
					if !ended[attr(p.Attributes(), "session.id")] {
						continue
					}
					metered[attr(p.Attributes(), "session.id")+" "+attr(p.Attributes(), "type")] += p.DoubleValue()
				}
			}
		}
	}
	if len(told) < 50 {
		t.Fatalf("only %d sums", len(told))
	}
	if !maps.Equal(told, metered) {
		for k := range told {
			if told[k] != metered[k] {
				t.Errorf("%s: %v by events, %v by metrics", k, told[k], metered[k])
			}
		}
	}
}
