package policy_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/policy"
)

// TestStarterRules runs the cases in the rules that come with Tripod, and wants each rule whole.
func TestStarterRules(t *testing.T) {
	t.Parallel()
	cfg := policy.DefaultConfig()
	tested, err := policy.Test(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tested.Differences {
		t.Errorf("%s: %s: %v", d.Rule, d.Case, d.What)
	}
	for _, id := range tested.Untested {
		t.Errorf("%s has no case", id)
	}
	e, err := policy.New(cfg, policy.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Rules()) < 25 {
		t.Errorf("%d rules", len(e.Rules()))
	}
	for _, r := range e.Rules() {
		if r.Why == "" || len(r.Benign) == 0 || len(r.Controls) == 0 || len(r.Techniques) == 0 || r.Mode != policy.Observe {
			t.Errorf("%s lacks why, benign, controls or techniques, or does more than observe", r.ID)
		}
		positive, negative := 0, 0
		for _, c := range r.Tests {
			if c.Match != nil && !*c.Match {
				negative++
			} else {
				positive++
			}
		}
		if positive == 0 || negative == 0 {
			t.Errorf("%s has no case that it matches, or none that it does not", r.ID)
		}
	}
}
