package messagesapi

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What every answer says it used, in tokens. Constant, so that sums in a client's telemetry can be foretold.
const (
	InputTokens         = 101
	OutputTokens        = 23
	CacheReadTokens     = 7
	CacheCreationTokens = 11
)

// maxTries bounds the memory of failures already answered.
const maxTries = 10_000

// reply is a Messages API response.
type reply struct {
	ID           string       `json:"id"`
	Type         string       `json:"type"`
	Role         string       `json:"role"`
	Model        string       `json:"model"`
	Content      []replyBlock `json:"content"`
	StopReason   *string      `json:"stop_reason"`
	StopSequence *string      `json:"stop_sequence"`
	Usage        usage        `json:"usage"`
}

type replyBlock struct {
	Type  string          `json:"type"`
	Text  *string         `json:"text,omitempty"`
	ID    string          `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
}

type usage struct {
	InputTokens         int    `json:"input_tokens"`
	CacheCreationTokens int    `json:"cache_creation_input_tokens"`
	CacheReadTokens     int    `json:"cache_read_input_tokens"`
	OutputTokens        int    `json:"output_tokens"`
	ServiceTier         string `json:"service_tier"`
}

// id makes the i-th id of request n: a prefix and 22 letters, like the API's own.
func (a *API) id(prefix string, n int64, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%d", a.opts.Seed, prefix, n, i))
	s := new(big.Int).SetBytes(sum[:]).Text(62)
	return prefix + strings.Repeat("0", max(0, 22-len(s))) + s[:min(22, len(s))]
}

func (a *API) messages(w http.ResponseWriter, r *http.Request, c *call) {
	req, _, bad := read(w, r)
	if bad == nil && req.MaxTokens < 1 {
		e := invalid("max_tokens: Field required")
		bad = &e
	}
	if bad != nil {
		a.fail(w, c, *bad)
		return
	}
	m := find(req)
	turn := a.turn(m)
	c.exc.Script, c.exc.Turn, c.exc.Stream = m.name, m.turn, req.Stream
	rateLimits(w.Header())
	if turn.Fail != nil && a.failsNow(c, m, turn.Fail) {
		if turn.Fail.RetryAfter != "" {
			w.Header().Set("Retry-After", turn.Fail.RetryAfter)
		}
		a.fail(w, c, turn.Fail.apiError())
		return
	}
	rep := a.reply(c, req, turn, m.args)
	if req.Stream {
		a.stream(w, r, c, rep, turn)
		return
	}
	if !pause(r, turn.Pause) {
		return
	}
	a.answer(w, c, rep)
}

// turn finds what to say. An unknown script says so, in the conversation, where whoever wrote the prompt sees it.
func (a *API) turn(m marker) Turn {
	if m.name == "" {
		return Turn{Text: "Hello from a simulated model."}
	}
	script, ok := a.scripts[m.name]
	switch {
	case !ok:
		return Turn{Text: "There is no script named " + m.name + "."}
	case m.turn < len(script):
		return script[m.turn]
	}
	return Turn{Text: "Nothing more to do."}
}

// failsNow counts the failures of one turn of one conversation and tells whether it fails once more.
func (a *API) failsNow(c *call, m marker, f *Fail) bool {
	if f.Times == 0 {
		return true
	}
	key := c.exc.Session + "\x00" + c.exc.Agent + "\x00" + m.text + "\x00" + strconv.Itoa(m.turn)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tries[key] >= f.Times {
		delete(a.tries, key)
		return false
	}
	if len(a.tries) >= maxTries {
		clear(a.tries)
	}
	a.tries[key]++
	return true
}

func (a *API) reply(c *call, req *request, turn Turn, args map[string]string) *reply {
	rep := &reply{
		ID: a.id("msg_01", c.n, 0), Type: "message", Role: "assistant", Model: req.Model, Content: []replyBlock{},
		Usage: usage{InputTokens, CacheCreationTokens, CacheReadTokens, OutputTokens, "standard"},
	}
	if turn.Text != "" {
		text := fill(turn.Text, args).(string)
		rep.Content = append(rep.Content, replyBlock{Type: "text", Text: &text})
	}
	for i, call := range turn.Calls {
		name := call.Tool
		if name == "Agent" && !req.declares("Agent") && req.declares("Task") {
			name = "Task" // what older clients call it
		}
		input, err := json.Marshal(fill(call.Input, args))
		if err != nil {
			input = []byte("{}") // a script holds JSON kinds only
		}
		rep.Content = append(rep.Content, replyBlock{Type: "tool_use", ID: a.id("toolu_01", c.n, i), Name: name, Input: input})
	}
	stop := turn.Stop
	switch {
	case stop != "":
	case len(turn.Calls) > 0:
		stop = "tool_use"
	default:
		stop = "end_turn"
	}
	rep.StopReason = &stop
	return rep
}

// rateLimits sets what the API tells of the caller's limits.
func rateLimits(h http.Header) {
	for name, limit := range map[string]string{"requests": "4000", "tokens": "2400000"} {
		h.Set("anthropic-ratelimit-"+name+"-limit", limit)
		h.Set("anthropic-ratelimit-"+name+"-remaining", limit)
		h.Set("anthropic-ratelimit-"+name+"-reset", "2026-01-01T00:00:00Z")
	}
}

// pause waits; it is false where the client went away.
func pause(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
