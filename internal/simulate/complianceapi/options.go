package complianceapi

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// Options shape the stand-in. World is required.
type Options struct {
	World *world.World
	// Org is the claude.ai organisation; nil means World.Org. A parent, a linked Console organisation and a standalone one
	// are made up beside it.
	Org *world.Org
	// Now is the clock of the API, sent as Date; nil means time.Now. Nothing after it is ever shown.
	Now func() time.Time
	// Since is when recording was switched on; zero means 30 days before Now, at midnight. Content goes back a week more.
	Since time.Time
	// Until, where set, ends the world: nothing is done in it from then on, and everything stays as it was. Calls go on.
	Until time.Time
	// Seed is that of keys, ids of the API's own making and of chance.
	Seed   uint64
	Faults Faults
	// Inject, where set, is asked for each request that is authenticated, before the budget: the fault that befalls it, or
	// nil to leave it to Faults. It must not block and must not call the API.
	Inject func(Call) *Fault

	// Rate is the budget of a parent organisation and of a standalone one, in requests a minute: 0 means the documented 600, a negative
	// one none. RemoteRate is that of the routes of remote sessions on top; the vendor does not tell it, 0 means 120.
	Rate, RemoteRate int

	// Gallery is how many rows a day show the vendor's activity types one after the other, each with all its fields. They
	// are no part of the world: nobody did them.
	Gallery int
	// Volume is how many harmless rows a day are added for load, in ties of three.
	Volume int

	// Wording is the state of the vendor's errors.
	Wording Wording
	// DeletedChats says what is left of a chat that its user deleted; the vendor's pages disagree.
	DeletedChats DeletedChats
	// NoLocalSessions has the whole family of local sessions unavailable, NoSettings the settings: both are granted apart.
	NoLocalSessions, NoSettings bool
	Log                         *slog.Logger // nil for none
}

// Wording is a state of the vendor's pages on errors.
type Wording int

// The states.
const (
	September Wording = iota // of 2026: the newest that is complete
	August
)

// DeletedChats is what is left of a chat that its user deleted in the app.
type DeletedChats int

// What the pages say, from new to old.
const (
	Emptied  DeletedChats = iota // listed with deleted_at and an empty name, messages without content (September 2026)
	Readable                     // listed with deleted_at, content readable (May to August 2026)
	Hidden                       // not accessible (April 2026)
)

// MaxCalls is how many calls of its own the feed remembers as compliance_api_accessed; older ones leave it.
const MaxCalls = 100_000

func (o Options) complete() (Options, error) {
	var problems []error
	if o.World == nil {
		problems = append(problems, errors.New("no world"))
	} else if o.Org == nil {
		o.Org = &o.World.Org
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Since.IsZero() {
		o.Since = o.Now().UTC().AddDate(0, 0, -30).Truncate(24 * time.Hour)
	}
	o.Since = o.Since.UTC()
	if o.Until.IsZero() || o.Until.After(world.Last) {
		o.Until = world.Last
	}
	if o.Rate == 0 {
		o.Rate = 600
	}
	if o.RemoteRate == 0 {
		o.RemoteRate = 120
	}
	if o.Gallery < 0 || o.Volume < 0 {
		problems = append(problems, errors.New("gallery and volume are rows a day and not negative"))
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	problems = append(problems, o.Faults.check())
	if err := errors.Join(problems...); err != nil {
		return o, fmt.Errorf("simulate the compliance api: %w", err)
	}
	return o, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
