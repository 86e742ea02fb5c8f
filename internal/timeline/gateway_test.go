package timeline_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// saw adds a record of the gateway of one exchange.
func (s *session) saw(second float64, kind string, activity audit.Activity, o audit.Outcome, k audit.Keys, attrs ...audit.Attr) *audit.Record {
	r := s.add(second, audit.SourceGatewayLLM, kind, activity, o, k)
	r.Attributes = attrs
	return r
}

// exchange is one exchange as the gateway tells it; prompt is the client's id where it sends one. It returns the exchange's id.
func (s *session) exchange(began, ended float64, prompt, request, agent string, retry int64, brings ...string) string {
	body := fmt.Sprintf("exc%d", len(s.entries))
	k := audit.Keys{Body: body, Prompt: prompt, Agent: agent}
	digest := strings.TrimRight(request, "'")
	s.saw(began, "llm.request", audit.ActivityModelRequest, audit.OutcomeUnknown, k, audit.Attr{Name: "digest", Value: audit.String(digest)}, audit.Attr{Name: "retry", Value: audit.Int(retry)})
	for _, b := range brings {
		if b == "prompt" {
			s.saw(began, "llm.prompt", audit.ActivityPrompt, audit.OutcomeUnknown, k)
			continue
		}
		with := k
		with.ToolUse = b
		s.saw(began, "llm.tool_result", audit.ActivityToolResult, audit.OutcomeSuccess, with)
	}
	k.Request = request
	o := audit.OutcomeSuccess
	if strings.HasSuffix(request, "'") {
		o = audit.OutcomeFailure
	}
	s.saw(ended, "llm.end", audit.ActivityModelRequest, o, k, audit.Attr{Name: "input_tokens", Value: audit.Int(100)},
		audit.Attr{Name: "output_tokens", Value: audit.Int(10)}, audit.Attr{Name: "cache_read_tokens", Value: audit.Int(7)}).Duration =
		time.Duration((ended - began) * float64(time.Second)).Nanoseconds()
	return body
}

func (s *session) answer(second float64, prompt, request, body string) {
	r := s.saw(second, "llm.response", audit.ActivityResponse, audit.OutcomeSuccess, audit.Keys{Body: body, Prompt: prompt, Request: request, Message: "msg_" + request})
	r.Content = []audit.Content{{Name: "text[0]", Class: audit.ClassText, Bytes: 5, Address: "answer " + request}}
}

func (s *session) called(second float64, prompt, request, body, use string) *audit.Record {
	r := s.saw(second, "llm.tool_call", audit.ActivityToolCall, audit.OutcomeSuccess, audit.Keys{Body: body, Prompt: prompt, Request: request, ToolUse: use})
	r.Tool = "Bash"
	return r
}

// through is a turn as the client and the gateway tell it: a prompt, a tool use after two tries, a reply. sent is the prompt id
// that the client puts into its headers, "" for none.
func (s *session) through(second float64, prompt, sent, use string) {
	s.prompt(second, prompt)
	first, second2 := "req1"+prompt, "req2"+prompt
	s.exchange(second+0.1, second+0.2, sent, first+"'", "", 0, "prompt")
	body := s.exchange(second+0.4, second+2, sent, first, "", 1)
	s.called(second+2, sent, first, body, use)
	s.request(second+0.1, second+2, prompt, first)
	s.decide(second+2.1, prompt, use, audit.OutcomeSuccess, "config")
	s.result(second+3, prompt, use, 900*time.Millisecond)
	body = s.exchange(second+3.5, second+5, sent, second2, "", 0, use)
	s.answer(second+5, sent, second2, body)
	s.request(second+3.5, second+5, prompt, second2)
}

func (s *session) without(source audit.Source) []timeline.Entry {
	var rest []timeline.Entry
	for _, e := range s.entries {
		if e.Record.Source != source {
			rest = append(rest, e)
		}
	}
	return rest
}

// What the gateway saw joins what the client told: nothing counts twice, no step is added, the client's clock stands.
func TestGatewayIsASecondWitness(t *testing.T) {
	t.Parallel()
	for _, ids := range []bool{true, false} {
		var s session
		id := func(p string) string {
			if ids {
				return p
			}
			return ""
		}
		s.through(0, "p", id("p"), "toolu_1")
		s.through(100, "q", id("q"), "toolu_2")
		got, want := timeline.Build(s.entries, nil), timeline.Build(s.without(audit.SourceGatewayLLM), nil)
		if diff := cmp.Diff(want.Counts, got.Counts); diff != "" {
			t.Errorf("counts with the gateway (-without +with):\n%s", diff)
		}
		if diff := cmp.Diff(want.Usage, got.Usage); diff != "" {
			t.Errorf("usage with the gateway (-without +with):\n%s", diff)
		}
		shape := func(t *timeline.Timeline) (list []string) {
			for _, st := range t.Steps {
				list = append(list, fmt.Sprint(st.Kind, " ", st.Turn, " ", st.Start.Sub(noon), " ", st.End.Sub(noon), " ", st.Outcome, st.NoDecision, st.NoResult))
			}
			return list
		}
		if diff := cmp.Diff(shape(want), shape(got)); diff != "" {
			t.Errorf("steps with the gateway, prompt ids %v (-without +with):\n%s\n%s", ids, diff, sketch(got))
		}
	}
}

// Where no client told, the gateway alone makes the turns.
func TestGatewayAlone(t *testing.T) {
	t.Parallel()
	var s session
	s.through(0, "p", "", "toolu_1")
	s.through(100, "q", "", "toolu_2")
	got := timeline.Build(s.without(audit.SourceOTelLog), nil)
	if diff := cmp.Diff(timeline.Counts{Prompts: 2, Requests: 4, Tools: 2, Replies: 2}, got.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s\n%s", diff, sketch(got))
	}
	if want := (timeline.Usage{Requests: 4, Gateway: 4, Input: 400, Output: 40, CacheRead: 28}); got.Usage != want {
		t.Errorf("usage %+v, want %+v", got.Usage, want)
	}
	if len(got.Turns) != 2 || got.Turns[0].Inferred != timeline.InferredByGateway {
		t.Errorf("turns:\n%s", sketch(got))
	}
	// In the middle of a session whose client told of the first turn alone.
	var half []timeline.Entry
	for _, e := range s.entries {
		if e.Record.Source == audit.SourceGatewayLLM || e.Record.Keys.Prompt == "p" {
			half = append(half, e)
		}
	}
	got = timeline.Build(half, nil)
	if len(got.Turns) != 2 || got.Turns[0].Inferred != "" || got.Turns[1].Inferred != timeline.InferredByGateway || got.Counts.Prompts != 2 {
		t.Errorf("turns:\n%s", sketch(got))
	}
}

// A sub-agent's prompt is the sub-agent's, and what it asked is not counted as somebody's.
func TestGatewaySubAgent(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	s.exchange(0.1, 1, "", "req1", "", 0, "prompt")
	s.request(0.1, 1, "p", "req1")
	s.exchange(2, 3, "", "req2", "a1", 0, "prompt")
	s.event(3, "api_request", audit.ActivityModelRequest, audit.OutcomeSuccess, audit.Keys{Prompt: "p", Request: "req2", Agent: "a1"})
	got := timeline.Build(s.entries, nil)
	if got.Counts.Prompts != 1 || got.Counts.Agents != 1 || got.Counts.Requests != 2 {
		t.Errorf("counts %+v\n%s", got.Counts, sketch(got))
	}
	for _, st := range got.Steps {
		if st.Kind == timeline.KindEvent && (st.Agent != "a1" || st.Depth != 1) {
			t.Errorf("the sub-agent's prompt is %+v", st)
		}
	}
}

// An older client sends no ids: what the gateway saw joins its events by time and name, and nothing counts twice.
func TestGatewayAndOlderClient(t *testing.T) {
	t.Parallel()
	var s session
	s.through(0, "p", "", "toolu_1")
	s.through(100, "q", "", "toolu_2")
	want := timeline.Build(s.entries, nil)
	for _, e := range s.entries {
		if r := e.Record; r.Source == audit.SourceOTelLog {
			r.Keys = audit.Keys{Session: "s"}
			if r.Activity == audit.ActivityResponse {
				r.Activity, r.Type = audit.ActivityOperation, "something"
			}
			if r.Activity == audit.ActivityToolDecision {
				r.Tool = "Bash"
			}
		}
	}
	got := timeline.Build(s.entries, nil)
	want.Counts.Replies = 2 // the gateway's alone
	if got.Counts != want.Counts || got.Usage != want.Usage || len(got.Turns) != 2 {
		t.Errorf("%+v and %+v, want %+v and %+v\n%s", got.Counts, got.Usage, want.Counts, want.Usage, sketch(got))
	}
	if l := lines(got, "llm.tool_call tool_decision tool_result llm.tool_result"); len(l) != 2 {
		t.Errorf("tools:\n%s", sketch(got))
	}
}

// What a request brings besides what was asked is one step.
func TestGatewayContext(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	body := s.exchange(0.1, 1, "p", "req1", "", 0, "prompt")
	for range 3 {
		s.saw(0.1, "llm.context", audit.ActivityState, audit.OutcomeSuccess, audit.Keys{Body: body, Prompt: "p"})
	}
	got := timeline.Build(s.entries, nil)
	if l := lines(got, "llm.context llm.context llm.context"); len(l) != 1 {
		t.Errorf("%s", sketch(got))
	}
}

// A verdict stands at its step; one that denied says why, one that observed changes nothing.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	var s session
	s.prompt(0, "p")
	body := s.exchange(0.1, 1, "p", "req1", "", 0, "prompt")
	k := audit.Keys{Body: body, Prompt: "p"}
	verdict := func(second float64, activity audit.Activity, o audit.Outcome, k audit.Keys, rule, effect, mode string) {
		s.saw(second, "llm.verdict", activity, o, k, audit.Attr{Name: "effect", Value: audit.String(effect)},
			audit.Attr{Name: "mode", Value: audit.String(mode)}).Rule = rule
	}
	verdict(0.1, audit.ActivityPrompt, audit.OutcomeSuccess, k, "secrets", "flag", "observe")
	s.called(1, "p", "req1", body, "toolu_1")
	k.ToolUse = "toolu_1"
	verdict(1, audit.ActivityToolCall, audit.OutcomeDenied, k, "no-egress", "deny", "enforce")
	s.called(1, "p", "req1", body, "toolu_2")
	k.ToolUse = "toolu_2"
	verdict(1, audit.ActivityToolCall, audit.OutcomeSuccess, k, "watch", "flag", "observe")
	got := timeline.Build(s.entries, nil)
	if got.Counts.Verdicts != 3 || got.Counts.Stopped != 1 || got.Counts.Denied != 1 || got.Counts.Tools != 2 {
		t.Errorf("counts %+v\n%s", got.Counts, sketch(got))
	}
	for _, st := range got.Steps {
		switch {
		case st.ToolUse == "toolu_1" && (st.Outcome != audit.OutcomeDenied || st.Reason != "refused by rule no-egress"):
			t.Errorf("the denied call is %s because %q", st.Outcome, st.Reason)
		case st.ToolUse == "toolu_2" && (st.Outcome != audit.OutcomeUnknown || len(st.Verdicts) != 1 || st.Verdicts[0].Rule != "watch"):
			t.Errorf("the observed call: %+v", st)
		case st.Kind == timeline.KindPrompt && len(st.Verdicts) != 1:
			t.Errorf("the prompt: %+v", st)
		}
	}
}
