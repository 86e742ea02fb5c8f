package messagesapi

import (
	"fmt"
	"strings"
	"time"
)

// SlowPause is how long the built-in script "slow" stays silent: long enough for whatever a test does to its client.
const SlowPause = 2 * time.Minute

// BigAnswer is the size in bytes of the text of the built-in script "big".
const BigAnswer = 1 << 20

func bash(command string) Call {
	return Call{Tool: "Bash", Input: map[string]any{"command": command, "description": "Run a harmless command"}}
}

func builtin() map[string]Script {
	all := workScripts()
	for name, s := range failureScripts() {
		all[name] = s
	}
	for name, s := range contentScripts() {
		all[name] = s
	}
	return all
}

// workScripts are what a client's model does all day.
func workScripts() map[string]Script {
	done := Turn{Text: "Done: {say}."}
	return map[string]Script{
		"text": {{Text: "You said {say}."}},
		"bash": {{Text: "I will run a command.", Calls: []Call{bash("echo {say}")}}, done},
		"parallel": {
			{Text: "Three at once.", Calls: []Call{bash("echo one-{say}"), bash("echo two-{say}"), bash("echo three-{say}")}},
			done,
		},
		"files": {
			{Calls: []Call{{Tool: "Write", Input: map[string]any{"file_path": "{dir}/{say}.txt", "content": "first line {say}\n"}}}},
			{Calls: []Call{{Tool: "Read", Input: map[string]any{"file_path": "{dir}/{say}.txt"}}}},
			{Calls: []Call{{Tool: "Edit", Input: map[string]any{"file_path": "{dir}/{say}.txt", "old_string": "first", "new_string": "edited"}}}},
			done,
		},
		// Neither a write nor a command with an effect is allowed unless the user granted it.
		"denied": {
			{Calls: []Call{bash("touch {dir}/{say}.denied")}},
			{Calls: []Call{{Tool: "Write", Input: map[string]any{"file_path": "{dir}/{say}.denied", "content": "denied {say}\n"}}}},
			done,
		},
		"mcp": {
			{Calls: []Call{{Tool: "mcp__lab__lookup", Input: map[string]any{"id": "{say}"}}}},
			{Calls: []Call{{Tool: "mcp__lab__fail", Input: map[string]any{"why": "{say}"}}}},
			done,
		},
		"subagent": {
			{Text: "I will delegate.", Calls: []Call{{Tool: "Agent", Input: map[string]any{
				"description": "Run one command", "prompt": "[[s:bash say={say}]] and report", "subagent_type": "general-purpose",
				"run_in_background": false,
			}}}},
			done,
		},
	}
}

// failureScripts are answers that do not come, or not whole.
func failureScripts() map[string]Script {
	failing := func(f Fail) Script { return Script{{Text: "Fine after all: {say}.", Fail: &f}} }
	return map[string]Script{
		"refusal": {{Stop: "refusal"}},
		"slow":    {{Text: "First a command.", Calls: []Call{bash("echo {say}")}}, {Text: "Late: {say}.", Pause: SlowPause}},
		"late":    {{Text: "Late: {say}.", Wait: 2 * time.Second}},
		"cut":     {{Text: "This ends early: {say}.", Cut: true}},
		"drop":    {{Text: "The line breaks: {say}.", Calls: []Call{bash("echo {say}")}, Drop: 5}},
		"e400":    failing(Fail{Status: 400}),
		"e403":    failing(Fail{Status: 403}),
		"e413":    failing(Fail{Status: 413}),
		"e500":    failing(Fail{Status: 500}),
		"e429":    failing(Fail{Status: 429, Times: 1, RetryAfter: "1"}),
		"e529":    failing(Fail{Status: 529, Times: 2}),
		"no529":   failing(Fail{Status: 529, ShouldRetry: "false"}),
	}
}

// contentScripts are answers of forms that a reader of streams must bear.
func contentScripts() map[string]Script {
	results := make([]any, 400)
	for i := range results {
		results[i] = map[string]any{
			"type": "web_search_result", "url": fmt.Sprintf("https://example.com/{say}/%d", i), "title": fmt.Sprintf("Result %d of {say}", i),
			"encrypted_content": strings.Repeat("RXhhbXBsZQ", 60), "page_age": "3 days ago",
		}
	}
	parallel := []Block{
		{Type: "text", Text: "Two at once: {say}, ünd mehr."},
		{Type: "tool_use", Name: "Bash", Input: map[string]any{"command": "echo \"one\\n{say}\" \u00fc"}},
		{Type: "tool_use", Name: "Bash", Input: map[string]any{"command": "echo 'two' {say}", "nested": map[string]any{"list": []any{"{say}", "🩺"}}}},
	}
	signed := Block{Type: "thinking", Text: "The user wants {say}. Let me think about that for a while.", Signature: strings.Repeat("c2lnbmF0dXJl", 20)}
	return map[string]Script{
		"think": {
			{Blocks: []Block{signed, {Type: "text", Text: "I thought about {say}."}, {Type: "tool_use", Name: "Bash", Input: map[string]any{"command": "echo {say}"}}}},
			{Blocks: []Block{{Type: "redacted_thinking", Raw: map[string]any{"data": strings.Repeat("cmVkYWN0ZWQ", 30)}}, {Type: "text", Text: "Done: {say}."}}},
		},
		"interleave": {{Blocks: parallel, Interleave: true, Chunk: 5}, {Text: "Done: {say}."}},
		"search": {{Blocks: []Block{
			{Type: "server_tool_use", Name: "web_search", Input: map[string]any{"query": "{say}"}},
			{Type: "web_search_tool_result", Raw: map[string]any{"content": results}},
			{Type: "text", Text: "Four hundred results for {say}.", Citations: []any{map[string]any{
				"type": "web_search_result_location", "url": "https://example.com/{say}/1", "title": "Result 1", "cited_text": "about {say}",
			}}},
		}}},
		"connector": {{Blocks: []Block{
			{Type: "mcp_tool_use", Name: "lookup", Server: "lab", Input: map[string]any{"id": "{say}"}},
			{Type: "mcp_tool_result", Raw: map[string]any{"is_error": false, "content": []any{map[string]any{"type": "text", "text": "found {say}"}}}},
			{Type: "text", Text: "The server found {say}."},
		}}},
		"odd": {{
			Blocks: []Block{
				{Type: "text", Text: "Oddly enough: {say}."},
				{Type: "hologram", Raw: map[string]any{"depth": 3, "caption": "{say}"}, Deltas: []map[string]any{{"type": "hologram_delta", "angle": 90}}},
				{Type: "tool_use", Name: "Bash", Input: map[string]any{"command": "echo {say}"}},
			},
			Between: []string{
				": keep-alive\n\n", "event: ping\ndata: {\"type\": \"ping\"}\n\n", "event: weather\ndata: {\"type\":\"weather\",\"index\":7,\"sky\":\"clear\"}\n\n",
				"data: {\"type\":\"nameless\"}\n\n", ":\n", "event: split\ndata: {\"type\":\"split\",\ndata: \"lines\":2}\n\n", "id: 7\nretry: 1000\n\n", "",
			},
		}, {Text: "Done: {say}."}},
		"big":   {{Text: strings.Repeat("All work and no play. ", BigAnswer/22+1)[:BigAnswer], Chunk: 4096}},
		"empty": {{Blocks: []Block{}}},
		"limit": {{Text: "This is as far as it g", Stop: "max_tokens"}},
	}
}
