package policy_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/policy"
)

// TestMemoryNeverChangesAVerdict judges events that differ in one thing each, over and over, with a memory and without.
func TestMemoryNeverChangesAVerdict(t *testing.T) {
	t.Parallel()
	const rules = `
rules:
  - {id: let, title: T, points: [prompt], who: {groups: [trusted]}, effect: allow, severity: low, mode: enforce}
  - {id: source, title: T, points: [prompt], sources: [gateway.llm], effect: flag, severity: low}
  - {id: surface, title: T, points: [prompt], when: "surface == 'chat'", effect: flag, severity: low}
  - {id: model, title: T, points: [prompt], when: "model.startsWith('x')", effect: flag, severity: low}
  - {id: kind, title: T, points: [prompt], kinds: [document], effect: flag, severity: low}
  - {id: tool, title: T, points: [prompt], tools: [Bash], effect: flag, severity: low}
  - {id: screen, title: T, points: [prompt], when: "ui.kind == 'browser'", effect: flag, severity: low}
  - {id: capable, title: T, points: [prompt], when: "'web_fetch' in capabilities", effect: flag, severity: low}
  - {id: who, title: T, points: [prompt], when: "account.asserted.email == 'a@example.com'", effect: flag, severity: low}
  - {id: session, title: T, points: [prompt], when: "session == 's'", effect: flag, severity: low}
  - {id: marked, title: T, points: [prompt], when: "'hot' in marks", effect: flag, severity: low}
  - {id: partial, title: T, points: [prompt], when: "partial", effect: flag, severity: low}
  - {id: word, title: T, points: [prompt], when: "text.has('word')", effect: flag, severity: low}
  - {id: key, title: T, points: [prompt], detectors: [credential], effect: deny, message: No., severity: low, mode: enforce,
     exceptions: [{who: {devices: [d]}, reason: r, approved_by: a, until: 2026-06-01}, {when: "kind == 'system'", reason: q, approved_by: a, until: 2027-06-01}]}
`
	cfg := config(t, rules)
	with, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	cfg.CacheSpans = 0
	without, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	base := policy.Event{Point: policy.PointPrompt, Text: "key " + secret, At: time.Date(2026, 5, 31, 23, 0, 0, 0, time.UTC)}
	base.Account.Proved.Device = "d"
	changes := []func(*policy.Event){
		func(e *policy.Event) {},
		func(e *policy.Event) { e.Source = audit.SourceGatewayLLM },
		func(e *policy.Event) { e.Surface = audit.SurfaceChat },
		func(e *policy.Event) { e.Model = "x1" },
		func(e *policy.Event) { e.Kind = "document" },
		func(e *policy.Event) { e.Kind = "system" },
		func(e *policy.Event) { e.Tool = "Bash" },
		func(e *policy.Event) { e.Tool, e.MCP = "Bash", "shell" },
		func(e *policy.Event) { e.Tool = "mcp__claude-in-chrome__navigate" },
		func(e *policy.Event) { e.Capabilities = []string{"web_fetch"} },
		func(e *policy.Event) { e.Account.Asserted.Email = "a@example.com" },
		func(e *policy.Event) { e.Account.Proved.Groups = []string{"trusted"} },
		func(e *policy.Event) { e.Account.Asserted.Groups = []string{"trusted"} },
		func(e *policy.Event) { e.Account.Proved.Device = "" },
		func(e *policy.Event) { e.Keys.Session = "s" },
		func(e *policy.Event) { e.Marks = []string{"hot"} },
		func(e *policy.Event) { e.Partial = true },
		func(e *policy.Event) { e.Text = "a word" },
		func(e *policy.Event) { e.Text = "" },
		func(e *policy.Event) { e.At = e.At.Add(time.Hour) },
		func(e *policy.Event) { e.At = time.Time{} },
		func(e *policy.Event) { e.Arguments = []byte(`{"a":1,"a":2}`) },
		func(e *policy.Event) { e.Point = policy.PointResponse },
	}
	distinct := map[string]bool{}
	for range 2 {
		for i, first := range changes {
			for j, second := range changes {
				ev := base
				first(&ev)
				second(&ev)
				got, want := judge(t, with, ev), judge(t, without, ev)
				if (got.Failed == nil) != (want.Failed == nil) {
					t.Fatalf("change %d and %d: failed %v, without memory %v", i, j, got.Failed, want.Failed)
				}
				got.Failed, want.Failed = nil, nil
				if !reflect.DeepEqual(want, got) {
					t.Fatalf("change %d and %d: memory changed the verdict: %s", i, j, cmp.Diff(want, got))
				}
				distinct[fmt.Sprint(want)] = true
			}
		}
	}
	if len(distinct) < 50 {
		t.Errorf("only %d verdicts were told apart: the events do not differ enough", len(distinct))
	}
}
