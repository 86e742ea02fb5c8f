package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// generate makes canonical bytes of records as agents, the feed and the gateway deliver them; a few in a hundred match some rule.
func generate(n int) [][]byte {
	r := rand.New(rand.NewPCG(20, 26))
	list := make([][]byte, n)
	for i := range list {
		list[i] = record(r, i).AppendCanonical(nil)
	}
	return list
}

func record(r *rand.Rand, i int) *audit.Record {
	at := time.Date(2026, 11, 1, 0, 0, i, r.IntN(1e9), time.UTC)
	seq := int64(i)
	person := fmt.Sprintf("person%d@example.com", r.IntN(5000))
	rec := &audit.Record{
		Version: 1, ID: fmt.Sprintf("%032x", r.Uint64()), Normaliser: "bench/1", Surface: audit.SurfaceClaudeCode, Outcome: audit.OutcomeSuccess,
		Occurred: at, Observed: at.Add(time.Millisecond), Recorded: at.Add(time.Second),
		Account: audit.Account{
			Asserted: audit.Identity{User: fmt.Sprintf("user_%016x", r.Uint64()), Email: person, Device: fmt.Sprintf("%064x", r.Uint64())},
			Proved:   audit.Identity{Credential: "fleet"},
		},
		Keys:      audit.Keys{Session: fmt.Sprintf("%032x", r.Uint64()), Prompt: fmt.Sprintf("%032x", r.Uint64())},
		IP:        fmt.Sprintf("203.0.113.%d", r.IntN(250)),
		Container: "session/fleet/1", Sequence: &seq,
		Service:  audit.Service{Name: "claude-code", Version: "2.1.0", Scope: "com.anthropic.claude_code.events"},
		Resource: audit.Attrs{audit.TextAttr("host.arch", "arm64"), audit.TextAttr("os.type", "darwin"), audit.TextAttr("os.version", "25.1.0")},
	}
	rule := r.IntN(2000) // matches where there is such a rule
	switch r.IntN(5) {
	case 0:
		rec.Source, rec.Activity, rec.Type = audit.SourceOTelLog, audit.ActivityModelRequest, "api_request"
		rec.Model = fmt.Sprint("model-", rule)
		rec.Attributes = audit.Attrs{
			audit.CountAttr("input_tokens", r.Int64N(9000)), audit.CountAttr("output_tokens", r.Int64N(900)), audit.CountAttr("cache_read_tokens", r.Int64N(90000)),
			{Name: "cost_usd", Value: audit.Double(300 * r.Float64())}, audit.CountAttr("duration_ms", r.Int64N(9000)), audit.TextAttr("request_id", fmt.Sprintf("req_%016x", r.Uint64())),
		}
	case 1:
		rec.Source, rec.Activity, rec.Type = audit.SourceOTelLog, audit.ActivityToolResult, "tool_result"
		rec.Outcome = []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure}[r.IntN(2)]
		rec.Attributes = audit.Attrs{audit.TextAttr("tool_name", fmt.Sprint("tool_", rule)), audit.TextAttr("success", "true"), audit.CountAttr("duration_ms", r.Int64N(900)), audit.CountAttr("tool_result_size_bytes", r.Int64N(90000))}
		rec.Tool = "tool"
	case 2:
		rec.Source, rec.Surface, rec.Activity, rec.Type = audit.SourceComplianceActivity, audit.SurfaceChat, audit.ActivityView, fmt.Sprint("activity_type_", rule)
		rec.Attributes = audit.Attrs{audit.TextAttr("actor.type", "user_actor"), audit.TextAttr("actor.user_agent", "Mozilla/5.0"), audit.TextAttr("claude_chat_id", fmt.Sprintf("claude_chat_%016x", r.Uint64()))}
	case 3:
		rec.Source, rec.Activity, rec.Type = audit.SourceOTelLog, audit.ActivityConnection, "mcp_server_connection"
		rec.Attributes = audit.Attrs{audit.TextAttr("mcp_server_name", fmt.Sprintf("corp-server-%d-%s", rule, []string{"eu", "us"}[r.IntN(2)])), audit.TextAttr("status", "connected"), audit.TextAttr("transport_type", "stdio")}
	default:
		rec.Source, rec.Surface, rec.Activity, rec.Type = audit.SourceComplianceActivity, audit.SurfaceConsole, audit.ActivitySettingChange, "org_settings_updated"
		for n := range 1 + r.IntN(3) {
			rec.Attributes = append(rec.Attributes, audit.TextAttr(fmt.Sprintf("updates.%d.type", n), fmt.Sprint("setting_", r.IntN(2000))),
				audit.Attr{Name: fmt.Sprintf("updates.%d.current_value", n), Value: audit.Bool(r.IntN(2) == 0)})
		}
	}
	return rec
}
