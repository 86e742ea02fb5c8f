package acts_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// spine is a real journal behind a real door.
type spine struct {
	dir     string
	journal *journal.Journal
	door    *intake.Door
}

func newSpine(t *testing.T) *spine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &spine{dir: t.TempDir()}
	var err error
	if s.journal, err = journal.Open(ctx, s.dir, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	store, err := content.Open(ctx, s.dir, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	id := keys.IDKey()
	s.door = intake.New(s.journal, store, policy, id[:])
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.journal.Run(ctx) })
	wg.Go(func() { _ = store.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := errors.Join(store.Close(), s.journal.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *spine) load(t *testing.T, folds ...acts.Fold) *acts.State {
	t.Helper()
	st, err := acts.Load(context.Background(), s.dir, acts.Key{}, s.journal.Reader(), folds...)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// types notes what it is given.
type types struct{ got []string }

func (f *types) Apply(_ uint64, r *audit.Record) { f.got = append(f.got, r.Type) }

func does(typ string) func(time.Time) (intake.Act, error) {
	return func(time.Time) (intake.Act, error) {
		return intake.Act{Type: typ, Activity: audit.ActivityOperation}, nil
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	one, two := new(types), new(types)
	first, second := s.load(t, one), s.load(t, two)
	if _, err := first.Decide(ctx, s.door, does("tripod.case.open")); err != nil || !slices.Equal(one.got, []string{"tripod.case.open"}) {
		t.Fatalf("%v, %v", one.got, err)
	}
	// What another decided counts before one's own decision.
	refused := errors.New("somebody was first")
	_, err := second.Decide(ctx, s.door, func(time.Time) (intake.Act, error) {
		if len(two.got) == 1 {
			return intake.Act{}, refused
		}
		return intake.Act{}, nil
	})
	if !errors.Is(err, refused) {
		t.Errorf("a decision on an old state: %v, %v", two.got, err)
	}
	if _, err := first.Decide(ctx, s.door, does("tripod.console.open")); err == nil || !strings.Contains(err.Error(), "no decision") {
		t.Errorf("an act that a fold would never see: %v", err)
	}
	if seq, err := first.Decide(ctx, s.door, does("")); seq != 0 || err != nil {
		t.Errorf("nothing to do: %d, %v", seq, err)
	}
}

// TestOneAtATime: of many who decide at once on the same state, one wins.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	seen := new(types)
	state := s.load(t, seen)
	taken := errors.New("taken")
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = state.Decide(ctx, s.door, func(time.Time) (intake.Act, error) {
				if len(seen.got) > 0 {
					return intake.Act{}, taken
				}
				return intake.Act{Type: "tripod.hold.set", Activity: audit.ActivityOperation}, nil
			})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, taken) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d decisions on one state", won)
	}
}

// TestLoad: with a file, with an old file, with none and beside a journal that is older than the file, the state is the same.
func TestLoad(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), newSpine(t)
	record := func(types ...string) {
		t.Helper()
		for _, typ := range types {
			if _, err := s.door.Record(ctx, intake.Act{Type: typ, Activity: audit.ActivityOperation}, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	check := func(why string, want ...string) {
		t.Helper()
		got := new(types)
		s.load(t, got)
		if !slices.Equal(got.got, want) {
			t.Errorf("%s: %v, want %v", why, got.got, want)
		}
	}
	record("tripod.serve.start", "tripod.case.open", "tripod.console.open", "tripod.hold.set")
	check("without a file", "tripod.case.open", "tripod.hold.set")
	if err := acts.Rebuild(ctx, s.dir, acts.Key{}, s.journal.Reader(), nil); err != nil {
		t.Fatal(err)
	}
	check("with a file", "tripod.case.open", "tripod.hold.set")
	record("tripod.serve.stop", "tripod.case.close")
	check("with an old file", "tripod.case.open", "tripod.hold.set", "tripod.case.close")
	f, err := acts.OpenFile(ctx, acts.Path(s.dir), acts.Key{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Apply(ctx, []journal.Stored{{Seq: 1000, Tombstone: new(audit.Tombstone)}}), f.Close()); err != nil {
		t.Fatal(err)
	}
	check("with a file that knows more than the journal", "tripod.case.open", "tripod.hold.set", "tripod.case.close")
}

// TestRun: a state that follows has nothing left to read.
func TestRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	s := newSpine(t)
	state := s.load(t, new(types))
	done := make(chan error)
	go func() { done <- state.Run(ctx, s.journal.Follow(state.Position()+1)) }()
	seq, err := s.door.Record(ctx, intake.Act{Type: "tripod.serve.start", Activity: audit.ActivityOperation}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for state.Position() < seq {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
