package world

import (
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The versions of Claude Code that first told something, after https://code.claude.com/docs/en/monitoring-usage and its changelog.
const (
	firstEvents   = "2.1.119" // connections, hooks, modes, skills, compaction, plugins
	firstStart    = "2.1.274" // managed settings: from here on every start shows
	firstRegister = "2.1.139" // plugins and hooks at start
	firstAgent    = "2.1.227" // a sub-agent that has come back
	firstSpan     = "2.1.187" // older ones are not configured for traces here
	firstAsync    = "2.1.240" // sub-agents run beside the main thread, and their tool is called Agent
)

// since reports whether version is least or newer. Versions are three numbers.
func since(version, least string) bool {
	v, l := strings.Split(version, "."), strings.Split(least, ".")
	for i := range l {
		if i >= len(v) {
			return false
		}
		a, _ := strconv.Atoi(v[i])
		b, _ := strconv.Atoi(l[i])
		if a != b {
			return a > b
		}
	}
	return true
}

// tells reports whether a client's log says anything of an act.
func (p *Process) tells(a *Act) bool {
	v := p.Client.Version
	switch a.Kind {
	case Prompt, Request, ToolCall:
		return true
	case Connection, Hook, Mode, Skill, Compaction, Login, Plugin:
		return since(v, firstEvents)
	case Agent:
		return since(v, firstAgent)
	case Start:
		return since(v, firstStart) || since(v, firstRegister) && len(p.Plugins)+len(p.Hooks) > 0
	}
	return false // an end is never told
}

// traced reports whether a client makes a span of an act.
func (p *Process) traced(k Kind) bool {
	return p.Client.Traces && (k == Prompt || k == Request || k == ToolCall)
}

// witnesses are the sources that report an act of a client on a normal day.
func (p *Process) witnesses(a *Act) []audit.Source {
	var seen []audit.Source
	if a.Surface != audit.SurfaceCoworkRemote && p.tells(a) {
		seen = append(seen, audit.SourceOTelLog)
	}
	if a.Surface != audit.SurfaceCoworkRemote && p.traced(a.Kind) {
		seen = append(seen, audit.SourceOTelSpan)
	}
	spoken := a.Kind == Prompt || a.Kind == Request && a.Request.Status == 0 || a.Kind == ToolCall
	if spoken && p.Key == "" && !p.Device.Gateway { // the vendor records sessions of accounts that are signed in with it
		seen = append(seen, audit.SourceComplianceSession)
	}
	if p.Device.Gateway && a.Kind == Request {
		seen = append(seen, audit.SourceGatewayLLM)
	}
	if p.Device.Gateway && a.Kind == ToolCall && a.Tool.Accepted && a.Tool.Server != nil && a.Tool.Server.Transport == "http" {
		seen = append(seen, audit.SourceGatewayMCP)
	}
	return seen
}
