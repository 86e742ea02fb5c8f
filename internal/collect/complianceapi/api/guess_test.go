package api

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestUntoldBudgetIsFound: a limit that nobody tells is found from any moment of the server's window on, used nearly whole
// and seldom asked beyond; and found again where it changes.
func TestUntoldBudgetIsFound(t *testing.T) {
	t.Parallel()
	f := func(name string, used int, limit func(minute int) int) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newUnknownBudget()
				begin := time.Now()
				reset, served, refused, possible := begin.Add(time.Minute), 0, 0, 0
				for minute := 0; minute < 60; {
					if err := b.Take(t.Context(), Content); err != nil {
						t.Fatal(err)
					}
					if !time.Now().Before(reset) {
						reset, used = time.Now().Add(time.Minute), 0
						possible += limit(minute)
						minute = int(time.Since(begin) / time.Minute)
					}
					if used++; used > limit(minute) {
						refused++
						b.shrink()
						continue
					}
					served++
				}
				if 100*served < 70*possible || refused > 20 {
					t.Errorf("%d of %d possible requests served in an hour, %d refused", served, possible, refused)
				}
			})
		})
	}
	f("from the beginning", 0, func(int) int { return 60 })
	f("late in a minute", 57, func(int) int { return 60 })
	f("a large one, late in a minute", 599, func(int) int { return 600 })
	f("it grows", 0, func(minute int) int {
		if minute < 20 {
			return 30
		}
		return 120
	})
	f("it shrinks", 0, func(minute int) int {
		if minute < 20 {
			return 120
		}
		return 30
	})
}
