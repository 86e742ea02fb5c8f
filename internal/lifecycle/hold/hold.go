// Package hold keeps legal holds: while one is active, nothing under it is erased or purged.
//
// A hold belongs to an open case of kind matter. It covers objects (containers, records) whole, and what lies in its scope:
// what was done by, or belongs to, its custodians, on its surfaces, between two times. It is set by one person and released by
// two, neither of whom is a custodian; after that it never changes.
//
// Durability: a hold is the records of it in the journal, and is durable when a method returns nil; Book is what they amount to.
// Order: a hold is set while no erasure is under way, so what is ordered after it is judged by it, and what was ordered before
// it is on record as such. Concurrency: Keeper's methods may be called by anybody at once; Book belongs to its acts.State.
// Times come from records. What cannot be read to tell whether something is held counts as held: the question fails.
package hold

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Types of the records that make holds.
const (
	TypeSet        = "tripod.hold.set"
	TypeAskRelease = "tripod.hold.ask_release"
	TypeKeep       = "tripod.hold.keep" // a release that was asked for is turned down
	TypeRelease    = "tripod.hold.release"
)

// State is where a hold stands.
type State string

// The states. A hold holds until it is released.
const (
	Active    State = "active"
	Releasing State = "releasing" // one person asked for its release
	Released  State = "released"
)

// Errors by which a caller decides.
var (
	ErrUnknown = errors.New("no such hold")
	ErrState   = errors.New("not in the state for it")
	ErrPerson  = errors.New("not by this person")
	ErrInvalid = errors.New("no hold as it should be")
)

// maxNamed is how many objects, custodians or surfaces of a kind one hold names at most.
const maxNamed = 500

// Scope says what a hold covers. Objects are covered whole. The rest goes together: of the custodians (of everybody where none
// is named), on the surfaces (on all where none is named), between From and Until.
type Scope struct {
	Containers []string        `json:"containers,omitempty"`
	Records    []uint64        `json:"records,omitempty"`
	Custodians []string        `json:"custodians,omitempty"` // any identifier of an account: an address, a user id
	Surfaces   []audit.Surface `json:"surfaces,omitempty"`
	From       time.Time       `json:"from,omitzero"`  // the first instant covered; zero: from the beginning
	Until      time.Time       `json:"until,omitzero"` // the first instant not covered; zero: without end
}

// Hold is one legal hold.
type Hold struct {
	ID   string `json:"hold"` // "H-2026-0003"
	Case string `json:"case"` // a case of kind matter
	Scope
	// KnownAs are the custodians' other identifiers as they were known when the hold was set.
	KnownAs []string `json:"known_as,omitempty"`
	State   State    `json:"state"`

	By         audit.Identity `json:"by"`
	AskedBy    audit.Identity `json:"asked_by,omitzero"` // for its release
	ReleasedBy audit.Identity `json:"released_by,omitzero"`
	Set        time.Time      `json:"set"`
	Asked      time.Time      `json:"asked,omitzero"`
	Released   time.Time      `json:"released,omitzero"`
	Seq        uint64         `json:"record"` // that set it; its reason is that record's content
	Last       uint64         `json:"last"`   // the latest record of it

	// Veiled: what it covers is left out, since who asks does not see its matter.
	Veiled bool `json:"veiled,omitempty"`
}

// open reports whether a scope beyond objects is given.
func (s *Scope) open() bool {
	return len(s.Custodians)+len(s.Surfaces) > 0 || !s.From.IsZero() || !s.Until.IsZero()
}

// within reports whether a record is on the surfaces and between the times. A source's clock may be wrong, or set: a record
// counts where either its own time or ours lies between them.
func (s *Scope) within(r *audit.Record) bool {
	if len(s.Surfaces) > 0 && !slices.Contains(s.Surfaces, r.Surface) {
		return false
	}
	return s.between(r.Occurred) || s.between(r.Recorded)
}

func (s *Scope) between(t time.Time) bool {
	return !t.Before(s.From) && (s.Until.IsZero() || t.Before(s.Until))
}

// check says what is wrong with a scope.
func (s *Scope) check() error {
	switch {
	case len(s.Containers)+len(s.Records) == 0 && !s.open():
		return fmt.Errorf("%w: it names what it covers: containers, records, custodians, surfaces or a time", ErrInvalid)
	case max(len(s.Containers), len(s.Records), len(s.Custodians), len(s.Surfaces)) > maxNamed:
		return fmt.Errorf("%w: it names at most %d of a kind: set several", ErrInvalid, maxNamed)
	case !s.Until.IsZero() && !s.From.Before(s.Until):
		return fmt.Errorf("%w: it begins before it ends: until is the first instant that is not covered", ErrInvalid)
	case slices.Contains(s.Records, 0), slices.Contains(s.Containers, ""), slices.Contains(s.Custodians, ""), slices.Contains(s.Surfaces, ""):
		return fmt.Errorf("%w: it names nothing empty", ErrInvalid)
	}
	return nil
}

// Same reports whether two identities are one human, as far as it is known. Nobody who cannot be told is anybody else; and since
// somebody may come in by several ways, people are told apart by the addresses they are proved to have.
func Same(a, b audit.Identity) bool {
	if a.Subject == "" && a.OSUser == "" || b.Subject == "" && b.OSUser == "" || a.Email == "" || b.Email == "" {
		return true
	}
	return a.Subject != "" && a.Subject == b.Subject || a.OSUser != "" && a.OSUser == b.OSUser ||
		a.Email != "" && strings.EqualFold(a.Email, b.Email)
}

// About reports whether somebody is one of the accounts a hold is about.
func (h *Hold) About(id audit.Identity) bool {
	is := func(name string) bool {
		return name != "" && (strings.EqualFold(name, id.Email) || name == id.Subject || name == id.OSUser || name == id.User || name == id.UUID)
	}
	return slices.ContainsFunc(h.Custodians, is) || slices.ContainsFunc(h.KnownAs, is)
}
