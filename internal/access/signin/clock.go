package signin

import (
	"sync"
	"time"
)

// clock is the machine's, but never behind the time that has passed since it was last asked: a clock that is set back makes
// nothing last longer, and neither does a machine that sleeps.
type clock struct {
	wall func() time.Time

	mu    sync.Mutex
	high  time.Time
	heard time.Time // when high was, with the monotonic clock
}

// newClock makes a clock that begins at floor at the earliest.
func newClock(wall func() time.Time, floor time.Time) *clock {
	if wall == nil {
		wall = time.Now
	}
	return &clock{wall: wall, high: floor, heard: time.Now()}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, since := c.wall().Round(0).UTC(), time.Since(c.heard)
	if least := c.high.Add(since); !c.high.IsZero() && least.After(now) {
		now = least
	}
	c.high, c.heard = now, time.Now()
	return now
}
