package app_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// withGateway is a configuration whose gateway asks for a token, and has a rule in force.
func withGateway(t *testing.T, cfg config.Config, upstream, token, word string) config.Config {
	t.Helper()
	dir := t.TempDir()
	rules, secret := filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "token")
	text := "rules:\n- id: no-word\n  title: A word\n  points: [prompt]\n  when: text.has('" + word + "')\n  effect: deny\n  message: Not this word.\n  severity: high\n  mode: enforce\n"
	for name, body := range map[string]string{rules: text, secret: token} {
		if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Listen.Gateway = "127.0.0.1:0"
	cfg.Gateway.Upstream = upstream
	cfg.Gateway.Tokens = []config.Token{{Name: "laptops", File: secret, Email: "dana@example.com"}}
	cfg.Policy.Mode, cfg.Policy.Starter, cfg.Policy.Files = policy.Enforce, false, []string{rules}
	cfg.Policy.Budget.Least, cfg.Policy.Budget.Most = 10*cfg.Policy.Budget.Most, 10*cfg.Policy.Budget.Most
	return cfg
}

// ask sends a prompt through the gateway.
func (s *serving) ask(t *testing.T, token, prompt string) (int, string) {
	t.Helper()
	body := `{"model":"claude-opus-4-8","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"` + prompt + `"}]}`
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.addrs.Gateway+"/v1/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"X-Tripod-Token": token, "X-Api-Key": messagesapi.FakeKey, "Anthropic-Version": "2023-06-01", "Content-Type": "application/json", "X-Claude-Code-Session-Id": "s-9",
	} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestGateway(t *testing.T) {
	up := httptest.NewServer(messagesapi.New(messagesapi.Options{}))
	t.Cleanup(up.Close)
	cfg := cfgFor(t.TempDir())
	first := withGateway(t, cfg, up.URL, "made-up-token-0001", "alpha")
	s := serve(t, first)
	ask := func(token, prompt string, want int, said string) {
		t.Helper()
		if code, body := s.ask(t, token, prompt); code != want || !strings.Contains(body, said) {
			t.Errorf("%s: %d, want %d with %q: %s", prompt, code, want, said, body)
		}
	}
	ask("made-up-token-0001", "hello", 200, "Hello from a simulated m")
	ask("made-up-token-0001", "say alpha", 200, "Not this word.")
	ask("made-up-token-0002", "hello", 401, "X-Tripod-Token")
	next := withGateway(t, cfg, up.URL, "made-up-token-0002", "beta")
	if err := s.Reload(context.Background(), func() (config.Config, error) { return next, nil }); err != nil {
		t.Fatal(err)
	}
	ask("made-up-token-0001", "hello", 401, "X-Tripod-Token")
	ask("made-up-token-0002", "say alpha", 200, "Hello from a simulated m")
	ask("made-up-token-0002", "say beta", 200, "Not this word.")

	found := map[string]app.Finding{}
	for _, f := range app.Examine(t.Context(), s.dir, first) {
		found[f.Check] = f
	}
	if f := found["gateway"]; !f.OK || !strings.Contains(f.Text, "1 token") {
		t.Errorf("gateway: %+v", f)
	}
	if f := found["gateway policy"]; !f.OK || f.Text != "enforce: 1 of 1 rule in force" {
		t.Errorf("policy: %+v", f)
	}
	if f := found["gateway upstream"]; !f.OK {
		t.Errorf("upstream: %+v", f)
	}
	up.Close()
	for _, f := range app.Examine(t.Context(), s.dir, first) {
		if f.Check == "gateway upstream" && f.OK {
			t.Errorf("an upstream that is gone: %+v", f)
		}
	}

	session, err := s.reading(t).Find(t.Context(), new(search.Query), search.Page{Oldest: true, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, item := range session.Items {
		if r := item.Record; r.Source == "gateway.llm" {
			types = append(types, r.Type+" "+string(r.Outcome))
			if r.Account.Proved.Email != "dana@example.com" || r.Account.Proved.Credential != "laptops" || r.Keys.Session != "s-9" {
				t.Errorf("%s: account %+v, keys %+v", r.Type, r.Account, r.Keys)
			}
		}
	}
	slices.Sort(types)
	want := []string{
		"llm.end denied", "llm.end denied", "llm.end success", "llm.end success",
		"llm.prompt success", "llm.prompt success", "llm.prompt success",
		"llm.request unknown", "llm.request unknown", "llm.request unknown", "llm.request unknown",
		"llm.response success", "llm.response success",
		"llm.verdict denied", "llm.verdict denied",
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// TestPin: the hash that is printed for a key is the one the gateway knows it by.
func TestPin(t *testing.T) {
	up := httptest.NewServer(messagesapi.New(messagesapi.Options{}))
	t.Cleanup(up.Close)
	cfg := cfgFor(t.TempDir())
	s := serve(t, cfg)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	hash, err := app.PinOf(cfg.Data, messagesapi.FakeKey)
	if err != nil {
		t.Fatal(err)
	}
	for want, pin := range map[int]string{http.StatusOK: hash, http.StatusUnavailableForLegalReasons: strings.Repeat("0", 64)} {
		cfg.Listen.Gateway, cfg.Gateway.Upstream = "127.0.0.1:0", up.URL
		cfg.Gateway.Credentials.Pinned = []config.GatewayPin{{Name: "ours", Hash: pin}}
		s := serve(t, cfg)
		if code, body := s.ask(t, "", "hello"); code != want {
			t.Errorf("%d, want %d: %s", code, want, body)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
