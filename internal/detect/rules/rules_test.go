package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
)

func shippedRules(t *testing.T) *Rules {
	t.Helper()
	r, err := Load(detect.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestShippedRulesSayAll: each says all that its reader needs, and has cases in which it fires and in which it does not.
func TestShippedRulesSayAll(t *testing.T) {
	t.Parallel()
	r := shippedRules(t)
	cases, err := ShippedCases()
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]map[bool]bool{}
	for _, c := range cases {
		h, err := r.Find(c.Rule)
		if err != nil {
			t.Fatal(err)
		}
		if has[h.ID] == nil {
			has[h.ID] = map[bool]bool{}
		}
		has[h.ID][c.Fires] = true
		switch problem, err := c.Run(t.Context(), r); {
		case err != nil:
			t.Error(err)
		case problem != "":
			t.Errorf("case %q: %s", c.Name, problem)
		}
	}
	ids := map[string]bool{}
	for _, h := range r.Alone() {
		if h.ID == "" || ids[h.ID] || h.Name == "" || h.Status == "" || h.Description == "" || len(h.References) == 0 || len(h.Tags) == 0 {
			t.Errorf("%s lacks an id of its own, name, status, description, references or tags", h.Title)
		}
		ids[h.ID] = true
		if x := h.Tripod; x.Why == "" || len(x.Benign) == 0 || len(x.Respond) == 0 || len(x.Sources) == 0 || len(x.Controls) == 0 {
			t.Errorf("%s lacks why, benign, respond, sources or controls", h.Title)
		}
		if !has[h.ID][true] || !has[h.ID][false] {
			t.Errorf("%s lacks a case in which it fires, or one in which it does not", h.Title)
		}
	}
	if len(ids) < 30 {
		t.Errorf("only %d rules", len(ids))
	}
}

// TestRulesOfTheConfiguration: own rules join the others; levels and what is disabled are the configuration's; what no rule is called is refused.
func TestRulesOfTheConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := "title: Ours\nname: ours\nlogsource: {product: claude}\ndetection: {s: {type: x}, condition: s}\n"
	if err := os.WriteFile(filepath.Join(dir, "ours.yaml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Load(detect.Config{Rules: dir, Disabled: []string{"sso-off"}, Levels: map[string]sigma.Level{"ours": sigma.LevelCritical}})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := r.Find("ours"); err != nil || h.Level != sigma.LevelCritical {
		t.Errorf("ours: %v, %v", h, err)
	}
	c := Case{Rule: "sso-off", Fires: true, Records: []map[string]any{{"source": "compliance.activity", "type": "org_sso_connection_deleted"}}}
	if problem, err := c.Run(t.Context(), r); err != nil || problem == "" {
		t.Errorf("a disabled rule fires: %q, %v", problem, err)
	}
	for _, cfg := range []detect.Config{{Disabled: []string{"none"}}, {Levels: map[string]sigma.Level{"none": sigma.LevelLow}}, {Rules: filepath.Join(dir, "none")}} {
		if _, err := Load(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "wrong.yaml"), []byte(strings.NewReplacer("type:", "tpye:", "ours", "wrong", "Ours", "Wrong").Replace(own)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(detect.Config{Rules: dir}); err == nil || !strings.Contains(err.Error(), "wrong.yaml:4:") {
		t.Errorf("a wrong field: %v", err)
	}
}
