package sigma

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// FuzzParse: whatever a file holds, it is refused or it compiles and matches without a panic.
func FuzzParse(f *testing.F) {
	f.Add(specification)
	f.Add(ruleOf("  s:\n    tool|re|i: ^bash$\n    attributes.updates[]: {type: x}\n  k: [a, 'b*c', 3]\n  condition: 1 of s* or not k\n"))
	f.Add(ruleOf("  s: {tool|windash|base64offset|contains: '-a', user|expand: '%x%', ip|cidr: 10.0.0.0/8, v|gte: 1, occurred|hour: 3}\n  condition: s\n"))
	f.Add("title: F\nlogsource: {product: claude}\nfilter: {rules: any, s: {user: 'd*'}, condition: not s}\n")
	f.Add("title: A\nid: a\ntripod: {exceptions: [{reason: r, until: 2027-01-01, when: {tool: a}}], group: [user]}\n")
	canonical := sample().AppendCanonical(nil)
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := Parse("f", []byte(text))
		if err != nil {
			return
		}
		s, err := Compile(docs, Options{Placeholders: map[string][]string{"x": {"a", "b*"}}})
		if err != nil {
			return
		}
		m := s.NewMatcher()
		hits, err := m.Match(canonical)
		if err != nil {
			t.Fatal(err)
		}
		if want := brute(s, m); !slices.Equal(hits, want) {
			t.Errorf("the index chose %v, all rules are %v\n%s", hits, want, text)
		}
	})
}

// brute evaluates every rule on the record that the matcher has read.
func brute(s *Set, m *Matcher) (hits []int) {
	for i, e := range s.exprs {
		if e != nil && m.holds(e, -1) {
			hits = append(hits, i)
		}
	}
	return hits
}

// FuzzRecord: whatever bytes come, they are read or refused without a panic, and what they say is what encoding/json reads of them,
// where that accepts them.
func FuzzRecord(f *testing.F) {
	f.Add(string(sample().AppendCanonical(nil)))
	f.Add(`{"tool":"a\"b\\","attributes":{"a.0.b":"x","a.1.b":["y",null,true,1.5e3]},"parts":[{"attributes":{"k":"v"}}],"flags":["no_time"]}`)
	f.Add(`{"attributes":{"a":{"b":1}},"ip":"::1"}`)
	docs, err := Parse("f", []byte(ruleOf("  s: {tool: a, attributes.a.b: x, parts.attributes.k: v, account: z, network: n, flags: f}\n  k: [zzz]\n  condition: s or k\n")))
	if err != nil {
		f.Fatal(err)
	}
	s, err := Compile(docs, Options{})
	if err != nil {
		f.Fatal(err)
	}
	named := s.Named(0)
	tool := named[slices.IndexFunc(named, func(n NamedRef) bool { return n.Name == "tool" })].Ref
	f.Fuzz(func(t *testing.T, raw string) {
		m := s.NewMatcher()
		if _, err := m.Match([]byte(raw)); err != nil {
			return
		}
		var r map[string]json.RawMessage // keeps the last of equal names, and so do the values of a slot
		var want string
		if json.Unmarshal([]byte(raw), &r) != nil || json.Unmarshal(r["tool"], &want) != nil || !utf8.ValidString(raw) {
			return // what is looser than JSON does no harm: the journal holds what we encoded
		}
		last := ""
		m.Values(tool, func(v string) bool {
			last = v
			return true
		})
		if last != want && r["tool"][0] == '"' {
			t.Errorf("tool is %q, json says %q: %s", last, want, raw)
		}
	})
}

// TestIndex: rules made at random match records made at random the same with the index and without.
func TestIndex(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var rules strings.Builder
	for i := range 300 {
		fmt.Fprintf(&rules, "title: R%d\nid: r%d\nlogsource: {product: claude}\ndetection:\n", i, i)
		for s := range 1 + r.IntN(3) {
			fmt.Fprintf(&rules, "  s%d:\n", s)
			for _, field := range []string{"type", "tool", "attributes.a", "attributes.l.t", "account.proved.email"} {
				if r.IntN(2) == 0 || field == "type" && s == 0 {
					fmt.Fprintf(&rules, "    %s%s: %s\n", field, pick(r, "", "", "|contains", "|startswith", "|endswith", "|neq", "|cased", "|contains|neq"), values(r))
				}
			}
			if s > 0 {
				fmt.Fprintf(&rules, "    v: 1\n")
			}
		}
		fmt.Fprintf(&rules, "  condition: %s\n---\n", pick(r, "1 of s*", "all of s*", "s0", "not s0", "s0 and not 1 of s*", "1 of s* or not s0"))
		_ = i
	}
	text := rules.String()
	// A condition must use all searches: those that do not are given one that does.
	for _, c := range []string{"condition: s0\n", "condition: not s0\n"} {
		text = strings.ReplaceAll(text, c, strings.Replace(c, "s0", "(s0 or all of s*)", 1))
	}
	s := compiled(t, text, Options{})
	m := s.NewMatcher()
	matched, chosen := 0, 0
	for range 2000 {
		rec := &audit.Record{
			Version: 1, Source: "otel.log", Type: word(r), Tool: word(r), Recorded: time.Unix(1, 0), Occurred: time.Unix(1, 0),
			Account:    audit.Account{Proved: audit.Identity{Email: word(r)}},
			Attributes: audit.Attrs{{Name: "a", Value: audit.Array(audit.String(word(r)), audit.String(word(r)))}, {Name: "l.0.t", Value: audit.String(word(r))}, {Name: "l.1.t", Value: audit.String(word(r))}},
		}
		hits, err := m.Match(rec.AppendCanonical(nil))
		if err != nil {
			t.Fatal(err)
		}
		matched, chosen = matched+len(hits), chosen+len(m.chosen)
		if want := brute(s, m); !slices.Equal(hits, want) {
			t.Fatalf("the index chose %v, all rules are %v of %s", hits, want, rec.AppendCanonical(nil))
		}
	}
	if matched == 0 || chosen >= 2000*300 {
		t.Errorf("%d matches of %d candidates say nothing about the index", matched, chosen)
	}
}

func pick(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func word(r *rand.Rand) string {
	return pick(r, "alpha", "Beta", "gamma", "delta", "alphabet", "zeta", "beta-max", "ÉTÉ", "")
}

func values(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return fmt.Sprintf("['%s', '%s']", value1(r), value1(r))
	}
	return "'" + value1(r) + "'"
}

func value1(r *rand.Rand) string {
	return pick(r, "alpha", "BETA", "et", "*ta", "a*t", "del?a", "été", "gam", "z", "nothing")
}
