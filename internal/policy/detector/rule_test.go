package detector

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/policy/detector/corpus"
)

func TestExamplesOfRules(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 7))
	fill := func(template string) string {
		text, err := corpus.Fill(template, r)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, rule := range s.rules {
		isIt := func(f Finding) bool { return f.Detector == rule.Family && f.Kind == rule.ID }
		if len(rule.Examples) == 0 || len(rule.Counter) == 0 {
			t.Errorf("%s: a rule has examples and counter-examples", rule.ID)
		}
		for _, example := range rule.Examples {
			for range 20 {
				text := fill(example)
				found := s.Scan(text + "\n")
				if !slices.ContainsFunc(found, isIt) {
					t.Errorf("%s: %q (%q) is not found: %v", rule.ID, example, text, found)
				}
				for _, f := range found {
					if f.Detector == FamilyCredential && f.Kind != rule.ID {
						t.Fatalf("%s: %q is also found as %s: %q", rule.ID, example, f.Kind, text)
					}
				}
			}
		}
		for _, counter := range rule.Counter {
			for range 20 {
				if text := fill(counter); slices.ContainsFunc(s.Scan(text+"\n"), isIt) {
					t.Errorf("%s: %q (%q) is found", rule.ID, counter, text)
				}
			}
		}
	}
}

func TestRulesAreRefused(t *testing.T) {
	t.Parallel()
	f := func(r rule, want string) {
		t.Helper()
		r.ID, r.Title = "x", "x"
		if err := r.compile(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	f(rule{Expression: "abc"}, "keywords")
	f(rule{Keywords: []string{"Abc"}, Expression: "abc"}, "lower case")
	f(rule{Keywords: []string{"abc"}, Expression: "abc[a-z]+"}, "bounded")
	f(rule{Keywords: []string{"abc"}, Expression: "abc("}, "missing closing")
	f(rule{Keywords: []string{"abc"}, Expression: "abc", Validators: []string{"magic"}}, "unknown")
	f(rule{Keywords: []string{"abc"}, Expression: "abc", Validators: []string{"entropy:x"}}, "no number")
}
