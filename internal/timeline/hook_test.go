package timeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// hooks adds the start of a hook run, its end or both: a time below zero leaves one out.
func (s *session) hooks(start, end float64, name string, blocked string) {
	event, _, _ := strings.Cut(name, ":")
	attrs := []audit.Attr{{Name: "hook_event", Value: audit.String(event)}, {Name: "hook_name", Value: audit.String(name)},
		{Name: "num_hooks", Value: audit.String("2")}}
	k := audit.Keys{Prompt: "p"}
	if start >= 0 {
		s.event(start, "hook_execution_start", audit.ActivityHookRun, audit.OutcomeUnknown, k, attrs...)
	}
	if end < 0 {
		return
	}
	outcome := audit.OutcomeSuccess
	if blocked != "0" {
		outcome = audit.OutcomeDenied
	}
	r := s.event(end, "hook_execution_complete", audit.ActivityHookRun, outcome, k, append(attrs, audit.Attr{Name: "num_blocking", Value: audit.String(blocked)})...)
	r.Duration = time.Duration((end - max(start, end-1)) * float64(time.Second)).Nanoseconds()
}

func (s *session) refuse(second float64, id, tool, by string) {
	r := s.event(second, "tool_decision", audit.ActivityToolDecision, audit.OutcomeDenied, audit.Keys{Prompt: "p", ToolUse: id},
		audit.Attr{Name: "source", Value: audit.String(by)})
	r.Tool = tool
}

func TestHooksAreOneStep(t *testing.T) {
	t.Parallel()
	f := func(about string, make func(*session), want ...string) {
		t.Helper()
		var s session
		s.prompt(0, "p")
		make(&s)
		got := timeline.Build(s.entries, nil)
		check(t, got, len(s.entries))
		var told []string
		for _, l := range lines(got, "") {
			if strings.HasPrefix(l, "hook ") || strings.HasPrefix(l, "tool ") {
				told = append(told, l)
			}
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-want +got):\n%s", about, diff)
		}
	}
	f("one run", func(s *session) { s.hooks(1, 1.5, "PreToolUse:Bash", "0") },
		`hook success 500ms PreToolUse:Bash 0 of 2 hook_execution_start hook_execution_complete`)
	f("no end", func(s *session) { s.hooks(1, -1, "Stop", "") }, `hook unknown 0s Stop 0 of 2 no-result`)
	f("no start", func(s *session) { s.hooks(-1, 2, "Stop", "0") }, `hook success 1s Stop 0 of 2`)
	f("side by side, the later ends first", func(s *session) {
		s.hooks(1, -1, "PreToolUse:Bash", "")
		s.hooks(2, 2.5, "PreToolUse:Bash", "0")
	}, `hook unknown 0s PreToolUse:Bash 0 of 2 no-result`, `hook success 500ms PreToolUse:Bash 0 of 2 hook_execution_start hook_execution_complete`)
	f("a tool refused", func(s *session) {
		s.hooks(1, 1.5, "PreToolUse:Bash", "1")
		s.refuse(1.6, "a", "Bash", "hook")
	}, `hook denied 500ms because "refused by a hook: PreToolUse:Bash, 1 of 2" PreToolUse:Bash 1 of 2 refused 4 hook_execution_start hook_execution_complete`,
		`tool Bash denied 0s because "refused by a hook (PreToolUse:Bash)" refused-by 3 decided by a hook`)
	f("another tool, another decider, too long ago", func(s *session) {
		s.hooks(-1, 1.5, "PreToolUse:Bash", "1")
		s.refuse(1.6, "a", "Write", "hook")
		s.refuse(1.7, "b", "Bash", "user_reject")
		s.refuse(90, "c", "Bash", "hook")
	}, `hook denied 1s because "refused by a hook: PreToolUse:Bash, 1 of 2" PreToolUse:Bash 1 of 2`,
		`tool Write denied 0s because "refused by a hook" decided by a hook`,
		`tool Bash denied 0s because "refused by the user" (or by a deny rule, where nobody could be asked) decided by the user, or a deny rule where nobody could be asked`,
		`tool Bash denied 0s because "refused by a hook" decided by a hook`)
	f("two tools, each its own run", func(s *session) {
		s.hooks(1, 1.5, "PreToolUse:Bash", "1")
		s.hooks(1, 1.7, "PreToolUse:Bash", "1")
		s.refuse(1.55, "a", "Bash", "hook")
		s.refuse(1.8, "b", "Bash", "hook")
	}, `hook denied 500ms because "refused by a hook: PreToolUse:Bash, 1 of 2" PreToolUse:Bash 1 of 2 refused 6 hook_execution_start hook_execution_complete`,
		`hook denied 700ms because "refused by a hook: PreToolUse:Bash, 1 of 2" PreToolUse:Bash 1 of 2 refused 7 hook_execution_start hook_execution_complete`,
		`tool Bash denied 0s because "refused by a hook (PreToolUse:Bash)" refused-by 3 decided by a hook`,
		`tool Bash denied 0s because "refused by a hook (PreToolUse:Bash)" refused-by 5 decided by a hook`)
	f("what a stop hook adds", func(s *session) { s.hooks(1, 1.5, "Stop", "2") },
		`hook denied 500ms because "blocked by a hook: Stop, 2 of 2" Stop 2 of 2 hook_execution_start hook_execution_complete`)
	f("counts that cannot be", func(s *session) { s.hooks(-1, 1.5, "Stop", "99999999999999999999") },
		`hook denied 1s because "blocked by a hook: Stop" Stop 0 of 2`)
}

// TestRefusalCountsOnce holds that a call a hook refused is one denial, not two.
func TestRefusalCountsOnce(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	s.hooks(1, 1.5, "PreToolUse:Bash", "1")
	s.refuse(1.6, "a", "Bash", "hook")
	s.hooks(3, 3.5, "UserPromptSubmit", "1")
	if got := timeline.Build(s.entries, nil); got.Counts.Denied != 2 {
		t.Errorf("%d denied, want the call and the prompt:\n%s", got.Counts.Denied, sketch(got))
	}
}
