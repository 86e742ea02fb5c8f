package policy

import (
	"errors"
	"slices"
)

// Effect is what a rule asks for. The order is allow < flag < redact < deny.
type Effect string

// The effects.
const (
	Allow  Effect = "allow"  // pass; as a rule's effect: pass and look no further
	Flag   Effect = "flag"   // pass, and say so on record
	Redact Effect = "redact" // pass without what the detectors found
	Deny   Effect = "deny"   // do not pass
)

// Rank orders effects: of several, the highest holds. An unknown one ranks below all.
func (e Effect) Rank() int { return slices.Index(effects(), e) }

func effects() []Effect { return []Effect{Allow, Flag, Redact, Deny} }

// Mode says whether a rule's effect is carried out or only recorded.
type Mode string

// The modes.
const (
	Observe Mode = "observe"
	Enforce Mode = "enforce"
)

// Verdict is what policy answers.
type Verdict struct {
	// Effect is what must be done: the strongest of the enforcing rules that matched without an exception.
	Effect Effect
	// Rule decided, and Message is what it tells the user; empty where nothing must be done.
	Rule, Message string
	// Matches are all rules that matched, observing and excepted ones too, in the order of the rule set. They may be shared
	// with other verdicts: nobody may change them.
	Matches []Match
	// RuleSet is the version of the rules that were in force.
	RuleSet string
	// Failed says why it could not be judged, or not wholly. The enforcement point then applies its failure table
	// (Failures.Of), unless Effect already says more.
	Failed error
}

// Match is one rule that matched.
type Match struct {
	Rule     string
	Effect   Effect
	Mode     Mode
	Severity string
	Message  string
	// Findings are those the rule counts, at offsets of the text that was judged.
	Findings   []Finding
	Controls   []string
	Techniques []string
	// Exception says which exception kept the rule from taking effect; empty: none did.
	Exception string
}

// Redactions are the parts of the text that the enforcing rules want replaced: in order, none overlapping another.
func (v *Verdict) Redactions() []Finding {
	var list []Finding
	for _, m := range v.Matches {
		if m.Effect == Redact && m.Mode == Enforce && m.Exception == "" {
			list = append(list, m.Findings...)
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return b.End - a.End
	})
	var apart []Finding
	for _, f := range list {
		if last := len(apart) - 1; last >= 0 && f.Start < apart[last].End {
			apart[last].End = max(apart[last].End, f.End)
			continue
		}
		apart = append(apart, f)
	}
	return apart
}

// Why something could not be judged. Verdict.Failed wraps one of them, or ErrEngine where none fits.
var (
	// ErrIncomplete: the time for it ran out before all was read.
	ErrIncomplete = errors.New("not judged wholly within the time for it")
	// ErrMalformed: arguments are no JSON that everybody reads alike.
	ErrMalformed = errors.New("arguments are not strict JSON")
	// ErrEngine: a rule or a detector failed.
	ErrEngine = errors.New("policy engine failed")
)
