package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Case is one test of a rule set: an event, and what is expected of it.
type Case struct {
	Name  string    `yaml:"name"`
	Event CaseEvent `yaml:"event"`
	// Match says whether the rule the case stands in matches; true where nothing is said. Only in a rule.
	Match *bool `yaml:"match,omitempty"`
	// Rules are the rules that match, no more and no less; an empty list is none. Only in a test file.
	Rules *[]string `yaml:"rules,omitempty"`
	// Effect is what has to be done, with the modes as they are and under policy.mode: enforce.
	Effect Effect `yaml:"effect,omitempty"`
	// Fails is incomplete, malformed or engine, where the event cannot be judged.
	Fails string `yaml:"fails,omitempty"`
	// Excepted says that the match is excepted. Only in a rule.
	Excepted bool `yaml:"excepted,omitempty"`
}

// CaseEvent is an event as people write it, in a test or for tripod policy check. What is left out is empty; the point is the
// rule's first.
type CaseEvent struct {
	Point        Point          `yaml:"point,omitempty" json:"point,omitempty"`
	Source       audit.Source   `yaml:"source,omitempty" json:"source,omitempty"`
	Surface      audit.Surface  `yaml:"surface,omitempty" json:"surface,omitempty"`
	Model        string         `yaml:"model,omitempty" json:"model,omitempty"`
	Tool         string         `yaml:"tool,omitempty" json:"tool,omitempty"`
	MCP          string         `yaml:"mcp,omitempty" json:"mcp,omitempty"`
	Kind         string         `yaml:"kind,omitempty" json:"kind,omitempty"`
	Text         string         `yaml:"text,omitempty" json:"text,omitempty"`
	Args         map[string]any `yaml:"args,omitempty" json:"-"`
	RawArgs      string         `yaml:"raw_args,omitempty" json:"-"` // JSON as it is sent, where that is the point
	Capabilities []string       `yaml:"capabilities,omitempty" json:"capabilities,omitempty"`
	Marks        []string       `yaml:"marks,omitempty" json:"marks,omitempty"`
	Session      string         `yaml:"session,omitempty" json:"session,omitempty"`
	Asserted     CaseIdentity   `yaml:"asserted,omitempty" json:"asserted,omitzero"`
	Proved       CaseIdentity   `yaml:"proved,omitempty" json:"proved,omitzero"`
	At           time.Time      `yaml:"at,omitempty" json:"at,omitzero"` // 2026-01-01 where nothing is said
	Partial      bool           `yaml:"partial,omitempty" json:"partial,omitempty"`
}

// CaseIdentity is an identity as people write it.
type CaseIdentity struct {
	User       string   `yaml:"user,omitempty" json:"user,omitempty"`
	Email      string   `yaml:"email,omitempty" json:"email,omitempty"`
	Org        string   `yaml:"org,omitempty" json:"org,omitempty"`
	Service    string   `yaml:"service,omitempty" json:"service,omitempty"`
	Device     string   `yaml:"device,omitempty" json:"device,omitempty"`
	Credential string   `yaml:"credential,omitempty" json:"credential,omitempty"`
	Groups     []string `yaml:"groups,omitempty" json:"groups,omitempty"`
}

func (id CaseIdentity) identity() audit.Identity {
	return audit.Identity{User: id.User, Email: id.Email, Org: id.Org, Service: id.Service, Device: id.Device, Credential: id.Credential, Groups: id.Groups}
}

// Event is the event it stands for.
func (c *CaseEvent) Event() (Event, error) {
	ev := Event{
		Point: c.Point, Source: c.Source, Surface: c.Surface, Model: c.Model, Tool: c.Tool, MCP: c.MCP, Kind: c.Kind, Text: c.Text,
		Capabilities: c.Capabilities, Keys: audit.Keys{Session: c.Session}, At: c.At, Partial: c.Partial, Marks: c.Marks,
		Account: audit.Account{Asserted: c.Asserted.identity(), Proved: c.Proved.identity()},
	}
	if ev.At.IsZero() {
		ev.At = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.RawArgs != "" {
		ev.Arguments = []byte(c.RawArgs)
		return ev, nil
	}
	if c.Args == nil {
		return ev, nil
	}
	b, err := json.Marshal(c.Args)
	if err != nil {
		return ev, fmt.Errorf("args: %w", err)
	}
	ev.Arguments = b
	return ev, nil
}

// Difference is a case that did not go as expected.
type Difference struct {
	File string   `json:"file"`           // or "starter"
	Rule string   `json:"rule,omitempty"` // in which the case stands
	Case string   `json:"case"`
	What []string `json:"what"` // differs
}

// Tested is what a run of the cases of a rule set showed.
type Tested struct {
	Cases       int          `json:"cases"`
	Differences []Difference `json:"differences"`
	// Untested are rules no case speaks of.
	Untested []string `json:"untested,omitempty"`
}

// Test runs the cases in the rules of cfg and those of the test files, with the rules' own modes: as under mode enforce.
// The error says that the rules or a test file cannot be read.
func Test(ctx context.Context, cfg Config, testFiles []string) (*Tested, error) {
	cfg.Mode = Enforce
	e, err := New(cfg, Deps{})
	if err != nil {
		return nil, err
	}
	t := &Tested{Differences: []Difference{}}
	set := e.set.Load()
	for _, r := range set.rules {
		if len(r.Tests) == 0 {
			t.Untested = append(t.Untested, r.ID)
		}
		for i := range r.Tests {
			c := r.Tests[i]
			if c.Event.Point == "" {
				c.Event.Point = r.Points[0]
			}
			t.add(r.file(), r.ID, &c, c.differences(ctx, e, r.ID))
		}
	}
	for _, path := range testFiles {
		cases, err := readCases(path)
		if err != nil {
			return nil, err
		}
		for i := range cases {
			t.add(path, "", &cases[i], cases[i].differences(ctx, e, ""))
		}
	}
	return t, nil
}

func (t *Tested) add(file, rule string, c *Case, what []string) {
	t.Cases++
	if len(what) > 0 {
		t.Differences = append(t.Differences, Difference{File: file, Rule: rule, Case: c.Name, What: what})
	}
}

// file is the name of the file a rule stands in.
func (r *rule) file() string {
	name, _, _ := strings.Cut(r.where, ": rule ")
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		name = name[:i]
	}
	return name
}

// readCases reads a test file: tests: [ … ].
func readCases(path string) ([]Case, error) {
	b, err := readBounded(path)
	if err != nil {
		return nil, err
	}
	var file struct {
		Tests []Case `yaml:"tests"`
	}
	if err := yaml.UnmarshalWithOptions(b, &file, yaml.Strict()); err != nil {
		return nil, yamlError(path, err)
	}
	return file.Tests, nil
}

// differences judges the event and tells what is not as expected; in is the rule the case stands in.
func (c *Case) differences(ctx context.Context, e *Engine, in string) []string {
	ev, err := c.Event.Event()
	if err != nil {
		return []string{err.Error()}
	}
	v := e.Evaluate(ctx, ev)
	var what []string
	differs := func(format string, args ...any) { what = append(what, fmt.Sprintf(format, args...)) }
	var matched []string
	for _, m := range v.Matches {
		matched = append(matched, m.Rule)
		if m.Rule == in && (m.Exception != "") != c.Excepted {
			differs("excepted is %t, expected %t", m.Exception != "", c.Excepted)
		}
	}
	if want := c.Match == nil || *c.Match; in != "" && slices.Contains(matched, in) != want {
		differs("matches is %t, expected %t", !want, want)
	}
	if c.Rules != nil && !sameWords(*c.Rules, matched) {
		differs("rules are %v, expected %v", matched, *c.Rules)
	}
	if c.Effect != "" && c.Effect != v.Effect {
		differs("effect is %s, expected %s", v.Effect, c.Effect)
	}
	fails := ""
	if v.Failed != nil {
		fails = reason(v.Failed)
	}
	if fails != c.Fails {
		text := fmt.Sprintf("fails is %q, expected %q", fails, c.Fails)
		var condition *ConditionError
		if errors.As(v.Failed, &condition) {
			text += fmt.Sprintf(": rule %s: %v", condition.Rule, condition.Cause)
		}
		what = append(what, text)
	}
	return what
}

func sameWords(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
