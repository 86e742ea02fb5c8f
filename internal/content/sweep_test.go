package content

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// referred makes a live function out of the addresses that records refer to, and counts the questions.
type referred struct {
	addresses []Address
	asked     []Address
}

func (r *referred) live(_ string, a Address) (bool, error) {
	r.asked = append(r.asked, a)
	return slices.Contains(r.addresses, a), nil
}

func sweep(t *testing.T, s *Store, r *referred, wantRemoved, wantAsked int) {
	t.Helper()
	r.asked = nil
	n, err := s.Sweep(context.Background(), r.live, time.Now().Add(-24*time.Hour))
	if err != nil || n != wantRemoved || len(r.asked) != wantAsked {
		t.Errorf("sweep removed %d and asked %d times, %v; want %d and %d", n, len(r.asked), err, wantRemoved, wantAsked)
	}
}

func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, stop := start(t, dir, testOptions(t))
		defer func() { stop() }()
		old := put(t, s, "a", "kept", "orphan")
		orphan := put(t, s, "b", "orphan", "again", "again, after a restart")
		r := &referred{addresses: []Address{old[0]}}
		sweep(t, s, r, 0, 0)
		time.Sleep(20 * time.Hour)
		young := put(t, s, "a", "young")
		sweep(t, s, r, 0, 0)
		time.Sleep(4 * time.Hour)
		if got := put(t, s, "b", "again"); got[0] != orphan[1] { // its record is on the way
			t.Fatal("another address")
		}
		time.Sleep(2 * time.Hour)
		sweep(t, s, r, 3, 5)
		wantOpen(t, s.Reader(), "a", old[0], "kept")
		wantOpen(t, s.Reader(), "b", orphan[1], "again")
		wantOpen(t, s.Reader(), "a", young[0], "young")
		for _, x := range []struct {
			container string
			a         Address
		}{{"a", old[1]}, {"b", orphan[0]}, {"b", orphan[2]}} {
			wantState(t, s.Reader(), x.container, x.a, Missing)
			wantErr(t, s.Reader(), x.container, x.a, ErrMissing)
		}
		sweep(t, s, r, 0, 1) // only what was put again is asked for again
		back := put(t, s, "b", "orphan")
		if back[0] != orphan[0] {
			t.Error("a swept block came back under another address")
		}
		wantOpen(t, s.Reader(), "b", back[0], "orphan")

		stop()
		s, stop = start(t, dir, testOptions(t))
		time.Sleep(26 * time.Hour)
		r.addresses = append(r.addresses, young[0])
		sweep(t, s, r, 2, 3)
		wantOpen(t, s.Reader(), "a", young[0], "young")
		time.Sleep(26 * time.Hour)
		put(t, s, "a", "kept")
		sweep(t, s, r, 0, 0) // each is looked at once
	})
}

// However late it is called for, a sweep leaves alone what a caller may not have committed yet.
func TestSweepSparesTheYoung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, t.TempDir(), testOptions(t))
		defer stop()
		a := put(t, s, "c", "text")
		for range 11 {
			time.Sleep(time.Hour)
			if n, err := s.Sweep(t.Context(), (&referred{}).live, time.Now().Add(time.Hour)); n != 0 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
		}
		time.Sleep(2 * time.Hour)
		if n, err := s.Sweep(t.Context(), (&referred{}).live, time.Now().Add(time.Hour)); n != 1 || err != nil {
			t.Fatalf("swept %d, %v", n, err)
		}
		wantState(t, s.Reader(), "c", a[0], Missing)
	})
}

// A block that is put again between the question and the removal stays.
func TestSweepMeetsPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, cold := range []bool{false, true} {
			s, stop := start(t, t.TempDir(), testOptions(t))
			a := put(t, s, "c", "text", "other")
			time.Sleep(26 * time.Hour)
			if cold {
				s.held.newer, s.held.older = map[heldKey]int64{}, nil
			}
			n, err := s.Sweep(t.Context(), func(_ string, asked Address) (bool, error) {
				if asked == a[0] {
					put(t, s, "c", "text")
				}
				return false, nil
			}, time.Now())
			if n != 1 || err != nil {
				t.Errorf("swept %d, %v, want 1", n, err)
			}
			wantOpen(t, s.Reader(), "c", a[0], "text")
			wantState(t, s.Reader(), "c", a[1], Missing)
			stop()
		}
	})
}

func TestSweepAndErasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, t.TempDir(), testOptions(t))
		defer stop()
		ctx := t.Context()
		a := put(t, s, "moved", "erased", "orphan", "kept")
		b := put(t, s, "gone", "text")
		if err := s.EraseBlock(ctx, "moved", a[0]); err != nil {
			t.Fatal(err)
		}
		if err := s.EraseContainer(ctx, "gone"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(26 * time.Hour)
		r := &referred{addresses: []Address{a[2]}}
		sweep(t, s, r, 1, 2)
		wantState(t, s.Reader(), "moved", a[0], Erased)
		wantState(t, s.Reader(), "moved", a[1], Missing)
		wantOpen(t, s.Reader(), "moved", a[2], "kept")
		wantState(t, s.Reader(), "gone", b[0], Erased)
	})
}

func TestSweepThatFailsGoesOnLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, t.TempDir(), testOptions(t))
		defer stop()
		var texts []string
		for i := range 600 {
			texts = append(texts, fmt.Sprint("orphan ", i))
		}
		put(t, s, "a", texts...)
		put(t, s, "b", texts...)
		time.Sleep(26 * time.Hour)
		cause := errors.New("journal is closed")
		asked := 0
		n, err := s.Sweep(t.Context(), func(string, Address) (bool, error) {
			if asked++; asked > 300 {
				return false, cause
			}
			return false, nil
		}, time.Now())
		if !errors.Is(err, cause) || n == 0 || n >= 600 {
			t.Fatalf("swept %d, %v", n, err)
		}
		sweep(t, s, &referred{}, 1200-n, 1200-n)
		if n := count(t, s, "SELECT count(*) FROM blocks"); n != 0 {
			t.Errorf("%d blocks left", n)
		}
	})
}
