package consoletest

import (
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Mark is in every hostile value, so that a test finds where it came out.
const Mark = "h0st1le"

// HostileValues try what recorded text can do to whoever shows it.
func HostileValues() []string {
	return []string{
		`<script>document.title="` + Mark + `"</script>`,
		`"><img src=x onerror=alert(1) class=` + Mark + `>`,
		`' onmouseover='alert(1)' x='` + Mark,
		`</bdi></td></table></main><h1 id=` + Mark + `>x</h1>`,
		`</textarea></title></style></script><svg onload=alert(1)>` + Mark,
		"javascript:alert(1)//" + Mark,
		`{{.CSRF}}` + Mark + `${alert(1)}`,
		"\x1b]0;" + Mark + "\x07\x1b[2J\x1b[31m",
		"\u202e\u2066" + Mark + "\u200b\ufeff\u2069",
		"\xff\xfe" + Mark + "\xc0\xaf",
		"\x00\x08\r\n\t" + Mark + "\u0085\u2028",
		`=cmd|' /C calc'!A0` + Mark,
		`../../../` + Mark + `/%2e%2e/?q=a&b#c`,
		Mark + strings.Repeat("A", 10_000),
	}
}

// Hostile submits one record for each hostile value, with it in every field that takes text, and one with a line of a
// megabyte, and returns their positions. The views have caught up.
func (b *Bench) Hostile(at time.Time) []uint64 {
	b.T.Helper()
	var drafts []intake.Draft
	for i, v := range HostileValues() {
		drafts = append(drafts, intake.Draft{
			Record: hostileRecord(v, at.Add(time.Duration(i)*time.Millisecond)), Form: fmt.Appendf(nil, "hostile %d", i),
			Pieces: []intake.Piece{{Name: v, Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(v)}},
		})
	}
	long := hostileRecord(Mark, at)
	long.Type, long.Tool = strings.Repeat("long ", 200_000)+Mark, Mark+strings.Repeat("A", 1<<20)
	drafts = append(drafts, intake.Draft{Record: long, Form: []byte("hostile and long")})
	seqs := b.Submit("fleet", drafts...)
	b.CatchUp()
	return seqs
}

func hostileRecord(v string, at time.Time) *audit.Record {
	who := audit.Identity{User: v, UUID: v, Email: v, Subject: v, Org: v, Key: v, Service: v, Device: v, OSUser: v, Groups: []string{v, v}, Credential: v}
	attrs := audit.Attrs{
		{Name: v, Value: audit.String(v)}, {Name: v + "2", Value: audit.Array(audit.String(v), audit.Int(1))}, {Name: "empty" + v, Value: audit.Value{}},
		{Name: "event.name", Value: audit.String(v)}, {Name: "error_type", Value: audit.String(v)},
	}
	n := int64(7)
	return &audit.Record{
		Normaliser: v, Source: audit.Source(v), Surface: audit.Surface(v), Activity: audit.ActivityToolResult, Type: v, Outcome: audit.Outcome(v),
		Occurred: at, Observed: at, Account: audit.Account{Asserted: who, Proved: who},
		Keys: audit.Keys{Session: v, Prompt: v, Request: v, ClientRequest: v, ToolUse: v, Message: v, Chat: v, Project: v, Agent: v, ParentAgent: v,
			Workflow: v, Body: v, Trace: v, Span: v, ParentSpan: v},
		Tool: v, MCP: v, Model: v, Rule: v, Case: v, IP: v, Sequence: &n, Duration: 12345678,
		Service:   audit.Service{Name: v, Version: v, Scope: v, ScopeVersion: v},
		Container: ("session/" + v)[:min(len(v), 500)], Resource: attrs, Attributes: attrs,
		Parts: []audit.Part{{Kind: "event", Name: v, Unit: v, Form: v, Trace: v, Span: v, Time: at, Value: audit.String(v), Attributes: attrs}},
		Flags: []string{v, audit.FlagIdentityMismatch}, Supersedes: v,
	}
}
