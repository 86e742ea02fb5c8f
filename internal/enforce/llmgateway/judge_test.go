package llmgateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
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
