package main

import (
	"fmt"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// shape is a kind of rule: as Sigma, and as the plain Go somebody would write for it.
type shape struct {
	detection string // %[1]d is the number of the rule
	plain     func(i int) func(r *audit.Record) bool
}

func attribute(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Text()
}

func contains(s, part string) bool { return strings.Contains(strings.ToLower(s), part) }

// shapes are what published rules look like: a type alone, with attributes, a part of a text, lists, a negation, an element of a list.
var shapes = []shape{
	{"  s: {type: 'activity_type_%[1]d'}\n  condition: s\n", func(i int) func(*audit.Record) bool {
		want := fmt.Sprint("activity_type_", i)
		return func(r *audit.Record) bool { return strings.EqualFold(r.Type, want) }
	}},
	{"  s: {type: tool_result, attributes.tool_name: 'tool_%[1]d', outcome: [failure, denied]}\n  condition: s\n", func(i int) func(*audit.Record) bool {
		want := fmt.Sprint("tool_", i)
		return func(r *audit.Record) bool {
			return strings.EqualFold(r.Type, "tool_result") && strings.EqualFold(attribute(r, "tool_name"), want) && (r.Outcome == "failure" || r.Outcome == "denied")
		}
	}},
	{"  s: {attributes.mcp_server_name|contains: 'server-%[1]d-'}\n  f: {user: 'admin@*'}\n  condition: s and not f\n", func(i int) func(*audit.Record) bool {
		want := fmt.Sprint("server-", i, "-")
		return func(r *audit.Record) bool {
			a, p := &r.Account.Asserted, &r.Account.Proved
			for _, id := range []string{a.Email, a.User, a.UUID, a.Subject, a.OSUser, a.Service, p.Email, p.User, p.UUID, p.Subject, p.OSUser, p.Service} {
				if strings.HasPrefix(strings.ToLower(id), "admin@") {
					return false
				}
			}
			return contains(attribute(r, "mcp_server_name"), want)
		}
	}},
	{"  s:\n    attributes.updates[]: {type: 'setting_%[1]d', current_value: false}\n  condition: s\n", func(i int) func(*audit.Record) bool {
		want := fmt.Sprint("setting_", i)
		return func(r *audit.Record) bool {
			for n := range 4 {
				if strings.EqualFold(attribute(r, fmt.Sprintf("updates.%d.type", n)), want) && attribute(r, fmt.Sprintf("updates.%d.current_value", n)) == "false" {
					return true
				}
			}
			return false
		}
	}},
	{"  a: {type: api_request, attributes.cost_usd|gt: %[1]d}\n  b: {model: ['model-%[1]d', 'model-%[1]d-preview']}\n  condition: a and b\n", func(i int) func(*audit.Record) bool {
		one, two := fmt.Sprint("model-", i), fmt.Sprint("model-", i, "-preview")
		return func(r *audit.Record) bool {
			v, _ := r.Attributes.Get("cost_usd")
			f, ok := v.Float64()
			return strings.EqualFold(r.Type, "api_request") && ok && f > float64(i) && (strings.EqualFold(r.Model, one) || strings.EqualFold(r.Model, two))
		}
	}},
}

// rules writes n rules.
func rules(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "title: Rule %[1]d\nid: rule-%[1]d\nlogsource: {product: claude}\ndetection:\n", i)
		fmt.Fprintf(&b, shapes[i%len(shapes)].detection, i/len(shapes))
		b.WriteString("---\n")
	}
	return b.String()
}

func plainRules(n int) []func(*audit.Record) bool {
	list := make([]func(*audit.Record) bool, n)
	for i := range n {
		list[i] = shapes[i%len(shapes)].plain(i / len(shapes))
	}
	return list
}

// oneByOne tries all rules on a record.
func oneByOne(rules []func(*audit.Record) bool, r *audit.Record, hits []int) []int {
	for i, rule := range rules {
		if rule(r) {
			hits = append(hits, i)
		}
	}
	return hits
}
