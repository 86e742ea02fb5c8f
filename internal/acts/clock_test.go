package acts_test

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
)

// past is a journal in memory, whose records have the times that a test says.
type past struct{ stored []journal.Stored }

func (p *past) put(typ string, recorded time.Time, attrs ...audit.Attr) uint64 {
	r := &audit.Record{Version: audit.SchemaVersion, Source: audit.SourceTripod, Activity: audit.ActivityOperation, Outcome: audit.OutcomeSuccess, Type: typ,
		ID: "r", Normaliser: "tripod/1", Occurred: recorded, Observed: recorded, Recorded: recorded, Attributes: attrs}
	p.stored = append(p.stored, journal.Stored{Seq: uint64(len(p.stored) + 1), Bytes: r.AppendCanonical(nil)})
	return uint64(len(p.stored))
}

// Record implements acts.Recorder with the clock.
func (p *past) Record(_ context.Context, act intake.Act, _ map[string][]byte) (uint64, error) {
	return p.put(act.Type, time.Now(), act.Attributes...), nil
}

func (p *past) Last(context.Context) (uint64, error) { return uint64(len(p.stored)), nil }

func (p *past) Scan(_ context.Context, first, last uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for _, s := range p.stored[first-1 : last] {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (p *past) GetReadable(_ context.Context, seqs ...uint64) (list []journal.Stored, _ []uint64, _ error) {
	for _, seq := range seqs {
		list = append(list, p.stored[seq-1])
	}
	return list, nil, nil
}

// backs notes when it is told that the clock was set back.
type backs struct {
	types
	told []string
}

func (b *backs) Back(seq uint64, from, to time.Time) {
	b.told = append(b.told, from.Sub(to).Round(time.Hour).String())
	b.got = append(b.got, "back")
}

func now(t *testing.T, s *acts.State) (at time.Time) {
	t.Helper()
	if err := s.Within(context.Background(), func(now time.Time) error { at = now; return nil }); err != nil {
		t.Fatal(err)
	}
	return at
}

// TestFloor: after a restart no time comes again that had come when the last record was taken in, whatever it was about.
func TestFloor(t *testing.T) {
	t.Parallel()
	ctx, dir, p := context.Background(), t.TempDir(), new(past)
	last := time.Now().Add(50 * time.Minute).UTC().Truncate(time.Millisecond) // the clock was set back by as much
	p.put("tripod.grant.approve", last.Add(-50*time.Minute))
	p.put("tripod.serve.stop", last)
	check := func(what string) {
		t.Helper()
		s, err := acts.Load(ctx, dir, acts.Key{}, p, new(types))
		if err != nil {
			t.Fatal(err)
		}
		if got := now(t, s); got.Before(last) {
			t.Errorf("%s: it is %s before the last record", what, last.Sub(got))
		}
	}
	check("without a file")
	if err := acts.Rebuild(ctx, dir, acts.Key{}, p, nil); err != nil {
		t.Fatal(err)
	}
	check("with a file")
}

// TestBack: where the clock was set back far, folds that keep times hear of it once, at the same place with and without the
// file, and the time is the clock's again.
func TestBack(t *testing.T) {
	t.Parallel()
	ctx, dir, p := context.Background(), t.TempDir(), new(past)
	begin := time.Now().Add(-time.Hour)
	p.put("tripod.grant.approve", begin)
	p.put("tripod.console.open", begin.Add(50*time.Hour)) // the clock ran ahead
	p.put("tripod.console.open", begin.Add(time.Minute))  // and was set right
	p.put("tripod.grant.approve", begin.Add(2*time.Minute))
	p.put("tripod.case.open", begin.Add(-50*time.Minute)) // set back, by less than Far
	want := []string{"tripod.grant.approve", "back", "tripod.grant.approve", "tripod.case.open"}
	for _, what := range []string{"without a file", "with a file", "with an old file"} {
		switch what {
		case "with a file":
			if err := acts.Rebuild(ctx, dir, acts.Key{}, p, nil); err != nil {
				t.Fatal(err)
			}
		case "with an old file":
			p.put("tripod.console.open", begin.Add(-3*time.Hour))
			p.put("tripod.case.close", begin)
			want = append(want, "back", "tripod.case.close")
		}
		b := new(backs)
		s, err := acts.Load(ctx, dir, acts.Key{}, p, b)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.got, want) || b.told[0] != "50h0m0s" {
			t.Errorf("%s: %v, %v", what, b.got, b.told)
		}
		if at := now(t, s); time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: it is %v", what, at)
		}
	}
	f, err := acts.OpenFile(ctx, acts.Path(dir), acts.Key{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Apply(ctx, p.stored[5:]); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b := new(backs)
	if _, err := acts.Load(ctx, dir, acts.Key{}, p, b); err != nil || !slices.Equal(b.got, want) {
		t.Errorf("%v, %v", b.got, err)
	}
}

// TestDecideFarBehind: who decides with a clock that is far behind does so by that clock, once it is on record that it was set
// back; before, time stands where it was.
func TestDecideFarBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, p, b := context.Background(), new(past), new(backs)
		ahead := time.Now().Add(70 * 365 * 24 * time.Hour)
		p.put("tripod.grant.approve", ahead)
		s, err := acts.Load(ctx, t.TempDir(), acts.Key{}, p, b)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour) // nothing is recorded meanwhile
		if at := now(t, s); at.Before(ahead.Add(2 * time.Hour)) {
			t.Errorf("it is %v", at)
		}
		var judged time.Time
		if _, err := s.Decide(ctx, p, func(now time.Time) (intake.Act, error) {
			judged = now
			return intake.Act{Type: "tripod.grant.request"}, nil
		}); err != nil {
			t.Fatal(err)
		}
		if time.Since(judged).Abs() > time.Minute || !slices.Equal(b.got, []string{"tripod.grant.approve", "back", "tripod.grant.request"}) {
			t.Errorf("decided at %v: %v", judged, b.got)
		}
		if again := new(backs); true {
			if _, err := acts.Load(ctx, t.TempDir(), acts.Key{}, p, again); err != nil || !slices.Equal(again.got, b.got) || again.told[0] != b.told[0] {
				t.Errorf("after a restart: %v %v, %v", again.got, again.told, err)
			}
		}
	})
}
