// Package baseline says which settings are expected to be in force, and judges values by it.
//
// It promises: a verdict depends on the rules, the organisation, the setting and its value alone. A Baseline that was
// validated is immutable and safe for concurrent use. It keeps nothing and has no order but that of its rules.
package baseline

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

//go:embed baseline.yaml
var shipped []byte

// Shipped is the file that holds where no other is configured, as YAML.
func Shipped() []byte { return slices.Clone(shipped) }

// Baseline is a list of rules; the first that speaks of a setting of an organisation decides.
type Baseline struct {
	Rules []Rule `yaml:"rules"`
}

// Rule expects something of one setting. Exactly one of the expectations is set.
type Rule struct {
	ID            string   `yaml:"id"`
	Setting       string   `yaml:"setting"`       // by the vendor's name
	Organizations []string `yaml:"organizations"` // UUIDs; none is all

	MustBe   string   `yaml:"must_be"` // on, off
	Equals   string   `yaml:"equals"`
	OneOf    []string `yaml:"one_of"`
	AtMost   *int64   `yaml:"at_most"`  // null, which is no limit, is more
	AtLeast  *int64   `yaml:"at_least"` // likewise
	NotEmpty bool     `yaml:"not_empty"`

	Severity string `yaml:"severity"` // low, medium, high
	Reason   string `yaml:"reason"`
	Source   string `yaml:"source"` // where the reason comes from: a page or a control
}

// Validate gathers every problem.
func (b *Baseline) Validate() error {
	var errs []error
	if len(b.Rules) == 0 {
		errs = append(errs, errors.New("rules: there are none"))
	}
	ids, everywhere := map[string]bool{}, map[string]string{}
	for i := range b.Rules {
		r := &b.Rules[i]
		problem := func(format string, args ...any) {
			name := r.ID
			if name == "" {
				name = strconv.Itoa(i + 1)
			}
			errs = append(errs, fmt.Errorf("rule %s: "+format, append([]any{name}, args...)...))
		}
		if r.ID == "" || strings.ContainsAny(r.ID, " \t\n") {
			problem("id: want a word")
		}
		if ids[r.ID] {
			problem("id: another rule has it")
		}
		ids[r.ID] = true
		if r.Setting == "" {
			problem("setting: want the vendor's name of one")
		}
		if first, taken := everywhere[r.Setting]; taken {
			problem("setting: rule %s decides %s everywhere before it", first, r.Setting)
		} else if len(r.Organizations) == 0 {
			everywhere[r.Setting] = r.ID
		}
		for _, err := range r.expectations() {
			problem("%w", err)
		}
		if !slices.Contains([]string{"low", "medium", "high"}, r.Severity) {
			problem("severity: %q is not low, medium or high", r.Severity)
		}
		if r.Reason == "" {
			problem("reason: say why, for whoever reads the discrepancy")
		}
	}
	return errors.Join(errs...)
}

func (r *Rule) expectations() (errs []error) {
	n := 0
	for _, set := range []bool{r.MustBe != "", r.Equals != "", len(r.OneOf) > 0, r.AtMost != nil, r.AtLeast != nil, r.NotEmpty} {
		if set {
			n++
		}
	}
	if n != 1 {
		errs = append(errs, fmt.Errorf("want one of must_be, equals, one_of, at_most, at_least and not_empty, and there are %d", n))
	}
	if r.MustBe != "" && r.MustBe != "on" && r.MustBe != "off" {
		errs = append(errs, fmt.Errorf("must_be: %q is not on or off", r.MustBe))
	}
	return errs
}

// Verdict is what the baseline says of a value.
type Verdict struct {
	Rule     string // its id
	Expected string // in text, as values are: "true", "at most 43200", "one of a, b"
	Severity string
	Reason   string
	Drift    bool
}

// Judge judges a value, the JSON that the vendor shows, and told as text. ok is false where no rule speaks of the setting.
func (b *Baseline) Judge(organization, setting string, value json.RawMessage, told string) (v Verdict, ok bool) {
	for i := range b.Rules {
		r := &b.Rules[i]
		here := len(r.Organizations) == 0 || slices.ContainsFunc(r.Organizations, func(o string) bool { return strings.EqualFold(o, organization) })
		if r.Setting == setting && here {
			return Verdict{Rule: r.ID, Expected: r.expected(), Severity: r.Severity, Reason: r.Reason, Drift: !r.holds(value, told)}, true
		}
	}
	return Verdict{}, false
}

func (r *Rule) expected() string {
	switch {
	case r.MustBe != "":
		return strconv.FormatBool(r.MustBe == "on")
	case r.Equals != "":
		return r.Equals
	case len(r.OneOf) > 0:
		return "one of " + strings.Join(r.OneOf, ", ")
	case r.AtMost != nil:
		return "at most " + strconv.FormatInt(*r.AtMost, 10)
	case r.AtLeast != nil:
		return "at least " + strconv.FormatInt(*r.AtLeast, 10)
	}
	return "not empty"
}

func (r *Rule) holds(value json.RawMessage, told string) bool {
	switch {
	case r.MustBe != "":
		return told == r.expected()
	case r.Equals != "":
		return told == r.Equals
	case len(r.OneOf) > 0:
		return slices.Contains(r.OneOf, told)
	case r.NotEmpty:
		return notEmpty(value)
	}
	var n *float64
	if err := json.Unmarshal(value, &n); err != nil || n == nil {
		return false
	}
	if r.AtMost != nil {
		return *n <= float64(*r.AtMost)
	}
	return *n >= float64(*r.AtLeast)
}

func notEmpty(value json.RawMessage) bool {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return false
	}
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return true
}
