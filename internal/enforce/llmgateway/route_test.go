package llmgateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/secret"
)

// arrivals is an upstream that counts what arrives, by path and key.
type arrivals struct {
	url string

	mu   sync.Mutex
	list []string
}

func (a *arrivals) all() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.list...)
}

func arriving(t *testing.T) *arrivals {
	t.Helper()
	a := &arrivals{}
	a.url = serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		a.mu.Lock()
		a.list = append(a.list, r.RequestURI+" "+r.Header.Get("X-Api-Key"))
		a.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"message","id":"m","content":[]}`))
	}))
	return a
}

// TestNoWayAround: however the path of a conversation is written, and whatever else takes one, its text is judged.
func TestNoWayAround(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	conversation := asking(false, aKey)
	bodies := map[string]string{
		"/v1/messages/batches": `{"requests":[{"custom_id":"a","params":` + conversation + `}]}`,
		"/v1/complete":         `{"model":"m","prompt":"` + aKey + `"}`,
	}
	for _, path := range []string{
		"//v1/messages", "/v1//messages", "/v1/messages/", "/v1/%6dessages", "/v1/./messages", "/v1/x/../messages", "/v1/x/%2e%2e/messages", "/v1%2fmessages", "/V1/Messages",
		"/v1/messages;a=b", "/v1/messages%20", "/v1%5cmessages", "/v1/messages/count_tokens/", "/v1/messages/batches", "/v1/messages/batches/", "/v1/complete",
	} {
		body := conversation
		if b, ok := bodies[strings.TrimSuffix(path, "/")]; ok {
			body = b
		}
		if got := ask(t, client(t), http.MethodPost, g.url+path, body); got.status != 451 {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if list := up.all(); len(list) != 0 {
		t.Errorf("reached the upstream: %q", list)
	}
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages/batches", `{"requests":[{"custom_id":"a","params":`+asking(false, "hello")+`}]}`); got.status != 200 {
		t.Errorf("a batch that breaks no rule: %d %s", got.status, got.body)
	}
}

// TestSupplyStaysOnItsPaths: a credential of ours goes with no request that leads elsewhere.
func TestSupplyStaysOnItsPaths(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url, Supply: []llmgateway.Supply{{
		Name: "ours", Paths: []string{"/v1/messages"}, Value: func(context.Context) (secret.String, error) { return secret.New("ours"), nil },
	}}}, caller.Config{})
	for path, want := range map[string]string{"/v1/messages": "ours", "/v1/messages/../files": "theirs", "/v1/messages/%2e%2e/files": "theirs"} {
		before := len(up.all())
		ask(t, client(t), http.MethodGet, g.url+path, "", "X-Api-Key", "theirs")
		if list := up.all(); len(list) != before+1 || !strings.HasSuffix(list[before], " "+want) {
			t.Errorf("%s: %q, want the key %s", path, list[before:], want)
		}
	}
}

// TestUpgrades: in enforce mode no connection turns into one that nobody reads; in observe mode it is the client's matter.
func TestUpgrades(t *testing.T) {
	t.Parallel()
	for mode, e := range map[policy.Mode]llmgateway.Engine{policy.Observe: engine(t), policy.Enforce: enforcing(t, rule("prompt", "deny"))} {
		asked := make(chan string, 1)
		up := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked <- r.Header.Get("Upgrade") + r.Header.Get("Connection")
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"type":"message","id":"m","content":[]}`))
		}))
		g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, e)
		got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "hello"), "Connection", "Upgrade", "Upgrade", "tomorrow")
		if upgrade := <-asked; got.status != 200 || (upgrade == "") != (mode == policy.Enforce) {
			t.Errorf("%s: %d, the upstream is asked for %q", mode, got.status, upgrade)
		}
	}
}
