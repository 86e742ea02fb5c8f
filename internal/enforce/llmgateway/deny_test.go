package llmgateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

const theWords = `Not with "us" <please>.`

// read reads a stream as a client does.
func read(t *testing.T, body []byte) *messages.Reply {
	t.Helper()
	var r messages.Reply
	var s messages.Splitter
	s.Write(body, func(e messages.Event) {
		if _, err := r.Accept(e); err != nil {
			t.Errorf("event %s: %v", e.Raw, err)
		}
	})
	if len(s.Rest()) > 0 {
		t.Errorf("behind the last event: %q", s.Rest())
	}
	return &r
}

func saidBy(r *messages.Reply) string {
	var list []string
	for _, b := range r.Blocks {
		list = append(list, fmt.Sprintf("%d %s %s%s", b.Index, b.Type, b.Text(), b.Tool))
	}
	return strings.Join(list, "; ") + "; " + r.StopReason
}

func TestDeniedPrompt(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{})
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, denies(t, policy.PointPrompt, "secret"))
	c := client(t)
	got := ask(t, c, http.MethodPost, g.url+"/v1/messages?beta=true", asking(true, "my secret"))
	r := read(t, got.body)
	if want := "0 text " + theWords + "; end_turn"; got.status != 200 || saidBy(r) != want || !r.Done || r.Model != "claude-opus-4-8" {
		t.Errorf("a stream: %d %s, want %s\n%s", got.status, saidBy(r), want, got.body)
	}
	if id := got.header.Get("Request-Id"); !strings.HasPrefix(id, "req_tripod_") {
		t.Errorf("request-id %q", id)
	}
	for _, path := range []string{"/v1/messages", "/v1/messages/count_tokens"} {
		got = ask(t, c, http.MethodPost, g.url+path, asking(false, "my secret"))
		var e struct {
			Error struct{ Type, Message string }
		}
		if err := json.Unmarshal(got.body, &e); err != nil || got.status != 451 || e.Error.Message != theWords || e.Error.Type != "permission_error" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if n := len(up.exchanges()); n != 0 {
		t.Errorf("%d requests reached the upstream", n)
	}
	if got = ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(true, "hello")); got.status != 200 || len(up.exchanges()) != 1 {
		t.Errorf("what is allowed: %d", got.status)
	}
}

func TestWithheldTool(t *testing.T) {
	t.Parallel()
	bash := func(say string) messagesapi.Call {
		return messagesapi.Call{Tool: "Bash", Input: map[string]any{"command": say}}
	}
	tests := map[string]struct {
		turn messagesapi.Turn
		want string
	}{
		"the only one": {messagesapi.Turn{Text: "look", Calls: []messagesapi.Call{bash("rm secret")}}, "0 text look; 1 text " + theWords + "; end_turn"},
		"one of two":   {messagesapi.Turn{Calls: []messagesapi.Call{bash("rm secret"), bash("ls")}}, "0 text " + theWords + "; 1 tool_use Bash; tool_use"},
		"the second":   {messagesapi.Turn{Calls: []messagesapi.Call{bash("ls"), bash("rm secret")}}, "0 tool_use Bash; 1 text " + theWords + "; tool_use"},
		"both":         {messagesapi.Turn{Calls: []messagesapi.Call{bash("secret"), bash("rm secret")}}, "0 text " + theWords + "; 1 text " + theWords + "; end_turn"},
		"interleaved":  {messagesapi.Turn{Text: "look at this", Calls: []messagesapi.Call{bash("rm secret"), bash("ls")}, Interleave: true}, "0 text look at this; 1 text " + theWords + "; 2 tool_use Bash; tool_use"},
		"none":         {messagesapi.Turn{Text: "look", Calls: []messagesapi.Call{bash("ls")}}, "0 text look; 1 tool_use Bash; tool_use"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.turn.Between = []string{": keep-alive\n\n"}
			opts := messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {test.turn}}, Encodings: []string{"gzip"}}
			direct, up := simulated(t, opts), simulated(t, opts)
			g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, denies(t, policy.PointToolCall, "secret"))
			c := client(t)
			got := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(true, "[[s:t]]"))
			r := read(t, got.body)
			if saidBy(r) != test.want || !r.Done {
				t.Errorf("a stream: %s\nwant %s\n%s", saidBy(r), test.want, got.body)
			}
			want := ask(t, c, http.MethodPost, direct.url+"/v1/messages", asking(true, "[[s:t]]"))
			if name == "none" && !bytes.Equal(bytes.ReplaceAll(got.body, []byte(": keep-alive\n\n"), nil), bytes.ReplaceAll(want.body, []byte(": keep-alive\n\n"), nil)) {
				t.Errorf("what was let out is not what came:\n%s\nwithout:\n%s", got.body, want.body)
			}
			if a, b := bytes.Count(got.body, []byte(": keep-alive\n")), bytes.Count(want.body, []byte(": keep-alive\n")); a != b {
				t.Errorf("%d keep-alives passed of %d", a, b)
			}
			if encoded := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(true, "[[s:t]]"), "Accept-Encoding", "gzip"); saidBy(read(t, encoded.body)) != test.want || encoded.header.Get("Content-Encoding") != "" {
				t.Errorf("encoded: %v %s", encoded.header, encoded.body)
			}
			whole := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(false, "[[s:t]]"))
			reply, err := messages.ReadReply(whole.body)
			if err != nil || saidBy(reply) != test.want {
				t.Errorf("not a stream: %s (%v)\n%s", saidBy(reply), err, whole.body)
			}
		})
	}
}
