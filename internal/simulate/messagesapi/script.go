package messagesapi

import (
	"net/http"
	"strings"
	"time"
)

// Script is what is answered to a prompt, turn by turn. Turns beyond the last are a plain closing text.
type Script []Turn

// Turn is one answer of the model. In Text and in the strings of Calls, {name} is replaced by the marker's name=value;
// a name the marker lacks becomes "hello" for {say} and "." for {dir}, and stays as it is otherwise.
type Turn struct {
	Text  string        // one text block, before the calls
	Calls []Call        // tool_use blocks, all in one answer
	Stop  string        // stop_reason; empty means tool_use with calls and end_turn without
	Pause time.Duration // silence before the content, filled with pings when streaming
	Fail  *Fail         // the answer is an error instead
	// Cut ends a stream with an error event in place of the rest; a request that does not stream is answered whole.
	Cut bool
}

// Call is one tool_use block.
type Call struct {
	Tool  string
	Input map[string]any
}

// Fail is an error answer.
type Fail struct {
	Status     int
	Times      int    // how often before the turn is answered after all; 0 means always
	RetryAfter string // header, in seconds
}

func (f *Fail) apiError() apiError {
	kind, ok := map[int]string{
		http.StatusBadRequest: "invalid_request_error", http.StatusUnauthorized: "authentication_error",
		http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
		http.StatusRequestEntityTooLarge: "request_too_large", http.StatusTooManyRequests: "rate_limit_error",
		http.StatusInternalServerError: "api_error", http.StatusGatewayTimeout: "timeout_error", 529: "overloaded_error",
	}[f.Status]
	if !ok {
		kind = "api_error"
	}
	return apiError{f.Status, kind, "scripted " + kind}
}

// SlowPause is how long the built-in script "slow" stays silent: long enough for whatever a test does to its client.
const SlowPause = 2 * time.Minute

func builtin() map[string]Script {
	bash := func(command string) Call {
		return Call{"Bash", map[string]any{"command": command, "description": "Run a harmless command"}}
	}
	done := Turn{Text: "Done: {say}."}
	failing := func(f Fail) Script { return Script{{Text: "Fine after all: {say}.", Fail: &f}} }
	return map[string]Script{
		"text": {{Text: "You said {say}."}},
		"bash": {{Text: "I will run a command.", Calls: []Call{bash("echo {say}")}}, done},
		"parallel": {
			{Text: "Three at once.", Calls: []Call{bash("echo one-{say}"), bash("echo two-{say}"), bash("echo three-{say}")}},
			done,
		},
		"files": {
			{Calls: []Call{{"Write", map[string]any{"file_path": "{dir}/{say}.txt", "content": "first line {say}\n"}}}},
			{Calls: []Call{{"Read", map[string]any{"file_path": "{dir}/{say}.txt"}}}},
			{Calls: []Call{{"Edit", map[string]any{"file_path": "{dir}/{say}.txt", "old_string": "first", "new_string": "edited"}}}},
			done,
		},
		// Neither a write nor a command with an effect is allowed unless the user granted it.
		"denied": {
			{Calls: []Call{bash("touch {dir}/{say}.denied")}},
			{Calls: []Call{{"Write", map[string]any{"file_path": "{dir}/{say}.denied", "content": "denied {say}\n"}}}},
			done,
		},
		"mcp": {
			{Calls: []Call{{"mcp__lab__lookup", map[string]any{"id": "{say}"}}}},
			{Calls: []Call{{"mcp__lab__fail", map[string]any{"why": "{say}"}}}},
			done,
		},
		"subagent": {
			{Text: "I will delegate.", Calls: []Call{{"Agent", map[string]any{
				"description": "Run one command", "prompt": "[[s:bash say={say}]] and report", "subagent_type": "general-purpose",
				"run_in_background": false,
			}}}},
			done,
		},
		"refusal": {{Stop: "refusal"}},
		"slow":    {{Text: "First a command.", Calls: []Call{bash("echo {say}")}}, {Text: "Late: {say}.", Pause: SlowPause}},
		"cut":     {{Text: "This ends early: {say}.", Cut: true}},
		"e400":    failing(Fail{Status: 400}),
		"e403":    failing(Fail{Status: 403}),
		"e500":    failing(Fail{Status: 500}),
		"e429":    failing(Fail{Status: 429, Times: 1, RetryAfter: "1"}),
		"e529":    failing(Fail{Status: 529, Times: 2}),
	}
}

// fill replaces {name} in every string of v, which is of the kinds JSON decodes to.
func fill(v any, args map[string]string) any {
	switch v := v.(type) {
	case string:
		pairs := make([]string, 0, 2*len(args)+4)
		for name, value := range args {
			pairs = append(pairs, "{"+name+"}", value)
		}
		pairs = append(pairs, "{say}", "hello", "{dir}", ".")
		return strings.NewReplacer(pairs...).Replace(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			out[name] = fill(e, args)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = fill(e, args)
		}
		return out
	}
	return v
}
