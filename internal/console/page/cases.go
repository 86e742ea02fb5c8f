package page

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access/casebook"
)

// Cases is the page of cases.
type Cases struct {
	Now     time.Time
	Filters []Filter
	Rows    []CaseRow
	Waiting []Grant // for a decision of who looks
	MayOpen bool    // may open a case
	Narrow  bool    // a filter is set
}

// Filter is one choice of a list, each of its values a link.
type Filter struct {
	Name   string
	Values []Link
}

// CaseRow is one case of a list, with how its grants stand.
type CaseRow struct {
	casebook.Case
	Mine                bool // who looks takes part
	Asked, Live, Review int  // grants that wait, that are open, that wait for a review
	Until, Due          time.Time
	Overdue             bool
}

// Add counts grants of the case.
func (r *CaseRow) Add(grants []casebook.Grant, now time.Time) {
	for i := range grants {
		g := &grants[i]
		switch g.State {
		case casebook.Requested:
			r.Asked++
		case casebook.Opened:
			r.Live++
			if g.Until.After(r.Until) {
				r.Until = g.Until
			}
		}
		if g.Unreviewed() {
			r.Review++
			if r.Due.IsZero() || g.ReviewDue.Before(r.Due) {
				r.Due, r.Overdue = g.ReviewDue, now.After(g.ReviewDue)
			}
		}
	}
}

// Case is the page of one case. A part that could not be read has its problem in its place.
type Case struct {
	CaseRow
	Now    time.Time
	CSRF   string
	People []Participant
	About  []Subject
	Grants []Grant
	Wrong  *Problem // what was wrong with a form of the page

	MayChange bool // take in and leave out participants, close it
	MayAsk    bool
	MayGlass  bool
	MayHold   bool     // may set a legal hold under it
	Roles     []string // that a participant may have

	Acts        []CaseAct // what was done under it, the newest first
	ActsMore    string    // address of all of them, "" where who looks cannot search
	ActsProblem *Problem

	Records        []CaseRecord // of its subjects
	RecordsQuery   string       // finds the same; "" for a case about nobody
	RecordsURL     string       // of the same in activity; "" where who looks cannot search
	RecordsNext    string
	RecordsProblem *Problem
}

// Participant is somebody who takes part in a case.
type Participant struct {
	casebook.Ref
	Owner bool
	Self  bool // it is who looks
}

// Subject is an account that a case is about.
type Subject struct{ Who, Query string }

// Grant is one grant, and what who looks may do with it.
type Grant struct {
	casebook.Grant
	Of                                *casebook.Case
	Now                               time.Time
	CSRF                              string
	MayDecide, MayWithdraw, MayReview bool
	Reads                             bool // who looks may open records
	Mine                              bool // who looks may open content under it
}

// Opens lists the containers, each with the session it belongs to.
func (g *Grant) Opens() []Container {
	list := make([]Container, len(g.Containers))
	for i, name := range g.Containers {
		list[i] = Container{name, SessionOf(name)}
	}
	return list
}

// Overdue reports whether its review is.
func (g *Grant) Overdue() bool { return g.Unreviewed() && g.Now.After(g.ReviewDue) }

// Decided is who approved or denied it.
func (g *Grant) Decided() string {
	if g.State == casebook.Denied {
		return g.DeniedBy.Label()
	}
	return g.ApprovedBy.Label()
}

// Reviewed is who reviewed it.
func (g *Grant) Reviewed() string { return g.ReviewedBy.Label() }

// Logged is what whoever asks or decides is told.
func (g *Grant) Logged() string { return casebook.Dialog }

// Container is what a grant opens.
type Container struct{ Name, Session string }

// CaseAct is one of the acts that were done under a case.
type CaseAct struct {
	Seq        uint64
	At         time.Time
	Who, Words string
	Position   uint64 // of the record whose content was opened; 0 for none
	Reads      bool   // who looks may open records
}

// CaseRecord is a record that names an account a case is about.
type CaseRecord struct {
	Seq                uint64
	At                 time.Time
	Who, Words, Source string
	Held               int    // pieces of content held
	Reads              bool   // who looks may open records
	Content            string // address of its content, where an open grant covers it
	Ask                string // address of the form that asks for it; "" where there is nothing to ask for
}

// NewCase is the form that opens a case.
type NewCase struct {
	CSRF                       string
	Kinds, Purposes, Bases     []Choice
	Title, Reference, Subjects string
	Wrong                      *Problem
}

// Choice is one value of a form.
type Choice struct {
	Value, Words string
	Chosen       bool
	Note         string
}

// Ask is the form that asks to open content.
type Ask struct {
	CSRF     string
	Seq      uint64 // the record it is about; 0 for none
	Session  string
	Number   string   // what was entered for it
	ByNumber bool     // a record is named by its position in the form
	Cases    []Choice // open ones that who looks takes part in
	What     []Choice // record, container, query
	Query    string
	Classes  []Choice
	Minutes  int
	Most     int
	Reason   string
	Unknown  bool // "nobody is known as owner" was ticked
	Glass    bool // breaks the glass
	MayOpen  bool // may open a case
	Logged   string
	Other    string // address of the same form that does, or does not, break the glass; "" where that is not for who looks
	Wrong    *Problem
	TwoWords string // says who else must agree
}

// Opened is content shown under a grant.
type Opened struct {
	Seq         uint64
	Case, Grant string
	Until       time.Time
	Says        string
	Type        string
	Source      string
	Occurred    time.Time
	Session     string
	Reads       bool // who looks may open records
	Pieces      []OpenedPiece
	Prev, Next  string // neighbours that the same grant covers
}

// OpenedSession is what was written in a session, as far as a grant goes.
type OpenedSession struct {
	Session, Case, Grant string
	Until                time.Time
	Reads                bool // who looks may open records
	List                 []*Opened
	From, Of             int
	Prev, Next           string
}

// OpenedPiece is one piece of content: its text, or in State why there is none.
type OpenedPiece struct {
	Name, Class, Kind string
	Bytes             int64
	Truncated         bool
	State             string
	Text              Written
}

// Openable is an open grant that covers what a page shows.
type Openable struct {
	Grant, Case string
	Until       time.Time
	Class       string
	URL         string
	Whole       bool // a page of its own, not a part of this one
}

// Glass is a broken glass that waits for its review.
type Glass struct {
	Grant, Case, By string
	Due             time.Time
	Overdue         bool
}

// Choices makes the values of a form, in words.
func Choices[T ~string](values []T, chosen string, words func(string) string) []Choice {
	list := make([]Choice, len(values))
	for i, v := range values {
		list[i] = Choice{Value: string(v), Words: words(string(v)), Chosen: string(v) == chosen}
	}
	if !slices.ContainsFunc(list, func(c Choice) bool { return c.Chosen }) && len(list) > 0 {
		list[0].Chosen = true
	}
	return list
}
