package timeline_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// told adds a record of a message in the vendor's transcript.
func (s *session) told(second float64, message string, activity audit.Activity, toolUse string) {
	r := s.add(second, audit.SourceComplianceSession, string(activity), activity, audit.OutcomeSuccess, audit.Keys{Message: message, ToolUse: toolUse})
	r.Keys.Session = "clls_1"
	if activity == audit.ActivityToolCall {
		r.Outcome = audit.OutcomeUnknown
	}
	n := int64(len(s.entries))
	r.Sequence, r.Tool = &n, map[bool]string{true: "Bash"}[toolUse != ""]
}

// request adds a client's record of a model request that began and ended, and of its reply.
func (s *session) request(began, ended float64, prompt, id string) {
	k := audit.Keys{Prompt: prompt, Request: id}
	r := s.event(ended, "api_request", audit.ActivityModelRequest, audit.OutcomeSuccess, k,
		audit.Attr{Name: "input_tokens", Value: audit.Int(100)}, audit.Attr{Name: "output_tokens", Value: audit.Int(10)})
	r.Duration = time.Duration((ended - began) * float64(time.Second)).Nanoseconds()
	k.Message = "uuid of " + id
	s.event(ended, "assistant_response", audit.ActivityResponse, audit.OutcomeSuccess, k)
}

// both is a turn as a client and the vendor's transcript tell it: a prompt, a tool use, a reply.
func (s *session) both(second float64, prompt, use string) {
	s.prompt(second, prompt)
	s.told(second+0.5, "p"+prompt, audit.ActivityPrompt, "")
	s.told(second+0.5, "a"+prompt, audit.ActivityResponse, "")
	s.told(second+0.5, "a"+prompt, audit.ActivityToolCall, use)
	s.request(second+0.5, second+2, prompt, "req1"+prompt)
	s.decide(second+2.1, prompt, use, audit.OutcomeSuccess, "config")
	s.result(second+3, prompt, use, time.Second)
	s.told(second+3.5, "r"+prompt, audit.ActivityToolResult, use)
	s.told(second+3.5, "b"+prompt, audit.ActivityResponse, "")
	s.request(second+3.5, second+5, prompt, "req2"+prompt)
}

func TestTranscriptIsASecondWitness(t *testing.T) {
	t.Parallel()
	var s, alone session
	s.both(0, "p", "toolu_1")
	s.both(100, "q", "toolu_2")
	for _, e := range s.entries {
		if e.Record.Source == audit.SourceOTelLog {
			alone.entries = append(alone.entries, e)
		}
	}
	got, want := timeline.Build(s.entries, nil), timeline.Build(alone.entries, nil)
	if diff := cmp.Diff(want.Counts, got.Counts); diff != "" {
		t.Errorf("counts with the transcript (-without +with):\n%s\n%s", diff, sketch(got))
	}
	if diff := cmp.Diff(want.Usage, got.Usage); diff != "" {
		t.Errorf("usage with the transcript (-without +with):\n%s", diff)
	}
	if len(got.Turns) != len(want.Turns) || len(lines(got, "tool_decision tool_call tool_result tool_result")) != 2 && len(lines(got, "tool_call")) != 2 {
		t.Errorf("turns and tools:\n%s", sketch(got))
	}
	if l := lines(got, "no-"); len(l) > 0 {
		t.Errorf("missing: %q", l)
	}
	took := func(t *timeline.Timeline) (list []time.Duration) {
		for _, s := range t.Steps {
			if s.Kind == timeline.KindTool {
				list = append(list, s.End.Sub(s.Start))
			}
		}
		return list
	}
	if diff := cmp.Diff(took(want), took(got)); diff != "" {
		t.Errorf("how long tools took with the transcript (-without +with):\n%s", diff)
	}
}

// TestPromptOfWhichNoClientTold is a turn of its own, with what followed it.
func TestPromptOfWhichNoClientTold(t *testing.T) {
	t.Parallel()
	var s session
	s.both(0, "p", "toolu_1")
	s.told(50, "pl", audit.ActivityPrompt, "")
	s.told(50, "al", audit.ActivityToolCall, "toolu_lost")
	s.told(52, "rl", audit.ActivityToolResult, "toolu_lost")
	s.both(100, "q", "toolu_2")
	got := timeline.Build(s.entries, nil)
	if got.Counts.Prompts != 3 || got.Counts.Tools != 3 {
		t.Errorf("%+v\n%s", got.Counts, sketch(got))
	}
	var inferred []timeline.Turn
	for _, turn := range got.Turns {
		if turn.Inferred == timeline.InferredByTranscript {
			inferred = append(inferred, turn)
		}
	}
	if len(inferred) != 1 || inferred[0].Records != 3 || inferred[0].Number != 2 {
		t.Errorf("%+v\n%s", inferred, sketch(got))
	}
}

// TestTranscriptAlone: each prompt begins a turn; who allowed a tool use is not asked of who cannot know.
func TestTranscriptAlone(t *testing.T) {
	t.Parallel()
	var s, vendor session
	s.both(0, "p", "toolu_1")
	s.both(100, "q", "toolu_2")
	for _, e := range s.entries {
		if e.Record.Source == audit.SourceComplianceSession {
			vendor.entries = append(vendor.entries, e)
		}
	}
	got := timeline.Build(vendor.entries, nil)
	if got.Counts != (timeline.Counts{Prompts: 2, Tools: 2, Replies: 4}) || len(got.Turns) != 2 || strings.Contains(sketch(got), "no-") {
		t.Error(sketch(got))
	}
}
