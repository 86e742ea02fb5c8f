package messagesapi

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Script is what is answered to a prompt, turn by turn. Turns beyond the last are a plain closing text.
type Script []Turn

// Turn is one answer of the model. In Text and in the strings of Calls and Blocks, {name} is replaced by the marker's
// name=value; a name the marker lacks becomes "hello" for {say} and "." for {dir}, and stays as it is otherwise.
type Turn struct {
	Text   string  // one text block, before the calls
	Calls  []Call  // tool_use blocks, all in one answer
	Blocks []Block // the whole content, instead of Text and Calls
	Stop   string  // stop_reason; empty means tool_use with tool_use blocks and end_turn without
	Fail   *Fail   // the answer is an error instead

	Wait  time.Duration // silence before the first byte, headers included
	Pause time.Duration // silence before the content, filled with pings when streaming
	// Gaps are the silences before each event of a stream, the first included; the last holds for all that follow.
	Gaps []time.Duration
	// Before is called before each event of a stream, counted from 0, and before an answer that is none, which is then sent
	// without its length: for who moves a clock as the answer comes. ctx is the request's.
	Before func(ctx context.Context, event int)
	// Between are bytes that a stream carries between its events, one after each event, over and over: comments, events nobody knows.
	Between []string
	// Interleave sends the deltas of all blocks by turns, each block's own in their order.
	Interleave bool
	Chunk      int // bytes of a text or of a tool's input in one delta; zero means 24

	// Cut ends a stream with an error event in place of the rest; a request that does not stream is answered whole.
	Cut bool
	// Drop breaks the connection after that many events, or in the middle of an answer that is no stream; zero never.
	Drop int

	// RequestID and MessageID are told instead of made-up ids, Usage instead of what is counted.
	RequestID, MessageID string
	Usage                *Usage
}

// Call is one tool_use block.
type Call struct {
	Tool  string
	Input map[string]any
	ID    string // empty: made up
}

// Fail is an error answer.
type Fail struct {
	Status      int
	Times       int    // how often before the turn is answered after all; 0 means always
	RetryAfter  string // header, in seconds
	ShouldRetry string // header x-should-retry: "true", "false"
	Message     string // empty: one that says it is scripted
}

func (f *Fail) apiError() apiError {
	kind, ok := map[int]string{
		http.StatusBadRequest: "invalid_request_error", http.StatusUnauthorized: "authentication_error",
		http.StatusPaymentRequired: "billing_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
		http.StatusConflict: "conflict_error", http.StatusRequestEntityTooLarge: "request_too_large",
		http.StatusTooManyRequests: "rate_limit_error", http.StatusInternalServerError: "api_error",
		http.StatusGatewayTimeout: "timeout_error", 529: "overloaded_error",
	}[f.Status]
	if !ok {
		kind = "api_error"
	}
	if f.Message != "" {
		return apiError{f.Status, kind, f.Message}
	}
	return apiError{f.Status, kind, "scripted " + kind}
}

// fill replaces {name} in every string of v, which is of the kinds JSON decodes to.
func fill(v any, args map[string]string) any {
	switch v := v.(type) {
	case string:
		if !strings.Contains(v, "{") {
			return v
		}
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
