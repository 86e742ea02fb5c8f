package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// client speaks the Messages API as Claude Code does, and not one word more than it is told.
type client struct {
	http    *http.Client
	base    string
	header  http.Header
	session string
	stream  bool
	chunked bool // bodies are sent without their length
	padding string
	history []any
}

func newClient(t *testing.T, base string) *client {
	t.Helper()
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 10}
	t.Cleanup(transport.CloseIdleConnections)
	c := &client{http: &http.Client{Transport: transport}, base: base, session: uuid(), stream: true, header: http.Header{}}
	for name, value := range map[string]string{
		"Accept": "application/json", "Accept-Encoding": "identity", "Content-Type": "application/json",
		"X-Api-Key": messagesapiKey, "Anthropic-Version": "2023-06-01", "Anthropic-Beta": "claude-code-20250219,tomorrows-beta-2027-01-01",
		"Anthropic-Dangerous-Direct-Browser-Access": "true", "User-Agent": "claude-cli/2.1.330 (external, sdk-cli)", "X-App": "cli",
		"X-Stainless-Retry-Count": "0", "X-Claude-Code-Session-Id": c.session, "X-Tomorrow": "kept",
	} {
		c.header.Set(name, value)
	}
	return c
}

const messagesapiKey = "sk-ant-api03-fake"

// got is an answer.
type got struct {
	status     int
	encoding   string
	raw        []byte
	text       string
	blocks     []map[string]any
	calls      []map[string]any // tool_use blocks
	pings      int
	stopped    bool // it says that it is over
	errorEvent bool
	stopReason string
	err        error // of reading it
}

// prompt is a message that names a script.
func (c *client) prompt(script string) map[string]any {
	return map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": c.padding + "[[s:" + script + " say=canary]]"}}}
}

// body is a request with the history and a prompt.
func (c *client) body(script string) []byte {
	return c.encode(append(c.history[:len(c.history):len(c.history)], c.prompt(script)))
}

func (c *client) encode(messages []any) []byte {
	user, _ := json.Marshal(map[string]string{"device_id": strings.Repeat("ab", 32), "account_uuid": "", "session_id": c.session})
	b, err := json.Marshal(map[string]any{
		"model": "claude-opus-5-5", "max_tokens": 32000, "stream": c.stream, "messages": messages,
		"system":   []any{map[string]any{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.330.b1d; cc_entrypoint=sdk-cli;"}, map[string]any{"type": "text", "text": "You are a client of these tests.", "cache_control": map[string]string{"type": "ephemeral"}}},
		"tools":    []any{map[string]any{"name": "Bash", "description": "runs a command", "input_schema": map[string]any{"type": "object"}}},
		"metadata": map[string]any{"user_id": string(user)}, "tomorrow": map[string]any{"z": 1, "a": nil},
	})
	if err != nil {
		panic(err) // maps and strings
	}
	return b
}

// ask sends a prompt without a history.
func (c *client) ask(t *testing.T, script string) got {
	t.Helper()
	return c.send(t, http.MethodPost, "/v1/messages?beta=true", c.body(script))
}

// post sends the history.
func (c *client) post(t *testing.T) got {
	t.Helper()
	return c.send(t, http.MethodPost, "/v1/messages?beta=true", c.encode(c.history))
}

func (c *client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	var r io.Reader = bytes.NewReader(body)
	switch {
	case body == nil:
		r = nil
	case c.chunked:
		r = io.MultiReader(r) // its length is nobody's to see
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, r)
	if err != nil {
		return nil, err
	}
	req.Header = c.header.Clone()
	return c.http.Do(req)
}

func (c *client) send(t *testing.T, method, path string, body []byte) (g got) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	res, err := c.do(ctx, method, path, body)
	if err != nil {
		return got{err: err}
	}
	defer res.Body.Close()
	g.status, g.encoding = res.StatusCode, res.Header.Get("Content-Encoding")
	g.raw, g.err = io.ReadAll(res.Body)
	switch {
	case g.encoding != "" || g.status != http.StatusOK:
	case strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream"):
		g.readStream()
	case path == "/v1/messages?beta=true":
		g.readMessage(t)
	}
	return g
}

func (g *got) readMessage(t *testing.T) {
	t.Helper()
	var m struct {
		Content []map[string]any `json:"content"`
		Stop    string           `json:"stop_reason"`
	}
	if err := json.Unmarshal(g.raw, &m); err != nil {
		t.Errorf("%v: %.300s", err, g.raw)
	}
	g.blocks, g.stopReason, g.stopped = m.Content, m.Stop, true
	g.sum()
}

// readStream takes a stream together as https://platform.claude.com/docs/en/build-with-claude/streaming says.
func (g *got) readStream() {
	open, inputs := map[int]map[string]any{}, map[int]string{}
	lines := bufio.NewScanner(bytes.NewReader(g.raw))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e struct {
			Type  string         `json:"type"`
			Index int            `json:"index"`
			Block map[string]any `json:"content_block"`
			Delta map[string]any `json:"delta"`
		}
		if json.Unmarshal([]byte(data), &e) != nil {
			continue // an event of several lines, which nobody knows
		}
		switch e.Type {
		case "content_block_start":
			open[e.Index] = e.Block
		case "content_block_delta":
			grow(open[e.Index], e.Delta, inputs, e.Index)
		case "content_block_stop":
			if s := inputs[e.Index]; s != "" {
				var input any
				g.err = errors.Join(g.err, json.Unmarshal([]byte(s), &input))
				open[e.Index]["input"] = input
			}
		case "message_delta":
			g.stopReason, _ = e.Delta["stop_reason"].(string)
		case "message_stop":
			g.stopped = true
		case "ping":
			g.pings++
		case "error":
			g.errorEvent = true
		}
	}
	for i := range len(open) {
		g.blocks = append(g.blocks, open[i])
	}
	g.sum()
}

func grow(block, delta map[string]any, inputs map[int]string, index int) {
	add := func(name string) {
		was, _ := block[name].(string)
		more, _ := delta[name].(string)
		block[name] = was + more
	}
	switch delta["type"] {
	case "text_delta":
		add("text")
	case "thinking_delta":
		add("thinking")
	case "signature_delta":
		add("signature")
	case "input_json_delta":
		more, _ := delta["partial_json"].(string)
		inputs[index] += more
	}
}

func (g *got) sum() {
	for _, b := range g.blocks {
		switch b["type"] {
		case "text":
			s, _ := b["text"].(string)
			g.text += s
		case "tool_use":
			g.calls = append(g.calls, b)
		}
	}
}

// message is the answer as it stands in the history of the next request.
func (g *got) message() map[string]any {
	return map[string]any{"role": "assistant", "content": g.blocks}
}

// results answers tool calls.
func results(calls []map[string]any) map[string]any {
	var content []any
	for _, call := range calls {
		content = append(content, map[string]any{"type": "tool_result", "tool_use_id": call["id"], "content": fmt.Sprintf("canary of %v", call["id"])})
	}
	return map[string]any{"role": "user", "content": content}
}
