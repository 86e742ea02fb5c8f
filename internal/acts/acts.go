// Package acts is what decisions rest on: those of Tripod's own acts that open and close cases, grant, hold, and end
// sign-ins. State hands them, in the order of the journal, to folds that keep what they amount to in memory, and is the one
// place where somebody's act is judged by it and made durable as one step.
//
// Durability: what an act changed is durable when Decide returns nil, since the record in the journal is the state. File, a
// view (DIR/acts.db), only remembers at which positions such records stand, so that a start need not read the whole journal;
// it is read at the start alone, and sealed, so nobody changes a decision by writing to it. Order: folds see
// every act once, in the order of the journal. Concurrency: Decide and Within may be called by anybody at once and run one
// at a time; Run, and a File's Apply, belong to one goroutine each. Time: folds take it from records; what Decide and Within
// call now never runs backwards behind a record that was seen.
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
var decisive = []string{"tripod.case.", "tripod.grant.", "tripod.hold.", "tripod.retention.", "tripod.signin.", "tripod.token."}

// Decisive reports whether decisions rest on records of a type.
func Decisive(typ string) bool {
	return slices.ContainsFunc(decisive, func(prefix string) bool { return strings.HasPrefix(typ, prefix) })
}

// Fold keeps a state that acts make. It is called under the lock of State, with decisive records of the source tripod only.
// A record that breaks a rule must change nothing: rules are enforced here, whoever wrote the record.
type Fold interface {
	Apply(seq uint64, r *audit.Record)
}

// Journal is what is needed of a *journal.Reader.
type Journal interface {
	viewfile.Reader
	GetReadable(ctx context.Context, seqs ...uint64) ([]journal.Stored, []uint64, error)
}

// State is the acts and their folds.
type State struct {
	journal Journal

	mu    sync.Mutex
	folds []Fold
	at    uint64    // the folds know everything up to here
	high  time.Time // the latest time of recording seen, by the wall clock
	heard time.Time // when that was, with the monotonic clock
}

// Load brings folds to the state of the journal, beside a process that writes or as that process. Without a file of
// positions in dir that bears the seal of the key it reads the whole journal.
func Load(ctx context.Context, dir string, key Key, j Journal, folds ...Fold) (*State, error) {
	s := &State{journal: j, folds: folds}
	seqs, at := positions(ctx, dir, &key)
	if last, err := j.Last(ctx); err != nil {
		return nil, fmt.Errorf("read acts: %w", err)
	} else if at > last { // the file knows more than the journal, which is an older copy
		seqs, at = nil, 0
	}
	for page := range slices.Chunk(seqs, 500) {
		stored, _, err := j.GetReadable(ctx, page...)
		if err != nil {
			return nil, fmt.Errorf("read acts: %w", err)
		}
		for i := range stored {
			s.fold(&stored[i])
		}
	}
	s.at = at
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
	r := act(stored)
	if r == nil {
		return
	}
	if r.Recorded.After(s.high) {
		s.high, s.heard = r.Recorded, time.Now()
	}
	for _, f := range s.folds {
		f.Apply(stored.Seq, r)
	}
}

// act is the record at a position where decisions rest on it, else nil.
func act(stored *journal.Stored) *audit.Record {
	if stored.Tombstone != nil {
		return nil
	}
	r, err := stored.Record()
	if err != nil || r.Source != audit.SourceTripod || !Decisive(r.Type) {
		return nil
	}
	return r
}

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
// back makes nothing last longer.
func (s *State) now() time.Time {
	now := time.Now()
	if least := s.high.Add(now.Sub(s.heard)); !s.high.IsZero() && least.After(now) {
		return least.UTC()
	}
	return now.UTC()
}
