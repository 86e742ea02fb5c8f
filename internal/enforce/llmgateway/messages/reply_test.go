package messages_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

// story is what a reply came to, for comparison.
type story struct {
	ID, Model, Stop string
	Usage           messages.Usage
	Error           *messages.APIError
	Done            bool
	Restarts        int
	Malformed       int
	Blocks          []string
	Streamed        map[int]string // what came by index, as it was handed out
}

func tell(r *messages.Reply, streamed map[int]string) story {
	s := story{r.ID, r.Model, r.StopReason, r.Usage, r.Error, r.Done, r.Restarts, r.Malformed, nil, streamed}
	for _, b := range r.Blocks {
		failed := ""
		if b.Failed != nil {
			failed = " failed"
		}
		s.Blocks = append(s.Blocks, strings.TrimSpace(fmt.Sprintf("%d %s %s %s %s %q input=%s whole=%v%s", b.Index, b.Type, b.ID, b.Tool, b.Server, b.Text(), b.Input, b.Whole, failed)))
	}
	return s
}

func play(t testing.TB, pieces ...string) story {
	t.Helper()
	var r messages.Reply
	var s messages.Splitter
	streamed := map[int]string{}
	for _, p := range pieces {
		s.Write([]byte(p), func(e messages.Event) {
			c, _ := r.Accept(e)
			if c.Block != nil {
				streamed[c.Block.Index] += string(c.Text)
			}
		})
	}
	return tell(&r, streamed)
}

var rich = sse(
	`{"type":"message_start","message":{"id":"msg_1","model":"claude-x","usage":{"input_tokens":10,"output_tokens":1,"cache_read_input_tokens":5,"cache_creation":{"ephemeral_1h_input_tokens":3},"service_tier":"standard"}}}`,
	`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
	`{"type":"ping"}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm … ","estimated_tokens":2}}`,
	`{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"h\u00e9l"}}`,
	`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}`,
	`{"type":"content_block_delta","index":1,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"cited"}}}`,
	`{"type":"content_block_stop","index":1}`,
	`{"type":"content_block_stop","index":0}`,
	`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"command\":\"echo \\u00e9\\ud83d"}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\\ude00\\n\","}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"n\":[1,\"x\\"}}`,
	`{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"y\"]}"}}`,
	`{"type":"content_block_stop","index":2}`,
	`{"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","title":"T","url":"U","encrypted_content":"zzz"}]}}`,
	`{"type":"content_block_stop","index":3}`,
	`{"type":"content_block_start","index":4,"content_block":{"type":"tomorrow","words":"kept"}}`,
	`{"type":"tomorrow_event","index":"odd","delta":"odd"}`,
	`{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":42,"server_tool_use":{"web_search_requests":1}}}`,
	`{"type":"message_stop"}`,
)

func TestReplyStream(t *testing.T) {
	t.Parallel()
	whole := play(t, rich)
	want := story{
		ID: "msg_1", Model: "claude-x", Stop: "tool_use", Done: true,
		Usage: messages.Usage{Input: 10, Output: 42, CacheRead: 5, CacheCreation1h: 3, WebSearch: 1, ServiceTier: "standard", Told: true},
		Blocks: []string{
			`0 thinking    "hm … " input= whole=true`,
			`1 text    "héllo" input= whole=true`,
			`2 tool_use toolu_1 Bash  "" input={"command":"echo \u00e9\ud83d\ude00\n","n":[1,"x\"y"]} whole=true`,
			`3 web_search_tool_result srv_1   "T\nU" input= whole=true`,
			`4 tomorrow    "kept" input= whole=false`,
		},
		Streamed: map[int]string{0: "hm … ", 1: "héllo\ncited\n", 2: "command\necho é😀\n\nn\nx\"y", 3: "T\nU", 4: "kept"},
	}
	if diff := cmp.Diff(want, whole); diff != "" {
		t.Fatal(diff)
	}
	for cut := range len(rich) {
		if got := play(t, rich[:cut], rich[cut:]); !cmp.Equal(got, whole) {
			t.Fatalf("cut at %d: %s", cut, cmp.Diff(whole, got))
		}
	}
}

func TestReplyOddities(t *testing.T) {
	t.Parallel()
	f := func(want story, events ...string) {
		t.Helper()
		if want.Streamed == nil {
			want.Streamed = map[int]string{}
		}
		if diff := cmp.Diff(want, play(t, sse(events...))); diff != "" {
			t.Errorf("%v: %s", events, diff)
		}
	}
	start := `{"type":"message_start","message":{"id":"m"}}`
	f(story{Error: &messages.APIError{Type: "overloaded_error", Message: "Overloaded", RequestID: "req_1"}},
		`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}`)
	f(story{ID: "m", Restarts: 1}, start, start)
	f(story{ID: "m", Stop: "refusal", Done: true}, start, `{"type":"message_delta","delta":{"stop_reason":"refusal"}}`, `{"type":"message_stop"}`)
	f(story{Malformed: 2, ID: "m"}, `{"type":"ping","type":"error"}`, `{`, start)
	f(story{Blocks: []string{`7     "x" input= whole=true`}, Streamed: map[int]string{7: "x"}}, // began out of sight
		`{"type":"content_block_delta","index":7,"delta":{"type":"text_delta","text":"x"}}`, `{"type":"content_block_stop","index":7}`, `{"type":"content_block_stop","index":8}`)
	tool := `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"x","input":{}}}`
	stop := `{"type":"content_block_stop","index":0}`
	partial := func(s string) string {
		b, _ := json.Marshal(s)
		return `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":` + string(b) + `}}`
	}
	f(story{Blocks: []string{`0 tool_use t x  "" input={} whole=true`}, Streamed: map[int]string{0: ""}}, tool, stop)
	f(story{Blocks: []string{`0 tool_use t x  "" input={"a":1,"a":2} whole=true failed`}, Streamed: map[int]string{0: "a\na"}}, tool, partial(`{"a":1,`), partial(`"a":2}`), stop)
	f(story{Blocks: []string{`0 tool_use t x  "" input=[1] whole=true failed`}, Streamed: map[int]string{0: ""}}, tool, partial(`[1]`), stop)
	f(story{Blocks: []string{`0 tool_use t x  "" input={"a whole=true failed`}, Streamed: map[int]string{0: "a"}}, tool, partial(`{"a`), stop)
}

func TestReadReply(t *testing.T) {
	t.Parallel()
	r, err := messages.ReadReply([]byte(`{"type":"message","id":"msg_2","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"hi"},
		{"type":"tool_use","id":"t","name":"x","input":{"a":"b"}}],"usage":{"input_tokens":1,"output_tokens":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := story{ID: "msg_2", Model: "m", Stop: "end_turn", Done: true, Usage: messages.Usage{Input: 1, Output: 2, Told: true},
		Blocks: []string{`0 text    "hi" input= whole=true`, `1 tool_use t x  "" input={"a":"b"} whole=true`}}
	if diff := cmp.Diff(want, tell(r, nil)); diff != "" {
		t.Error(diff)
	}
	r, err = messages.ReadReply([]byte(`{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_9"}`))
	if err != nil || r.Error == nil || *r.Error != (messages.APIError{Type: "rate_limit_error", Message: "slow down", RequestID: "req_9"}) {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := messages.ReadReply([]byte(`<html>`)); err == nil {
		t.Error("no error")
	}
}

// TestSecretSplitAnywhere: whatever the escapes and wherever the input is cut, its strings come out the same.
func TestSecretSplitAnywhere(t *testing.T) {
	t.Parallel()
	const secret = "AKIA\u00e9\U0001F600Z\"\\/"
	for _, escaped := range []string{
		`AKIAé😀Z\"\\\/`, `\u0041\u004bIA\u00E9\ud83d\ude00\u005a\"\\/`, `\u0041KI\u0041é\uD83D\uDE00Z\u0022\u005c\u002f`,
	} {
		input := `{"k":["` + escaped + `"]}`
		for cut := range len(input) {
			if cut > 0 && input[cut]&0xC0 == 0x80 {
				continue // the API never cuts a character
			}
			got := play(t, sse(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","input":{}}}`, delta(input[:cut]), delta(input[cut:])))
			if got.Streamed[0] != "k\n"+secret {
				t.Fatalf("%s cut at %d: %q", input, cut, got.Streamed[0])
			}
		}
	}
}

func delta(partial string) string {
	b, _ := json.Marshal(partial)
	return `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":` + string(b) + `}}`
}

func FuzzReply(f *testing.F) {
	f.Add([]byte(rich), uint16(100))
	f.Add([]byte(sse(`{"type":"content_block_start","index":0,"content_block":null}`, delta(`{"\u`))), uint16(3))
	f.Fuzz(func(t *testing.T, stream []byte, cut uint16) {
		whole := play(t, string(stream))
		at := min(int(cut), len(stream))
		if got := play(t, string(stream[:at]), string(stream[at:])); !cmp.Equal(whole, got) {
			t.Fatal(cmp.Diff(whole, got))
		}
		for _, e := range whole.Blocks {
			if strings.HasSuffix(e, "whole=true") && strings.Contains(e, `"a":1,"a":2`) && strings.HasPrefix(e, "0 tool_use") {
				t.Fatalf("arguments with a name twice passed: %s", e)
			}
		}
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(`{"content":[{"type":"text","text":"hi"}],"usage":{}}`))
	f.Add([]byte(`{"type":"error","error":{"type":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := messages.ReadReply(body); err == nil && !json.Valid(body) {
			t.Fatal("accepted what is no JSON")
		}
	})
}
