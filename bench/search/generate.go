package main

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// year is the time the records lie in.
var (
	yearStart = time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC)
	yearEnd   = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
)

const sessionRecords = 40 // on average

// generator invents records in the order in which they arrive: sessions of some forty records run side by side, more of
// them by day than by night; some laptops are offline and deliver hours later.
type generator struct {
	r         *rand.Rand
	users     int
	left      int
	next      time.Time // when the next session begins
	pause     time.Duration
	running   sessions
	sample    []string // sessions to ask for, spread over the year
	requests  []string
	delivered int
}

// session is one session under way.
type session struct {
	id, prompt, request, tool string
	user                      int
	at                        time.Time // when its next record occurs
	late                      time.Duration
	left, step                int
	toolName                  string
}

func newGenerator(seed uint64, records, users int) *generator {
	g := &generator{r: rand.New(rand.NewPCG(seed, uint64(records))), users: users, left: records, next: yearStart}
	g.pause = yearEnd.Add(-14*24*time.Hour).Sub(yearStart) / (time.Duration(records)/sessionRecords + 1)
	return g
}

func (g *generator) uuid() string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", g.r.Uint32(), g.r.Uint32()&0xffff, g.r.Uint32()&0xfff, 0x8000|g.r.Uint32()&0x3fff, g.r.Uint64()&0xffffffffffff)
}

// record invents the next record, nil at the end.
func (g *generator) record() *audit.Record {
	if g.left == 0 {
		return nil
	}
	g.left--
	for len(g.running) == 0 || g.next.Before(g.running[0].arrives()) {
		g.begin()
	}
	s := g.running[0]
	rec := g.make(s)
	g.delivered++
	s.left--
	s.step++
	s.at = s.at.Add(time.Duration(g.r.ExpFloat64() * float64(40*time.Second)))
	if s.left == 0 {
		heap.Pop(&g.running)
	} else {
		heap.Fix(&g.running, 0)
	}
	return rec
}

// begin starts a session and chooses when the next one does: ten times as many by day as by night and at weekends.
func (g *generator) begin() {
	s := &session{
		id: g.uuid(), prompt: g.uuid(), user: int(float64(g.users) * g.r.Float64() * (0.3 + 0.7*g.r.Float64())), at: g.next, left: 1 + g.r.IntN(2*sessionRecords-1),
	}
	if g.r.IntN(50) == 0 {
		s.late = time.Duration(g.r.Int64N(int64(24 * time.Hour)))
	}
	if g.r.IntN(64) == 0 && len(g.sample) < 5000 {
		g.sample = append(g.sample, s.id)
	}
	heap.Push(&g.running, s)
	pause := float64(g.pause) * 0.44
	if h, d := g.next.Hour(), g.next.Weekday(); h < 7 || h >= 19 || d == time.Saturday || d == time.Sunday {
		pause *= 10
	}
	g.next = g.next.Add(time.Duration(pause * g.r.ExpFloat64()))
}

func (s *session) arrives() time.Time { return s.at.Add(s.late) }

type sessions []*session

func (h sessions) Len() int           { return len(h) }
func (h sessions) Less(i, j int) bool { return h[i].arrives().Before(h[j].arrives()) }
func (h sessions) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sessions) Push(x any)        { *h = append(*h, x.(*session)) }
func (h *sessions) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

var tools = []string{"Bash", "Read", "Edit", "Grep", "Write", "Glob", "WebFetch", "Task", "TodoWrite", "mcp__jira__search", "mcp__jira__comment", "mcp__lab__query"}

func email(user int) string { return fmt.Sprintf("user%03d@example.com", user) }

// make invents one record of a session: prompt, then rounds of request, decision and result.
func (g *generator) make(s *session) *audit.Record {
	at := s.at.Truncate(time.Millisecond)
	rec := &audit.Record{
		Version: audit.SchemaVersion, ID: fmt.Sprintf("%016x%016x", g.r.Uint64(), g.r.Uint64()), Normaliser: "otlp/1", Source: audit.SourceOTelLog,
		Surface: audit.SurfaceClaudeCode, Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Recorded: s.arrives().Add(5 * time.Second),
		IP:        fmt.Sprintf("203.0.%d.%d", s.user%200, 1+(s.user*7+at.YearDay()/3)%250),
		Service:   audit.Service{Name: "claude-code", Version: fmt.Sprintf("2.1.%d", 200+at.YearDay()/4), Scope: "com.anthropic.claude_code.events"},
		Container: "session/laptops/" + s.id,
		Resource:  audit.Attrs{{Name: "os.type", Value: audit.String("linux")}, {Name: "host.arch", Value: audit.String("amd64")}},
	}
	rec.Account.Asserted = audit.Identity{
		User: fmt.Sprintf("user_01%022d", s.user), UUID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", s.user), Email: email(s.user), Org: "org-1",
		Device: fmt.Sprintf("%064x", s.user*31), OSUser: fmt.Sprintf("u%03d", s.user),
	}
	rec.Account.Proved.Credential = fmt.Sprintf("team-%02d", s.user%20)
	seq := int64(s.step)
	rec.Sequence = &seq
	rec.Keys = audit.Keys{Session: s.id, Prompt: s.prompt}
	number := func(name string, n int) audit.Attr {
		return audit.Attr{Name: name, Value: audit.Int(int64(g.r.IntN(n)))}
	}
	switch model := []string{"claude-opus-5-5", "claude-sonnet-5", "claude-haiku-5"}[s.user%3]; {
	case s.step%13 == 0:
		s.prompt = g.uuid()
		rec.Keys.Prompt = s.prompt
		rec.Activity, rec.Type = audit.ActivityPrompt, "user_prompt"
		rec.Attributes = audit.Attrs{number("prompt_length", 4000)}
		rec.Content = []audit.Content{{Name: "prompt", Class: audit.ClassText, Kind: "string", Bytes: 812, Withheld: audit.WithheldPolicy}}
	case s.step%13%3 == 1:
		s.request = fmt.Sprintf("req_011%021x", g.r.Uint64())
		rec.Activity, rec.Type, rec.Model = audit.ActivityModelRequest, "api_request", model
		rec.Keys.Request, rec.Keys.ClientRequest = s.request, g.uuid()
		if g.r.IntN(200) == 0 && len(g.requests) < 5000 {
			g.requests = append(g.requests, s.request)
		}
		rec.Attributes = audit.Attrs{number("input_tokens", 5000), number("output_tokens", 3000), number("cache_read_tokens", 90000), number("duration_ms", 20000), {Name: "cost_usd", Value: audit.Double(g.r.Float64())}}
		if g.r.IntN(60) == 0 {
			rec.Activity, rec.Type, rec.Outcome = audit.ActivityError, "api_error", audit.OutcomeFailure
		}
	case s.step%13%3 == 2:
		s.tool, s.toolName = fmt.Sprintf("toolu_01%022x", g.r.Uint64()), tools[min(g.r.IntN(len(tools)), g.r.IntN(len(tools)))]
		rec.Activity, rec.Type = audit.ActivityToolDecision, "tool_decision"
		rec.Attributes = audit.Attrs{{Name: "decision", Value: audit.String("accept")}, {Name: "decision_source", Value: audit.String("config")}}
		if g.r.IntN(40) == 0 {
			rec.Outcome = audit.OutcomeDenied
		}
		rec.Tool, rec.Keys.ToolUse = s.toolName, s.tool
	default:
		rec.Activity, rec.Type = audit.ActivityToolResult, "tool_result"
		rec.Attributes = audit.Attrs{number("duration_ms", 9000), number("tool_result_size_bytes", 60000), {Name: "success", Value: audit.Bool(true)}}
		rec.Content = []audit.Content{{Name: "tool_input", Class: audit.ClassDetail, Kind: "string", Bytes: 211, Address: fmt.Sprintf("%064x", g.r.Uint64())}}
		rec.Tool, rec.Keys.ToolUse = s.toolName, s.tool
		if g.r.IntN(12) == 0 {
			rec.Outcome = audit.OutcomeFailure
		}
		if g.r.IntN(4) == 0 { // the same, as the client's hook saw it
			rec.Source, rec.Type, rec.Normaliser = audit.SourceHookClient, "PostToolUse", "hook/1"
		}
	}
	if len(rec.Tool) > 5 && rec.Tool[:5] == "mcp__" {
		rec.MCP = rec.Tool[5:8]
	}
	return rec
}
