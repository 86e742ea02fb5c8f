package page

import (
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// Overview is what the first page shows. A part that could not be read has its problem in its place.
type Overview struct {
	Planes         []Plane
	Connected      int
	Attention      int
	NotSeen        int
	SourcesProblem *Problem

	Discrepancies        []Discrepancy // the gravest, latest first
	BySeverity           []Severity
	OpenDiscrepancies    int64
	DiscrepanciesProblem *Problem

	Conditions []health.Condition

	Histogram        *Histogram
	HistogramProblem *Problem

	Last, Signed uint64
	Checkpoint   string // text of the signed checkpoint, "" before the first
	LedgerError  string
	Behind       uint64 // records that the search view has yet to take in
	Verify       string // the command that verifies
}

// Plane is the sources of one plane.
type Plane struct {
	Name    string
	What    string
	Sources []Source
}

// Source is what is known of a source.
type Source struct {
	Name  string
	What  string
	State string // "connected", "needs attention", "not seen", "not known"
	Last  time.Time
	All   int64
	URL   string

	Day        int64 // records of the last 24 hours
	DayAtLeast bool  // at least so many
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
