package llmgateway_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
)

func zipped(t *testing.T, body string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestReadAsUpstreamReads: a body that the upstream may read as another one than the gateway does is not waved through.
func TestReadAsUpstreamReads(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	plain, secret := asking(false, "hello"), asking(false, aKey)
	tests := map[string]struct {
		body   string
		header http.Header
		want   int
	}{
		"gzip":                        {zipped(t, plain), http.Header{"Content-Encoding": {"gzip"}}, 200},
		"gzip, a key":                 {zipped(t, secret), http.Header{"Content-Encoding": {"gzip"}}, 451},
		"gzip over two headers":       {zipped(t, secret), http.Header{"Content-Encoding": {"identity", "gzip"}}, 451},
		"a second coding":             {zipped(t, plain), http.Header{"Content-Encoding": {"gzip", "br"}}, 451},
		"a type with a character set": {plain, http.Header{"Content-Type": {"application/json; charset=UTF-8"}}, 200},
		"another character set":       {plain, http.Header{"Content-Type": {"application/json; charset=utf-7"}}, 451},
		"two types":                   {plain, http.Header{"Content-Type": {"application/json", "application/x-www-form-urlencoded"}}, 451},
		"a parameter twice":           {plain, http.Header{"Content-Type": {"application/json; charset=utf-7; charset=utf-8"}}, 451},
		"no type":                     {plain, http.Header{"Content-Type": nil}, 200},
	}
	for name, test := range tests {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.url+"/v1/messages", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = test.header
		res, err := client(t).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != test.want {
			t.Errorf("%s: %d, want %d", name, res.StatusCode, test.want)
		}
	}
}

// TestBusy: bodies, what they decode to included, are kept within one bound; a client is told to come again, and what was kept
// is given back.
func TestBusy(t *testing.T) {
	t.Parallel()
	up := arriving(t)
	g := begin(t, llmgateway.Config{Upstream: up.url, MaxInFlight: 1 << 20}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
	large := asking(false, strings.Repeat("word ", 1<<18))
	c := client(t)
	for range 2 {
		for name, got := range map[string]reply{
			"plain":   ask(t, c, http.MethodPost, g.url+"/v1/messages", large),
			"encoded": ask(t, c, http.MethodPost, g.url+"/v1/messages", zipped(t, large), "Content-Encoding", "gzip"),
		} {
			if got.status != 529 || got.header.Get("X-Should-Retry") != "" {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
		}
	}
	g.stop()
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "tripod_gateway_kept_bytes" && f.GetMetric()[0].GetGauge().GetValue() != 0 {
			t.Errorf("%v bytes are still kept", f.GetMetric()[0].GetGauge().GetValue())
		}
	}
}
