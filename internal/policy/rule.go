package policy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Rule is one rule as people write it. An empty field matches everything; a rule with several fields matches where all of
// them do; a field with several values where one of them does.
type Rule struct {
	// ID names the rule in records, overrides and metrics: lower case, digits, hyphens. It is never reused for another meaning.
	ID string `yaml:"id" json:"id"`
	// Title says in a line what the rule is about, Why what harm it is meant to avert, and Benign what else it may be.
	Title  string   `yaml:"title" json:"title"`
	Why    string   `yaml:"why,omitempty" json:"-"`
	Benign []string `yaml:"benign,omitempty" json:"-"`

	Points   []Point         `yaml:"points" json:"points"`
	Sources  []audit.Source  `yaml:"sources,omitempty" json:"sources,omitempty"`
	Surfaces []audit.Surface `yaml:"surfaces,omitempty" json:"surfaces,omitempty"`
	Who      *Who            `yaml:"who,omitempty" json:"who,omitempty"`
	// Tools are patterns (* is any run of characters) of tool names: Bash, mcp__github__*. A pattern without mcp__ never
	// matches a tool of an MCP server. MCP are patterns of server names.
	Tools []string `yaml:"tools,omitempty" json:"tools,omitempty"`
	MCP   []string `yaml:"mcp,omitempty" json:"mcp,omitempty"`
	// Kinds are kinds of blocks: text, tool_result, document, system, tools …
	Kinds []string `yaml:"kinds,omitempty" json:"kinds,omitempty"`
	// Detectors are families (credential) or kinds in them (credential.aws_access_key); Min is how many findings they must
	// have together, at least 1.
	Detectors []string `yaml:"detectors,omitempty" json:"detectors,omitempty"`
	Min       int      `yaml:"min,omitempty" json:"min,omitempty"`
	// When is a condition in CEL. One that asks for an argument that is not there is false.
	When string `yaml:"when,omitempty" json:"when,omitempty"`

	Effect Effect `yaml:"effect" json:"effect"`
	// Message is what the user is told where the rule stops or changes something.
	Message string `yaml:"message,omitempty" json:"message,omitempty"`
	// Severity is low, medium, high or critical; Mode is observe or enforce, observe where nothing is said.
	Severity string `yaml:"severity" json:"severity"`
	Mode     Mode   `yaml:"mode,omitempty" json:"mode,omitempty"`
	// Asked is the mode that file and overrides ask for, where Rules tells of it; Mode is the one that holds.
	Asked Mode `yaml:"-" json:"-"`
	// Marks are words noted of the session when the rule matches, for the conditions of rules that judge what comes after it.
	Marks []string `yaml:"marks,omitempty" json:"marks,omitempty"`
	// Owner answers for the rule.
	Owner      string      `yaml:"owner,omitempty" json:"owner,omitempty"`
	Exceptions []Exception `yaml:"exceptions,omitempty" json:"exceptions,omitempty"`
	// Controls and Techniques are references: ISO27001 A.8.12, SOC2 CC6.7, HIPAA 164.312(a); ATLAS AML.T0057, OWASP LLM02.
	Controls   []string `yaml:"controls,omitempty" json:"controls,omitempty"`
	Techniques []string `yaml:"techniques,omitempty" json:"techniques,omitempty"`
	// Tests show what the rule matches and what it does not.
	Tests []Case `yaml:"tests,omitempty" json:"-"`
}

// Who narrows a rule to accounts. Where the effect weakens protection (an allow rule, an exception) only what a credential
// proves counts, elsewhere also what a client asserts of itself.
type Who struct {
	Groups      []string `yaml:"groups,omitempty" json:"groups,omitempty"`
	Credentials []string `yaml:"credentials,omitempty" json:"credentials,omitempty"`
	Devices     []string `yaml:"devices,omitempty" json:"devices,omitempty"`
	// Users are addresses, vendor user ids or account UUIDs, or subjects at the identity provider.
	Users    []string `yaml:"users,omitempty" json:"users,omitempty"`
	Services []string `yaml:"services,omitempty" json:"services,omitempty"`
}

// Exception keeps a rule from taking effect, for a reason somebody approved and until a day. The match is still recorded.
type Exception struct {
	Who      *Who            `yaml:"who,omitempty" json:"who,omitempty"`
	Surfaces []audit.Surface `yaml:"surfaces,omitempty" json:"surfaces,omitempty"`
	Tools    []string        `yaml:"tools,omitempty" json:"tools,omitempty"`
	MCP      []string        `yaml:"mcp,omitempty" json:"mcp,omitempty"`
	When     string          `yaml:"when,omitempty" json:"when,omitempty"`

	Reason     string `yaml:"reason" json:"reason"`
	ApprovedBy string `yaml:"approved_by" json:"approved_by"`
	// Until is the first day, in UTC, on which the exception no longer holds: 2026-12-31.
	Until string `yaml:"until" json:"until"`
}

// Override changes a rule of any file, so that one can be enforced, excepted or left out without being copied.
type Override struct {
	Rule       string      `yaml:"rule"`
	Off        bool        `yaml:"off,omitempty"`
	Mode       Mode        `yaml:"mode,omitempty"`
	Effect     Effect      `yaml:"effect,omitempty"`
	Severity   string      `yaml:"severity,omitempty"`
	Message    string      `yaml:"message,omitempty"`
	Exceptions []Exception `yaml:"exceptions,omitempty"`
}

func (o *Override) apply(r *Rule) {
	if o.Mode != "" {
		r.Mode = o.Mode
	}
	if o.Effect != "" {
		r.Effect = o.Effect
	}
	if o.Severity != "" {
		r.Severity = o.Severity
	}
	if o.Message != "" {
		r.Message = o.Message
	}
	r.Exceptions = append(slices.Clone(r.Exceptions), o.Exceptions...)
}

var ruleID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,63}$`)

// Severities lists them from the least.
func Severities() []string { return []string{"low", "medium", "high", "critical"} }

// validate gathers what is wrong with a rule by itself, conditions and detectors aside.
func (r *Rule) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !ruleID.MatchString(r.ID) {
		wrong("id: %q is not 2 to 64 lower-case letters, digits and hyphens", r.ID)
	}
	if r.Title == "" {
		wrong("title: say in a line what the rule is about")
	}
	if len(r.Points) == 0 {
		wrong("points: name at least one of %v", Points())
	}
	for _, p := range r.Points {
		if !slices.Contains(Points(), p) {
			wrong("points: %q is none of %v", p, Points())
		} else if r.Effect == Redact && !p.Redacts() {
			wrong("effect: nothing can be redacted at %s; use deny or flag there", p)
		}
	}
	for _, s := range r.Sources {
		if s.Plane() == "" {
			wrong("sources: %q is not a source", s)
		}
	}
	errs = append(errs, knownSurfaces(r.Surfaces))
	for _, m := range r.Marks {
		if !listName.MatchString(m) {
			wrong("marks: %q is no word of lower-case letters, digits and _", m)
		}
	}
	if !slices.Contains(Severities(), r.Severity) {
		wrong("severity: %q is none of %v", r.Severity, Severities())
	}
	if r.Mode != "" && r.Mode != Observe && r.Mode != Enforce {
		wrong("mode: %q is not observe or enforce", r.Mode)
	}
	errs = append(errs, r.validateEffect())
	for i := range r.Exceptions {
		if err := r.Exceptions[i].validate(); err != nil {
			wrong("exceptions[%d]: %w", i, err)
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) validateEffect() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.Effect.Rank() < 0 {
		wrong("effect: %q is none of %v", r.Effect, effects())
	}
	if r.Effect.Rank() >= Redact.Rank() && r.Message == "" {
		wrong("message: say what the user is told when this is stopped or changed")
	}
	if r.Effect == Redact && len(r.Detectors) == 0 {
		wrong("effect: redact needs detectors, whose findings are replaced")
	}
	if r.Effect == Allow && len(r.Detectors) > 0 {
		wrong("detectors: an allow rule cannot rest on what was found, since it would let pass whatever stands beside it; use an exception")
	}
	if r.Min < 0 || r.Min > 0 && len(r.Detectors) == 0 {
		wrong("min: %d goes with detectors, and is 1 or more", r.Min)
	}
	return errors.Join(errs...)
}

func knownSurfaces(list []audit.Surface) error {
	var errs []error
	for _, s := range list {
		if !slices.Contains(audit.Surfaces(), s) { // a misspelled one would match nothing, and nobody would know
			errs = append(errs, fmt.Errorf("surfaces: %q is none of %v", s, audit.Surfaces()))
		}
	}
	return errors.Join(errs...)
}

func (x *Exception) validate() error {
	var errs []error
	for _, f := range []struct{ name, value string }{{"reason", x.Reason}, {"approved_by", x.ApprovedBy}} {
		if strings.TrimSpace(f.value) == "" {
			errs = append(errs, fmt.Errorf("%s: an exception without it cannot be answered for", f.name))
		}
	}
	if _, err := x.until(); err != nil {
		errs = append(errs, fmt.Errorf("until: %q is not a day such as 2026-12-31; every exception ends", x.Until))
	}
	return errors.Join(append(errs, knownSurfaces(x.Surfaces))...)
}

func (x *Exception) until() (time.Time, error) { return time.Parse(time.DateOnly, x.Until) }

// String tells which exception it is, in a record.
func (x *Exception) String() string {
	return fmt.Sprintf("%s (approved by %s, until %s)", x.Reason, x.ApprovedBy, x.Until)
}

// matches tells whether an identity is one of those meant.
func (w *Who) matches(ids ...*audit.Identity) bool {
	return fieldMatches(w.Groups, ids, func(id *audit.Identity) []string { return id.Groups }) &&
		fieldMatches(w.Credentials, ids, func(id *audit.Identity) []string { return []string{id.Credential} }) &&
		fieldMatches(w.Devices, ids, func(id *audit.Identity) []string { return []string{id.Device} }) &&
		fieldMatches(w.Services, ids, func(id *audit.Identity) []string { return []string{id.Service} }) &&
		fieldMatches(w.Users, ids, func(id *audit.Identity) []string { return []string{id.Email, id.User, id.UUID, id.Subject} })
}

func fieldMatches(wanted []string, ids []*audit.Identity, have func(*audit.Identity) []string) bool {
	if len(wanted) == 0 {
		return true
	}
	return slices.ContainsFunc(ids, func(id *audit.Identity) bool {
		return slices.ContainsFunc(have(id), func(v string) bool {
			return v != "" && slices.ContainsFunc(wanted, func(w string) bool { return strings.EqualFold(w, v) }) // as addresses and names are
		})
	})
}

// glob matches the whole of s against a pattern in which * is any run of characters and ? any one.
func glob(pattern, s string) bool {
	p, i, star, mark := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0: // what did not fit is taken by the last star
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func anyGlob(patterns []string, s string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return glob(p, s) })
}
