package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// place is where something was judged.
type place struct {
	point      policy.Point
	block      string // "messages[3].content[0]"
	kind       string // of the block
	tool, mcp  string
	toolUse    string
	remembered string // what is the same each time the block is sent; "" for an answer, which comes once
}

// judged records what policy said of a request's blocks.
func (x *Exchange) judged(req *messages.Request, judged []Judged) []entry {
	var list []entry
	for i, j := range judged {
		if j.Block < 0 || j.Block >= len(req.Blocks) {
			continue
		}
		if len(list) >= mostEntries {
			x.unsaid += len(judged) - i
			break
		}
		b := &req.Blocks[j.Block]
		p := place{point: pointOf(b), block: placeOf(b), kind: b.Type, remembered: string(b.Hash[:])}
		p.mcp, p.tool = splitMCP(first(b.Tool, x.tools[b.ID]))
		if b.Server != "" {
			p.mcp = plain(b.Server)
		}
		if b.Part == messages.Message {
			p.toolUse = plain(b.ID)
		}
		list = append(list, x.verdict(p, &j.Verdict)...)
	}
	return list
}

// answerVerdicts records what policy said of a block of the answer.
func (x *Exchange) answerVerdicts(b *messages.ReplyBlock, verdicts []policy.Verdict) []entry {
	p := place{point: policy.PointResponse, block: fmt.Sprintf("answer[%d]", b.Index), kind: b.Type}
	if b.Tool != "" {
		p.point, p.toolUse = policy.PointToolCall, plain(b.ID)
		if p.mcp, p.tool = splitMCP(b.Tool); b.Server != "" {
			p.mcp = plain(b.Server)
		}
	}
	var list []entry
	for i := range verdicts {
		list = append(list, x.verdict(p, &verdicts[i])...)
	}
	return list
}

func pointOf(b *messages.Block) policy.Point {
	switch {
	case b.Part != messages.Message:
		return policy.PointPrompt
	case isResult(b):
		return policy.PointToolResult
	case b.Role == "assistant" && b.Tool != "":
		return policy.PointToolCall
	case b.Role == "assistant":
		return policy.PointResponse
	}
	return policy.PointPrompt
}

func placeOf(b *messages.Block) string {
	if b.Part != messages.Message {
		return fmt.Sprintf("%s[%d]", b.Part, b.Index)
	}
	if b.Index < 0 {
		return fmt.Sprintf("messages[%d].%s", b.Message, plain(b.Type))
	}
	return fmt.Sprintf("messages[%d].content[%d]", b.Message, b.Index)
}

var activities = map[policy.Point]audit.Activity{
	policy.PointPrompt: audit.ActivityPrompt, policy.PointResponse: audit.ActivityResponse, policy.PointToolCall: audit.ActivityToolCall,
	policy.PointToolResult: audit.ActivityToolResult,
}

// verdict makes a record of each rule that matched, and one of what could not be judged.
func (x *Exchange) verdict(p place, v *policy.Verdict) []entry {
	var list []entry
	for i := range v.Matches {
		m := &v.Matches[i]
		stopped := m.Effect == policy.Deny && m.Mode == policy.Enforce && m.Exception == ""
		e := x.verdictEntry(p, v, stopped)
		e.rec.Rule = plain(m.Rule)
		e.text("effect", plain(string(m.Effect)))
		e.text("mode", plain(string(m.Mode)))
		e.text("severity", plain(m.Severity))
		e.text("findings", findings(m.Findings))
		e.text("exception", plain(m.Exception))
		e.list("controls", strs(m.Controls))
		e.list("techniques", strs(m.Techniques))
		if m.Mode == policy.Enforce && m.Exception == "" && m.Rule == v.Rule && v.Effect == policy.Deny {
			e.text("message_shown", v.Message)
		}
		x.keepVerdict(&list, e, p, stopped, m.Rule, v.RuleSet, string(m.Effect), string(m.Mode), m.Exception)
	}
	if v.Failed != nil {
		stopped := v.Effect == policy.Deny && len(v.Matches) == 0
		e := x.verdictEntry(p, v, stopped)
		e.text("effect", plain(string(v.Effect)))
		e.text("failed", whyFailed(v.Failed))
		if stopped {
			e.text("message_shown", v.Message)
		}
		x.keepVerdict(&list, e, p, stopped, "", v.RuleSet, whyFailed(v.Failed))
	}
	return list
}

func (x *Exchange) verdictEntry(p place, v *policy.Verdict, stopped bool) entry {
	e := x.entry(typeVerdict, activities[p.point], audit.OutcomeSuccess)
	if stopped {
		e.rec.Outcome = audit.OutcomeDenied
	}
	e.rec.Tool, e.rec.MCP, e.rec.Keys.ToolUse = p.tool, p.mcp, p.toolUse
	e.text("point", string(p.point))
	e.text("rule_set", plain(v.RuleSet))
	e.text("block", p.block)
	e.text("block_type", plain(p.kind))
	return e
}

// keepVerdict keeps a verdict. What was only noticed is noticed once of each block, for it is sent again with every
// request; what was stopped was stopped anew.
func (x *Exchange) keepVerdict(list *[]entry, e entry, p place, stopped bool, fields ...string) {
	fields = append(fields, string(p.point), p.block)
	if p.remembered == "" || stopped || x.base.Keys.Session == "" {
		e.form = form(append([]string{x.id, "verdict"}, fields...)...)
	} else {
		fields[len(fields)-1] = p.remembered // wherever it stands
		e.form = form(append([]string{x.base.Container, x.base.Keys.Agent, "verdict"}, fields...)...)
		if e.forever = true; !x.r.seen.first(x.base.Container, e.form) {
			return
		}
	}
	*list = append(*list, e)
}

// findings counts what detectors found, by kind: "credential.aws_access_key 2, personal.card 1". Never what it was.
func findings(list []policy.Finding) string {
	counts := make(map[string]int)
	for _, f := range list {
		counts[plain(f.Detector)+"."+plain(f.Kind)]++
	}
	type kind struct {
		name string
		n    int
	}
	var kinds []kind
	for name, n := range counts {
		kinds = append(kinds, kind{name, n})
	}
	slices.SortFunc(kinds, func(a, b kind) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.name, b.name)) })
	var text []string
	for _, k := range kinds {
		text = append(text, fmt.Sprintf("%s %d", k.name, k.n))
	}
	return strings.Join(text, ", ")
}

func whyFailed(err error) string {
	switch {
	case errors.Is(err, policy.ErrIncomplete):
		return "incomplete"
	case errors.Is(err, policy.ErrMalformed):
		return "malformed"
	}
	return "engine"
}
