// Package capture is the capture policy: which class of content is kept for whom. One policy holds for every way in, and
// the door applies it before anything is stored.
//
// A Policy is immutable and safe for concurrent use; it decides by the record alone, keeps nothing and has no order.
package capture

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Config is the capture policy as people write it: which class of content is kept for whom.
type Config struct {
	// Rules are tried in order; the first that matches decides.
	Rules []Rule `yaml:"rules"`
}

// Rule keeps content up to a class for the records it matches. An empty field matches everything; a rule with several
// fields matches where all of them do; a field with several values where one of them does.
type Rule struct {
	Source     []audit.Source  `yaml:"source,omitempty"`
	Plane      []audit.Plane   `yaml:"plane,omitempty"`
	Surface    []audit.Surface `yaml:"surface,omitempty"`
	Group      []string        `yaml:"group,omitempty"`      // asserted by the client or proved by its credential; who asserts none is not matched
	Credential []string        `yaml:"credential,omitempty"` // name of the credential that delivered
	Keep       audit.Class     `yaml:"keep"`                 // metadata, detail or text
}

// Validate gathers every problem of the policy.
func (c Config) Validate() error {
	var errs []error
	for i, r := range c.Rules {
		switch r.Keep {
		case audit.ClassMetadata, audit.ClassDetail, audit.ClassText:
		default:
			errs = append(errs, fmt.Errorf("capture.rules[%d].keep: %q is not metadata, detail or text", i, r.Keep))
		}
		for _, s := range r.Source {
			if s.Plane() == "" {
				errs = append(errs, fmt.Errorf("capture.rules[%d].source: %q is not a source", i, s))
			}
		}
		for _, s := range r.Surface {
			if !slices.Contains(audit.Surfaces(), s) { // a rule that matches nothing keeps more than was meant
				errs = append(errs, fmt.Errorf("capture.rules[%d].surface: %q is none of %v", i, s, audit.Surfaces()))
			}
		}
		for _, p := range r.Plane {
			if p != audit.PlaneControl && p != audit.PlaneAgent && p != audit.PlaneNetwork {
				errs = append(errs, fmt.Errorf("capture.rules[%d].plane: %q is not control, agent or network", i, p))
			}
		}
	}
	return errors.Join(errs...)
}

// Policy is the capture policy in force. It is immutable.
type Policy struct{ rules []Rule }

// New makes a policy of a configuration. Where no rule matches, detail is kept of agent and network sources and
// metadata of the control plane: text only where somebody chose it.
func New(c Config) (*Policy, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Policy{rules: slices.Clone(c.Rules)}, nil
}

// Level tells up to which class the content of a record is kept.
func (p *Policy) Level(r *audit.Record, credential string) audit.Class {
	for i := range p.rules {
		if p.rules[i].matches(r, credential) {
			return p.rules[i].Keep
		}
	}
	keep, _ := byDefault(r.Source)
	return keep
}

func (r *Rule) matches(rec *audit.Record, credential string) bool {
	return (len(r.Source) == 0 || slices.Contains(r.Source, rec.Source)) &&
		(len(r.Plane) == 0 || slices.Contains(r.Plane, rec.Source.Plane())) &&
		(len(r.Surface) == 0 || slices.Contains(r.Surface, rec.Surface)) &&
		(len(r.Credential) == 0 || slices.Contains(r.Credential, credential)) &&
		(len(r.Group) == 0 || anyOf(r.Group, rec.Account.Asserted.Groups) || anyOf(r.Group, rec.Account.Proved.Groups))
}

func anyOf(wanted, have []string) bool {
	return slices.ContainsFunc(have, func(g string) bool { return slices.Contains(wanted, g) })
}

// Digest tells policies apart, in hex.
func (c Config) Digest() string {
	if len(c.Rules) == 0 {
		c.Rules = nil // none is none, however it is written
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "" // it holds strings only
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Beside counts the rules that another policy does not have, word for word.
func (c Config) Beside(other Config) (n int) {
	left := make(map[string]int)
	for i := range other.Rules {
		left[other.Rules[i].String()]++
	}
	for i := range c.Rules {
		if word := c.Rules[i].String(); left[word] > 0 {
			left[word]--
		} else {
			n++
		}
	}
	return n
}

// Differs reports whether something else is kept of a source than by another policy.
func (c Config) Differs(other Config, s audit.Source) bool { return c.Of(s) != other.Of(s) }

// Words are the rules in words, one a line, with what holds where none matches.
func (c Config) Words() string {
	var b strings.Builder
	for i := range c.Rules {
		fmt.Fprintf(&b, "%d. %s\n", i+1, c.Rules[i].String())
	}
	return b.String() + "else plane control: keep metadata\nelse plane agent or network: keep detail\n"
}
