package casebook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of a grant.
const (
	MaxMinutes    = 60
	MaxContainers = 200
	MaxRecords    = 1_000
	// MaxMatches bounds the records a query may find when it is asked for.
	MaxMatches = 10_000
)

// requestLife is how long a request waits for a second person.
const requestLife = 7 * 24 * time.Hour

// GrantState is how a grant stands.
type GrantState string

// The states.
const (
	Requested GrantState = "requested"
	Opened    GrantState = "open"
	Denied    GrantState = "denied"
	Withdrawn GrantState = "withdrawn"
	// Expired: its time is over, nobody answered the request for a week, or its case was closed.
	Expired GrantState = "expired"
)

// Grant lets one person, who asked for it, open content of one case for a while.
type Grant struct {
	ID         string      `json:"grant"` // "G-2026-0012"
	Case       string      `json:"case"`
	Class      audit.Class `json:"class"` // the most sensitive that may be opened
	Containers []string    `json:"containers,omitempty"`
	Records    []uint64    `json:"records,omitempty"`
	// Query covers what it matches and was recorded before the request. Its text is told by Show alone, since it is content.
	Query       string   `json:"query,omitempty"`
	QueryDigest string   `json:"query_digest,omitempty"` // SHA-256 of the text, in hex; "" for no query
	Matches     int      `json:"matches,omitempty"`      // how many records the query found when it was asked for
	Minutes     int      `json:"minutes"`
	Owners      []string `json:"-"` // identifiers of whose content it is
	// OwnerUnknown: of some of the content nobody is known as owner, and who asked said so.
	OwnerUnknown bool       `json:"owner_unknown,omitempty"`
	Privileged   []string   `json:"privileged,omitempty"` // kinds of privileged groups whose members' content it covers
	By           Ref        `json:"by"`
	At           time.Time  `json:"requested"`
	ApprovedBy   Ref        `json:"approved_by,omitzero"`
	DeniedBy     Ref        `json:"denied_by,omitzero"`
	State        GrantState `json:"state"`
	Alone        bool       `json:"alone,omitempty"` // open without a second person, where policy asks for none
	Until        time.Time  `json:"until,omitzero"`
	BreakGlass   bool       `json:"break_glass,omitempty"`
	ReviewedBy   Ref        `json:"reviewed_by,omitzero"`
	Justified    bool       `json:"justified,omitempty"` // what the review found
	ReviewDue    time.Time  `json:"review_due,omitzero"`
	Seq          uint64     `json:"record"` // of the request
	// Terms is the digest of what was asked for. Who approves names it, so that they approve what they saw.
	Terms string `json:"terms"`
	// Reason and Note (of who decided, or reviewed) are told by Show alone; they are content.
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty"`

	noted uint64 // record of the decision or review that may hold a note
}

// terms is the digest of what a grant allows.
func (g *Grant) terms() string {
	b, err := json.Marshal([]any{g.ID, g.Case, g.Class, g.Containers, g.Records, g.QueryDigest, g.Matches, g.Minutes, g.Owners, g.OwnerUnknown, g.Privileged, g.By})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// settle says how a grant stands at a time.
func (g *Grant) settle(now time.Time) {
	switch {
	case g.State == Opened && !now.Before(g.Until), g.State == Requested && !now.Before(g.At.Add(requestLife)):
		g.State = Expired
	}
}

// stands is the state of a grant at a time.
func (g *Grant) stands(now time.Time) GrantState {
	as := Grant{State: g.State, Until: g.Until, At: g.At}
	as.settle(now)
	return as.State
}

// over reports whether nothing can come of a grant any more at a time: it is not open, waits for nobody, and owes no review.
func (g *Grant) over(now time.Time) bool {
	as := Grant{State: g.stands(now)}
	return !as.lives() && !g.Unreviewed()
}

// lives is as much of a grant as may still change something: one that is open or waits.
func (g *Grant) lives() bool { return g.State == Opened || g.State == Requested }

// Unreviewed reports whether a review is still owed.
func (g *Grant) Unreviewed() bool { return g.BreakGlass && g.ReviewedBy == Ref{} }

func (g *Grant) clone(now time.Time) Grant {
	out := *g
	out.Containers, out.Records = slices.Clone(g.Containers), slices.Clone(g.Records)
	out.Owners, out.Privileged = slices.Clone(g.Owners), slices.Clone(g.Privileged)
	out.settle(now)
	return out
}
