package llmgateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// aKey is made up; it has the shape of a real one.
const aKey = "AKIAQ3EGRPLM2TZ7WXYB"

func rule(point, effect string) string {
	return "rules:\n- id: no-keys\n  title: No keys\n  points: [" + point + "]\n  detectors: [credential]\n  effect: " + effect +
		"\n  message: No keys here.\n  severity: high\n  mode: enforce\n"
}

func TestDeniedResponse(t *testing.T) {
	t.Parallel()
	turn := messagesapi.Turn{Blocks: []messagesapi.Block{
		{Type: "text", Text: "before"}, {Type: "text", Text: "the key is " + aKey + " and nothing else"}, {Type: "text", Text: "after"},
	}, Chunk: 5}
	up := simulated(t, messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {turn}}, Encodings: []string{"br"}})
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("response", "deny")))
	for _, encoding := range []string{"identity", "br"} {
		got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(true, "[[s:t]]"), "Accept-Encoding", encoding)
		r := read(t, got.body)
		if !r.Done || r.StopReason != "end_turn" || len(r.Blocks) != 3 || r.Blocks[0].Text() != "before" || r.Blocks[2].Text() != "No keys here." || !r.Blocks[1].Whole {
			t.Errorf("%s: %s\n%s", encoding, saidBy(r), got.body)
		}
		if said := r.Blocks[1].Text(); strings.Contains(said, aKey) || !strings.HasPrefix(said, "the key") {
			t.Errorf("the text that was cut off: %q", said)
		}
	}
	got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "[[s:t]]"))
	if want := `[{"type":"text","text":"No keys here."}]`; !strings.Contains(string(got.body), want) || strings.Contains(string(got.body), aKey) || !json.Valid(got.body) {
		t.Errorf("not a stream: %s", got.body)
	}
}

func TestRedacts(t *testing.T) {
	t.Parallel()
	var bodies []string
	keep := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || int64(len(b)) != r.ContentLength {
			t.Errorf("%d bytes of %d: %v", len(b), r.ContentLength, err)
		}
		bodies = append(bodies, string(b))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"type":"message","id":"m","content":[]}`))
	})
	s := serveHandler(t, keep)
	g := begin(t, llmgateway.Config{Upstream: s, Redact: true}, caller.Config{}, enforcing(t, rule("prompt, tool_result", "redact")))
	// An escape in the middle of the key, what is signed and what is beside it.
	escaped := strings.Replace(aKey, "E", `\u0045`, 1)
	body := `{"model":"m",  "max_tokens":9,"messages":[{"role":"user","content":"one ` + escaped + ` two\n"},` +
		`{"role":"assistant","content":[{"type":"thinking","thinking":"` + aKey + `","signature":"x"},{"type":"tool_use","id":"t","name":"Bash","input":{"a":"` + aKey + `"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"é ` + aKey + `"}]}]}]}`
	c := client(t)
	for range 2 {
		if got := ask(t, c, http.MethodPost, g.url+"/v1/messages", body); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] {
		t.Fatalf("the same conversation is not redacted alike: %q", bodies)
	}
	mark := regexp.MustCompile(`\[REDACTED:[a-z_]+:[0-9a-f]{8}\]`)
	if n := len(mark.FindAllString(bodies[0], -1)); n != 2 {
		t.Errorf("%d placeholders: %s", n, bodies[0])
	}
	want := strings.Replace(strings.Replace(body, escaped, "#", 1), `é `+aKey, "é #", 1)
	if got := mark.ReplaceAllString(bodies[0], "#"); got != want {
		t.Errorf("upstream got\n%s\nwant\n%s", got, want)
	}
	// Where it cannot be replaced, it does not pass: no leave to change anything, or a place that is signed or an attribution.
	firm := begin(t, llmgateway.Config{Upstream: s}, caller.Config{}, enforcing(t, rule("prompt, tool_result", "redact")))
	if got := ask(t, c, http.MethodPost, firm.url+"/v1/messages", body); got.status != 451 {
		t.Errorf("without leave to redact: %d", got.status)
	}
	if got := ask(t, c, http.MethodPost, g.url+"/v1/messages", `{"model":"m","system":[{"type":"text","text":"`+aKey+`"}],"messages":[]}`); got.status != 451 {
		t.Errorf("in the first system block: %d", got.status)
	}
	if len(bodies) != 2 {
		t.Errorf("%d requests reached the upstream", len(bodies))
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	failing := func(failed error, f policy.Failures) *rules {
		return &rules{Engine: engine(t), failures: f, points: []policy.Point{policy.PointPrompt, policy.PointToolCall}, evaluate: func(ev policy.Event) policy.Verdict {
			if ev.Point == policy.PointPrompt {
				return policy.Verdict{Effect: policy.Allow, Failed: failed}
			}
			return policy.Verdict{Effect: policy.Allow}
		}}
	}
	up := simulated(t, messagesapi.Options{})
	odd := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Content-Encoding", "tomorrow")
		_, _ = w.Write([]byte("xyz"))
	}))
	plain := asking(false, "hello")
	const twice = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a","content":"b"}]}`
	tests := map[string]struct {
		upstream string
		body     string
		headers  []string
		failed   error
		row      func(*policy.Failures) *policy.OnFailure
		refused  int
	}{
		"scan incomplete":         {body: plain, failed: policy.ErrIncomplete, row: func(f *policy.Failures) *policy.OnFailure { return &f.ScanIncomplete }, refused: 503},
		"engine error":            {body: plain, failed: policy.ErrEngine, row: func(f *policy.Failures) *policy.OnFailure { return &f.EngineError }, refused: 503},
		"a name twice":            {body: twice, row: func(f *policy.Failures) *policy.OnFailure { return &f.Malformed }, refused: 451},
		"no UTF-8":                {body: asking(false, "\xff"), row: func(f *policy.Failures) *policy.OnFailure { return &f.Malformed }, refused: 451},
		"unknown encoding":        {body: plain, headers: []string{"Content-Encoding", "tomorrow"}, row: func(f *policy.Failures) *policy.OnFailure { return &f.UnknownEncoding }, refused: 451},
		"unknown type":            {body: plain, headers: []string{"Content-Type", "application/x-tomorrow"}, row: func(f *policy.Failures) *policy.OnFailure { return &f.UnknownEncoding }, refused: 451},
		"too large":               {body: asking(false, strings.Repeat("x", 2<<20)), row: func(f *policy.Failures) *policy.OnFailure { return &f.TooLarge }, refused: 413},
		"an answer's encoding":    {upstream: odd, body: plain, row: func(f *policy.Failures) *policy.OnFailure { return &f.UnknownEncoding }, refused: 451},
		"large and of no length ": {body: asking(false, strings.Repeat("x", 2<<20)), headers: []string{"Transfer-Encoding", "chunked"}, row: func(f *policy.Failures) *policy.OnFailure { return &f.TooLarge }, refused: 413},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := test.upstream
			if to == "" {
				to = up.url
			}
			for _, row := range []policy.OnFailure{policy.Refuse, policy.Forward} {
				var f policy.Failures
				*test.row(&f) = row
				g := begin(t, llmgateway.Config{Upstream: to, MaxHeld: 1 << 20}, caller.Config{}, failing(test.failed, f))
				got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", test.body, test.headers...)
				ours := strings.HasPrefix(got.header.Get("Request-Id"), "req_tripod_")
				switch {
				case row == policy.Refuse && (got.status != test.refused || got.header.Get("X-Should-Retry") != "false" || !ours):
					t.Errorf("refused: %d %v %s", got.status, got.header, got.body)
				case row == policy.Forward && ours:
					t.Errorf("forwarded: %d %s", got.status, got.body)
				}
			}
		})
	}
}

// TestObserves: in observe mode nothing is held, changed or refused, whatever rules say.
func TestObserves(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Text: aKey, Calls: []messagesapi.Call{{Tool: "Bash", Input: map[string]any{"command": aKey}}}}}}})
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, engineOf(t, policy.Observe, rule("prompt, response, tool_call", "deny")))
	got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(true, "[[s:t]] "+aKey))
	if !strings.Contains(string(got.body), aKey) || len(up.exchanges()) != 1 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestFailureThatMakesNoDifference: what could not be judged passes where no rule in force could have stopped it.
func TestFailureThatMakesNoDifference(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{})
	judge := &rules{Engine: engine(t), points: []policy.Point{policy.PointToolCall}, evaluate: func(policy.Event) policy.Verdict {
		return policy.Verdict{Effect: policy.Allow, Failed: policy.ErrIncomplete}
	}}
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, judge)
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "hello")); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
}
