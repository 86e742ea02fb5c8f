package page

import (
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// Health is the page that says whether everything is well. A part that cannot be read has a problem instead of its facts;
// the others are shown all the same.
type Health struct {
	Now            time.Time
	Conditions     []health.Condition
	Sources        []SourceHealth
	SourcesProblem string
	NotSeen        []string // sources of the vocabulary that never delivered, as far as was counted
	Inexact        bool     // not all was counted: Records are lower bounds, and of NotSeen some may have delivered
	Journal        JournalHealth
	Views          []ViewHealth
	Standing       Standing
}

// SourceHealth is how one source does.
type SourceHealth struct {
	Source, What string
	Records      int64
	Last         time.Time // when its newest record was recorded
	Lag          time.Duration
	LagKnown     bool
	Minutes5     int64 // records that occurred in the last 5 minutes
	Hours24      int64
	AtLeast      bool // rates are lower bounds
	Owner        string
	Late         bool   // what it delivers is old when it comes
	Silent       bool   // it delivered before, and not for an hour
	Own          bool   // Tripod's own acts: no source one waits for
	Backlog      string // how far the reading of its past is, while it is read
}

// JournalHealth is journal and ledger.
type JournalHealth struct {
	Last, Signed  uint64
	Unsigned      uint64
	Problem       string
	LedgerProblem string
}

// ViewHealth is how far a view has come.
type ViewHealth struct {
	Name     string
	Position uint64
	Behind   uint64
	Problem  string
	Note     string // what else it tells of itself
}

// Standing is what only the surroundings can tell. Zero fields are shown as not known.
type Standing struct {
	Listeners []Listener
	Stores    []Store
	Views     []ViewPosition
	Free      uint64 // bytes left where the data directory is
	FreeError string
	Signed    time.Time         // when the last checkpoint was signed
	Owners    map[string]string // who answers for a source, as the configuration names them
	Sinks     []SinkHealth
	Backlog   map[string]string // how far the reading of a source's past is, while it is read
}

// SinkHealth is how far a place that records are sent to came.
type SinkHealth struct {
	Name, Type, Grade string
	Processor, Region string
	LastSeq, Waiting  uint64
	WaitingFor        time.Duration // of the oldest record that waits
	Sent              uint64
	Dead              int64
	Acknowledged      time.Time // zero: never
	Error             string    // what went wrong last, where nothing was acknowledged since
	Problem           string
}

// Late says that what waits has waited too long, or that the last try failed.
func (s SinkHealth) Late() bool { return s.Error != "" || s.WaitingFor > 5*time.Minute }

// WaitingText is for how long the oldest record waits.
func (s SinkHealth) WaitingText() string { return Duration(s.WaitingFor) }

// Listener is an address something listens on.
type Listener struct{ Name, Address, Protection string }

// Store is a file or folder of the data directory.
type Store struct {
	Name, Path string
	Bytes      int64
	Problem    string
}

// ViewPosition is the last position of the journal that a view has taken in.
type ViewPosition struct {
	Name     string
	Position uint64
	Problem  string
}

// Well says that nothing is raised.
func (h *Health) Well() bool { return len(h.Conditions) == 0 }

// FreeText is the room left.
func (h *Health) FreeText() string { return Space(int64(min(h.Standing.Free, 1<<62))) }

// LagText is the lag in words; one below zero is a matter of clocks.
func (s SourceHealth) LagText() string {
	if s.Lag < 0 {
		return Duration(-s.Lag) + " ahead: its clock differs"
	}
	return Duration(s.Lag)
}
