package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/probe"
	"github.com/tripod-audit/tripod/internal/config"
)

// kindOfKey is what people call a kind of key.
func kindOfKey(kind string) string {
	switch kind {
	case "compliance_access_key":
		return "Compliance Access Key"
	case "admin_api_key":
		return "Admin API key"
	case "claude_api_key":
		return "Claude API key, which this API does not take"
	}
	return "key of an unknown kind"
}

// nameOfKey says which key it is, as far as that is known.
func nameOfKey(r *probe.Report) string {
	s := kindOfKey(r.Kind)
	if r.ID != "" {
		s += fmt.Sprintf(" %q (%s)", r.Label, r.ID)
	}
	return s
}

// ofReadKey says what a reading key may do, what is missing, and who can change that.
func (x *examiner) ofReadKey(r *probe.Report, place, of int) Finding {
	f := Finding{Check: "compliance key", OK: true, Details: r}
	if of > 1 {
		f.Check = fmt.Sprintf("compliance key %d", place)
	}
	var can, cannot, fixes []string
	for _, reach := range r.Reach {
		if reach.OK {
			can = append(can, reach.Part)
			continue
		}
		cannot = append(cannot, fmt.Sprintf("%s (%s)", reach.Part, reach.Reason))
		if x.wants(r, reach.Part) {
			f.OK = false
			if fix := fixOf(reach); !slices.Contains(fixes, fix) {
				fixes = append(fixes, fix)
			}
		}
	}
	f.Text = nameOfKey(r) + ": reads " + listOr(can, "nothing")
	if len(cannot) > 0 {
		f.Text += "; not " + strings.Join(cannot, ", ")
	}
	if len(r.Scopes) > 0 {
		f.Text += "; scopes " + strings.Join(r.Scopes, ", ")
	}
	if slices.Contains(r.Scopes, api.ScopeDelete) {
		f.OK = false
		fixes = append(fixes, "it can delete: primary owner: make a key that only reads, put it in place, disable this one")
	}
	f.Fix = strings.Join(fixes, "; ")
	return f
}

// wants reports whether it matters that a key cannot read a part.
func (x *examiner) wants(r *probe.Report, part string) bool {
	switch {
	case part == probe.Feed:
		return true
	case r.Kind == "admin_api_key": // reads the feed of a Console organisation and nothing else, by nature
		return false
	case part == probe.Content:
		return x.cfg.Reads(config.PartContent)
	case part == probe.Settings:
		return x.cfg.Reads(config.PartSettings)
	}
	return x.cfg.Reads(config.PartDirectory)
}

// fixOf says what is to be done, and who can.
func fixOf(reach probe.Reach) string {
	switch reach.Reason {
	case "key_refused":
		return "primary owner: the key is disabled, deleted or expired, or of a kind this API does not take: make a Compliance Access Key in claude.ai, Organization settings, API; operator: put it in place"
	case "forbidden":
		return "primary owner: scopes of a key cannot be changed: make one that has " + reach.Scope + " too, or leave the part out with compliance.without"
	case "console_key":
		return "nothing is wrong with the key: a Console organisation has the activity feed alone; leave " + reach.Part + " out with compliance.without"
	case "not_granted":
		return "ask Anthropic to enable " + reach.Part + " for your parent organisation, or leave the part out with compliance.without"
	case "feed_off":
		return "primary owner, at once: switch the Compliance API on in claude.ai, Organization settings, API; what happens meanwhile is not recorded"
	case "limited":
		return "the request budget of the organisation is used up: find who else uses it, or ask Anthropic for more; run tripod doctor again in a minute"
	case "malformed":
		return "operator: what answers is not the API: look for a proxy in between"
	case "refused":
		return "operator: look for a newer build of Tripod"
	case "":
		return "operator: tripod's own records cannot be written: see the other checks"
	}
	return "operator: look at the network, the proxy, and the vendor's status page"
}

// ofTenant says what the tenant is and whether its feed is on.
func ofTenant(reports []probe.Report) (findings []Finding) {
	feed := Finding{Check: "compliance feed"}
	for i := range reports {
		r := &reports[i]
		switch {
		case r.Organizations > 0 && len(findings) == 0:
			findings = append(findings, Finding{Check: "compliance tenant", OK: true, Text: fmt.Sprintf("Claude Enterprise; this key reaches %d organisations", r.Organizations)})
		case r.Kind == "admin_api_key" && r.Can(probe.Feed) && len(findings) == 0:
			findings = append(findings, Finding{
				Check: "compliance tenant", OK: true,
				Text: "a Console organisation: it has the activity feed and nothing else. Where it is linked to a Claude Enterprise parent, a Compliance Access Key of the parent reads more",
			})
		}
		if s := r.Feed; s != nil && !feed.OK {
			feed.OK, feed.Text = true, "on, and empty"
			if !s.Newest.IsZero() {
				feed.Text = fmt.Sprintf("on; its newest activity is of %s, %s ago", s.Newest.Format(time.RFC3339), s.Behind)
			}
		}
		if reach := r.Reason(probe.Feed); reach.Reason == "feed_off" && !feed.OK {
			feed.Text, feed.Fix = "switched off: nothing is recorded, and nothing of this time can be recovered", fixOf(reach)
		}
	}
	if feed.Text != "" {
		findings = append(findings, feed)
	}
	return findings
}

// ofDeleteKey says whether the deleting key does what it is for, and no more.
func ofDeleteKey(r *probe.Report) Finding {
	f := Finding{Check: "compliance delete key", Text: nameOfKey(r), Details: r}
	switch reach := r.Reason(probe.Feed); {
	case reach.OK:
		f.Text += ": it can read the activity feed; whether it can delete is not tried"
		f.Fix = "primary owner: make a key with " + api.ScopeDelete + " and nothing else"
	case reach.Reason != "forbidden":
		f.Text += ": " + reach.Text
		f.Fix = fixOf(reach)
	case !slices.Contains(r.Scopes, api.ScopeDelete):
		f.Text += ": scopes " + listOr(r.Scopes, "unknown") + "; it cannot delete"
		f.Fix = "primary owner: make a key with " + api.ScopeDelete + " and nothing else"
	case len(r.Scopes) > 1:
		f.Text += ": scopes " + strings.Join(r.Scopes, ", ")
		f.Fix = "it can read as well: primary owner: make a key with " + api.ScopeDelete + " and nothing else"
	default:
		f.OK = true
		f.Text += ": deletes, and reads nothing"
	}
	return f
}

// clockOff is how far this machine's clock may be from the vendor's before that is a fault.
const clockOff = time.Minute

func ofClock(reports []probe.Report) Finding {
	f := Finding{Check: "compliance clock", OK: true, Text: "the server did not tell its time"}
	for i := range reports {
		if r := &reports[i]; r.ClockKnown {
			ahead := r.ClockAhead.Round(time.Second)
			f.Text = fmt.Sprintf("this machine's clock is %v ahead of the server's", ahead)
			if ahead < 0 {
				f.Text = fmt.Sprintf("this machine's clock is %v behind the server's", -ahead)
			}
			if f.OK = ahead.Abs() < clockOff; !f.OK {
				f.Fix = "operator: look at the machine's time synchronisation; the feed is read by the server's time, recorded times are ours"
			}
		}
	}
	return f
}

func (x *examiner) ofBudget() Finding {
	left, limit, _ := x.budget.Left()
	f := Finding{Check: "compliance budget", OK: left > 0, Text: fmt.Sprintf("%d of %d requests are left in this minute, for all keys of the organisation", left, limit)}
	if !f.OK {
		f.Fix = "find who else uses the API; ask Anthropic for a larger budget"
	}
	return f
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}
