package page

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// Overview is what the first page shows. A part that could not be read has its problem in its place.
type Overview struct {
	FirstRoles string // see first-roles
	Records    bool   // somebody may read records: else what is told of them is left out

	Planes         []Plane // sources that deliver
	Connected      int
	Unseen         []Source // sources that are silent, or never delivered
	Surfaces       []string // products that no record is of
	Began          time.Time
	SourcesProblem *Problem

	Attention        []Attention // the gravest first
	AttentionProblem *Problem

	Discrepancies        []Discrepancy // the gravest, latest first
	BySeverity           []Severity
	OpenDiscrepancies    int64
	DiscrepanciesProblem *Problem

	Histogram        *Histogram
	HistogramProblem *Problem

	Last, Signed uint64
	Checkpoint   string // text of the signed checkpoint, "" before the first
	LedgerError  string
	Behind       uint64 // records that the search view has yet to take in
	Verify       string // the command that verifies
}

// Grave reports whether something cannot wait.
func (o *Overview) Grave() bool {
	return slices.ContainsFunc(o.Attention, func(a Attention) bool { return a.Grave })
}

// Silent is how many sources delivered before and are silent now.
func (o *Overview) Silent() (n int) {
	for i := range o.Unseen {
		if o.Unseen[i].State == "silent" {
			n++
		}
	}
	return n
}

// Attention is something that waits for somebody.
type Attention struct {
	Grave bool
	Text  string
	URL   string // where it can be looked into, "" for nowhere
	Link  string // name of that place
	At    time.Time
	Due   bool // At is when it is due or runs out; else since when it stands
}

// Expiry is something that runs out.
type Expiry struct {
	Text  string // "the certificate of the console"
	At    time.Time
	Right access.Right // that who is told must hold
	URL   string
	Link  string
}

// Plane is the sources of one plane.
type Plane struct {
	Name    string
	What    string
	Sources []Source
}

// Source is what is known of a source.
type Source struct {
	Name     string
	What     string
	State    string // "connected", "late", "silent", "not seen", "not known"
	Last     time.Time
	All      int64
	URL      string
	Owner    string // who answers for it, "" where nobody is named
	Lag      time.Duration
	LagKnown bool

	Day        int64 // records of the last 24 hours
	DayAtLeast bool  // at least so many
}

// LagText is the lag in words; one below zero is a matter of clocks.
func (s Source) LagText() string {
	if s.Lag < 0 {
		return Duration(-s.Lag) + " ahead: its clock differs"
	}
	return Duration(s.Lag)
}

// Severity counts open discrepancies.
type Severity struct {
	Name    string
	N       int
	AtLeast bool
}

// Discrepancy is one that stands open.
type Discrepancy struct {
	Kind        string
	Severity    string
	Statement   string
	Provisional bool
	Says        string // account the client asserts, "" where it names none
	Proves      string // what the credential proves instead, where the two differ
	Erased      bool   // the account was erased
	Device      string // as asserted
	Credential  string // name of the one that delivered; tells more than the device
	Session     string
	Spot        string // address of the place in the session, "" for none
	Seq         uint64 // a record at its edge, 0 for none
	At          time.Time
	Count       int64
}
