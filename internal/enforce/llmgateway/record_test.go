package llmgateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// told lists what stands on record, each type once with how often it came.
func told(d *door) map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := map[string]int{}
	for _, f := range d.drafts {
		n[f.Record.Type]++
	}
	return n
}

func TestRecords(t *testing.T) {
	t.Parallel()
	script := messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Text: "look", Calls: []messagesapi.Call{{Tool: "Bash", Input: map[string]any{"command": "rm secret"}}}}}}, Encodings: []string{"zstd"}}
	want := map[string]int{"llm.request": 1, "llm.prompt": 1, "llm.context": 1, "llm.tool_call": 1, "llm.response": 1, "llm.end": 1, "llm.verdict": 1}
	for _, mode := range []policy.Mode{policy.Observe, policy.Enforce} {
		for _, stream := range []bool{true, false} {
			t.Run(fmt.Sprint(mode, stream), func(t *testing.T) {
				t.Parallel()
				up := simulated(t, script)
				judge := denies(t, policy.PointToolCall, "secret")
				judge.mode = mode
				g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, judge)
				got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(stream, "[[s:t]]"), "X-Claude-Code-Session-Id", "s1", "Accept-Encoding", "zstd")
				g.stop()
				if diff := cmp.Diff(want, told(g.door)); diff != "" {
					t.Fatalf("records (-want +got):\n%s", diff)
				}
				end := g.door.records("llm.end")[0]
				if end.Keys.Session != "s1" || end.Keys.Request != got.header.Get("Request-Id") || attr(end, "ended") != "complete" || attr(end, "status") != "200" {
					t.Errorf("the end: %+v", end)
				}
				outcome := audit.OutcomeSuccess
				if mode == policy.Enforce {
					outcome = audit.OutcomeDenied
				}
				if v := g.door.records("llm.verdict")[0]; v.Outcome != outcome || v.Rule != "r" || v.Keys.ToolUse == "" {
					t.Errorf("the verdict: %+v", v)
				}
			})
		}
	}
}

// TestForeignKeyOnRecord: that somebody else's key was tried is on record, with why it went no further and by what name.
func TestForeignKeyOnRecord(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{})
	pins := []llmgateway.Pin{{Name: "ours", Hash: strings.Repeat("0", 64)}}
	token := credential.Token{Name: "fleet", Token: secret.New("a-token"), Surface: audit.SurfaceCowork}
	g := begin(t, llmgateway.Config{Upstream: up.url, Pins: pins}, caller.Config{Tokens: []credential.Token{token}})
	ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(true, "hello"), caller.Header, "a-token")
	g.stop()
	request, end := g.door.records("llm.request"), g.door.records("llm.end")
	if len(request) != 1 || len(end) != 1 {
		t.Fatalf("%d requests, %d ends", len(request), len(end))
	}
	name := llmgateway.CredentialHash([32]byte{1}, messagesapi.FakeKey)[:12]
	said := string(request[0].AppendCanonical(nil))
	if end[0].Outcome != audit.OutcomeDenied || !strings.Contains(said, "foreign_credential") || !strings.Contains(said, name) || request[0].Surface != audit.SurfaceCowork {
		t.Errorf("request %s\nend %s", said, end[0].AppendCanonical(nil))
	}
}

// TestOnRecordFirst: in enforce mode nothing goes upstream before it is on record, and nothing where that cannot be.
func TestOnRecordFirst(t *testing.T) {
	t.Parallel()
	d := make(chan *door, 1)
	up := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		on := <-d
		if n := len(on.records("llm.request")) + len(on.records("llm.prompt")); n != 2 {
			t.Errorf("%d of 2 records when the upstream was asked", n)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"message","id":"m","content":[]}`))
	}))
	g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, enforcing(t, ""))
	d <- g.door
	c := client(t)
	if got := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(false, "hello")); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	recorded := g.door
	for row, refuse := range map[string]error{"journal_unavailable": errors.New("down"), "disk_full": syscall.ENOSPC} {
		for _, does := range []policy.OnFailure{policy.Refuse, policy.Forward} {
			r := &rules{Engine: engine(t)}
			if row == "disk_full" {
				r.failures = policy.Failures{DiskFull: does, JournalUnavailable: policy.Forward}
			} else {
				r.failures = policy.Failures{DiskFull: policy.Forward, JournalUnavailable: does}
			}
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, r)
			if row == "disk_full" {
				g.health.Raise("journal.full", health.Critical, "full")
			}
			g.door.set(refuse)
			if does == policy.Forward {
				d <- recorded
			}
			got := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(false, "hello"))
			if want := map[policy.OnFailure]int{policy.Refuse: 503, policy.Forward: 200}[does]; got.status != want {
				t.Errorf("%s %s: %d %s", row, does, got.status, got.body)
			}
			if does == policy.Refuse && got.header.Get("X-Should-Retry") != "false" {
				t.Errorf("%s: %v", row, got.header)
			}
			g.door.set(nil)
			g.stop()
		}
	}
}

// TestCanary plants strings wherever a secret can be sent, and looks for them in everything the gateway says and records.
func TestCanary(t *testing.T) {
	t.Parallel()
	const canary = "canary-51c9"
	up := simulated(t, messagesapi.Options{})
	key := [32]byte{1}
	token := credential.Token{Name: "fleet", Token: secret.New(canary + "-token")}
	pins := []llmgateway.Pin{{Name: "ours", Hash: llmgateway.CredentialHash(key, canary+"-key")}}
	supply := []llmgateway.Supply{{Name: "supplied", Paths: []string{"/v1/models"}, Value: func(context.Context) (secret.String, error) {
		return secret.New(canary + "-supplied"), errors.New("no such file")
	}}}
	g := begin(t, llmgateway.Config{Upstream: up.url, Pins: pins, Supply: supply}, caller.Config{Tokens: []credential.Token{token}}, denies(t, policy.PointPrompt, "stop"))
	c := client(t)
	auth := []string{caller.Header, canary + "-token", "Cookie", canary, "Proxy-Authorization", "Basic " + canary}
	keys := append([]string{"X-Api-Key", canary + "-key", "Authorization", "Bearer " + canary + "-key", "X-Claude-Code-Session-Id", "s"}, auth...)
	var said []string
	for _, body := range []string{asking(true, "hello"), asking(true, "stop"), asking(false, "stop"), `{"model":"` + canary + `","x":1,"x":2}`, canary} {
		said = append(said, fmt.Sprint(ask(t, c, http.MethodPost, g.url+"/v1/messages", body, keys...)))
	}
	said = append(said, fmt.Sprint(ask(t, c, http.MethodPost, g.url+"/v1/messages", "{}", append([]string{"X-Api-Key", canary + "-foreign"}, auth...)...)),
		fmt.Sprint(ask(t, c, http.MethodPost, g.url+"/v1/messages", "{}", caller.Header, canary)),
		fmt.Sprint(ask(t, c, http.MethodGet, g.url+"/v1/models", "", auth...)),
		fmt.Sprint(ask(t, c, http.MethodPost, g.url+"/v1/"+canary, canary, keys...)))
	g.stop()
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	said = append(said, g.log.String(), fmt.Sprint(families), fmt.Sprint(g.health.Conditions()))
	for _, d := range g.door.drafts {
		said = append(said, string(d.Record.AppendCanonical(nil)))
		for _, p := range d.Pieces {
			if strings.Contains(string(p.Value), canary+"-") {
				t.Errorf("piece %s of %s holds a credential: %s", p.Name, d.Record.Type, p.Value)
			}
		}
	}
	if len(g.door.drafts) < 10 {
		t.Errorf("only %d records", len(g.door.drafts))
	}
	for _, s := range said {
		if strings.Contains(s, canary) {
			t.Errorf("said: %.500s", s)
		}
	}
}

// TestUnreadIsOnRecordFirst: what carries something past the gateway unread is on record before it goes, where rules enforce.
func TestUnreadIsOnRecordFirst(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	c := client(t)
	g.door.set(errors.New("down"))
	if got := ask(t, c, http.MethodPost, g.url+"/v1/files", "a file", "Content-Type", "text/plain"); got.status != 503 || len(up.all()) != 0 {
		t.Errorf("with the journal down: %d, %q", got.status, up.all())
	}
	if got := ask(t, c, http.MethodGet, g.url+"/v1/models", ""); got.status != 200 {
		t.Errorf("what carries nothing: %d", got.status)
	}
	g.door.set(nil)
	soon(t, "a journal that works again", func() bool {
		return ask(t, c, http.MethodPost, g.url+"/v1/files", "a file", "Content-Type", "text/plain").status == 200
	})
	g.stop()
	if n := told(g.door); n["llm.request"] < 2 || n["llm.request"]+1 != n["llm.other"] {
		t.Errorf("records: %v", n)
	}
}
