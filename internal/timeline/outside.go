package timeline

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// ShortType leaves out the product that every span of it begins with.
func ShortType(typ string) string { return strings.TrimPrefix(typ, "claude_code.") }

// outside sums up in words what belongs to no prompt, so that it can be folded away.
type outside struct {
	settings, start                                      bool
	plugins, hooks, connected, disconnected, unavailable int64
	metrics, runs                                        int64
	mode                                                 string // that the client changed to last
	modes                                                int64
	others                                               []kindCount
	left                                                 int64 // of kinds beyond those
}

type kindCount struct {
	kind string
	n    int64
}

// Summary says what the steps of a turn without a prompt hold: "Start: 2 plugins, 3 hooks, 4 MCP servers connected". It
// quotes names the client chose.
func (t *Timeline) Summary(turn *Turn) string {
	var o outside
	for i := turn.First; i < turn.Last; i++ {
		if s := &t.Steps[i]; s.Kind == KindHook {
			o.runs++
		} else if s.Kind == KindEvent && s.Lead >= 0 {
			o.add(t.Items[s.Lead].Record)
		}
	}
	return o.words(&turn.Counts)
}

func (o *outside) add(r *audit.Record) {
	text := func(name string) string {
		v, _ := r.Attributes.Get(name)
		return v.Text()
	}
	switch {
	case r.Source == audit.SourceOTelMetric:
		o.metrics++
	case r.Type == "managed_settings_resolved":
		o.settings, o.start = true, true
	case r.Type == "plugin_loaded":
		o.plugins++
		o.start = true
	case r.Type == "hook_registered":
		o.hooks++
		o.start = true
	case r.Type == "permission_mode_changed":
		o.modes++
		o.mode = cmp.Or(text("to_mode"), o.mode)
	case r.Type == "mcp_server_connection" && r.Outcome == audit.OutcomeFailure:
		o.unavailable++
	case r.Type == "mcp_server_connection" && text("status") == "disconnected":
		o.disconnected++
	case r.Type == "mcp_server_connection":
		o.connected++
	default:
		o.other(ShortType(r.Type))
	}
}

// other counts what has no words of its own by type, a few of them.
func (o *outside) other(kind string) {
	for i := range o.others {
		if o.others[i].kind == kind {
			o.others[i].n++
			return
		}
	}
	if len(o.others) == 4 {
		o.left++
		return
	}
	o.others = append(o.others, kindCount{kind, 1})
}

func (o *outside) words(c *Counts) string {
	var parts []string
	some := func(n int64, one, many string) {
		switch {
		case n == 1:
			parts = append(parts, "1 "+one)
		case n > 1:
			parts = append(parts, strconv.FormatInt(n, 10)+" "+many)
		}
	}
	if o.settings && o.plugins+o.hooks == 0 {
		parts = append(parts, "settings resolved")
	}
	some(o.plugins, "plugin", "plugins")
	some(o.hooks, "hook", "hooks")
	some(o.connected, "MCP server connected", "MCP servers connected")
	some(o.unavailable, "MCP server not reached", "MCP servers not reached")
	some(o.disconnected, "MCP server disconnected", "MCP servers disconnected")
	some(int64(c.Prompts), "prompt", "prompts")
	some(int64(c.Requests), "model request", "model requests")
	some(int64(c.Tools), "tool use", "tool uses")
	some(int64(c.Replies), "reply", "replies")
	some(int64(c.Agents), "sub-agent", "sub-agents")
	some(o.runs, "hook run", "hook runs")
	if o.modes > 0 {
		change := "permission mode changed"
		if o.mode != "" {
			change += " to " + o.mode
		}
		parts = append(parts, change)
	}
	some(o.metrics, "export of metrics", "exports of metrics")
	for _, k := range o.others {
		some(k.n, k.kind, k.kind)
	}
	some(o.left, "other", "others")
	said := strings.Join(parts, ", ")
	if o.start {
		return "Start: " + said
	}
	return said
}

// Folds reports whether a turn may be shown by its summary alone: it belongs to no prompt, nobody did anything in it, and
// nothing in it went wrong.
func (t *Timeline) Folds(turn *Turn) bool {
	if turn.Number > 0 || turn.Gap || turn.Counts.Prompts+turn.Counts.Tools+turn.Counts.Replies > 0 {
		return false
	}
	for i := turn.First; i < turn.Last; i++ {
		if s := &t.Steps[i]; s.Bad() != "" || s.Kind == KindGap || len(s.Discrepancies) > 0 {
			return false
		}
	}
	return true
}
