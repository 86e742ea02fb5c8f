package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// scenario is one thing that a client does. It fails the test where the result is not what the client is due.
type scenario struct {
	name string
	play func(t *testing.T, c *client)
}

var scenarios = []scenario{
	{name: "plain", play: says("text", "You said canary.")},
	{name: "not streaming", play: func(t *testing.T, c *client) {
		c.stream = false
		says("text", "You said canary.")(t, c)
	}},
	{name: "tool", play: works("bash", 1)},
	{name: "parallel tools", play: works("parallel", 3)},
	{name: "interleaved blocks", play: works("interleave", 2)},
	{name: "MCP tool", play: works("mcp", 2)},
	{name: "thinking", play: works("think", 1)},
	{name: "a connector's tools", play: says("connector", "The server found canary.")},
	{name: "web search", play: says("search", "Four hundred results for canary.")},
	{name: "unknown blocks, events and comments", play: works("odd", 1)},
	{name: "sub-agent", play: func(t *testing.T, c *client) {
		works("bash", 1)(t, c)
		c.header.Set("X-Claude-Code-Agent-Id", "aedb40c5d6f84e660")
		works("parallel", 3)(t, c)
		c.header.Del("X-Claude-Code-Agent-Id")
	}},
	{name: "a large answer", play: func(t *testing.T, c *client) {
		if got := c.ask(t, "big"); len(got.text) != messagesapi.BigAnswer {
			t.Errorf("%d bytes of text came, want %d", len(got.text), messagesapi.BigAnswer)
		}
	}},
	{name: "400", play: fails("e400", http.StatusBadRequest)},
	{name: "403", play: fails("e403", http.StatusForbidden)},
	{name: "413", play: fails("e413", http.StatusRequestEntityTooLarge)},
	{name: "429, then fine", play: func(t *testing.T, c *client) {
		fails("e429", http.StatusTooManyRequests)(t, c)
		says("e429", "Fine after all: canary.")(t, c)
	}},
	{name: "529 twice, then fine", play: func(t *testing.T, c *client) {
		fails("e529", 529)(t, c)
		fails("e529", 529)(t, c)
		says("e529", "Fine after all: canary.")(t, c)
	}},
	{name: "529, not to be tried again", play: fails("no529", 529)},
	{name: "an error in the middle", play: func(t *testing.T, c *client) {
		if got := c.ask(t, "cut"); !got.errorEvent || got.stopped {
			t.Errorf("want an error event in place of the end, got %+v", got)
		}
	}},
	{name: "a line that breaks in the middle", play: func(t *testing.T, c *client) {
		if got := c.ask(t, "drop"); got.err == nil || got.stopped {
			t.Errorf("want a broken stream, got %+v", got)
		}
	}},
	{name: "a client that goes", play: aborts},
	{name: "a body of 10 MB", play: func(t *testing.T, c *client) {
		c.padding = strings.Repeat("All work and no play makes a long prompt. ", 10<<20/42)
		says("text", "You said canary.")(t, c)
		c.padding = ""
	}},
	{name: "a body without a length", play: func(t *testing.T, c *client) {
		c.chunked = true
		says("text", "You said canary.")(t, c)
		c.chunked = false
	}},
	{name: "gzip", play: encoded("gzip")},
	{name: "br", play: encoded("br")},
	{name: "zstd", play: encoded("zstd")},
	{name: "deflate", play: encoded("deflate")},
	{name: "count_tokens", play: func(t *testing.T, c *client) {
		got := c.send(t, http.MethodPost, "/v1/messages/count_tokens?beta=true", c.body("text"))
		var n struct {
			Tokens int `json:"input_tokens"`
		}
		if err := json.Unmarshal(got.raw, &n); err != nil || n.Tokens == 0 {
			t.Errorf("%v: %s", err, got.raw)
		}
	}},
	{name: "models", play: func(t *testing.T, c *client) {
		if got := c.send(t, http.MethodGet, "/v1/models?limit=1000", nil); got.status != http.StatusOK || !bytes.Contains(got.raw, []byte(`"data"`)) {
			t.Errorf("%d: %s", got.status, got.raw)
		}
	}},
	{name: "hello", play: func(t *testing.T, c *client) {
		if got := c.send(t, http.MethodHead, "/api/hello", nil); got.status != http.StatusOK {
			t.Errorf("%d: %s", got.status, got.raw)
		}
	}},
	{name: "what nobody knows", play: func(t *testing.T, c *client) {
		if got := c.send(t, http.MethodPut, "/v2/tomorrow?a=1&a=2;b", []byte("{not json")); got.status != http.StatusNotFound {
			t.Errorf("%d: %s", got.status, got.raw)
		}
	}},
	{name: "resumed", play: func(t *testing.T, c *client) {
		works("bash", 1)(t, c)
		old := *c
		c.http.CloseIdleConnections() // another process of the client, with the same history
		works("parallel", 3)(t, c)
		if len(c.history) <= len(old.history) {
			t.Error("the history did not grow")
		}
	}},
	{name: "a silence with pings", play: func(t *testing.T, c *client) {
		if got := c.ask(t, "silent"); got.pings < 3 || got.text != "After all: canary." {
			t.Errorf("want pings and a text, got %+v", got)
		}
	}},
}

// scripts are conversations that only these tests need.
func scripts() map[string]messagesapi.Script {
	return map[string]messagesapi.Script{"silent": {{Text: "After all: {say}.", Pause: 200 * time.Millisecond}}}
}

func says(script, want string) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		t.Helper()
		if got := c.ask(t, script); got.status != http.StatusOK || got.text != want || !got.stopped {
			t.Errorf("want %q and an end, got %d %q, ended %t, %v", want, got.status, got.text, got.stopped, got.err)
		}
	}
}

func fails(script string, status int) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		t.Helper()
		if got := c.ask(t, script); got.status != status || !bytes.Contains(got.raw, []byte(`"type":"error"`)) {
			t.Errorf("want %d, got %d: %s", status, got.status, got.raw)
		}
	}
}

// works plays a script with tools to its end, as an agent does.
func works(script string, calls int) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		t.Helper()
		prompt, made := c.prompt(script), 0
		c.history = append(c.history, prompt)
		for range 10 {
			got := c.post(t)
			if got.status != http.StatusOK || got.err != nil || !got.stopped {
				t.Fatalf("%d, %v: %.300s", got.status, got.err, got.raw)
			}
			c.history = append(c.history, got.message())
			if len(got.calls) == 0 {
				break
			}
			made += len(got.calls)
			c.history = append(c.history, results(got.calls))
		}
		if made != calls {
			t.Errorf("the model called %d tools, want %d", made, calls)
		}
	}
}

func encoded(name string) func(*testing.T, *client) {
	return func(t *testing.T, c *client) {
		t.Helper()
		c.header.Set("Accept-Encoding", name)
		for _, stream := range []bool{true, false} {
			c.stream = stream
			got := c.ask(t, "text")
			if got.status != http.StatusOK || got.encoding != name {
				t.Errorf("stream %t: answered %d in encoding %q, want %q", stream, got.status, got.encoding, name)
			}
		}
		c.stream = true
		c.header.Set("Accept-Encoding", "identity")
	}
}

// aborts leaves in the middle of a silence. The upstream has to learn.
func aborts(t *testing.T, c *client) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	res, err := c.do(ctx, http.MethodPost, "/v1/messages?beta=true", c.body("slow-at-once"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, res.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("the answer ended with %v", err)
	}
}

// TestInvisible plays everything through a gateway of each mode, with no rule that stops anything.
func TestInvisible(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"observe", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			api := simulated(func(o *messagesapi.Options) {
				o.Scripts = scripts()
				o.Scripts["slow-at-once"] = messagesapi.Script{{Text: "Late.", Pause: messagesapi.SlowPause}}
				o.Encodings = []string{"gzip", "br", "zstd", "deflate"}
			})
			l := newLab(t, api, func(c *config.Config) { c.Policy.Mode = policy.Mode(mode) })
			sessions := map[string]*expected{}
			for _, sc := range scenarios {
				t.Run(sc.name, func(t *testing.T) {
					c := newClient(t, l.front.url)
					front, back := l.front.count(), l.back.count()
					sc.play(t, c)
					f, b := l.front.quiet(t, front), l.back.quiet(t, back)
					same(t, f, b)
					if len(f) == 0 {
						t.Error("nothing passed")
					}
					sessions[c.session] = &expected{sc.name, posts(f)}
				})
			}
			onRecord(t, l, sessions)
		})
	}
}

// expected is what has to be on record of a session.
type expected struct {
	scenario string
	posts    []*passage
}

func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// onRecord checks that each request for messages is on record with how it ended.
func onRecord(t *testing.T, l *lab, sessions map[string]*expected) {
	t.Helper()
	begun, ended := map[string]int{}, map[string]string{}
	order := map[string][]string{} // exchanges of a session
	list := l.records(t)
	for i := range list {
		r := &list[i]
		switch r.Type {
		case "llm.request":
			begun[r.Keys.Body]++
			if attribute(r, "route") == "messages" {
				order[r.Keys.Session] = append(order[r.Keys.Session], r.Keys.Body)
			}
		case "llm.end", "llm.other": // which is all there is of what is no conversation
			if _, twice := ended[r.Keys.Body]; twice {
				t.Errorf("exchange %s ends twice", r.Keys.Body)
			}
			ended[r.Keys.Body] = attribute(r, "ended")
		}
	}
	for id := range begun {
		if _, ok := ended[id]; !ok {
			t.Errorf("exchange %s has no end", id)
		}
	}
	for session, want := range sessions {
		if len(order[session]) != len(want.posts) {
			t.Errorf("%s: %d requests are on record, %d were sent", want.scenario, len(order[session]), len(want.posts))
		}
		for i, id := range order[session] {
			how, ok := ended[id]
			if begun[id] != 1 || !ok {
				t.Errorf("%s: request %d is on record %d times, its end %t", want.scenario, i, begun[id], ok)
			}
			if i < len(want.posts) && !slices.Contains(endings(want.posts[i]), how) {
				t.Errorf("%s: request %d ended as %q, want one of %q", want.scenario, i, how, endings(want.posts[i]))
			}
		}
	}
}

// endings are the words that are right for what became of a request.
func endings(x *passage) []string {
	if x.Complete {
		return []string{"complete"}
	}
	return []string{"client_abort", "upstream_reset"}
}
