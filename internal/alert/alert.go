package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Severity is how bad a rule says it is: the levels of Sigma.
type Severity string

// The severities, the least first.
const (
	Informational Severity = "informational"
	Low           Severity = "low"
	Medium        Severity = "medium"
	High          Severity = "high"
	Critical      Severity = "critical"
)

// Severities lists them, the least first.
func Severities() []Severity { return []Severity{Informational, Low, Medium, High, Critical} }

// Rank orders severities; one that is not known counts as medium, so that nothing goes unseen for a word.
func (s Severity) Rank() int {
	if i := slices.Index(Severities(), s); i >= 0 {
		return i
	}
	return slices.Index(Severities(), Medium)
}

// Firing is one time that a rule held, as the view of detections tells it.
type Firing struct {
	ID        string            `json:"id"`  // the same after every rebuild
	Seq       uint64            `json:"seq"` // position of the record that made it fire; orders firings
	Rule      string            `json:"rule"`
	Title     string            `json:"title"`
	Version   string            `json:"version"`
	Severity  Severity          `json:"severity"`
	At        time.Time         `json:"at"`       // when what it is about occurred
	Recorded  time.Time         `json:"recorded"` // when the record that made it fire entered the journal
	Seqs      []uint64          `json:"seqs"`
	Group     map[string]string `json:"group,omitempty"`
	Fields    map[string]string `json:"fields,omitempty"` // what the rule compared: metadata
	Count     int64             `json:"count"`            // records it rests on
	Threshold string            `json:"threshold,omitempty"`
	Sentence  string            `json:"sentence"`
	Erased    bool              `json:"erased,omitempty"` // a record it rests on was erased, and group, fields and sentence with it
}

// Place is where a firing stands among the others: they are ordered by Seq, then ID, and a rebuild keeps that.
type Place struct {
	Seq uint64
	ID  string
}

// Rule is what a rule says for people.
type Rule struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Why      string         `json:"why,omitempty"`
	Benign   []string       `json:"benign,omitempty"`  // explanations without harm
	Respond  []string       `json:"respond,omitempty"` // steps
	Sources  []audit.Source `json:"sources,omitempty"` // what it needs to see anything
	Controls []string       `json:"controls,omitempty"`
	Tags     []string       `json:"tags,omitempty"` // attack.t1078, atlas.aml.t0051
}

// State is where an alert stands.
type State string

// The states.
const (
	Open         State = "open"
	Acknowledged State = "acknowledged" // somebody looks into it
	Resolved     State = "resolved"     // somebody closed it; a later firing opens it again
	Excepted     State = "excepted"     // an exception covers its last firing
	Quiet        State = "quiet"        // it closed by itself: nothing more fired for the configured time
)

// States lists them in the order of lists.
func States() []State { return []State{Open, Acknowledged, Excepted, Resolved, Quiet} }

// Alert is one alert as it stands.
type Alert struct {
	ID       string    `json:"alert"` // 32 hex digits
	Rule     string    `json:"rule"`
	Title    string    `json:"title,omitempty"`
	Severity Severity  `json:"severity"` // the highest of its firings
	State    State     `json:"state"`
	Opened   time.Time `json:"opened"` // when the record of its first firing entered the journal
	Latest   time.Time `json:"latest"` // likewise of its last
	At       time.Time `json:"at"`     // when what its last firing is about occurred
	Count    int64     `json:"count"`  // firings
	// FirstSeq and LastSeq are the positions of the records that made its first and its last firing.
	FirstSeq uint64 `json:"first_record"`
	LastSeq  uint64 `json:"last_record"`
	// Firing is its last one; nil where the view of detections has none of that id (any more, or yet).
	Firing *Firing `json:"firing,omitempty"`

	By        *audit.Identity `json:"by,omitempty"`        // who acknowledged, resolved or excepted it
	Since     time.Time       `json:"since"`               // of the state
	Reopened  bool            `json:"reopened,omitempty"`  // it fired after it was resolved
	Exception *Exception      `json:"exception,omitempty"` // that covers it
	Decisions []Decision      `json:"decisions,omitempty"` // about it, the latest first; only of one alert that is shown
	// Withheld: sentence, group and fields tell of a case that who looks does not see, and are left out.
	Withheld bool `json:"withheld,omitempty"`

	group string
	first string // id of its first firing
	last  string // id of its last firing
}

// GroupKey names a group without telling it: a keyed digest, so that it confirms nobody's guess.
func GroupKey(key [32]byte, rule string, group map[string]string) string {
	h := hmac.New(sha256.New, key[:])
	fmt.Fprintf(h, "tripod/alert/group/v1\n%d:%s", len(rule), rule)
	for _, name := range slices.Sorted(maps.Keys(group)) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(group[name]), group[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// idOf names the alert that a firing begins.
func idOf(rule, group, firing string) string {
	h := sha256.New()
	fmt.Fprintf(h, "tripod/alert/v1\n%d:%s%d:%s%d:%s", len(rule), rule, len(group), group, len(firing), firing)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// messageID names what is sent about an alert on a channel.
func messageID(channel, alert string, event Event, n uint64) string {
	h := sha256.New()
	fmt.Fprintf(h, "tripod/alert/message/v1\n%d:%s%s:%s:%d", len(channel), channel, alert, event, n)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Withhold leaves sentence, group and fields out where one of the records that it rests on tells of what who looks does not see.
func (a *Alert) Withhold(sealed func(seqs []uint64) bool) {
	if a.Firing == nil || len(a.Firing.Seqs) == 0 || !sealed(a.Firing.Seqs) {
		return
	}
	f := *a.Firing
	f.Group, f.Fields, f.Sentence = nil, nil, ""
	a.Firing, a.Withheld = &f, true
}
