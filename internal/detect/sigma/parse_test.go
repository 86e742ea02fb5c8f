package sigma

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestRefused: what is not understood is an error that says where, and never a rule that matches nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	f := func(at, want, text string) {
		t.Helper()
		docs, err := Parse("r.yml", []byte(text))
		if err == nil {
			_, err = Compile(docs, Options{})
		}
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("not refused: %v\n%s", err, text)
			return
		}
		if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.HasPrefix(first, "r.yml:"+at+": ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant r.yml:%s … %s\n%s", err, at, want, text)
		}
	}
	field := func(at, want, field string) {
		t.Helper()
		f(at, want, ruleOf("  s:\n    "+field+"\n  condition: s\n"))
	}
	// Line 4 is `detection:`, line 6 the field.
	field("6:5", "unknown modifier", "tool|containz: x")
	field("6:5", `no field "tol"`, "tol: x")
	field("6:5", "did you mean attributes.tool_name", "tool_name: x")
	field("6:5", "did you mean account.proved.email", "proved.email: x")
	field("6:5", "more than one value", "tool|contains|all: x")
	field("6:5", "behind re only", "tool|i: x")
	field("6:5", "contradict", "tool|contains|startswith: x")
	field("6:5", "do not go together", "tool|re|base64: x")
	field("6:5", "do not go together", "tool|re|cased: x")
	field("6:5", "stands twice", "tool|contains|contains: x")
	field("6:14", "look-around", "tool|re: 'a(?!b)'")
	field("6:14", "not a network", "ip|cidr: 10.0.0.300/8")
	field("6:18", "true or false", "tool|exists: 'yes'")
	field("6:14", "must be a number", "tool|gt: many")
	field("6:5", "one value", "v|gt: [1, 2]")
	field("6:18", "without wildcards", "tool|base64: 'a*'")
	field("6:16", "put base64", "tool|wide: abc")
	field("6:18", "placeholder between", "tool|expand: abc")
	field("6:5", "nothing says what the placeholder %x%", "tool|expand: '%x%'")
	field("6:5", `no field "nope"`, "tool|fieldref: nope")
	field("6:20", "null takes no modifier", "tool|contains: null")
	field("6:5", "empty list", "tool: []")
	field("6:5", "its text is content (detail)", "attributes.file_path|contains: secret")
	field("6:5", "its text is content (text)", "attributes.prompt|re: secret")
	field("6:5", "modifiers stand on the fields", "attributes|contains: {x: y}")
	field("6:14", "no list", "tool[]: {x: y}")
	field("6:28", "spellings", "tool|windash|contains: '-a -b -c -d -e'")
	f("8:14", "there is no search \"x\"", ruleOf("  s:\n    tool: a\n  t: {tool: b}\n  condition: s and x\n"))
	f("6:14", "does not use t", ruleOf("  s: {tool: a}\n  condition: s\n  t: {tool: b}\n"))
	f("6:14", "write a correlation", ruleOf("  s: {tool: a}\n  condition: s | count() > 5\n"))
	f("6:14", "a bracket is not closed", ruleOf("  s: {tool: a}\n  condition: (s\n"))
	f("6:14", "1 of, any of and all of", ruleOf("  s: {tool: a}\n  condition: 2 of s*\n"))
	f("6:14", "no search is called", ruleOf("  s: {tool: a}\n  condition: 1 of x*\n"))
	f("6:14", "it ends where", ruleOf("  s: {tool: a}\n  condition: s and\n"))
	f("5:3", "a condition is missing", ruleOf("  s: {tool: a}\n"))
	f("6:3", "write a correlation", ruleOf("  s: {tool: a}\n  timeframe: 5m\n  condition: s\n"))
	f("5:6", "matches everything", ruleOf("  s: {}\n  condition: s\n"))
	f("1:1", "neither a rule", "title: x\n")
	f("1:1", "older Sigma", "action: global\ntitle: x\n")
	f("1:1", "logsource is missing", "title: x\ndetection: {s: {tool: a}, condition: s}\n")
	f("1:1", "title is missing", "logsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n")
	f("2:1", "unknown key \"levl\"", "title: x\nlevl: high\nlogsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n")
	f("2:8", "must be one of informational", "title: x\nlevel: severe\nlogsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n")
	f("2:7", "must be a date", "title: x\ndate: yesterday\nlogsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n")
	f("2:22", `no records come from product "windows"`, "title: x\nlogsource: {product: windows}\ndetection: {s: {tool: a}, condition: s}\n")
	f("1:4", "", "a: b\n  c: d\n")
	f("2:5", "anchor", "title: x\nid: &a b\nname: *a\n")
	f("2:1", "", "title: x\ntitle: y\n")
	f("8:1", "is also what", ruleOf("  s: {tool: a}\n  condition: s\n")+"---\n"+ruleOf("  s: {tool: a}\n  condition: s\n"))
	f("7:18", "no calendar", ruleOf("  s: {tool: a}\n  condition: s\n")+"tripod: {inside: [x]}\n")
	f("7:24", "needs a reason", ruleOf("  s: {tool: a}\n  condition: s\n")+"tripod: {exceptions: [{until: 2027-01-01, when: {tool: a}}]}\n")
	f("7:10", "unknown key", ruleOf("  s: {tool: a}\n  condition: s\n")+"tripod: {reason: x}\n")
	f("1:1", "names rule \"x\", which is not there", "title: F\nlogsource: {product: claude}\nfilter: {rules: [x], s: {tool: a}, condition: not s}\n")
}

// TestRefusedCorrelations is the same for correlations.
func TestRefusedCorrelations(t *testing.T) {
	t.Parallel()
	rules := "title: A\nname: a\nlogsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n---\n" +
		"title: B\nname: b\nlogsource: {product: claude}\ndetection: {s: {tool: b}, condition: s}\n---\n"
	f := func(want, correlation string) {
		t.Helper()
		docs, err := Parse("r.yml", []byte(rules+"title: C\nname: c\ncorrelation:\n"+correlation))
		if err == nil {
			_, err = Compile(docs, Options{})
		}
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q\n%s", err, want, correlation)
		} else if e.Line < 12 {
			t.Errorf("at line %d: %v", e.Line, err)
		}
	}
	f("must be one of event_count", "  type: counting\n  rules: [a]\n  timespan: 1h\n")
	f("there is no rule \"x\"", "  type: event_count\n  rules: [x]\n  group-by: [user]\n  timespan: 1h\n  condition: {gte: 3}\n")
	f("rests on itself", "  type: event_count\n  rules: [c]\n  group-by: [user]\n  timespan: 1h\n  condition: {gte: 3}\n")
	f("no field \"nobody\"", "  type: event_count\n  rules: [a]\n  group-by: [nobody]\n  timespan: 1h\n  condition: {gte: 3}\n")
	f("s, m, h or d", "  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1 hour\n  condition: {gte: 3}\n")
	f("s, m, h or d", "  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 0m\n  condition: {gte: 3}\n")
	f("needs a condition such as", "  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1h\n")
	f("with a field", "  type: value_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1h\n  condition: {gte: 3}\n")
	f("without the percentile", "  type: value_percentile\n  rules: [a]\n  group-by: [user]\n  timespan: 24h\n  condition: {field: model, lte: 1}\n")
	f("two rules or more", "  type: temporal\n  rules: [a]\n  group-by: [user]\n  timespan: 1h\n")
	f("gt and gte only", "  type: temporal_ordered\n  rules: [a, b]\n  group-by: [user]\n  timespan: 1h\n  condition: {eq: 2}\n")
	f("not in Sigma 2.1", "  type: temporal\n  rules: [a, b]\n  group-by: [user]\n  timespan: 1h\n  condition: a and not b\n")
	f("unknown key", "  type: temporal\n  rules: [a, b]\n  groupby: [user]\n  timespan: 1h\n")
	f("named twice", "  type: temporal\n  rules: [a, a]\n  group-by: [user]\n  timespan: 1h\n")
	f("not in group-by", "  type: temporal\n  rules: [a, b]\n  aliases: {x: {a: user, b: email}}\n  group-by: [user]\n  timespan: 1h\n")
	f("does not say which field of \"b\"", "  type: temporal\n  rules: [a, b]\n  aliases: {x: {a: user}}\n  group-by: [x]\n  timespan: 1h\n")
	f("not one of the correlation's rules", "  type: temporal\n  rules: [a, b]\n  aliases: {x: {a: user, b: user, d: user}}\n  group-by: [x]\n  timespan: 1h\n")
	f("no field \"zzz\"", "  type: temporal\n  rules: [a, b]\n  aliases: {x: {a: user, b: zzz}}\n  group-by: [x]\n  timespan: 1h\n")
	f("must be a number", "  type: event_count\n  rules: [a]\n  group-by: [user]\n  timespan: 1h\n  condition: {gte: many}\n")
}

// specification holds the examples of the specification, with fields that records have.
const specification = `title: Correlation - Multiple Failed Logins Followed by Successful Login
id: b180ead8-d58f-40b2-ae54-c8940995b9b6
status: experimental
description: Detects multiple failed logins by a single user followed by a successful login of that user
references:
    - https://reference.com
author: Florian Roth (Nextron Systems)
date: 2023-06-16
correlation:
    type: temporal_ordered
    rules:
        - multiple_failed_login
        - successful_login
    group-by:
        - user
    timespan: 10m
falsepositives:
    - Unlikely
level: high
---
title: Multiple failed logons
id: a8418a5a-5fc4-46b5-b23b-6c73beb19d41
description: Detects multiple failed logins within a certain amount of time
name: multiple_failed_login
correlation:
    type: event_count
    rules:
        - failed_login
    group-by:
        - user
    timespan: 10m
    condition:
        gte: 10
---
title: Single failed login
id: 53ba33fd-3a50-4468-a5ef-c583635cfa92
name: failed_login
logsource:
    product: claude
    service: compliance
detection:
    selection:
        type:
            - sso_login_failed
            - magic_link_login_failed
    condition: selection
---
title: Successful login
id: 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8
description: Detects a successful login
name: successful_login
logsource:
    product: claude
    service: compliance
detection:
    selection:
        type: sso_login_succeeded
    condition: selection
`

// TestSpecification: the specification's chain of correlations is read, ordered and resolved.
func TestSpecification(t *testing.T) {
	t.Parallel()
	s := compiled(t, specification, Options{})
	if len(s.Rules()) != 2 || len(s.Correlations()) != 2 {
		t.Fatalf("%d rules, %d correlations", len(s.Rules()), len(s.Correlations()))
	}
	if s.Alone(0) || s.Alone(1) {
		t.Error("rules that serve a correlation fire by themselves")
	}
	inner, outer := s.Correlations()[0], s.Correlations()[1]
	if inner.Name != "multiple_failed_login" || inner.Alone || !outer.Alone || outer.Of[0].Correlation != 0 || outer.Of[1].Rule != 1 || outer.Of[0].Inner[0] != 0 {
		t.Errorf("inner %+v\nouter %+v", inner, outer)
	}
	if outer.Timespan != 10*time.Minute || outer.Level != LevelHigh || !inner.Condition.Holds(10) || inner.Condition.Holds(9) {
		t.Errorf("outer %+v", outer)
	}
	if h, ok := s.Find(outer.ID); !ok || h.Title != outer.Title {
		t.Errorf("found %+v", h)
	}
	if outer.Version == inner.Version || len(outer.Version) != 12 {
		t.Errorf("versions %q and %q", outer.Version, inner.Version)
	}
}

// TestVersion: a comment does not make another version, a value does.
func TestVersion(t *testing.T) {
	t.Parallel()
	version := func(text string) string {
		docs, err := Parse("x", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return docs[0].Head().Version
	}
	a := version(ruleOf("  s: {tool: a}\n  condition: s\n"))
	if b := version(ruleOf("  s: {tool: a} # why\n  condition: s\n")); a != b {
		t.Errorf("a comment made %s of %s", b, a)
	}
	if b := version(ruleOf("  s: {tool: b}\n  condition: s\n")); a == b {
		t.Error("another value made the same version")
	}
}

// TestGenerate: rules of a correlation fire by themselves where it says so, and nothing disabled does.
func TestGenerate(t *testing.T) {
	t.Parallel()
	text := "title: A\nname: a\nlogsource: {product: claude}\ndetection: {s: {tool: a}, condition: s}\n---\ntitle: C\nname: c\n" +
		"correlation: {type: event_count, rules: [a], group-by: [user], timespan: 1h, condition: {gt: 2, lte: 9}}\n"
	f := func(text string, o Options, rule bool, correlations int) {
		t.Helper()
		s := compiled(t, text, o)
		if s.Alone(0) != rule || len(s.Correlations()) != correlations {
			t.Errorf("alone %v, %d correlations", s.Alone(0), len(s.Correlations()))
		}
	}
	f(text, Options{}, false, 1)
	f(text+"generate: true\n", Options{}, true, 1)
	f(text, Options{Disabled: map[string]bool{"c": true}}, true, 0)
	f(text+"generate: true\n", Options{Disabled: map[string]bool{"a": true}}, false, 1)
}
