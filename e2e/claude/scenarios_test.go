//go:build claude

package claude

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// extraScripts are conversations that only these tests need.
func extraScripts() map[string]messagesapi.Script {
	work := messagesapi.Call{Tool: "Bash", Input: map[string]any{"command": "echo {say}", "description": "Work on"}}
	var busy messagesapi.Script
	for range 200 {
		busy = append(busy, messagesapi.Turn{Calls: []messagesapi.Call{work}})
	}
	// Pauses longer than the export interval, so that exports come one after another, and long enough in all for the
	// client to repeat one before it ends.
	var patient messagesapi.Script
	for range 3 {
		patient = append(patient, messagesapi.Turn{Calls: []messagesapi.Call{work}, Pause: 1500 * time.Millisecond})
	}
	background := messagesapi.Script{
		{Calls: []messagesapi.Call{{Tool: "Agent", Input: map[string]any{
			"description": "Run one command", "prompt": "[[s:bash say={say}]]", "subagent_type": "general-purpose", "run_in_background": true,
		}}}},
		{Text: "It runs: {say}."},
	}
	return map[string]messagesapi.Script{"busy": busy, "patient": patient, "background": background}
}

// scenario is one thing a person does with Claude Code. It checks that the client really did it, by counting events;
// whether Tripod has them is checked after it.
type scenario struct {
	name string
	play func(t *testing.T, s *session)
}

var scenarios = []scenario{
	{"tool call", func(t *testing.T, s *session) {
		s.withContent().say("bash", "--allowedTools", "Bash")
		s.counts(t, map[string]int{"user_prompt": 1, "api_request": 2, "tool_decision": 1, "tool_result": 1, "assistant_response": 2})
	}},
	{"tool call, no content sent", func(t *testing.T, s *session) {
		s.say("bash", "--allowedTools", "Bash")
		s.planted = nil // the client keeps it to itself
		s.counts(t, map[string]int{"user_prompt": 1, "api_request": 2, "tool_decision": 1, "tool_result": 1, "assistant_response": 2,
			"api_request_body": 0})
	}},
	{"parallel tools", func(t *testing.T, s *session) {
		s.withContent().say("parallel", "--allowedTools", "Bash")
		s.counts(t, map[string]int{"api_request": 2, "tool_decision": 3, "tool_result": 3})
	}},
	{"files", func(t *testing.T, s *session) {
		s.withContent().say("files", "--allowedTools", "Write,Read,Edit")
		s.counts(t, map[string]int{"api_request": 4, "tool_decision": 3, "tool_result": 3})
	}},
	{"denied tool", func(t *testing.T, s *session) {
		s.withContent().say("denied")
		s.counts(t, map[string]int{"api_request": 3, "tool_decision": 2, "tool_result": 0})
	}},
	{"MCP tool", func(t *testing.T, s *session) {
		s.withContent().say("mcp", append(s.withMCP(), "--allowedTools", "mcp__lab__lookup,mcp__lab__fail")...)
		s.counts(t, map[string]int{"api_request": 3, "tool_decision": 2, "tool_result": 2, "mcp_server_connection": 2})
	}},
	{"sub-agent", func(t *testing.T, s *session) {
		s.withContent().say("subagent", "--allowedTools", "Agent,Task,Bash")
		s.counts(t, map[string]int{"api_request": 4, "tool_decision": 2, "tool_result": 2, "subagent_completed": 1})
		if _, agents := s.askedBy(s.id); agents != 1 {
			t.Errorf("%d sub-agents spoke to the API, want 1", agents)
		}
	}},
	{"sub-agent in the background", func(t *testing.T, s *session) {
		s.withContent().say("background", "--allowedTools", "Agent,Task,Bash")
		// Its end comes back as a prompt that no person wrote.
		s.counts(t, map[string]int{"user_prompt": 2, "subagent_completed": 1, "tool_decision": 2, "tool_result": 2})
	}},
	{"hooks", func(t *testing.T, s *session) {
		s.withContent().say("bash", "--allowedTools", "Bash", "--settings", s.hooks())
		s.counts(t, map[string]int{"hook_registered": 3, "hook_execution_start": 3, "hook_execution_complete": 3})
	}},
	{"API error", func(t *testing.T, s *session) {
		s.withContent().failing("e400")
		s.counts(t, map[string]int{"user_prompt": 1, "api_error": 1, "api_request": 0, "assistant_response": 0})
	}},
	{"API overloaded, then fine", func(t *testing.T, s *session) {
		s.withContent().say("e529")
		s.counts(t, map[string]int{"api_error": 0, "api_request": 1, "assistant_response": 1})
		if got, _ := s.askedBy(s.id); !cmp.Equal(got, []int{529, 529, 200}) {
			t.Errorf("the API answered %v, want 529 twice and 200", got)
		}
	}},
	{"API rate limit, then fine", func(t *testing.T, s *session) {
		s.withContent().say("e429")
		s.counts(t, map[string]int{"api_error": 0, "api_request": 1, "assistant_response": 1})
	}},
	{"refusal", func(t *testing.T, s *session) {
		s.withContent().failing("refusal")
		s.counts(t, map[string]int{"api_refusal": 2, "api_request": 2})
	}},
	// What an administrator adds to every record may rename the service; the product stays what it is.
	{"renamed service", func(t *testing.T, s *session) {
		s.client.Env = append(s.client.Env, "OTEL_RESOURCE_ATTRIBUTES=service.name=payments-team")
		s.always = s.always[:1]
		s.withContent().say("bash", "--allowedTools", "Bash")
		s.counts(t, map[string]int{"user_prompt": 1, "tool_result": 1})
	}},
	{"resume", func(t *testing.T, s *session) {
		s.withContent().say("bash", "--allowedTools", "Bash")
		s.say("parallel", "--allowedTools", "Bash")
		s.counts(t, map[string]int{"user_prompt": 2, "managed_settings_resolved": 2, "tool_result": 4})
	}},
	{"killed client", killed},
	{"killed client, resumed", func(t *testing.T, s *session) {
		killed(t, s)
		s.say("bash", "--allowedTools", "Bash")
		s.counts(t, map[string]int{"user_prompt": 2, "managed_settings_resolved": 2})
	}},
	{"lost answer", lostAnswer},
	{"lost export", lostExport},
}

// counts checks how often events of some names reached the tee.
func (s *session) counts(t *testing.T, want map[string]int) {
	t.Helper()
	all, got := count(s.events()), map[string]int{}
	for name := range want {
		got[name] = all[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("the client did something else (-want +got):\n%s", diff)
	}
}

// killed ends a busy client with SIGKILL between two exports: while an export of events waits for its answer, the client
// goes on and gathers events that it will never send.
func killed(t *testing.T, s *session) {
	held, release := make(chan struct{}), make(chan struct{})
	holding := false
	s.tee.hook(nil, func(x export) {
		if x.signal != "logs" || holding || count(x.events)["api_request"] == 0 {
			return
		}
		holding = true
		close(held)
		<-release
	})
	defer s.tee.hook(nil, nil)
	r := s.withContent().begin("busy", "--allowedTools", "Bash")
	s.await("an export of requests", held)
	before, _ := s.askedBy(s.id)
	s.awaitAsked(len(before) + 2)
	if err := r.Kill(); err != nil {
		t.Errorf("kill claude: %v", err)
	}
	if code := r.Wait(t); code != -1 {
		t.Errorf("the killed client ended with %d", code)
	}
	close(release)
	asked, _ := s.askedBy(s.id)
	if got := count(s.events())["api_request"]; got == 0 || got >= len(asked) {
		t.Errorf("%d of %d requests reached the tee as events, want some and not all", got, len(asked))
	}
}

// lostAnswer keeps serve's answer to the first two exports of events from the client. Over HTTP the client sends them
// again, and they must not be stored again; over gRPC it takes them for lost.
func lostAnswer(t *testing.T, s *session) {
	lost := 0
	s.tee.hook(func(x export) verdict {
		if x.signal == "logs" && lost < 2 {
			lost++
			return lose
		}
		return pass
	}, nil)
	defer s.tee.hook(nil, nil)
	s.withContent().say("patient", "--allowedTools", "Bash")
	s.counts(t, map[string]int{"user_prompt": 1, "api_request": 4, "tool_result": 3})
	sent, exports := 0, s.exports()
	for _, x := range exports {
		sent += len(x.events)
	}
	if once := len(s.events()); exports[0].transport != "grpc" && sent <= once {
		t.Errorf("the client sent %d events, %d different ones; want some more than once", sent, once)
	}
}

// lostExport keeps the second export of events from serve and tells the client that it was refused: it drops them, and
// serve must see the gap.
func lostExport(t *testing.T, s *session) {
	exports := 0
	s.tee.hook(func(x export) verdict {
		if x.signal == "logs" {
			if exports++; exports == 2 {
				return drop
			}
		}
		return pass
	}, nil)
	defer s.tee.hook(nil, nil)
	s.withContent().say("patient", "--allowedTools", "Bash")
	events := s.events()
	if last := events[len(events)-1]; int64(len(events)) > last.Sequence {
		t.Errorf("nothing is missing in the middle:\n%s", describe(events))
	}
}
