package detector

import (
	"encoding/base64"
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

// TestHiddenCredentials finds credentials in base64, whatever stands before them, and with unseen characters in them.
func TestHiddenCredentials(t *testing.T) {
	t.Parallel()
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, 8))
	for _, template := range []string{"AKIA<b32:16>", "ghp_<alnum:36>", "sk-ant-api03-<b64url:93>AA", "glpat-<b64url:20>", "npm_<alnum:36>"} {
		secret, err := corpus.Fill(template, r)
		if err != nil {
			t.Fatal(err)
		}
		want := s.Scan(secret)[0].Kind
		is := func(f Finding) bool { return f.Kind == want }
		for _, before := range []string{"", "x=", "ab:", "key: '", "0123456789 "} {
			for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
				text := "data " + encoding.EncodeToString([]byte(before+secret+" rest of it")) + " more"
				found := s.Scan(text)
				i := slices.IndexFunc(found, is)
				if i < 0 {
					t.Errorf("%q after %q in base64 is not found: %q", template, before, text)
				} else if plain, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text[5:found[i].End])); err != nil || !strings.HasSuffix(string(plain), secret[len(secret)-4:]) {
					t.Errorf("%q after %q: %v ends at %q, %v", template, before, found[i], plain, err)
				}
			}
		}
		veiled := "x " + secret[:9] + "\u200b" + secret[9:14] + "\u2060" + secret[14:] + " y"
		found := s.Scan(veiled)
		if i := slices.IndexFunc(found, is); i < 0 || veiled[found[i].Start:found[i].End] != veiled[2:len(veiled)-2] {
			t.Errorf("%q with unseen characters: %v", template, found)
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
