package modelclient

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// Model is the world's model: it knows what is answered to a request that a Client is about to send. It is the Choose of a
// simulated Messages API.
type Model struct {
	mu      sync.Mutex
	answers map[question]messagesapi.Turn // guarded by mu
}

// question is how a request is known where it arrives: nobody on the way may have changed a byte of it.
type question struct {
	digest [32]byte
	try    string // x-stainless-retry-count
}

// NewModel makes a model that has no answers yet.
func NewModel() *Model { return &Model{answers: map[question]messagesapi.Turn{}} }

// Choose answers a request. It fits messagesapi.Options.Choose.
func (m *Model) Choose(e messagesapi.Exchange) (messagesapi.Turn, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.answers[question{e.Digest, e.Header.Get("X-Stainless-Retry-Count")}]
	return t, ok
}

func (m *Model) expect(q question, t messagesapi.Turn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[q] = t
}

func (m *Model) forget(q question) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.answers, q)
}

// answer is what the model says to one try.
func (e *exchange) answer() messagesapi.Turn {
	t := messagesapi.Turn{Chunk: 120}
	if e.status != 0 {
		t.Fail = &messagesapi.Fail{Status: e.status, Message: e.act.Request.Error}
		if e.status == 429 {
			t.Fail.RetryAfter = "5"
		}
	}
	if e.last {
		t.RequestID = e.act.Keys.Request
		t.MessageID = "msg_01" + digest(22, e.act.Keys.Request)
	} else {
		t.RequestID = "req_01" + digest(22, e.act.Keys.Request, strconv.Itoa(e.try))
	}
	r := e.act.Request
	t.Usage = &messagesapi.Usage{Input: r.Input, Output: r.Output, CacheRead: r.CacheRead, CacheCreate: r.CacheCreate}
	t.Stop = r.Stop
	t.Blocks = []messagesapi.Block{}
	said := r.Text
	if r.Withheld != nil {
		said = strings.TrimSuffix(said, "\n\n"+r.Withheld.Says)
	}
	if said != "" {
		t.Blocks = append(t.Blocks, messagesapi.Block{Type: "text", Text: said})
	}
	if w := r.Withheld; w != nil {
		t.Stop = "tool_use"
		t.Blocks = append(t.Blocks, messagesapi.Block{Type: "tool_use", ID: w.ToolUse, Name: w.Name, Input: object(w.Input)})
	}
	for _, c := range e.calls {
		t.Blocks = append(t.Blocks, messagesapi.Block{Type: "tool_use", ID: c.Keys.ToolUse, Name: c.Tool.Name, Input: object(c.Tool.Input)})
	}
	return t
}

// past lets an answer come in the world's time: the clock is at the first byte until the client has seen it, and at the end
// before the rest is sent. seen is closed by the client.
func past(t messagesapi.Turn, clock *Clock, first, end time.Time, seen <-chan struct{}) messagesapi.Turn {
	t.Before = func(ctx context.Context, event int) {
		switch event {
		case 0:
			clock.set(first)
		case 1:
			select {
			case <-seen:
			case <-ctx.Done():
			}
			clock.set(end)
		}
	}
	return t
}

// live lets an answer take the time it takes.
func live(t messagesapi.Turn, first, whole time.Duration) messagesapi.Turn {
	t.Wait, t.Pause = first, max(0, whole-first)
	if t.Fail != nil {
		t.Wait = whole
	}
	return t
}
