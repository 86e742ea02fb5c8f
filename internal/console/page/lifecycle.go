package page

import (
	"net/url"
	"time"

	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// Lifecycle is the page of what is kept, for how long, and what is held.
type Lifecycle struct {
	Now   time.Time
	CSRF  string
	Reads bool // who looks may open records

	Classes      []RetentionClass
	Planned      bool      // matched, due and held were counted
	At           time.Time // of the plan
	Position     uint64    // up to which the plan read the journal
	Unclassed    uint64
	PlanURL      string // counts, where that takes long; "" where who looks may not, or it was done
	PlanProblem  *Problem
	Due          uint64 // parts a purge would destroy now
	MayPurge     bool
	PurgeWrong   *Problem
	Purges       []Purge
	PurgeProblem *Problem
	Ended        time.Time // when a purge last left nothing due; zero where none did

	Countdowns       []Countdown
	Counted          time.Time // when it was last looked; zero where nobody looks
	Without          []string
	CountdownProblem *Problem

	MayHolds    bool // who looks may see holds
	Holds       []Hold
	Over        []Hold // released
	HoldProblem *Problem
	MaySet      bool
	New         NewHold
	Wrong       *Problem // of the form that sets one
}

// RetentionClass is a class of retention, with what a plan counted of it.
type RetentionClass struct{ retention.ClassPlan }

// For says which records a class is for, in words.
func (c *RetentionClass) For() (list []string) {
	for _, s := range c.Sources {
		list = append(list, string(s))
	}
	for _, s := range c.Surfaces {
		list = append(list, string(s))
	}
	for _, a := range c.Activities {
		list = append(list, string(a))
	}
	return list
}

// Words says what goes when the period is over.
func (c *RetentionClass) Words() string {
	switch c.What {
	case retention.Records:
		return "whole records"
	case retention.Details:
		return "content: what people named"
	case retention.Texts:
		return "content: what people wrote"
	}
	return string(c.What)
}

// Period is for how long, in words.
func (c *RetentionClass) Period() string {
	switch p := c.Keep; {
	case p.Forever():
		return "for ever"
	case p.Days > 0:
		return Plural(int64(p.Days), "day")
	case p.Months%12 == 0:
		return Plural(int64(p.Months/12), "year")
	default:
		return Plural(int64(p.Months), "month")
	}
}

// Countdown is where evidence disappears elsewhere.
type Countdown struct {
	countdown.Countdown
	Now   time.Time
	Reads bool // who looks may see which
}

// Ahead counts what disappears and is not held.
func (c *Countdown) Ahead() int { return c.Objects - c.Held }

// Purge is what a purge did.
type Purge struct {
	retention.Purged
	Who string
}

// Hold is one legal hold, and what who looks may do with it.
type Hold struct {
	hold.Hold
	CSRF       string
	Reads      bool // who looks may open records
	SetBy      string
	Asker      string
	Releaser   string
	CaseURL    string // "" where who looks does not see the case
	Why        string // why it was set, where that was asked for
	WhyAsked   string // why its release was asked for, likewise
	WhyURL     string // shows them; "" where they are shown, or not for who looks
	MayAsk     bool
	MayRelease bool
	MayKeep    bool
	NotYou     string // why who looks cannot release it, though their role may
}

// HoldURL is where a hold is shown.
func HoldURL(id string) string { return "/lifecycle#" + url.PathEscape(id) }

// WhyURL shows why a hold was set; that somebody looked is on record.
func WhyURL(id string) string {
	return "/lifecycle?" + url.Values{"hold": {id}}.Encode() + "#" + url.PathEscape(id)
}

// NewHold is the form that sets a hold, as it was filled in.
type NewHold struct {
	Cases                                   []Choice // open matters
	Surfaces                                []Choice
	Containers, Records, Custodians, Reason string
	From, Until                             string
	Case                                    string // the only matter there is, or none
	MatterURL                               string // opens one; "" where who looks may not
	Shown                                   bool   // unfolded
}

// SurfaceWords lists surfaces.
func (h *Hold) SurfaceWords() (list []string) {
	for _, s := range h.Surfaces {
		list = append(list, string(s))
	}
	return list
}

// Everybody reports whether it covers what everybody did.
func (h *Hold) Everybody() bool {
	return len(h.Custodians) == 0 && (len(h.Surfaces) > 0 || !h.From.IsZero() || !h.Until.IsZero())
}

// ShowHold makes a hold to be shown.
func ShowHold(h hold.Hold) Hold {
	return Hold{Hold: h, SetBy: h.By.Telling(), Asker: h.AskedBy.Telling(), Releaser: h.ReleasedBy.Telling()}
}

// ShowPurge makes a purge to be shown.
func ShowPurge(p retention.Purged) Purge { return Purge{p, p.By.Telling()} }
