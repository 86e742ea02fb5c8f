package content

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// referred keeps the addresses that records refer to, and counts the candidates it is asked about.
type referred struct {
	addresses []Address
	asked     int
}

func (r *referred) keep(_ context.Context, c *Candidates) error {
	r.asked += c.Len()
	for _, a := range r.addresses {
		c.Keep([]byte(a))
	}
	return nil
}

func sweep(t *testing.T, s *Store, r *referred, wantRemoved, wantAsked int) {
	t.Helper()
	r.asked = 0
	n, err := s.Sweep(context.Background(), s.now().Add(-24*time.Hour), r.keep)
	if err != nil || n != wantRemoved || r.asked != wantAsked {
		t.Errorf("sweep removed %d and asked about %d, %v; want %d and %d", n, r.asked, err, wantRemoved, wantAsked)
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
			if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), (&referred{}).keep); n != 0 || err != nil {
				t.Fatalf("swept %d, %v", n, err)
			}
		}
		time.Sleep(2 * time.Hour)
		if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour), (&referred{}).keep); n != 1 || err != nil {
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
			n, err := s.Sweep(t.Context(), time.Now(), func(context.Context, *Candidates) error {
				put(t, s, "c", "text")
				return nil
			})
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
		s.maxCandidates = 300
		cause := errors.New("journal is closed")
		rounds := 0
		n, err := s.Sweep(t.Context(), time.Now(), func(_ context.Context, c *Candidates) error {
			if rounds++; rounds > 1 {
				return cause
			}
			return nil
		})
		if !errors.Is(err, cause) || n != 600 {
			t.Fatalf("swept %d, %v", n, err)
		}
		sweep(t, s, &referred{}, 600, 600)
		if n := count(t, s, "SELECT count(*) FROM blocks"); n != 0 {
			t.Errorf("%d blocks left", n)
		}
	})
}

// A clock that leaps forward makes a block look old while its record is still on the way: putting it again is noticed
// all the same. One that is put back loses no orphan.
func TestSweepWhenTheClockLeaps(t *testing.T) {
	t.Parallel()
	now := time.Now()
	opts := testOptions(t)
	opts.Now = func() time.Time { return now.Round(0) }
	s, _ := start(t, t.TempDir(), opts)
	a := put(t, s, "c", "first", "again")
	now = now.Add(100 * time.Hour)
	n, err := s.Sweep(t.Context(), now.Add(-24*time.Hour), func(_ context.Context, c *Candidates) error {
		now = now.Add(-100 * time.Hour)
		put(t, s, "c", "again")
		now = now.Add(100 * time.Hour)
		return nil
	})
	if n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	wantState(t, s.Reader(), "c", a[0], Missing)
	wantOpen(t, s.Reader(), "c", a[1], "again")

	put(t, s, "d", "ahead")
	now = now.Add(-100 * time.Hour)
	put(t, s, "c", "behind")
	r := &referred{addresses: a}
	now = now.Add(30 * time.Hour)
	sweep(t, s, r, 0, 1) // that which is young by its own hour hides what came after it
	now = now.Add(100 * time.Hour)
	sweep(t, s, r, 2, 3)

	put(t, s, "c", "referred to")
	now = now.Add(100 * time.Hour)
	r.addresses = append(r.addresses, put(t, s, "c", "referred to")...)
	sweep(t, s, r, 0, 1)
	now = now.Add(-100 * time.Hour) // to the hour of the last block
	put(t, s, "c", "behind again")
	now = now.Add(130 * time.Hour)
	sweep(t, s, r, 1, 1)
	if n := count(t, s, "SELECT count(*) FROM fresh"); n != 0 {
		t.Errorf("%d rows are left in fresh", n)
	}
}

// An erasure that comes between the question and the removal moves blocks to another key, or takes them.
func TestSweepMeetsErasure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, t.TempDir(), testOptions(t))
		defer stop()
		a := put(t, s, "moved", "erased", "kept", "orphan")
		b := put(t, s, "gone", "text")
		time.Sleep(26 * time.Hour)
		n, err := s.Sweep(t.Context(), time.Now(), func(ctx context.Context, c *Candidates) error {
			c.Keep([]byte(a[1]))
			return errors.Join(s.EraseBlock(ctx, "moved", a[0]), s.EraseContainer(ctx, "gone"))
		})
		if n != 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		wantState(t, s.Reader(), "moved", a[0], Erased)
		wantState(t, s.Reader(), "gone", b[0], Erased)
		wantOpen(t, s.Reader(), "moved", a[1], "kept")
		sweep(t, s, &referred{addresses: a[1:2]}, 1, 2)
		wantOpen(t, s.Reader(), "moved", a[1], "kept")
		wantState(t, s.Reader(), "moved", a[2], Missing)
	})
}

func TestSweepLeavesDamagedBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := start(t, t.TempDir(), testOptions(t))
		defer stop()
		put(t, s, "c", "damaged", "orphan")
		if err := s.do(t.Context(), func() error {
			_, err := s.content.exec("UPDATE blocks SET body = substr(body, 1, 10) WHERE id = 1")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(26 * time.Hour)
		sweep(t, s, &referred{}, 1, 2)
		if n := count(t, s, "SELECT count(*) FROM blocks"); n != 1 {
			t.Errorf("%d blocks left, want the damaged one", n)
		}
	})
}

func TestMark(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	put(t, s, "c", "before")
	mark, err := s.Mark(t.Context())
	if err != nil || count(t, s, "SELECT max(id) FROM blocks") >= int(mark) {
		t.Fatalf("mark %d, %v", mark, err)
	}
	stop()
	s, _ = start(t, dir, testOptions(t))
	put(t, s, "c", "after")
	if got := count(t, s, "SELECT max(id) FROM blocks"); got < int(mark) {
		t.Errorf("block %d was put after mark %d", got, mark)
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	put(t, s, "living", "text")
	put(t, s, "erased", "text")
	if err := s.EraseContainer(t.Context(), "erased"); err != nil {
		t.Fatal(err)
	}
	for container, want := range map[string]bool{"living": true, "erased": true, "livin": false, "": false} {
		if got, err := s.Known(t.Context(), container); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", container, got, err, want)
		}
	}
}
