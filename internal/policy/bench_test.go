package policy_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/policy"
)

func starterEngine(b *testing.B, change func(*policy.Config)) *policy.Engine {
	b.Helper()
	cfg := policy.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func evaluate(b *testing.B, e *policy.Engine, ev policy.Event) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(ev.Text)))
	for b.Loop() {
		if v := e.Evaluate(b.Context(), ev); v.Failed != nil {
			b.Fatal(v.Failed)
		}
	}
}

// prose is some text a developer may paste, of n bytes.
func prose(n int) string {
	const line = "The handler in internal/api/orders.go returns 200 before the transaction commits; see https://example.com/docs and ask ops@example.com. id=3f1c9a77-5b1e-4d0c-9a63-0b6a1f0c2d11\n"
	return strings.Repeat(line, n/len(line)+1)[:n]
}

// BenchmarkToolCall is one call of a shell against the starter rules, nothing cached.
func BenchmarkToolCall(b *testing.B) {
	e := starterEngine(b, func(c *policy.Config) { c.CacheSpans = 0 })
	evaluate(b, e, policy.Event{Point: policy.PointToolCall, Tool: "Bash", Arguments: []byte(`{"command":"go test ./internal/policy/... 2>&1 | tail -20","description":"Run tests"}`)})
}

// BenchmarkFirstPrompt is the first request of a conversation: 50 KB that nobody has seen.
func BenchmarkFirstPrompt(b *testing.B) {
	e := starterEngine(b, func(c *policy.Config) { c.CacheSpans = 0 })
	evaluate(b, e, policy.Event{Point: policy.PointPrompt, Kind: "text", Text: prose(50_000)})
}

// BenchmarkKnownSpan is the same text again, under a digest the caller has.
func BenchmarkKnownSpan(b *testing.B) {
	e := starterEngine(b, nil)
	text := prose(50_000)
	evaluate(b, e, policy.Event{Point: policy.PointPrompt, Kind: "text", Text: text, Span: sha256.Sum256([]byte(text))})
}

// BenchmarkDecision is one rule with four conditions, as engines are compared by.
func BenchmarkDecision(b *testing.B) {
	cfg := policy.DefaultConfig()
	cfg.Starter = false
	cfg.Files = []string{"testdata/decision.yaml"}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		b.Fatal(err)
	}
	evaluate(b, e, policy.Event{Point: policy.PointMCPCall, Tool: "deploy", MCP: "ci", Surface: "claude_code", Arguments: []byte(`{"env":"prod","force":true}`)})
}
