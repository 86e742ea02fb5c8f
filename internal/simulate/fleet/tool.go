package fleet

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func (pl *player) tool(a *world.Act) {
	t, d, g := a.Tool, &pl.dialect, pl.p.Client.Gates
	end := a.At
	if t.Accepted {
		end = end.Add(t.Duration)
	}
	pl.reach(a, end)
	pl.edits(a, end)
	open := g.ToolDetails || !d.gated
	if d.headless || pl.p.Interactive {
		pl.event(a, a.At, "tool_decision", blocked(a.Keys.Span), func(l *attributes) {
			l.str("decision", decision(t))
			l.str("source", t.By)
			l.str("tool_name", pl.toolName(t))
			pl.toolUse(l, a)
			if d.ids {
				l.str("tool_source", map[bool]string{true: "mcp", false: "builtin"}[t.Server != nil])
			}
			if open {
				l.some("tool_parameters", pl.parameters(a, false))
			}
			if d.latest {
				l.str("permission_mode", pl.mode)
				l.some("request_id", a.Keys.Request)
				l.some("agent_id", a.Keys.Agent)
			}
		})
	}
	if t.Accepted {
		pl.event(a, end, "tool_result", pl.root(a), func(l *attributes) { pl.result(l, a) })
	}
	pl.toolSpans(a, end)
}

func decision(t *world.ToolAct) string {
	if t.Accepted {
		return "accept"
	}
	return "reject"
}

// toolName is a tool's name in events: those of MCP servers have one name together.
func (pl *player) toolName(t *world.ToolAct) string {
	if t.Server != nil && pl.dialect.gated {
		return "mcp_tool"
	}
	return t.Name
}

func (pl *player) toolUse(l *attributes, a *world.Act) {
	if pl.dialect.toolUse {
		l.some("tool_use_id", a.Keys.ToolUse)
	}
}

func (pl *player) result(l *attributes, a *world.Act) {
	t, d, g := a.Tool, &pl.dialect, pl.p.Client.Gates
	l.str("tool_name", pl.toolName(t))
	pl.toolUse(l, a)
	l.yes("success", t.Success)
	l.count("duration_ms", t.Duration.Milliseconds(), !d.intDuration)
	if !t.Success && d.toolUse {
		l.some("error_type", t.ErrType)
	}
	if !t.Success && (g.ToolDetails || !d.gated) {
		l.some("error", errorText(t))
	}
	if pl.p.Client.Product == world.Cowork {
		l.str("decision_type", "accept")
		l.str("decision_source", t.By)
	}
	if g.ToolDetails || !d.gated {
		l.some("tool_parameters", pl.parameters(a, t.Success))
	}
	if g.ToolDetails && d.gated {
		l.some("tool_input", toolInput(t.Input))
	}
	if d.toolUse {
		l.digits("tool_input_size_bytes", int64(len(t.Input)))
	}
	if t.Success && d.resultSize {
		l.digits("tool_result_size_bytes", resultSize(t))
	}
	if t.Server != nil && d.gated {
		l.str("mcp_server_scope", t.Server.Scope)
	}
	if commits(t) && t.Success && g.ToolDetails && d.latest {
		l.str("vcs.ref.head.revision", commitID(a))
		l.some("vcs.ref.head.name", pl.branch())
		l.str("vcs.ref.head.type", "branch")
	}
	if d.latest {
		l.some("request_id", a.Keys.Request)
		l.some("agent_id", a.Keys.Agent)
	}
}

func (pl *player) branch() string {
	if pl.p.Project == nil {
		return ""
	}
	return pl.p.Project.Branch
}

// errorText is what the client says of a failure in its events.
func errorText(t *world.ToolAct) string {
	if t.ErrType == "ShellError" {
		return "Shell command failed"
	}
	return t.Error
}

// resultSize is the size of what the model is given: text, or the content blocks of an MCP server.
func resultSize(t *world.ToolAct) int64 {
	if t.Server != nil {
		return int64(len(`[{"type":"text","text":}]`) + len(jsonString(nil, t.Output)))
	}
	return int64(len(t.Output))
}

// parameters are what is told of a tool's arguments beside its input: JSON, "" for tools of which nothing is.
func (pl *player) parameters(a *world.Act, done bool) string {
	t := a.Tool
	switch {
	case t.Server != nil:
		return object("mcp_server_name", t.Server.Name, "mcp_tool_name", t.MCPTool)
	case t.Name == "Bash":
		command := member(t.Input, "command")
		members := []string{"bash_command", firstWord(command), "full_command", command, "description", member(t.Input, "description")}
		if done && commits(t) && pl.dialect.gated {
			members = append(members, "git_commit_id", commitID(a), "git_branch", pl.branch())
		}
		return object(members...)
	case t.Name == "Skill":
		return object("skill_name", member(t.Input, "skill"))
	case t.Agent != "":
		return object("subagent_type", t.Agent)
	}
	return ""
}

// object writes a JSON object of texts: names and values in turn, without those that are empty.
func object(members ...string) string {
	b := []byte{'{'}
	for i := 0; i+1 < len(members); i += 2 {
		if members[i+1] == "" {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = jsonString(append(jsonString(b, members[i]), ':'), members[i+1])
	}
	return string(append(b, '}'))
}

func commits(t *world.ToolAct) bool {
	return t.Name == "Bash" && strings.Contains(member(t.Input, "command"), "git commit")
}

func commitID(a *world.Act) string { return digest(40, a.Keys.ToolUse, "commit") }

// toolSpans makes a call's three spans; what was refused was never carried out.
func (pl *player) toolSpans(a *world.Act, end time.Time) {
	t, d := a.Tool, &pl.dialect
	outer, start := a.Keys.Span, a.At.Add(-t.Waited)
	pl.span(a, "tool.blocked_on_user", blocked(outer), outer, start, a.At, func(s *spanRecord) {
		if d.latest {
			s.attrs.str("gen_ai.conversation.id", conversation(a))
		}
		s.attrs.int("duration_ms", t.Waited.Milliseconds())
		s.attrs.str("decision", decision(t))
		s.attrs.str("source", t.By)
	})
	if t.Accepted {
		pl.span(a, "tool.execution", execution(outer), outer, a.At, end, func(s *spanRecord) { pl.executed(s, a) })
	}
	pl.span(a, "tool", outer, pl.root(a), start, end, func(s *spanRecord) { pl.called(s, a, end) })
}

func (pl *player) executed(s *spanRecord, a *world.Act) {
	t := a.Tool
	l := &s.attrs
	if pl.dialect.latest {
		l.str("gen_ai.conversation.id", conversation(a))
	}
	l.some("tool_use_id", a.Keys.ToolUse)
	l.some("gen_ai.tool.call.id", a.Keys.ToolUse)
	l.int("duration_ms", t.Duration.Milliseconds())
	l.bool("success", t.Success)
	if t.Success {
		return
	}
	text := t.ErrType
	if pl.p.Client.Gates.ToolDetails {
		text = errorText(t)
	}
	s.failed, s.message = true, text
	if pl.dialect.latest {
		l.str("error.type", "tool_error")
	}
	l.str("error", text)
	if pl.dialect.times {
		l.str("error_class", t.ErrType)
	}
}

func (pl *player) called(s *spanRecord, a *world.Act, end time.Time) {
	t, d, open := a.Tool, &pl.dialect, pl.p.Client.Gates.ToolDetails
	l := &s.attrs
	l.str("tool_name", t.Name)
	if d.times {
		l.str("tool_name_safe", safeName(t))
	}
	if d.latest {
		l.str("gen_ai.operation.name", "execute_tool")
		l.str("gen_ai.tool.name", bareName(t))
		if t.Server != nil {
			l.str("anthropic.mcp.server.name", t.Server.Name)
		}
		l.str("gen_ai.conversation.id", conversation(a))
	}
	command := ""
	if t.Name == "Bash" {
		command = member(t.Input, "command")
	}
	if open {
		l.some("file_path", member(t.Input, "file_path"))
		l.some("full_command", command)
		l.some("subagent_type", t.Agent)
	}
	if command != "" && d.times {
		l.str("bash_command_class", commandClass(firstWord(command)))
		l.str("bash_argv0", firstWord(command))
	}
	if d.latest {
		l.some("agent_id", a.Keys.Agent)
	}
	l.some("tool_use_id", a.Keys.ToolUse)
	l.some("gen_ai.tool.call.id", a.Keys.ToolUse)
	l.int("duration_ms", end.Sub(s.start).Milliseconds())
	if t.Accepted && t.Success && pl.p.Client.Gates.ToolContent {
		if e, ok := pl.output(a, open); ok {
			e.at = end
			s.events = append(s.events, e)
		}
	}
}

func safeName(t *world.ToolAct) string {
	if t.Server != nil {
		return "mcp_other"
	}
	return t.Name
}

func bareName(t *world.ToolAct) string {
	if t.Server != nil {
		return t.MCPTool
	}
	return t.Name
}

// output is the span event that carries what a tool gave back, for the tools that have one.
func (pl *player) output(a *world.Act, open bool) (spanEvent, bool) {
	t := a.Tool
	e := spanEvent{name: "tool.output"}
	add := func(name, text string) {
		cut := content(text)
		e.attrs.str(name, cut)
		if cut != text {
			e.attrs.bool(name+"_truncated", true)
			e.attrs.int(name+"_original_length", units(text))
		}
	}
	path := func() {
		if open {
			e.attrs.some("file_path", member(t.Input, "file_path"))
		}
	}
	switch {
	case t.Server != nil || t.Name == "WebFetch" || t.Name == "WebSearch":
		add("output", t.Output)
		return e, pl.dialect.times
	case t.Name == "Bash":
		if open {
			e.attrs.str("bash_command", member(t.Input, "command"))
		}
		add("output", t.Output)
	case t.Name == "Read":
		path()
		add("content", t.Output)
	case t.Name == "Write" && open:
		path()
		add("content", member(t.Input, "content"))
	case t.Name == "Edit" && open:
		path()
		add("diff", diff(t.Input))
	default:
		return e, false
	}
	return e, true
}

// diff is an edit as the client tells it: one hunk.
func diff(input string) string {
	b := []byte(`[{"oldStart":1,"oldLines":1,"newStart":1,"newLines":1,"lines":[`)
	n := 0
	for _, side := range []string{"-old_string", "+new_string"} {
		for line := range strings.Lines(member(input, side[1:])) {
			if n++; n > 1 {
				b = append(b, ',')
			}
			b = jsonString(b, side[:1]+strings.TrimSuffix(line, "\n"))
		}
	}
	return string(append(b, `]}]`...))
}
