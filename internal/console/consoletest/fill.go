package consoletest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Fill submits sessions as Claude Code reports them, the last of which ends at a time: about 30 records each, spread over
// the week before. The same seed gives the same records. One session has lost some of its events; some tool calls were
// denied. It returns the ids of the sessions, oldest first; the views have caught up.
func (b *Bench) Fill(sessions int, end time.Time) []string {
	b.T.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	ids := make([]string, 0, sessions)
	for i := range sessions {
		ago := time.Duration(float64(7*24*time.Hour) * float64(sessions-1-i) / float64(sessions))
		s := newSession(rnd, i, end.Add(-ago-20*time.Minute))
		drafts := s.drafts()
		if i == sessions/2 {
			drafts = append(drafts[:6:6], drafts[11:]...)
		}
		b.Submit("fleet", drafts...)
		ids = append(ids, s.id)
	}
	b.CatchUp()
	return ids
}

var people = []string{"dana@example.com", "kofi@example.com", "mireille@example.com", "søren@example.com", "aiko@example.com"}

type session struct {
	rnd    *rand.Rand
	id     string
	who    string
	device string
	at     time.Time
	n      int64
	list   []intake.Draft
}

func newSession(rnd *rand.Rand, i int, at time.Time) *session {
	return &session{
		rnd: rnd, id: fmt.Sprintf("5e55%04x-0000-4000-8000-%012x", i, rnd.Uint64()>>16), who: people[i%len(people)],
		device: fmt.Sprintf("%064x", i%len(people)+1), at: at,
	}
}

// event adds one event of the session.
func (s *session) event(typ string, activity audit.Activity, outcome audit.Outcome, edit func(*audit.Record)) {
	s.at = s.at.Add(time.Duration(200+s.rnd.IntN(9000)) * time.Millisecond).Truncate(time.Millisecond)
	n := s.n
	s.n++
	r := &audit.Record{
		Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: activity, Type: "claude_code." + typ,
		Outcome: outcome, Occurred: s.at, Observed: s.at, Sequence: &n, Container: "session/" + s.id,
		Service: audit.Service{Name: "claude-code", Version: "2.1.330", Scope: "com.anthropic.claude_code.events", ScopeVersion: "2.1.330"},
	}
	r.Keys.Session = s.id
	r.Account.Asserted.Email, r.Account.Asserted.Device = s.who, s.device
	r.Account.Proved.Credential = "fleet"
	r.Attributes = audit.Attrs{{Name: "event.name", Value: audit.String(typ)}, {Name: "event.sequence", Value: audit.Int(n)}}
	edit(r)
	s.list = append(s.list, intake.Draft{Record: r, Form: fmt.Appendf(nil, "%s %d", s.id, n)})
}

var tools = []struct{ name, mcp string }{{"Bash", ""}, {"Read", ""}, {"Edit", ""}, {"WebFetch", ""}, {"Grep", ""}, {"create_issue", "github"}, {"query", "warehouse"}}

func (s *session) drafts() []intake.Draft {
	for range 4 {
		prompt := fmt.Sprintf("%08x-0000-4000-8000-000000000000", s.rnd.Uint32())
		keyed := func(r *audit.Record) { r.Keys.Prompt = prompt }
		s.event("user_prompt", audit.ActivityPrompt, audit.OutcomeUnknown, func(r *audit.Record) {
			keyed(r)
			r.Attributes = append(r.Attributes, audit.Attr{Name: "prompt_length", Value: audit.Int(int64(20 + s.rnd.IntN(900)))})
		})
		s.list[len(s.list)-1].Pieces = []intake.Piece{{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte("tidy the ward list")}}
		for range 1 + s.rnd.IntN(2) {
			s.request(keyed)
			s.tool(keyed)
		}
		s.request(keyed)
	}
	return s.list
}

func (s *session) request(keyed func(*audit.Record)) {
	s.event("api_request", audit.ActivityModelRequest, audit.OutcomeSuccess, func(r *audit.Record) {
		keyed(r)
		r.Model, r.Keys.Request = "claude-sonnet-4-6", fmt.Sprintf("req_%012x", s.rnd.Uint64()>>16)
		r.Duration = int64(s.rnd.IntN(9000)) * int64(time.Millisecond)
		r.Attributes = append(r.Attributes,
			audit.Attr{Name: "model", Value: audit.String(r.Model)}, audit.Attr{Name: "input_tokens", Value: audit.Int(int64(s.rnd.IntN(4000)))},
			audit.Attr{Name: "output_tokens", Value: audit.Int(int64(s.rnd.IntN(900)))}, audit.Attr{Name: "cost_usd", Value: audit.Double(0.0123)})
	})
}

func (s *session) tool(keyed func(*audit.Record)) {
	tool, use := tools[s.rnd.IntN(len(tools))], fmt.Sprintf("toolu_%012x", s.rnd.Uint64()>>16)
	with := func(r *audit.Record) {
		keyed(r)
		r.Tool, r.MCP, r.Keys.ToolUse = tool.name, tool.mcp, use
		r.Attributes = append(r.Attributes, audit.Attr{Name: "tool_name", Value: audit.String(tool.name)})
	}
	outcome, result := audit.OutcomeSuccess, audit.OutcomeSuccess
	switch s.rnd.IntN(12) {
	case 0:
		outcome = audit.OutcomeDenied
	case 1:
		result = audit.OutcomeFailure
	}
	s.event("tool_decision", audit.ActivityToolDecision, outcome, func(r *audit.Record) {
		with(r)
		r.Attributes = append(r.Attributes, audit.Attr{Name: "source", Value: audit.String("config")})
	})
	if outcome == audit.OutcomeDenied {
		return
	}
	s.event("tool_result", audit.ActivityToolResult, result, func(r *audit.Record) {
		with(r)
		r.Duration = int64(s.rnd.IntN(3000)) * int64(time.Millisecond)
		r.Attributes = append(r.Attributes, audit.Attr{Name: "duration_ms", Value: audit.Int(r.Duration / 1e6)})
	})
	s.list[len(s.list)-1].Pieces = []intake.Piece{{Name: "tool_parameters", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(`{"command":"ls"}`)}}
}
