package app_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/config"
)

// TestReloadOfRules: a broken rule file is refused as a whole reload, tokens included, and said in health; the next good one is
// taken over.
func TestReloadOfRules(t *testing.T) {
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("rules:\n  - {id: one, title: One, points: [prompt], when: \"text.has('x')\", effect: flag, severity: low}\n")
	cfg := cfgFor(t.TempDir())
	cfg.Policy.Files = []string{rules}
	s := serve(t, withToken(t, cfg, "made-up-token-0001"))
	reload := func(token string) error {
		return s.Reload(context.Background(), func() (config.Config, error) { return withToken(t, cfg, token), nil })
	}
	write("rules:\n  - {id: one, title: One, points: [prompt], when: nonsense, effect: flag, severity: low}\n")
	if err := reload("made-up-token-0002"); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a broken rule file was taken over: %v", err)
	}
	if _, health := s.get(t, "/healthz"); !strings.Contains(health, "config.reload") || !strings.Contains(health, "rule one") {
		t.Errorf("health says nothing of the refused rules: %s", health)
	}
	if code := s.post(t, "made-up-token-0001", export); code != http.StatusOK {
		t.Errorf("the old token after a refused reload: %d", code)
	}
	write("rules: []\n")
	if err := reload("made-up-token-0002"); err != nil {
		t.Fatal(err)
	}
	if _, health := s.get(t, "/healthz"); strings.Contains(health, "config.reload") {
		t.Errorf("health still complains: %s", health)
	}
}
