package signin

import (
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
)

// clock is the machine's, but never behind the time that has passed since it was last asked: a clock that is set back makes
// nothing last longer, and neither does a machine that sleeps. One that is far behind was wrong, or is: it begins anew once
// every sign-in has ended.
type clock struct {
	wall   func() time.Time
	before bool // at the start it was far behind a time that had passed

	mu    sync.Mutex
	high  time.Time
	heard time.Time // when high was, with the monotonic clock
}

// newClock makes a clock that begins at floor at the earliest, unless it is far behind.
func newClock(wall func() time.Time, floor time.Time, log *slog.Logger) *clock {
	if wall == nil {
		wall = time.Now
	}
	c := &clock{wall: wall, high: floor, heard: time.Now()}
	if floor.Sub(wall()) > acts.Far {
		log.Warn("the clock is far behind the last record: every sign-in has ended", "recorded", floor)
		c.before, c.high = true, time.Time{}
	}
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, least := c.read()
	if !c.high.IsZero() && least.After(now) {
		now = least
	}
	c.high, c.heard = now, time.Now()
	return now
}

// read is the time as the machine has it, and the least that has to have come.
func (c *clock) read() (now, least time.Time) {
	return c.wall().Round(0).UTC(), c.high.Add(time.Since(c.heard))
}

// isBack reports whether the machine's clock is far behind.
func (c *clock) isBack() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, least := c.read()
	return !c.high.IsZero() && least.Sub(now) > acts.Far
}

// reset begins anew with the machine's clock.
func (c *clock) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.high, c.heard = time.Time{}, time.Now()
}
