package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// anyMCPTool is the name that tools of MCP servers go by in events, unless tool details are on.
const anyMCPTool = "mcp_tool"

// hiddenName is what stands in place of the name of an extension that is not built in, unless tool details are on.
const hiddenName = "custom"

// tool fills in the tool and the MCP server.
func (m *maker) tool() {
	r := m.rec
	r.Tool = m.str(toolName, genToolName)
	if r.MCP = m.str(anthropicMCPServer, serverName, mcpServerName); r.MCP == hiddenName {
		r.MCP = ""
	}
	// Spans and hooks say mcp__SERVER__TOOL; records of every source say SERVER and TOOL.
	if rest, ok := strings.CutPrefix(r.Tool, "mcp__"); ok {
		if server, tool, ok := strings.Cut(rest, "__"); ok && server != "" && tool != "" {
			r.Tool, r.MCP = tool, server
		}
	}
	if r.Tool != "" {
		for _, text := range m.tools {
			m.parameters(text)
		}
	}
}

// parameters picks names of tools, servers, skills and agents out of tool_parameters or tool_input: what was used, never
// what was said with it. The text may be cut off anywhere.
func (m *maker) parameters(text string) {
	var server, tool string
	wire.Members(text, func(name, value string) {
		if value == Placeholder || len(value) > audit.MaxKeptString {
			return
		}
		switch name {
		case "mcp_server_name":
			server = value
		case "mcp_tool_name":
			tool = value
		case "subagent_type":
			m.derived(subagentType, "subagent_type", value)
		case "skill_name":
			m.derived(skillName, "skill.name", value)
		}
	})
	if m.rec.Tool == anyMCPTool && tool != "" {
		m.rec.Tool = m.keep(tool)
	}
	if server != "" && (m.rec.MCP == "" || m.rec.MCP == hiddenName) {
		m.rec.MCP = m.keep(server)
	}
}

// derived adds an attribute the source sent inside another one, under the name it has elsewhere.
func (m *maker) derived(r role, name, value string) {
	if value == "" || m.has(r) || audit.Dispose(name) != audit.Keep {
		return
	}
	m.own.attrs = append(m.own.attrs, audit.Attr{Name: name, Value: audit.String(m.keep(value))})
	m.own.facts[r] = int16(len(m.own.attrs))
}
