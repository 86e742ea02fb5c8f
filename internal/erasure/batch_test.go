package erasure_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
)

// deliverMany appends records 1 to n, each with one text of its own and one detail that all of a container share; odd ones are
// in one container, even ones in another.
func (s *stores) deliverMany(t *testing.T, n int) {
	t.Helper()
	var d intake.Delivery
	for i := 1; i <= n; i++ {
		d.Drafts = append(d.Drafts, intake.Draft{
			Form: fmt.Append(nil, i),
			Record: &audit.Record{
				Normaliser: "test/1", Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Type: "user_prompt", Outcome: audit.OutcomeSuccess,
				Occurred: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Container: fmt.Sprintf("session/-/%d", i%2),
			},
			Pieces: []intake.Piece{
				{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: fmt.Append(nil, "text ", i)},
				{Name: "title", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte("shared")},
			},
		})
	}
	if _, err := s.door.Submit(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

// states tells how a record's text and detail stand, "tombstone" where it is gone.
func (s *stores) states(t *testing.T, seq uint64) string {
	t.Helper()
	stored := s.get(t, seq)
	if stored.Tombstone != nil {
		return "tombstone"
	}
	r, err := stored.Record()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range r.Content {
		state, err := s.content.Reader().State(context.Background(), r.Container, c.Address)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(state))
	}
	return strings.Join(out, " ")
}

func texts(_ erasure.Found, c audit.Content) bool { return c.Class == audit.ClassText }

var crashes = []string{
	"", "before intent", "after intent", "before blocks", "after blocks", "before record", "after record", "before completion", "after completion",
}

// TestRecordsSurviveACrashAtEveryStep: an order for many is carried out whole, whenever it is cut short.
func TestRecordsSurviveACrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, crash := range crashes {
		t.Run("crash "+crash, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), context.Background()
			s.deliverMany(t, 6)
			want := []audit.Ordered{{Position: 1, Commitment: s.get(t, 1).Commitment}, {Position: 2, Commitment: s.get(t, 2).Commitment}, {Position: 5, Commitment: s.get(t, 5).Commitment}}
			s.crash = crash
			_, err := erasure.New(s, s, s).Records(ctx, []uint64{5, 1, 2, 5}, texts, order)
			if (crash != "") != errors.Is(err, errCrash) {
				t.Fatalf("error = %v", err)
			}
			if crash == "before intent" {
				if s.states(t, 1) != "held held" {
					t.Fatal("erased without an intent on record")
				}
				return
			}
			if _, err := erasure.New(s, s, s).Resume(ctx); err != nil {
				t.Fatal(err)
			}
			for seq, want := range map[uint64]string{1: "tombstone", 2: "tombstone", 3: "held held", 4: "held held", 5: "tombstone", 6: "held held"} {
				if got := s.states(t, seq); got != want {
					t.Errorf("record %d: %s, want %s", seq, got, want)
				}
			}
			intent, completion := s.get(t, 7), s.get(t, 8)
			rec, err := intent.Record()
			if err != nil {
				t.Fatal(err)
			}
			if got := audit.ErasureOrders(rec); rec.Type != erasure.TypeRecords || !slices.Equal(got, want) {
				t.Errorf("%s orders %v, want %v", rec.Type, got, want)
			}
			done, err := completion.Record()
			if of, _ := done.Attributes.Get("position"); err != nil || done.Type != erasure.TypeCompleted || of.Text() != "7" {
				t.Errorf("completion = %s, %v", completion.Bytes, err)
			}
			if last, err := s.Reader().Last(ctx); err != nil || last != 8 {
				t.Errorf("last = %d, %v: want one intent and one completion", last, err)
			}
		})
	}
}

func TestContentSurvivesACrashAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, crash := range crashes {
		if strings.HasSuffix(crash, "record") {
			continue // none is erased
		}
		t.Run("crash "+crash, func(t *testing.T) {
			t.Parallel()
			s, ctx := open(t), context.Background()
			s.deliverMany(t, 4)
			s.crash = crash
			_, err := erasure.New(s, s, s).Content(ctx, []uint64{1, 2}, texts, erasure.Order{Retention: "raw"})
			if (crash != "") != errors.Is(err, errCrash) {
				t.Fatalf("error = %v", err)
			}
			if crash == "before intent" {
				return
			}
			if _, err := erasure.New(s, s, s).Resume(ctx); err != nil {
				t.Fatal(err)
			}
			for seq, want := range map[uint64]string{1: "erased held", 2: "erased held", 3: "held held", 4: "held held"} {
				if got := s.states(t, seq); got != want {
					t.Errorf("record %d: %s, want %s", seq, got, want)
				}
			}
			intent := s.get(t, 5)
			rec, err := intent.Record()
			if err != nil {
				t.Fatal(err)
			}
			class, _ := rec.Attributes.Get("retention")
			positions, _ := rec.Attributes.Get("positions")
			if rec.Type != erasure.TypeContent || class.Str() != "raw" || len(positions.Items()) != 2 || audit.ErasureOrders(rec) != nil {
				t.Errorf("intent = %s", intent.Bytes)
			}
		})
	}
}

func TestManyRefusals(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), context.Background()
	s.deliverMany(t, 4)
	looked, err := s.door.Record(ctx, intake.Act{Type: "tripod.console.open", Activity: audit.ActivityView}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := erasure.New(s, s, s)
	var asked erasure.Target
	e.Held = func(_ context.Context, target erasure.Target) error {
		asked = target
		return fmt.Errorf("%w: H-2026-0001", erasure.ErrHeld)
	}
	for name, erase := range map[string]func() error{
		"a record":    func() error { _, err := e.Record(ctx, 1, order); return err },
		"records":     func() error { _, err := e.Records(ctx, []uint64{1, 2}, nil, order); return err },
		"content":     func() error { _, err := e.Content(ctx, []uint64{1, 2}, nil, order); return err },
		"a container": func() error { _, err := e.Container(ctx, "session/-/1", order); return err },
	} {
		asked = erasure.Target{}
		if err := erase(); !errors.Is(err, erasure.ErrHeld) || !strings.Contains(err.Error(), "H-2026-0001") {
			t.Errorf("%s: %v", name, err)
		}
		if asked.Container == "" && len(asked.Content) == 0 || asked.Order.Case != "C-7" || asked.Stay != (name == "content") {
			t.Errorf("%s: asked about %+v", name, asked)
		}
	}
	if _, err := e.Content(ctx, []uint64{4}, texts, erasure.Order{Again: true}); err != nil || s.states(t, 4) != "erased held" {
		t.Errorf("carried out before, and undone by a restore: %v, %s", err, s.states(t, 4))
	}
	e.Held = nil
	if last, _ := s.Reader().Last(ctx); last != looked+2 {
		t.Errorf("refused erasures are on record: last = %d", last)
	}
	if _, err := e.Records(ctx, []uint64{1, 99}, nil, order); !errors.Is(err, journal.ErrNotFound) || s.states(t, 1) != "held held" {
		t.Errorf("one position does not exist: %v, %s", err, s.states(t, 1))
	}
	for _, seqs := range [][]uint64{nil, slices.Collect(upTo(audit.MaxErased + 1))} {
		if _, err := e.Records(ctx, seqs, nil, order); err == nil {
			t.Errorf("%d positions: no error", len(seqs))
		}
	}
	if _, err := e.Container(ctx, "tripod/tripod.erase.record", order); err == nil {
		t.Error("the reasons of orders were erased by order")
	}
	if _, err := e.Records(ctx, []uint64{1, looked}, nil, order); err == nil || !strings.Contains(err.Error(), "vouch") {
		t.Errorf("who looked, by order: %v", err)
	}
	if r, err := e.Records(ctx, []uint64{1, looked}, nil, erasure.Order{Retention: "looks"}); err != nil || r.Records != 2 {
		t.Errorf("who looked, by retention: %+v, %v", r, err)
	}
	if r, err := e.Records(ctx, []uint64{1, 2}, nil, order); err != nil || r.Records != 1 {
		t.Errorf("one of two is gone already: %+v, %v", r, err)
	}
	if _, err := e.Records(ctx, []uint64{1, 2}, nil, order); !errors.Is(err, erasure.ErrAlreadyErased) {
		t.Errorf("both are gone already: %v", err)
	}
	none := func(erasure.Found, audit.Content) bool { return false }
	if r, err := e.Content(ctx, []uint64{3}, none, order); err != nil || r.Intent != 0 {
		t.Errorf("nothing to erase: %+v, %v", r, err)
	}
}

func upTo(n uint64) func(func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for i := uint64(1); i <= n && yield(i); i++ {
		}
	}
}

// TestResumeOfOldTasks: what an older binary left under way is finished.
func TestResumeOfOldTasks(t *testing.T) {
	t.Parallel()
	s, ctx := open(t), context.Background()
	s.deliver(t)
	first, blocks := s.get(t, 1), s.content1(t, 1)
	old, err := json.Marshal([]map[string]any{{
		"order": "ABC", "after": 2, "container": "session/-/s", "seq": 1, "blocks": []string{blocks[0].Address, blocks[1].Address},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.door.Record(ctx, intake.Act{Type: erasure.TypeRecord, Activity: audit.ActivityErasure, Attributes: audit.Attrs{
		{Name: "position", Value: audit.Int(1)}, {Name: "commitment", Value: audit.String(first.Commitment.String())}, {Name: "order", Value: audit.String("ABC")},
	}}, map[string][]byte{"tripod/erasures": old})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := erasure.New(s, s, s).Resume(ctx); n != 1 || err != nil {
		t.Fatalf("resumed %d, %v", n, err)
	}
	if s.states(t, 1) != "tombstone" || s.state(t, blocks[0].Address) != content.Erased || s.states(t, 2) != "held" {
		t.Errorf("record 1: %s, its block: %s, record 2: %s", s.states(t, 1), s.state(t, blocks[0].Address), s.states(t, 2))
	}
}
