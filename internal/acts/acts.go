// Package acts is what decisions rest on: those of Tripod's own acts that open and close cases, grant, hold, and end
// sign-ins. State hands them, in the order of the journal, to folds that keep what they amount to in memory, and is the one
// place where somebody's act is judged by it and made durable as one step.
//
// Durability: what an act changed is durable when Decide returns nil, since the record in the journal is the state. File, a
// view (DIR/acts.db), only remembers at which positions such records stand, so that a start need not read the whole journal;
// it is read at the start alone, and sealed, so nobody changes a decision by writing to it. Order: folds see
// every act once, in the order of the journal. Concurrency: Decide and Within may be called by anybody at once and run one
// at a time; Run, and a File's Apply, belong to one goroutine each. Time: folds take it from records; what Decide and Within
// call now never runs backwards behind the latest record of the journal. Where the clock was set back by more than Far, folds
// that keep times end what they can no longer tell the rest of, and the time is the clock's again; see State.
package acts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

// decisive are the beginnings of the types of records that decisions rest on.
var decisive = []string{"tripod.alert.", "tripod.case.", "tripod.grant.", "tripod.hold.", "tripod.retention.", "tripod.signin.", "tripod.token."}

// Decisive reports whether decisions rest on records of a type.
func Decisive(typ string) bool {
	return slices.ContainsFunc(decisive, func(prefix string) bool { return strings.HasPrefix(typ, prefix) })
}

// Fold keeps a state that acts make. It is called under the lock of State, with decisive records of the source tripod only.
// A record that breaks a rule must change nothing: rules are enforced here, whoever wrote the record.
type Fold interface {
	Apply(seq uint64, r *audit.Record)
}

// Far is how far behind the latest record a record's time may be: clocks are set by less. One that is further behind says
// that the clock was wrong before, or is now. Which, nobody can tell, so nothing may last longer by it, and nothing may stay
// shut for ever.
const Far = time.Hour

// Keeper is a Fold that keeps times. Back says that the record at a position, which is applied after it, was taken in at to,
// though one before it was at from: what was over by then stays over, and nothing gets more time than it had left.
type Keeper interface {
	Fold
	Back(seq uint64, from, to time.Time)
}

// TypeBack is the type of the record that is made where the clock is far behind and somebody decides.
const TypeBack = "tripod.clock.back"

const attrFrom = "from" // of TypeBack: the time that had come

// Journal is what is needed of a *journal.Reader.
type Journal interface {
	viewfile.Reader
	GetReadable(ctx context.Context, seqs ...uint64) ([]journal.Stored, []uint64, error)
}

// high is the latest time of recording since the clock was last found to have been set back; zero before the first record.
type high struct{ time.Time }

// see takes in the time of a record. Where the clock was set back far it returns the latest time before. A record of TypeBack
// knows of time that passed without a record.
func (h *high) see(r *audit.Record) (back time.Time) {
	if r.Source == audit.SourceTripod && r.Type == TypeBack {
		v, _ := r.Attributes.Get(attrFrom)
		if from, err := time.Parse(time.RFC3339Nano, v.Str()); err == nil && from.After(h.Time) {
			h.Time = from
		}
	}
	switch {
	case h.Sub(r.Recorded) > Far:
		back, h.Time = h.Time, r.Recorded
	case r.Recorded.After(h.Time):
		h.Time = r.Recorded
	}
	return back
}

// State is the acts and their folds.
type State struct {
	journal Journal

	mu    sync.Mutex
	folds []Fold
	at    uint64    // the folds know everything up to here
	high  high      // of all records, not only of those that decisions rest on
	floor time.Time // a time that had come at heard; zero before the first record
	heard time.Time // by the monotonic clock of this process
}

// Load brings folds to the state of the journal, beside a process that writes or as that process. Without a file of
// positions in dir that bears the seal of the key it reads the whole journal.
func Load(ctx context.Context, dir string, key Key, j Journal, folds ...Fold) (*State, error) {
	s := &State{journal: j, folds: folds}
	known := remembered(ctx, dir, &key)
	if last, err := j.Last(ctx); err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	} else if known.at > last { // the file knows more than the journal, which is an older copy
		known = new(memory)
	}
	for page := range slices.Chunk(known.seqs, 500) {
		stored, _, err := j.GetReadable(ctx, page...)
		if err != nil {
			return nil, fmt.Errorf("read acts: %w", err)
		}
		for i := range stored {
			if before, ok := known.back[stored[i].Seq]; ok {
				s.high.Time = before
			}
			s.fold(&stored[i])
		}
	}
	s.at = known.at
	if known.high.After(s.high.Time) {
		s.high, s.floor, s.heard = known.high, known.high.Time, time.Now()
	}
	if err := s.catchUp(ctx); err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	}
	return s, nil
}

// Position is up to where the folds know everything.
func (s *State) Position() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// Run keeps the state near the journal's end, so that no decision has far to read, until the context ends, which is no
// error. The follower must begin behind Position.
func (s *State) Run(ctx context.Context, f viewfile.Follower) error {
	for {
		batch, err := f.Next(ctx)
		var corrupt *journal.CorruptError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &corrupt):
			continue // passed over, as every view does
		case err != nil:
			return fmt.Errorf("follow acts: %w", err)
		}
		s.mu.Lock()
		for i := range batch {
			if batch[i].Seq > s.at {
				s.fold(&batch[i])
				s.at = batch[i].Seq
			}
		}
		s.mu.Unlock()
	}
}

// catchUp folds what the journal has behind the state.
func (s *State) catchUp(ctx context.Context) error {
	last, err := s.journal.Last(ctx)
	if err != nil || last <= s.at {
		return err
	}
	for stored, err := range s.journal.Scan(ctx, s.at+1, last) {
		var corrupt *journal.CorruptError
		if errors.As(err, &corrupt) {
			continue
		}
		if err != nil {
			return err
		}
		s.fold(&stored)
		s.at = stored.Seq
	}
	if ctx.Err() == nil {
		s.at = last
	}
	return ctx.Err()
}

func (s *State) fold(stored *journal.Stored) {
	r := record(stored)
	if r == nil {
		return
	}
	now := time.Now()
	from := s.high.see(r)
	if !from.IsZero() || r.Recorded.After(s.least(now)) {
		s.floor, s.heard = r.Recorded, now
	}
	if !from.IsZero() {
		for _, f := range s.folds {
			if k, ok := f.(Keeper); ok {
				k.Back(stored.Seq, from, r.Recorded)
			}
		}
	}
	if !isAct(r) {
		return
	}
	for _, f := range s.folds {
		f.Apply(stored.Seq, r)
	}
}

// record is the record at a position, nil where there is none any more, or none that can be read.
func record(stored *journal.Stored) *audit.Record {
	if stored.Tombstone != nil {
		return nil
	}
	r, err := stored.Record()
	if err != nil {
		return nil
	}
	return r
}

// isAct reports whether decisions rest on a record.
func isAct(r *audit.Record) bool { return r.Source == audit.SourceTripod && Decisive(r.Type) }

// Within lets fn look at the folds as they are now, everything durable included, and keeps them still meanwhile. fn must be
// short, call neither Within nor Decide, and keep nothing that a fold may change.
func (s *State) Within(ctx context.Context, fn func(now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("read acts: %w", err)
	}
	return fn(s.now())
}

// Recorder is what *intake.Door is.
type Recorder interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Decide lets decide judge the state as it is now and, if it agrees, makes the act it returns durable before anybody else
// may decide: no two decisions rest on one state. The state has taken the act in when Decide returns its position. An act
// of no type is nothing to do, at position 0.
func (s *State) Decide(ctx context.Context, door Recorder, decide func(now time.Time) (intake.Act, error)) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.catchUp(ctx); err != nil {
		return 0, fmt.Errorf("read acts: %w", err)
	}
	if err := s.tellBack(ctx, door); err != nil {
		return 0, err
	}
	act, err := decide(s.now())
	if err != nil || act.Type == "" {
		return 0, err
	}
	if !Decisive(act.Type) {
		return 0, fmt.Errorf("record %s: no decision may rest on a record of this type", act.Type)
	}
	seq, err := door.Record(ctx, act, nil)
	if err != nil {
		return 0, fmt.Errorf("record %s: %w", act.Type, err)
	}
	_ = s.catchUp(context.WithoutCancel(ctx)) // it is durable: what cannot be read back this moment, the next look reads
	return seq, nil
}

// now is the clock, but never before the latest record and the time that has passed since it was seen: a clock that is set
// back makes nothing last longer. Far behind it stays so until the next record is taken in.
func (s *State) now() time.Time {
	now := time.Now()
	if least := s.least(now); least.After(now) {
		return least.UTC()
	}
	return now.UTC()
}

// least is the time that has to have come; zero before the first record.
func (s *State) least(now time.Time) time.Time {
	if s.floor.IsZero() {
		return time.Time{}
	}
	return s.floor.Add(now.Sub(s.heard))
}

// tellBack puts on record that the clock is far behind, from which on it counts again.
func (s *State) tellBack(ctx context.Context, door Recorder) error {
	now := time.Now()
	least := s.least(now)
	if least.Sub(now) <= Far {
		return nil
	}
	_, err := door.Record(ctx, intake.Act{Type: TypeBack, Activity: audit.ActivityOperation, Account: audit.Identity{Service: "tripod"}, Attributes: audit.Attrs{
		audit.TextAttr(attrFrom, least.UTC().Format(time.RFC3339Nano)), audit.TextAttr("to", now.UTC().Format(time.RFC3339Nano)),
	}}, nil)
	if err != nil {
		return fmt.Errorf("record %s: %w", TypeBack, err)
	}
	if err := s.catchUp(ctx); err != nil {
		return fmt.Errorf("read acts: %w", err)
	}
	return nil
}
