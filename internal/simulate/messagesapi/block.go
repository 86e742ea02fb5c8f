package messagesapi

import (
	"encoding/json"
	"maps"
)

// Block is one block of an answer's content.
type Block struct {
	Type string // "text", "thinking", "tool_use", "server_tool_use", "mcp_tool_use"; any other consists of Raw alone
	Text string // of a text or a thinking block

	Signature string // of a thinking block
	Citations []any  // of a text block, each in a delta of its own

	Name   string         // of a tool
	Server string         // of an mcp_tool_use block
	Input  map[string]any // of a tool call
	ID     string         // of a tool call; empty: made up
	// Raw are further members, which arrive whole when the block begins. The result of a server's tool names the call before it.
	Raw map[string]any
	// Deltas are sent besides, as they are, before the block ends.
	Deltas []map[string]any
}

// part is a block on its way: whole, and as a stream tells it.
type part struct {
	whole, start map[string]any
	deltas       []map[string]any
}

// parts makes the content of an answer.
func (a *API) parts(c *call, req *request, turn Turn, args map[string]string) []part {
	blocks := turn.Blocks
	if blocks == nil {
		if turn.Text != "" {
			blocks = append(blocks, Block{Type: "text", Text: turn.Text})
		}
		for _, call := range turn.Calls {
			blocks = append(blocks, Block{Type: "tool_use", Name: call.Tool, Input: call.Input, ID: call.ID})
		}
	}
	size := turn.Chunk
	if size <= 0 {
		size = chunk
	}
	list, lastCall := make([]part, len(blocks)), ""
	for i, b := range blocks {
		b.Text, _ = fill(b.Text, args).(string)
		var p part
		switch b.Type {
		case "text":
			p = textPart(b, size, args)
		case "thinking":
			p = thinkingPart(b, size)
		case "tool_use", "server_tool_use", "mcp_tool_use":
			if b.ID == "" {
				b.ID = a.id(map[string]string{"tool_use": "toolu_01", "server_tool_use": "srvtoolu_01", "mcp_tool_use": "mcptoolu_01"}[b.Type], c.n, calls(blocks[:i]))
			}
			lastCall = b.ID
			p = callPart(b, req, size, args)
		default:
			p = rawPart(b, lastCall, args)
		}
		for _, d := range b.Deltas {
			p.deltas = append(p.deltas, maps.Clone(d))
		}
		list[i] = p
	}
	return list
}

// calls counts the tool calls among blocks.
func calls(blocks []Block) int {
	n := 0
	for _, b := range blocks {
		if b.Name != "" {
			n++
		}
	}
	return n
}

func textPart(b Block, size int, args map[string]string) part {
	p := part{whole: map[string]any{"type": b.Type, "text": b.Text}, start: map[string]any{"type": b.Type, "text": ""}}
	p.cut(b.Text, size, "text_delta", "text")
	if b.Citations != nil {
		p.whole["citations"], p.start["citations"] = fill(b.Citations, args), []any{}
		for _, cited := range b.Citations {
			p.deltas = append(p.deltas, map[string]any{"type": "citations_delta", "citation": fill(cited, args)})
		}
	}
	return p
}

func thinkingPart(b Block, size int) part {
	p := part{
		whole: map[string]any{"type": b.Type, "thinking": b.Text, "signature": b.Signature},
		start: map[string]any{"type": b.Type, "thinking": "", "signature": ""},
	}
	p.cut(b.Text, size, "thinking_delta", "thinking")
	p.deltas = append(p.deltas, map[string]any{"type": "signature_delta", "signature": b.Signature})
	return p
}

func callPart(b Block, req *request, size int, args map[string]string) part {
	if b.Name == "Agent" && !req.declares("Agent") && req.declares("Task") {
		b.Name = "Task" // what older clients call it
	}
	input, err := json.Marshal(fill(b.Input, args))
	if err != nil || b.Input == nil {
		input = []byte("{}") // a script holds JSON kinds only
	}
	p := part{whole: map[string]any{"type": b.Type, "id": b.ID, "name": b.Name}}
	if b.Server != "" {
		p.whole["server_name"] = b.Server
	}
	p.start = maps.Clone(p.whole)
	p.whole["input"], p.start["input"] = json.RawMessage(input), map[string]any{}
	p.deltas = []map[string]any{{"type": "input_json_delta", "partial_json": ""}} // so the API begins
	p.cut(string(input), size, "input_json_delta", "partial_json")
	return p
}

func rawPart(b Block, lastCall string, args map[string]string) part {
	raw, _ := fill(map[string]any(b.Raw), args).(map[string]any)
	whole := maps.Clone(raw)
	if whole == nil {
		whole = map[string]any{}
	}
	whole["type"] = b.Type
	if lastCall != "" && whole["content"] != nil {
		whole["tool_use_id"] = lastCall
	}
	return part{whole: whole, start: whole}
}

// cut makes deltas of a text.
func (p *part) cut(text string, size int, kind, field string) {
	for len(text) > 0 {
		n := cut(text, size)
		p.deltas = append(p.deltas, map[string]any{"type": kind, field: text[:n]})
		text = text[n:]
	}
}

// cut finds where to split s near n bytes without splitting a character.
func cut(s string, n int) int {
	if len(s) <= n {
		return len(s)
	}
	for n < len(s) && s[n]&0xC0 == 0x80 {
		n++
	}
	return n
}
