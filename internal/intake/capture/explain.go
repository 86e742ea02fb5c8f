package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Asked is what is known of the records somebody asks about. What is left out may be anything.
type Asked struct {
	Source     audit.Source
	Surface    audit.Surface // "": any
	Credential string        // "": any
	// Groups are those that the records carry; nil: not known.
	Groups []string
	// Directory are groups the directory says the account is in, which says nothing of what records carry.
	Directory []string
}

// Explanation says what is kept of records, and why.
type Explanation struct {
	Source audit.Source `json:"source"`
	Keep   audit.Class  `json:"keep"`
	Rule   int          `json:"rule"` // number of the rule that decides, from 1; 0 is what holds where none does
	Why    string       `json:"why"`
	// Unless lists the rules before it that decide instead where something holds that is not known, in their order.
	Unless []Unless `json:"unless,omitempty"`
}

// Unless is a rule that decides where its condition holds.
type Unless struct {
	Rule int         `json:"rule"`
	Keep audit.Class `json:"keep"`
	If   string      `json:"if"`
}

// Explain says which rule decides what is kept of records of which only so much is known.
func (c Config) Explain(a Asked) Explanation {
	e := Explanation{Source: a.Source}
	for i, r := range c.Rules {
		is, open := r.judge(&a)
		switch {
		case !is:
		case len(open) > 0:
			e.Unless = append(e.Unless, Unless{i + 1, r.Keep, strings.Join(open, ", and ")})
		default:
			e.Keep, e.Rule, e.Why = r.Keep, i+1, "rule "+fmt.Sprint(i+1)+" matches: "+r.String()
			return e
		}
	}
	e.Keep, e.Why = byDefault(a.Source)
	return e
}

// Of is what is kept of a source, in one sentence: "text if …; else detail".
func (c Config) Of(s audit.Source) string {
	e := c.Explain(Asked{Source: s})
	return e.Sentence()
}

// Sentence is the explanation in one sentence.
func (e *Explanation) Sentence() string {
	if len(e.Unless) == 0 {
		return string(e.Keep)
	}
	words := make([]string, len(e.Unless))
	for i, u := range e.Unless {
		words[i] = string(u.Keep) + " if " + u.If
	}
	return strings.Join(append(words, "else "+string(e.Keep)), "; ")
}

// byDefault is what is kept where no rule matches: text only where somebody chose it.
func byDefault(s audit.Source) (audit.Class, string) {
	if s.Plane() == audit.PlaneControl {
		return audit.ClassMetadata, "no rule matches: metadata of the control plane"
	}
	return audit.ClassDetail, "no rule matches: detail of agent and network sources"
}

// judge reports whether a rule may match, and on what it depends where that is not known.
func (r *Rule) judge(a *Asked) (is bool, open []string) {
	switch {
	case len(r.Source) > 0 && !slices.Contains(r.Source, a.Source), len(r.Plane) > 0 && !slices.Contains(r.Plane, a.Source.Plane()):
		return false, nil
	case len(r.Surface) > 0 && a.Surface != "" && !slices.Contains(r.Surface, a.Surface):
		return false, nil
	case len(r.Credential) > 0 && a.Credential != "" && !slices.Contains(r.Credential, a.Credential):
		return false, nil
	}
	if len(r.Surface) > 0 && a.Surface == "" {
		open = append(open, "the surface is "+oneOf(r.Surface))
	}
	if len(r.Credential) > 0 && a.Credential == "" {
		open = append(open, "the credential that delivers is "+oneOf(r.Credential))
	}
	if len(r.Group) == 0 {
		return true, open
	}
	switch {
	case a.Groups != nil:
		return anyOf(r.Group, a.Groups), open
	case a.Source.Plane() == audit.PlaneControl:
		return false, nil // its sources name no groups
	}
	carries := "its records carry the group " + oneOf(r.Group)
	if anyOf(r.Group, a.Directory) {
		carries += ", in which the directory lists it"
	}
	return true, append(open, carries)
}

func oneOf[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, " or ")
}

// String is the rule in words: "group works-council or legal: keep metadata".
func (r *Rule) String() string {
	var words []string
	add := func(name, value string) {
		if value != "" {
			words = append(words, name+" "+value)
		}
	}
	add("source", oneOf(r.Source))
	add("plane", oneOf(r.Plane))
	add("surface", oneOf(r.Surface))
	add("group", oneOf(r.Group))
	add("credential", oneOf(r.Credential))
	if len(words) == 0 {
		words = []string{"everything"}
	}
	return strings.Join(words, ", ") + ": keep " + string(r.Keep)
}
