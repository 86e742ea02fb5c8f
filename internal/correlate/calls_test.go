package correlate

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

// call makes a log record one half of a tool call.
func (f *feed) call(session, toolUse string, activity audit.Activity, decision string) uint64 {
	return f.event(session, 0, f.now, func(r *audit.Record) {
		r.Sequence = nil
		r.Activity, r.Type, r.Keys.ToolUse = activity, string(activity), toolUse
		if decision != "" {
			r.Attributes = audit.Attrs{{Name: "decision", Value: audit.String(decision)}}
		}
	})
}

func (f *feed) decision(session, toolUse, decision string) uint64 {
	return f.call(session, toolUse, audit.ActivityToolDecision, decision)
}

func (f *feed) result(session, toolUse string) uint64 {
	return f.call(session, toolUse, audit.ActivityToolResult, "")
}

func TestToolCalls(t *testing.T) {
	t.Parallel()
	const day = ResultWithin
	for _, c := range []struct {
		name string
		feed func(*feed)
		want []string
	}{
		{"decided and done", func(f *feed) {
			f.decision("A", "t1", "accept")
			f.later(time.Minute)
			f.result("A", "t1")
		}, nil},
		{"denied", func(f *feed) { f.decision("A", "t1", "reject") }, nil},
		{"allowed, then denied", func(f *feed) {
			f.decision("A", "t1", "accept")
			f.decision("A", "t1", "reject")
		}, nil},
		{"killed", func(f *feed) {
			f.decision("A", "t1", "accept")
			f.decision("A", "t2", "accept")
			f.decision("B", "t3", "accept")
		}, []string{
			"No result of 2 allowed tool calls of session A was received within a day",
			"No result of 1 allowed tool call of session B was received within a day",
		}},
		{"no tool use named", func(f *feed) {
			f.decision("A", "", "accept")
			f.result("A", "")
		}, nil},
		{"the decision is lost", func(f *feed) { f.result("A", "t1") },
			[]string{"1 tool result of session A came without the permission decision that was expected"}},
		{"the decision is lost, another came", func(f *feed) {
			f.result("A", "t1")
			f.decision("B", "t1", "accept")
			f.result("B", "t1")
			f.decision("A", "t2", "accept")
			f.result("A", "t2")
		}, []string{"1 tool result of session A came without the permission decision that was expected"}},
		{"the decision comes after the result", func(f *feed) {
			f.result("A", "t1")
			f.later(Grace)
			f.decision("A", "t1", "accept")
		}, nil},
		{"the decision comes late", func(f *feed) {
			f.result("A", "t1")
			f.result("A", "t2")
			f.later(Grace + time.Second)
			f.decision("A", "t1", "accept")
			f.decision("A", "t2", "accept")
		}, []string{"closed: The permission decisions for 2 tool results of session A came late"}},
		{"one of two decisions comes late", func(f *feed) {
			f.result("A", "t1")
			f.result("A", "t2")
			f.later(Grace + time.Second)
			f.decision("A", "t1", "accept")
		}, []string{"1 tool result of session A came without the permission decision that was expected"}},
		{"the result comes late", func(f *feed) {
			f.decision("A", "t1", "accept")
			f.later(day + time.Second)
			f.result("A", "t1")
		}, []string{"closed: The results of 1 allowed tool call of session A came later than a day"}},
		{"twice", func(f *feed) {
			f.decision("A", "t1", "accept")
			f.decision("A", "t1", "accept")
			f.result("A", "t1")
		}, nil},
		{"spans do not count", func(f *feed) {
			f.event("A", 0, f.now, func(r *audit.Record) {
				r.Source, r.Activity, r.Keys.ToolUse, r.Sequence = audit.SourceOTelSpan, audit.ActivityToolResult, "t1", nil
			})
		}, nil},
		{"many", func(f *feed) {
			for i := range 3 * maxCallsKept {
				f.decision("A", fmt.Sprintf("d%d", i), "accept")
				f.result("A", fmt.Sprintf("r%d", i))
			}
		}, []string{
			"No result of 192 allowed tool calls of session A was received within a day",
			"192 tool results of session A came without the permission decision that was expected",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t)
			c.feed(f)
			f.later(day)
			got := statements(f.list(Filter{}))
			less := func(a, b string) bool { return a < b }
			if diff := cmp.Diff(c.want, got, sorted(less)); diff != "" {
				t.Error(diff)
			}
			f.compareRebuilt()
		})
	}
}

// TestToolCallsBeforeADay: nothing is said of a missing result for a day, and of a missing decision provisionally.
func TestToolCallsBeforeADay(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.decision("A", "t1", "accept")
	seq := f.result("A", "t2")
	f.later(time.Second)
	got := f.list(Filter{})
	if len(got) != 1 || !got[0].Provisional || got[0].FirstSeq != seq || !cmp.Equal(got[0].Details.ToolUses, []string{"t2"}) {
		t.Errorf("got %+v, want one provisional result without decision", got)
	}
	f.later(ResultWithin - 2*time.Second)
	if n := len(f.list(Filter{Kind: KindDecisionWithoutResult})); n != 0 {
		t.Errorf("a missing result is reported before a day has passed")
	}
	f.later(time.Second)
	if n := len(f.list(Filter{Kind: KindDecisionWithoutResult})); n != 1 {
		t.Errorf("a missing result is not reported after a day")
	}
}
