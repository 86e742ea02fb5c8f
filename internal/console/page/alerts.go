package page

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
)

// Alerts is the page of alerts and exceptions.
type Alerts struct {
	Now           time.Time
	CSRF          string
	Filters       []Filter
	Narrow        bool // something but what is usual is asked for
	Rule, AnyRule string
	Rows          []AlertRow
	More          bool
	Exceptions    []alert.Exception
	MayHandle     bool
}

// AlertRow is one alert of a list.
type AlertRow struct {
	alert.Alert
	Sentence string
	Who      string // who acknowledged, resolved or excepted it
}

// Alert is the page of one alert.
type Alert struct {
	AlertRow
	Rule        alert.Rule
	Now         time.Time
	CSRF        string
	Wrong       *Problem
	MayHandle   bool
	MayOpenCase bool
	// What was typed in its forms.
	Note, Reason, Until string
	Every               bool
	Tomorrow            string // the first day an exception may end

	Around        []AlertRecord
	AroundOf      string // "session", "account"; "" where the record names neither
	AroundProblem *Problem
	Queries       []AlertQuery

	Missing        []MissingSource
	Present        []string // sources that told something within the hour before
	MissingProblem *Problem

	PastRule, PastGroup int64 // alerts of the last 30 days: of the rule, and of this group
	RuleURL             string
	Decisions           []AlertDecision
	Messages            []alert.Sent
}

// AlertRecord is a record near an alert.
type AlertRecord struct {
	Row
	This  bool // it made the alert fire
	Fired bool // the alert rests on it
}

// AlertQuery is a question in a language, to be copied.
type AlertQuery struct{ Name, Text, URL string }

// MissingSource is a source that told nothing when it should have; Last is zero where it never did.
type MissingSource struct {
	Name string
	Last time.Time
}

// AlertDecision is what somebody decided.
type AlertDecision struct {
	alert.Decision
	Did, Who string
}

// AlertURL is the address of an alert's page.
func AlertURL(id string) string { return "/alerts/" + url.PathEscape(id) }

// ShowAlert makes an alert to be shown.
func ShowAlert(a alert.Alert) AlertRow {
	row := AlertRow{Alert: a}
	switch {
	case a.Withheld:
		row.Sentence = a.Title + ": it tells of a case that you do not see"
	case a.Firing != nil && a.Firing.Sentence != "":
		row.Sentence = a.Firing.Sentence
	case a.Title != "":
		row.Sentence = a.Title
	default:
		row.Sentence = a.Rule
	}
	if a.By != nil {
		row.Who = a.By.Telling()
	}
	return row
}

// ShowDecision makes a decision to be shown.
func ShowDecision(d *alert.Decision) AlertDecision {
	out := AlertDecision{Decision: *d, Who: d.By.Telling()}
	switch d.Type {
	case alert.TypeAcknowledge:
		out.Did = "acknowledged it"
	case alert.TypeResolve:
		out.Did = "resolved it"
	case alert.TypeExcept:
		out.Did = "made an exception"
	case alert.TypeEndException:
		out.Did = "ended the exception"
	}
	return out
}

// Pair is a name and its value.
type Pair struct{ Name, Value string }

// Matched are the fields that the rule compared, by name.
func (a *Alert) Matched() (list []Pair) {
	if a.Firing == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.Firing.Fields)) {
		list = append(list, Pair{name, a.Firing.Fields[name]})
	}
	return list
}

// Of is what it is about, by name.
func (a *AlertRow) Of() (list []Pair) {
	if a.Firing == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(a.Firing.Group)) {
		list = append(list, Pair{name, a.Firing.Group[name]})
	}
	return list
}

// Over reports whether nobody need do anything about it.
func (a *AlertRow) Over() bool { return a.State != alert.Open && a.State != alert.Acknowledged }

// IsOpen reports whether nobody looks into it.
func (a *AlertRow) IsOpen() bool { return a.State == alert.Open }
