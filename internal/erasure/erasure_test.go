package erasure_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

var errCrash = errors.New("crash")

// stores are the real stores with a switch in front of each step: the step that is named fails before or after it is done.
type stores struct {
	*journal.Journal
	content *content.Store
	door    *intake.Door
	crash   string
}

func (s *stores) step(name string, do func() error) error {
	if s.crash == "before "+name {
		s.crash = ""
		return errCrash
	}
	if err := do(); err != nil {
		return err
	}
	if s.crash == "after "+name {
		s.crash = ""
		return errCrash
	}
	return nil
}

func (s *stores) Erase(ctx context.Context, seqs ...uint64) error {
	return s.step("record", func() error { return s.Journal.Erase(ctx, seqs...) })
}

func (s *stores) EraseBlocks(ctx context.Context, container string, a []content.Address) error {
	return s.step("blocks", func() error { return s.content.EraseBlocks(ctx, container, a) })
}

func (s *stores) EraseContainer(ctx context.Context, container string) error {
	return s.step("container", func() error { return s.content.EraseContainer(ctx, container) })
}

func (s *stores) Known(ctx context.Context, container string) (bool, error) {
	return s.content.Known(ctx, container)
}

func (s *stores) Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (seq uint64, err error) {
	name := "intent"
	if act.Type == erasure.TypeCompleted {
		name = "completion"
	}
	err = s.step(name, func() error {
		seq, err = s.door.Record(ctx, act, cursors)
		return err
	})
	return seq, err
}

func open(t *testing.T) *stores {
	t.Helper()
	dir, ctx := t.TempDir(), context.Background()
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.Open(ctx, dir, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- j.Run(running) }()
	go func() { done <- c.Run(running) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if err := errors.Join(c.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	return &stores{Journal: j, content: c, door: intake.New(j, c, policy, []byte("key"))}
}

// deliver appends a record with two blocks and one with another block in the same container.
func (s *stores) deliver(t *testing.T) {
	t.Helper()
	draft := func(form string, values ...string) intake.Draft {
		d := intake.Draft{Form: []byte(form), Record: &audit.Record{
			Normaliser: "test/1", Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Type: "user_prompt", Outcome: audit.OutcomeSuccess,
			Occurred: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Container: "session/-/s",
		}}
		for _, v := range values {
			d.Pieces = append(d.Pieces, intake.Piece{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte(v)})
		}
		return d
	}
	_, err := s.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{draft("a", "first", "second"), draft("b", "third")}})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *stores) get(t *testing.T, seq uint64) journal.Stored {
	t.Helper()
	stored, err := s.Reader().Get(context.Background(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return stored[0]
}

func (s *stores) content1(t *testing.T, seq uint64) []audit.Content {
	t.Helper()
	stored := s.get(t, seq)
	r, err := stored.Record()
	if err != nil {
		t.Fatal(err)
	}
	return r.Content
}

func (s *stores) state(t *testing.T, address string) content.State {
	t.Helper()
	state, err := s.content.Reader().State(context.Background(), "session/-/s", address)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

var order = erasure.Order{By: audit.Identity{OSUser: "dana"}, Case: "C-7", Reason: "asked for by the data subject"}

// TestRecordSurvivesACrashAtEveryStep erases a record, fails once at each step, resumes, and wants the same end each time.
func TestRecordSurvivesACrashAtEveryStep(t *testing.T) {
	for _, crash := range []string{
		"", "before intent", "after intent", "before blocks", "after blocks", "before record", "after record", "before completion", "after completion",
	} {
		t.Run("crash "+crash, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			s.deliver(t)
			commitment, gone, kept := s.get(t, 1).Commitment, s.content1(t, 1), s.content1(t, 2)
			s.crash = crash
			_, err := erasure.New(s, s, s).Record(context.Background(), 1, order)
			if (crash != "") != errors.Is(err, errCrash) {
				t.Fatalf("error = %v", err)
			}
			if crash == "before intent" {
				if s.get(t, 1).Tombstone != nil {
					t.Fatal("erased without an intent on record")
				}
				return
			}
			resumed, err := erasure.New(s, s, s).Resume(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if want := crash != "" && crash != "after completion"; (resumed == 1) != want {
				t.Errorf("resumed %d", resumed)
			}
			if ts := s.get(t, 1).Tombstone; ts == nil || ts.Commitment != commitment || ts.Reason != audit.TombstoneErased {
				t.Errorf("tombstone = %+v, want commitment %v", ts, commitment)
			}
			for _, c := range gone {
				if got := s.state(t, c.Address); got != content.Erased {
					t.Errorf("block %s is %v, want erased", c.Name, got)
				}
			}
			if got := s.state(t, kept[0].Address); got != content.Held {
				t.Errorf("another record's block is %v, want held", got)
			}
			s.wantRecords(t, commitment)
			if again, err := erasure.New(s, s, s).Resume(context.Background()); again != 0 || err != nil {
				t.Errorf("resumed again: %d, %v", again, err)
			}
		})
	}
}

// wantRecords wants one intent that names position and commitment, and one completion that names the intent.
func (s *stores) wantRecords(t *testing.T, commitment audit.Commitment) {
	t.Helper()
	intent, completion := s.get(t, 3), s.get(t, 4)
	ri, err := intent.Record()
	if err != nil {
		t.Fatal(err)
	}
	rc, err := completion.Record()
	if err != nil {
		t.Fatal(err)
	}
	position, _ := ri.Attributes.Get("position")
	named, _ := ri.Attributes.Get("commitment")
	of, _ := rc.Attributes.Get("position")
	if ri.Type != erasure.TypeRecord || position.Text() != "1" || named.Str() != commitment.String() || ri.Case != "C-7" || ri.Account.Proved.OSUser != "dana" {
		t.Errorf("intent = %s", intent.Bytes)
	}
	if rc.Type != erasure.TypeCompleted || of.Text() != "3" {
		t.Errorf("completion = %s", completion.Bytes)
	}
	if strings.Contains(string(intent.Bytes), order.Reason) {
		t.Error("the reason stands in the record; it may name people and is content")
	}
	if last, err := s.Reader().Last(context.Background()); err != nil || last != 4 {
		t.Errorf("last = %d, %v", last, err)
	}
}

func TestContainer(t *testing.T) {
	s := open(t)
	s.deliver(t)
	all := append(s.content1(t, 1), s.content1(t, 2)...)
	receipt, err := erasure.New(s, s, s).Container(context.Background(), "session/-/s", order)
	if err != nil || receipt.Intent != 3 || receipt.Completed != 4 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	for _, c := range all {
		if got := s.state(t, c.Address); got != content.Erased {
			t.Errorf("%s is %v, want erased", c.Name, got)
		}
	}
	if s.get(t, 1).Tombstone != nil {
		t.Error("the record went with its content")
	}
	if again, err := erasure.New(s, s, s).Container(context.Background(), "session/-/s", order); err != nil || again.Intent <= receipt.Completed {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestRefusals(t *testing.T) {
	s := open(t)
	s.deliver(t)
	e, ctx := erasure.New(s, s, s), context.Background()
	if _, err := e.Record(ctx, 99, order); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("a position that does not exist: %v", err)
	}
	if _, err := e.Container(ctx, "", order); err == nil {
		t.Error("no container named: no error")
	}
	if _, err := e.Container(ctx, "session/-/typo", order); !errors.Is(err, content.ErrMissing) || !strings.Contains(err.Error(), "typo") {
		t.Errorf("a container that never held anything: %v", err)
	}
	if last, err := s.Reader().Last(ctx); last != 2 || err != nil {
		t.Errorf("refusals are on record as intents: last = %d, %v", last, err)
	}
	receipt, err := e.Record(ctx, 1, order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Record(ctx, 1, order); !errors.Is(err, erasure.ErrAlreadyErased) {
		t.Errorf("twice: %v", err)
	}
	if _, err := e.Record(ctx, receipt.Intent, order); err == nil || !strings.Contains(err.Error(), "vouch") {
		t.Errorf("the record that vouches for the erasure: %v", err)
	}
}
