package world

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// actor is who asks the model and calls tools: the main thread or a sub-agent.
type actor struct {
	agent, parent string
	span          string // under which its own spans hang, "" for the prompt's
	source        string
}

// mainThread is who acts where no sub-agent does.
func mainThread(p *Process) actor {
	if p.Interactive {
		return actor{source: "repl_main_thread"}
	}
	return actor{source: "sdk"}
}

// within makes the path of a file tool's input absolute, as the model gives it.
func within(p *Project, input any) any {
	root := p.Path + "/"
	switch v := input.(type) {
	case fileInput:
		v.Path = root + v.Path
		return v
	case editInput:
		v.Path = root + v.Path
		return v
	case writeInput:
		v.Path = root + v.Path
		return v
	}
	return input
}

// looksOnly tells which tools only look and are never asked about.
func looksOnly(tool string) bool {
	switch tool {
	case "Read", "Grep", "Glob", "TodoWrite", "Agent", "Task", "Skill":
		return true
	}
	return false
}

// guarded reports whether the enterprise's PreToolUse hook looks at a call.
func (s *scene) guarded(c call) bool {
	return len(s.p.Hooks) > 0 && (c.tool == "Bash" || c.tool == "WebFetch" || c.tool == "mcp")
}

// decide says who accepts or refuses a call and how long that takes.
func (s *scene) decide(c call) (by string, accepted bool, waited time.Duration) {
	machine := s.d.span(time.Millisecond, 5*time.Millisecond)
	human := s.wait(1500*time.Millisecond, 50*time.Second)
	switch {
	case c.reject == "hook" || c.reject == "config":
		return c.reject, false, machine
	case c.reject != "":
		return c.reject, false, human
	case c.by != "":
		return c.by, true, human
	case !s.p.Interactive || looksOnly(c.tool):
		return "config", true, machine
	case s.mode == "acceptEdits" && (c.tool == "Edit" || c.tool == "Write"):
		return "config", true, machine
	}
	switch n := s.d.between(1, 1000); {
	case n <= 9 && !s.sure:
		return "user_reject", false, human
	case n <= 600:
		return "config", true, machine
	case n <= 930:
		return "user_temporary", true, human
	}
	return "user_permanent", true, human
}

// call carries out one call. It returns when it was done and who decided it; the scene's clock stands at when that was.
func (s *scene) call(c call, use string, keys audit.Keys, who actor) (end time.Time, by string) {
	t := &ToolAct{Name: c.tool, Success: true}
	if c.tool == "mcp" {
		t.Server, t.MCPTool, t.Name = s.connected(c.server), c.name, "mcp__"+c.server+"__"+c.name
	}
	if c.agent != nil {
		t.Agent = c.agent.kind
		c.input = agentInput{Description: short(s.fill(c.agent.ask)), Prompt: s.fill(c.agent.ask), Type: c.agent.kind}
		if !since(s.p.Client.Version, firstAsync) {
			t.Name = "Task"
		}
	}
	t.Input, t.Output = s.fill(encode(within(s.p.Project, c.input))), s.fill(c.output)
	keys.ToolUse = use
	if s.guarded(c) {
		blocking := 0
		if c.reject == "hook" {
			blocking = 1
		}
		s.hook("PreToolUse", "PreToolUse:"+t.Name, use, blocking)
	}
	t.By, t.Accepted, t.Waited = s.decide(c)
	s.now = s.now.Add(t.Waited)
	t.Duration = s.runtime(c)
	if !t.Accepted {
		t.Success, t.Duration, t.Output = false, 0, refusal(c, t.By)
	} else if c.err != "" {
		t.Success, t.Error, t.Output = false, s.fill(c.err), s.fill(c.err)
		t.ErrType = map[bool]string{true: "McpToolCallError", false: "Error"}[c.tool == "mcp"]
		if c.tool == "Bash" {
			t.ErrType = "ShellError"
		}
	}
	keys.Span = s.d.hex(16)
	at := s.now
	if c.agent != nil && t.Accepted {
		return s.send(c.agent, t, keys, who), t.By
	}
	s.add(at, Act{Kind: ToolCall, Tool: t, Keys: keys})
	if t.Server != nil && t.Accepted && who.agent == "" {
		s.consumed = use
	}
	return at.Add(t.Duration), t.By
}

func (s *scene) runtime(c call) time.Duration {
	switch {
	case c.slow && s.sure:
		return s.machine(20*time.Second, 3*time.Minute)
	case c.slow:
		return s.machine(20*time.Second, 8*time.Minute)
	case c.tool == "Bash":
		return s.machine(12*time.Millisecond, 25*time.Second)
	case c.tool == "mcp", c.tool == "WebFetch":
		return s.machine(90*time.Millisecond, 6*time.Second)
	}
	return s.d.skew(4*time.Millisecond, 90*time.Millisecond)
}

// refusal is what the model is told of a call that was refused.
func refusal(c call, by string) string {
	switch {
	case by == "hook" && c.err != "":
		return c.err
	case by == "hook":
		return "PreToolUse hook blocked this call."
	case by == "config":
		return "Permission to use this tool has been denied."
	}
	return "The user doesn't want to proceed with this tool use. The tool use was rejected."
}

// short is the beginning of a text, as a client would title it.
func short(text string) string {
	r := []rune(text)
	if len(r) <= 40 {
		return text
	}
	return string(r[:40])
}
