package baseline_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	three := int64(3)
	f := func(r baseline.Rule, value, told, expected string, drift bool) {
		t.Helper()
		r.ID, r.Setting, r.Severity = "rule", "setting", "high"
		b := baseline.Baseline{Rules: []baseline.Rule{r}}
		v, ok := b.Judge("o", "setting", json.RawMessage(value), told)
		if diff := cmp.Diff(baseline.Verdict{Rule: "rule", Expected: expected, Severity: "high", Drift: drift}, v); !ok || diff != "" {
			t.Errorf("%+v of %s: %v (-want +got):\n%s", r, value, ok, diff)
		}
	}
	f(baseline.Rule{MustBe: "on"}, `true`, "true", "true", false)
	f(baseline.Rule{MustBe: "on"}, `false`, "false", "true", true)
	f(baseline.Rule{MustBe: "off"}, `true`, "true", "false", true)
	f(baseline.Rule{MustBe: "off"}, `null`, "null", "false", true)
	f(baseline.Rule{Equals: "scim"}, `"scim"`, "scim", "scim", false)
	f(baseline.Rule{Equals: "chat: 24 months"}, `{}`, "chat: indefinite", "chat: 24 months", true)
	f(baseline.Rule{OneOf: []string{"a", "b"}}, `"b"`, "b", "one of a, b", false)
	f(baseline.Rule{OneOf: []string{"a", "b"}}, `"c"`, "c", "one of a, b", true)
	f(baseline.Rule{AtMost: &three}, `3`, "3", "at most 3", false)
	f(baseline.Rule{AtMost: &three}, `3.5`, "3.5", "at most 3", true)
	f(baseline.Rule{AtMost: &three}, `null`, "null", "at most 3", true) // no limit
	f(baseline.Rule{AtLeast: &three}, `3`, "3", "at least 3", false)
	f(baseline.Rule{AtLeast: &three}, `"4"`, "4", "at least 3", true)
	f(baseline.Rule{NotEmpty: true}, `["a"]`, `["a"]`, "not empty", false)
	f(baseline.Rule{NotEmpty: true}, `[]`, `[]`, "not empty", true)
	f(baseline.Rule{NotEmpty: true}, `null`, `null`, "not empty", true)
	f(baseline.Rule{NotEmpty: true}, `""`, ``, "not empty", true)
	f(baseline.Rule{MustBe: "on", Organizations: []string{"O"}}, `true`, "true", "true", false)
}

func TestFirstRuleDecides(t *testing.T) {
	t.Parallel()
	b := baseline.Baseline{Rules: []baseline.Rule{
		{ID: "other", Setting: "x", MustBe: "off"},
		{ID: "here", Setting: "s", MustBe: "off", Organizations: []string{"o1"}},
		{ID: "everywhere", Setting: "s", MustBe: "on"},
	}}
	f := func(org, setting, want string) {
		t.Helper()
		if v, ok := b.Judge(org, setting, json.RawMessage("true"), "true"); v.Rule != want || ok != (want != "") {
			t.Errorf("%s of %s is judged by %q, want %q", setting, org, v.Rule, want)
		}
	}
	f("o1", "s", "here")
	f("o2", "s", "everywhere")
	f("o1", "unheard_of", "")
}
