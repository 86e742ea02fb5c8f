package llmgateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/secret"
)

// TestSameJSONReadOtherwise: what is remembered of a field never answers for a block of the same bytes, which reads
// otherwise.
func TestSameJSONReadOtherwise(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	// A field shows the name and not the id, a block the id and not the name; both texts are of one length.
	raw := `{"type":"text","text":"hello","name":"` + strings.Repeat("y", len("id\n"+aKey)) + `","input":{"id":"` + aKey + `"}}`
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", `{"model":"m","tomorrow":`+raw+`,"messages":[]}`); got.status != 200 {
		t.Fatalf("as a field: %d %s", got.status, got.body)
	}
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", `{"model":"m","messages":[{"role":"user","content":[`+raw+`]}]}`); got.status != 451 {
		t.Errorf("as a block: %d %s", got.status, got.body)
	}
}

// TestCleanFieldOfAMessage: a block is not clean because a field of a message with the same bytes was.
func TestCleanFieldOfAMessage(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	raw := `{"type":"text","text":"hello","input":{"id":"` + aKey + `"}}`
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", `{"model":"m","messages":[{"role":"user","content":"hi","tomorrow":`+raw+`}]}`); got.status != 200 {
		t.Fatalf("as a field: %d %s", got.status, got.body)
	}
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", `{"model":"m","messages":[{"role":"user","content":[`+raw+`]}]}`); got.status != 451 {
		t.Errorf("as a block: %d %s", got.status, got.body)
	}
}

// TestCleanUntilMarked: what was clean is judged again once a rule has noted something of the session.
func TestCleanUntilMarked(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n" +
		"- {id: marks, title: Marks, points: [tool_result], when: \"text.has('injected')\", effect: flag, severity: low, mode: enforce, marks: [tainted]}\n" +
		"- {id: deploys, title: Deploys, points: [prompt], when: \"'tainted' in marks && text.has('deploy')\", effect: deny, message: No., severity: high, mode: enforce}\n"
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rules))
	const deploy, result = `{"role":"user","content":"deploy"}`, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"injected"}]}`
	for i, turn := range []struct {
		messages string
		want     int
	}{{deploy, 200}, {deploy + "," + result, 200}, {deploy + "," + result + "," + deploy, 451}} {
		got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", `{"model":"m","messages":[`+turn.messages+`]}`, "X-Claude-Code-Session-Id", "s")
		if got.status != turn.want {
			t.Errorf("turn %d: %d, want %d: %s", i, got.status, turn.want, got.body)
		}
	}
}

// TestCapabilitiesAreAskedAbout: though the request begins with what a model said, and nothing else in it can be read.
func TestCapabilitiesAreAskedAbout(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n- {id: fetch, title: Fetch, points: [prompt], when: \"'web_fetch' in capabilities\", effect: deny, message: No., severity: high, mode: enforce}\n"
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rules))
	body := `{"model":"m","messages":[{"role":"assistant","content":"go on"},{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}],` +
		`"tools":[{"type":"web_fetch_20260318","name":"web_fetch"}]}`
	if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", body); got.status != 451 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// TestSurfaceOfTheToken: where a token stands for a product, what the request calls itself changes nothing.
func TestSurfaceOfTheToken(t *testing.T) {
	t.Parallel()
	const rules = "rules:\n- {id: office, title: Office, points: [prompt], surfaces: [office], effect: deny, message: No., severity: high, mode: enforce}\n"
	up := arriving(t)
	token := credential.Token{Name: "office", Token: secret.New("a-token-of-office"), Surface: audit.SurfaceOffice}
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{Tokens: []credential.Token{token}}, enforcing(t, rules))
	got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "hello"), caller.Header, "a-token-of-office", "User-Agent", "claude-cli/2.1.330 (external, cli)")
	if got.status != 451 {
		t.Errorf("%d %s", got.status, got.body)
	}
	g.stop()
	if list := g.door.records("llm.request"); len(list) != 1 || list[0].Surface != audit.SurfaceOffice {
		t.Errorf("%d records", len(list))
	}
}
