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

// What every answer says it used, in tokens, where prompts are not cached. Constant, so that sums in a client's telemetry can be foretold.
const (
	InputTokens         = 101
	OutputTokens        = 23
	CacheReadTokens     = 7
	CacheCreationTokens = 11
)

// Usage is what an answer says it used, in tokens.
type Usage struct {
	Input, Output          int64
	CacheRead, CacheCreate int64
	CacheCreateHour        int64 // part of CacheCreate, kept for an hour
}

// maxTries bounds the memory of failures already answered.
const maxTries = 10_000

// reply is a Messages API response.
type reply struct {
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Role         string  `json:"role"`
	Model        string  `json:"model"`
	Content      []any   `json:"content"`
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        usage   `json:"usage"`

	parts []part
}

type usage struct {
	InputTokens         int64          `json:"input_tokens"`
	CacheCreationTokens int64          `json:"cache_creation_input_tokens"`
	CacheReadTokens     int64          `json:"cache_read_input_tokens"`
	CacheCreation       *cacheCreation `json:"cache_creation,omitempty"`
	OutputTokens        int64          `json:"output_tokens"`
	ServiceTier         string         `json:"service_tier"`
}

type cacheCreation struct {
	FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
	Hour        int64 `json:"ephemeral_1h_input_tokens"`
}

// id makes the i-th id of request n: a prefix and 22 letters, like the API's own.
func (a *API) id(prefix string, n int64, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d/%d", a.opts.Seed, prefix, n, i))
	s := new(big.Int).SetBytes(sum[:]).Text(62)
	return prefix + strings.Repeat("0", max(0, 22-len(s))) + s[:min(22, len(s))]
}

func (a *API) messages(w http.ResponseWriter, r *http.Request, c *call) {
	req, bad := read(w, r, c)
	if bad == nil && req.MaxTokens < 1 {
		e := invalid("max_tokens: Field required")
		bad = &e
	}
	if bad != nil {
		a.fail(w, r, c, *bad)
		return
	}
	m := find(req)
	c.exc.Script, c.exc.Turn, c.exc.Stream = m.name, m.turn, req.Stream
	turn := a.turn(c, m)
	rateLimits(w.Header())
	if !pause(r, turn.Wait) {
		return
	}
	c.before = turn.Before
	if turn.Fail != nil && a.failsNow(c, m, turn.Fail) {
		if turn.Fail.RetryAfter != "" {
			w.Header().Set("Retry-After", turn.Fail.RetryAfter)
		}
		if turn.Fail.ShouldRetry != "" {
			w.Header().Set("X-Should-Retry", turn.Fail.ShouldRetry)
		}
		a.fail(w, r, c, turn.Fail.apiError())
		return
	}
	used, err := a.use(r, req)
	if err != nil {
		a.fail(w, r, c, *err)
		return
	}
	rep := a.reply(c, req, turn, m.args, used)
	switch {
	case req.Stream:
		a.stream(w, r, c, rep, turn)
	case !pause(r, turn.Pause):
	case turn.Drop > 0:
		a.half(w, r, c, rep)
	default:
		a.answer(w, r, c, rep)
	}
}

// use counts the tokens of a prompt.
func (a *API) use(r *http.Request, req *request) (usage, *apiError) {
	u := usage{InputTokens: InputTokens, CacheCreationTokens: CacheCreationTokens, CacheReadTokens: CacheReadTokens, OutputTokens: OutputTokens, ServiceTier: "standard"}
	if !a.opts.PromptCache {
		return u, nil
	}
	list, err := prefixes(apiKey(r), req.raw)
	if err != nil {
		return u, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	used := a.cache.use(list, a.opts.Now())
	return used.tell(OutputTokens), nil
}

// tell is how the API tells what was used.
func (u Usage) tell(output int64) usage {
	return usage{
		InputTokens: u.Input, OutputTokens: output, CacheReadTokens: u.CacheRead, CacheCreationTokens: u.CacheCreate, ServiceTier: "standard",
		CacheCreation: &cacheCreation{FiveMinutes: u.CacheCreate - u.CacheCreateHour, Hour: u.CacheCreateHour},
	}
}

// turn finds what to say. An unknown script says so, in the conversation, where whoever wrote the prompt sees it.
func (a *API) turn(c *call, m marker) Turn {
	if a.opts.Choose != nil {
		if turn, ok := a.opts.Choose(c.exc); ok {
			if turn.RequestID != "" {
				c.exc.RequestID = turn.RequestID
			}
			return turn
		}
	}
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

func (a *API) reply(c *call, req *request, turn Turn, args map[string]string, used usage) *reply {
	rep := &reply{
		ID: turn.MessageID, Type: "message", Role: "assistant", Model: req.Model, Content: []any{}, Usage: used, parts: a.parts(c, req, turn, args),
	}
	if rep.ID == "" {
		rep.ID = a.id("msg_01", c.n, 0)
	}
	if turn.Usage != nil {
		rep.Usage = turn.Usage.tell(turn.Usage.Output)
	}
	stop := turn.Stop
	if stop == "" {
		stop = "end_turn"
	}
	for _, p := range rep.parts {
		rep.Content = append(rep.Content, p.whole)
		if turn.Stop == "" && p.whole["type"] == "tool_use" {
			stop = "tool_use"
		}
	}
	rep.StopReason = &stop
	return rep
}

// half promises a whole answer and breaks the connection in the middle.
func (a *API) half(w http.ResponseWriter, r *http.Request, c *call, rep *reply) {
	a.head(w, c)
	b, err := json.Marshal(rep)
	if err != nil {
		http.Error(w, "encode answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(b[:len(b)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler) // the way net/http breaks a connection
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
