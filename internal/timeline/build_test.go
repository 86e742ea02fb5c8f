package timeline_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/timeline"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// session makes records one by one.
type session struct {
	entries []timeline.Entry
	number  int64
}

// event adds a numbered log record so many seconds after noon.
func (s *session) event(second float64, kind string, activity audit.Activity, outcome audit.Outcome, k audit.Keys, attrs ...audit.Attr) *audit.Record {
	r := s.add(second, audit.SourceOTelLog, kind, activity, outcome, k)
	n := s.number
	r.Sequence, r.Attributes = &n, attrs
	s.number++
	return r
}

func (s *session) add(second float64, source audit.Source, kind string, activity audit.Activity, outcome audit.Outcome, k audit.Keys) *audit.Record {
	at := noon.Add(time.Duration(second * float64(time.Second)))
	k.Session = "s"
	r := &audit.Record{Version: 1, Source: source, Surface: audit.SurfaceClaudeCode, Type: kind, Activity: activity, Outcome: outcome,
		Occurred: at, Recorded: at, Keys: k, Service: audit.Service{Name: "claude-code", Version: "2.1.330"}}
	s.entries = append(s.entries, timeline.Entry{Seq: uint64(len(s.entries) + 1), Record: r})
	return r
}

func (s *session) prompt(second float64, id string) {
	s.event(second, "user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{Prompt: id})
}

func (s *session) decide(second float64, prompt, id string, o audit.Outcome, by string) {
	s.event(second, "tool_decision", audit.ActivityToolDecision, o, audit.Keys{Prompt: prompt, ToolUse: id}, audit.Attr{Name: "source", Value: audit.String(by)})
}

func (s *session) result(second float64, prompt, id string, took time.Duration) {
	r := s.event(second, "tool_result", audit.ActivityToolResult, audit.OutcomeSuccess, audit.Keys{Prompt: prompt, ToolUse: id})
	r.Tool, r.Duration = "Bash", took.Nanoseconds()
}

// lines are those of a sketch that contain a word.
func lines(t *timeline.Timeline, word string) []string {
	var list []string
	for _, l := range strings.Split(sketch(t), "\n") {
		if strings.Contains(l, word) {
			list = append(list, strings.TrimSpace(l))
		}
	}
	return list
}

func TestParallelTools(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	s.decide(1, "p", "a", audit.OutcomeSuccess, "config")
	s.decide(1.1, "p", "b", audit.OutcomeSuccess, "config")
	s.result(3, "p", "a", 2*time.Second)
	s.result(4, "p", "b", 2*time.Second)
	s.decide(5, "p", "c", audit.OutcomeSuccess, "user_temporary")
	got := timeline.Build(s.entries, nil)
	if l := lines(got, "side by side 1"); len(l) != 2 {
		t.Errorf("side by side: %q", l)
	}
	if l := lines(got, "no-result"); len(l) != 1 || !strings.Contains(l[0], "this time or for the session") {
		t.Errorf("without a result: %q", l)
	}
}

func TestGaps(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	s.decide(1, "p", "a", audit.OutcomeSuccess, "config")
	s.number = 43
	s.result(60, "p", "a", time.Second)
	s.number = 50
	s.prompt(100, "q")
	gap := func(id string, first, last uint64, lo, hi int64) correlate.Discrepancy {
		d := correlate.Discrepancy{ID: id, Kind: correlate.KindSequenceGap, State: correlate.StateOpen, Count: hi - lo + 1, FirstSeq: first,
			LastSeq: last, Details: correlate.Details{Missing: []correlate.Range{{First: lo, Last: hi}}}}
		for _, e := range s.entries {
			if e.Seq == first {
				d.From = e.Record.Occurred
			}
			if e.Seq == last {
				d.To = e.Record.Occurred
			}
		}
		return d
	}
	start := gap("start", 0, 1, 0, 0)
	closed := gap("closed", 1, 2, 1, 1)
	closed.State = correlate.StateClosed
	about := correlate.Discrepancy{ID: "about", Kind: correlate.KindDecisionWithoutResult, State: correlate.StateOpen,
		Details: correlate.Details{ToolUses: []string{"a"}}}
	got := timeline.Build(s.entries, []correlate.Discrepancy{gap("between", 3, 4, 44, 49), gap("inside", 2, 3, 2, 42), start, closed, about})
	var order []string
	for _, st := range got.Steps {
		word := string(st.Kind)
		if st.Gap >= 0 {
			word = got.Gaps[st.Gap].ID
		}
		order = append(order, fmt.Sprintf("%s@%d", word, got.Turns[st.Turn].Number))
	}
	// The tool use began before the gap and ended behind it: what is missing is in front of the step that its end belongs to.
	want := []string{"start@0", "prompt@1", "inside@1", "tool@1", "between@0", "prompt@2"}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	for i, g := range got.Gaps {
		if got.Steps[g.Step].Gap != i {
			t.Errorf("gap %s is not at its step", g.ID)
		}
	}
	if l := lines(got, "discrepancies=[about]"); len(l) != 1 {
		t.Errorf("discrepancy of the tool use: %q", l)
	}
	d := got.Draw(0, len(got.Steps))
	if len(d.Gaps) != 3 || d.Gaps[1].From >= d.Gaps[1].To {
		t.Errorf("gaps drawn: %+v", d.Gaps)
	}
}

// TestGapWithoutNeighbours places what the records around cannot place.
func TestGapWithoutNeighbours(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	s.prompt(100, "q")
	for _, d := range []correlate.Discrepancy{
		{FirstSeq: 900, LastSeq: 901, From: noon.Add(10 * time.Second), To: noon.Add(20 * time.Second)},
		{FirstSeq: 1, LastSeq: 2, From: noon.Add(10 * time.Second), To: noon.Add(20 * time.Second), Details: correlate.Details{Gaps: 7}},
		{},
		{To: noon.Add(time.Hour)},
	} {
		d.Kind, d.State, d.Count = correlate.KindSequenceGap, correlate.StateOpen, 3
		got := timeline.Build(s.entries, []correlate.Discrepancy{d})
		if len(got.Gaps) != 1 || len(got.Turns) != 3 || got.Steps[got.Gaps[0].Step].Kind != timeline.KindGap {
			t.Errorf("%+v:\n%s", d, sketch(got))
		}
		got.Draw(0, len(got.Steps))
	}
}

func TestSpansAlone(t *testing.T) {
	t.Parallel()
	var logs, spans []timeline.Entry
	for _, e := range captured(t, "files-full") {
		switch {
		case e.Record.Source == audit.SourceOTelSpan:
			spans = append(spans, e)
			fallthrough
		case e.Record.Keys.ToolUse != "toolu_fake000000000200":
			logs = append(logs, e)
		}
	}
	got := timeline.Build(logs, nil)
	if l := lines(got, "spans-only"); len(l) != 1 || !strings.Contains(l[0], "tool Read success") {
		t.Errorf("known from spans alone: %q", l)
	}
	got = timeline.Build(spans, nil)
	if len(lines(got, "turn 1 prompt= records=14 usage=0/0 (by spans")) != 1 || len(lines(got, "spans-only")) != 0 || got.Usage.NotCounted != 4 ||
		!slices.Contains(got.Silent, audit.SourceOTelLog) {
		t.Errorf("a session without log records:\n%s", sketch(got))
	}
}

func TestUsageCountsOnce(t *testing.T) {
	t.Parallel()
	records := captured(t, "files-full")
	for _, e := range captured(t, "files-full") {
		e.Seq += 100
		records = append(records, e) // as two credentials would have delivered it
	}
	if got := timeline.Build(records, nil).Usage; got.Requests != 4 || got.Input != 404 || got.CostMicros != 3680 {
		t.Errorf("usage %+v", got)
	}
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	f := func(want string, numbers ...int64) {
		t.Helper()
		var s session
		for i, n := range numbers {
			s.number = n
			s.prompt(float64(i), "p")
		}
		var got []string
		for _, p := range timeline.Build(s.entries, nil).Processes {
			got = append(got, fmt.Sprintf("%d–%d(%d)", p.First, p.Last, p.Records))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%v (-want +got):\n%s", numbers, diff)
		}
	}
	f("0–3(4)", 0, 1, 2, 3)
	f("0–9(4)", 0, 1, 8, 9)
	f("0–3(4) 0–1(2)", 0, 1, 2, 3, 0, 1)
	f("0–3(4)", 0, 2, 1, 3)
	f("40–42(3) 0–1(2)", 40, 0, 41, 1, 42)
	f("")
}

func TestAgentsThatStartEachOther(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	for i, pair := range [][2]string{{"a", "b"}, {"b", "a"}, {"c", "c"}, {"d", "nobody"}} {
		s.event(float64(i), "api_request", audit.ActivityModelRequest, audit.OutcomeSuccess,
			audit.Keys{Prompt: "p", Agent: pair[0], ParentAgent: pair[1], Request: pair[0]})
	}
	for i := range 300 { // a chain
		s.event(10, "api_request", audit.ActivityModelRequest, audit.OutcomeSuccess,
			audit.Keys{Prompt: "p", Agent: fmt.Sprint("x", i+1), ParentAgent: fmt.Sprint("x", i), Request: fmt.Sprint("x", i)})
	}
	got := timeline.Build(s.entries, nil)
	check(t, got, len(s.entries))
	if got.Counts.Requests != 304 || got.Counts.Agents != 304 {
		t.Errorf("%+v", got.Counts)
	}
}

// check holds what every timeline keeps to: each record in one step, each step in one turn.
func check(t testing.TB, got *timeline.Timeline, records int) {
	t.Helper()
	if len(got.Items) != records {
		t.Fatalf("%d items of %d records", len(got.Items), records)
	}
	at, in := 0, 0
	for n, turn := range got.Turns {
		if turn.First != at || turn.Last < turn.First {
			t.Fatalf("turn %d begins at step %d, want %d", n, turn.First, at)
		}
		for s := turn.First; s < turn.Last; s++ {
			step := &got.Steps[s]
			if step.Turn != n {
				t.Fatalf("step %d is of turn %d, want %d", s, step.Turn, n)
			}
			for _, i := range step.Items {
				if got.Items[i].Step != s || got.Items[i].Turn != n {
					t.Fatalf("item %d is of step %d, want %d", i, got.Items[i].Step, s)
				}
				in++
			}
		}
		at = turn.Last
	}
	if at != len(got.Steps) || in != records {
		t.Fatalf("turns hold %d of %d steps, steps %d of %d records", at, len(got.Steps), in, records)
	}
	d := got.Draw(0, len(got.Steps))
	for _, l := range d.Lanes {
		for _, m := range l.Marks {
			if !(m.From >= 0 && m.From <= m.To && m.To <= 1.000001) || m.Row >= l.Rows && !l.Summed {
				t.Fatalf("mark %+v of %d rows", m, l.Rows)
			}
		}
	}
	for _, x := range d.Axis.Ticks(6) {
		if !(x.At >= 0 && x.At <= 1.000001) {
			t.Fatalf("tick %+v", x)
		}
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	got := timeline.Build(nil, nil)
	check(t, got, 0)
	got = timeline.Build([]timeline.Entry{{Seq: 1}}, nil)
	check(t, got, 0)
	got = timeline.Build([]timeline.Entry{{Seq: 1, Record: &audit.Record{}}}, nil)
	check(t, got, 1)
}

// TestManyRecords holds that time grows with the number of records, not with its square.
func TestManyRecords(t *testing.T) {
	t.Parallel()
	var s session
	for len(s.entries) < 50_000 {
		n := len(s.entries)
		p := fmt.Sprint("p", n/100)
		s.prompt(float64(n), p)
		for i := range 10 {
			at, id := float64(n)+float64(i), fmt.Sprint("t", n+i)
			k := audit.Keys{Prompt: p, Request: id}
			if i%5 == 4 {
				k.Agent = fmt.Sprint("agent", n)
			}
			s.event(at, "api_request", audit.ActivityModelRequest, audit.OutcomeSuccess, k, audit.Attr{Name: "input_tokens", Value: audit.Int(5)})
			s.decide(at+.1, p, id, audit.OutcomeSuccess, "config")
			s.result(at+.9, p, id, 500*time.Millisecond)
			s.add(at, audit.SourceOTelSpan, "claude_code.tool", audit.ActivityToolCall, audit.OutcomeSuccess, audit.Keys{ToolUse: id, Trace: p, Span: id})
		}
	}
	began := time.Now()
	got := timeline.Build(s.entries, nil)
	check(t, got, len(s.entries))
	t.Logf("%d records, %d steps, %d turns in %s", len(got.Items), len(got.Steps), len(got.Turns), time.Since(began))
	marks := 0
	for _, l := range got.Draw(0, len(got.Steps)).Lanes {
		marks += len(l.Marks)
	}
	if marks > 1000 {
		t.Errorf("%d marks to draw", marks)
	}
}
