package policy

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Point is a place where something can be judged. The set is closed: an unknown point is a mistake in a rule set.
type Point string

// The points.
const (
	PointPrompt     Point = "prompt"      // what a user or an application says to a model, documents and system prompts included
	PointResponse   Point = "response"    // what a model answers
	PointToolCall   Point = "tool_call"   // a tool a model wants to have run
	PointToolResult Point = "tool_result" // what a tool gave back, on its way to the model
	PointEgress     Point = "egress"      // a connection or request of a device
	PointMCPList    Point = "mcp_list"    // tools, prompts and instructions an MCP server offers
	PointMCPCall    Point = "mcp_call"    // a call on its way to an MCP server
	PointMCPResult  Point = "mcp_result"  // what an MCP server gave back
)

// Points lists them in the order documents show them.
func Points() []Point {
	return []Point{PointPrompt, PointResponse, PointToolCall, PointToolResult, PointEgress, PointMCPList, PointMCPCall, PointMCPResult}
}

// Redacts reports whether findings can be replaced at this point. They cannot where what passes is signed, cached by its
// bytes at a place we do not hold, or already on its way; a rule set that asks for it there is refused.
func (p Point) Redacts() bool {
	switch p {
	case PointPrompt, PointToolResult, PointMCPCall, PointMCPResult:
		return true
	}
	return false
}

// Event is one thing to judge: one block of a request, one tool call, one connection. Leave empty what is not known.
type Event struct {
	Point   Point
	Source  audit.Source
	Surface audit.Surface
	Account audit.Account
	Keys    audit.Keys
	// At decides whether an exception has expired. Without it none holds.
	At    time.Time
	Model string
	// Tool and MCP are a tool and its server, either apart or as clients say both in Tool: mcp__SERVER__TOOL.
	Tool, MCP string
	// Kind is the kind of the block: text, tool_result, document, system, tools, tool_use …
	Kind string
	// Text is what detectors read. Where it is empty and there are Arguments, it is every name and string in them, a line each.
	Text string
	// Arguments is the JSON object of a tool call. What is no strict JSON (duplicate names, bad UTF-8) is not judged: Verdict.Failed.
	Arguments []byte
	// Capabilities are what the request lets the vendor's own servers do, out of the device's sight:
	// mcp_servers, web_fetch, web_search, code_execution, container, files.
	Capabilities []string
	// Marks are words noted of the session, beside those that rules noted since the start.
	Marks []string
	// Partial says that Text is a part of more than a bound of ours.
	Partial bool
	// Span is a SHA-256 that stands for Text, and only for it, in the cache of findings; zero is computed.
	Span [32]byte
}
