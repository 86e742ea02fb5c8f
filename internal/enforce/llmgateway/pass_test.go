package llmgateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// differ are the headers that belong to one connection or one moment.
func differ(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Date", "Connection", "Transfer-Encoding"} {
		h.Del(name)
	}
	return h
}

// TestPasses asks everything twice, of the API and through the gateway, and wants the same bytes on both sides.
func TestPasses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method, path, body string
		headers            []string
		opts               messagesapi.Options
	}{
		"text":             {body: asking(true, "hello")},
		"not a stream":     {body: asking(false, "hello")},
		"query":            {path: "/v1/messages?beta=true&odd=%zz;x", body: asking(true, "hello")},
		"parallel tools":   {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Calls: []messagesapi.Call{{Tool: "Bash", Input: map[string]any{"command": "ls"}}, {Tool: "Read", Input: map[string]any{"path": "x"}}}}}}}},
		"comments":         {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Text: "hello", Between: []string{": keep-alive\n\n", "event: tomorrow\r\ndata: {}\r\n\r\n"}}}}}},
		"error 400":        {body: `{"model":1`},
		"error 529":        {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Fail: &messagesapi.Fail{Status: 529, RetryAfter: "3", ShouldRetry: "true"}}}}}},
		"error 429":        {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Fail: &messagesapi.Fail{Status: 429, RetryAfter: "1"}}}}}},
		"mid-stream error": {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Text: "hello", Cut: true}}}}},
		"cut connection":   {body: asking(true, "[[s:t]]"), opts: messagesapi.Options{Scripts: map[string]messagesapi.Script{"t": {{Text: "hello", Drop: 3}}}}},
		"gzip":             {body: asking(true, "hello"), headers: []string{"Accept-Encoding", "gzip, br"}, opts: messagesapi.Options{Encodings: []string{"gzip"}}},
		"br":               {body: asking(true, "hello"), headers: []string{"Accept-Encoding", "br"}, opts: messagesapi.Options{Encodings: []string{"br"}}},
		"zstd":             {body: asking(false, "hello"), headers: []string{"Accept-Encoding", "zstd"}, opts: messagesapi.Options{Encodings: []string{"zstd"}}},
		"count tokens":     {path: "/v1/messages/count_tokens", body: asking(false, "hello")},
		"models":           {method: http.MethodGet, path: "/v1/models?limit=1000"},
		"hello":            {method: http.MethodHead, path: "/api/hello"},
		"unknown path":     {method: http.MethodGet, path: "/v1/a//b/../tomorrow%2Fx?y"},
		"10 MB":            {body: asking(true, strings.Repeat("ten bytes ", 1<<20))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, path := test.method, test.path
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = "/v1/messages"
			}
			headers := append([]string{"User-Agent", "claude-cli/2.1.330 (external, cli)", "X-App", "cli", "Anthropic-Beta", "a-2026,b-2027", "X-Tomorrow", "1",
				"X-Stainless-Retry-Count", "0", "X-Claude-Code-Session-Id", "s-1"}, test.headers...)
			direct, behind := simulated(t, test.opts), simulated(t, test.opts)
			g := begin(t, llmgateway.Config{Upstream: behind.url}, caller.Config{})
			c := client(t)
			want, got := ask(t, c, method, direct.url+path, test.body, headers...), ask(t, c, method, g.url+path, test.body, headers...)
			if want.status != got.status || string(want.body) != string(got.body) || (want.err == nil) != (got.err == nil) {
				t.Errorf("through the gateway: %d %.300s (%v)\nwithout: %d %.300s (%v)", got.status, got.body, got.err, want.status, want.body, want.err)
			}
			if diff := cmp.Diff(differ(want.header), differ(got.header)); diff != "" {
				t.Errorf("headers of the answer (-without +through):\n%s", diff)
			}
			a, b := direct.exchanges(), behind.exchanges()
			if test.path == "/v1/a//b/../tomorrow%2Fx?y" && len(a) == 0 && len(b) == 0 {
				return // the stand-in does not tell of what it does not know
			}
			if len(a) != 1 || len(b) != 1 {
				t.Fatalf("%d requests without, %d through the gateway", len(a), len(b))
			}
			if a[0].Digest != b[0].Digest || a[0].Bytes != b[0].Bytes || b[0].Path != a[0].Path {
				t.Errorf("upstream saw %d bytes for %s, without the gateway %d for %s", b[0].Bytes, b[0].Path, a[0].Bytes, a[0].Path)
			}
			if diff := cmp.Diff(differ(a[0].Header), differ(b[0].Header)); diff != "" {
				t.Errorf("headers of the request (-without +through):\n%s", diff)
			}
		})
	}
}

func TestCallers(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{})
	token := credential.Token{Name: "fleet", Token: secret.New("a-token-of-the-fleet")}
	open := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{Hosts: []string{"gateway.example"}})
	closed := begin(t, llmgateway.Config{Upstream: up.url}, caller.Config{Tokens: []credential.Token{token}})
	c := client(t)
	try := func(g *proxied, want int, headers ...string) {
		t.Helper()
		before := len(up.exchanges())
		got := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(false, "hello"), headers...)
		if got.status != want {
			t.Errorf("%q: %d, want %d: %s", headers, got.status, want, got.body)
		}
		if passed := len(up.exchanges()) - before; passed != map[bool]int{true: 1}[want == 200] {
			t.Errorf("%q: %d requests reached the upstream", headers, passed)
		}
		if want != 200 && (!strings.HasPrefix(got.header.Get("Request-Id"), "req_tripod_") || got.header.Get("X-Should-Retry") != "false") {
			t.Errorf("%q: headers of our own answer: %v", headers, got.header)
		}
	}
	try(open, 200)
	try(open, 200, "Origin", "http://localhost:3000")
	try(open, 200, "Origin", "app://claude")
	try(open, 403, "Origin", "https://evil.example")
	try(open, 403, "Origin", "null")
	try(closed, 401)
	try(closed, 401, caller.Header, "another token entirely")
	try(closed, 401, "Authorization", "Bearer a-token-of-the-fleet")
	try(closed, 200, caller.Header, "a-token-of-the-fleet")
	if last := up.exchanges()[len(up.exchanges())-1]; last.Header.Get(caller.Header) != "" {
		t.Error("the token went upstream")
	}
	if got := closed.health.Conditions(); len(got) != 1 || got[0].Code != "gateway.denied" {
		t.Errorf("conditions: %v", got)
	}
	// A name that somebody else's DNS points here.
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, open.url+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"evil.example": 403, "gateway.example": 200, "localhost:1": 200, "192.0.2.1": 200} {
		req.Host = host
		req.Header.Set("X-Api-Key", messagesapi.FakeKey)
		req.Header.Set("Anthropic-Version", "2023-06-01")
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("addressed as %s: %d, want %d", host, res.StatusCode, want)
		}
	}
	if strings.Contains(closed.log.String()+open.log.String(), "a-token-of") {
		t.Error("a token stands in the log")
	}
}
