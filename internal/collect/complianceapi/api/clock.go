package api

import (
	"sync"
	"time"
)

// clock is the server's, as its last answer told it: windows are made by it, so that a wrong local clock loses nothing.
// Between answers it goes on by the local monotonic clock, which nobody sets.
type clock struct {
	mu    sync.Mutex
	date  time.Time
	at    time.Time // local, with its monotonic reading
	ahead time.Duration
}

// set takes an answer's Date and returns it; zero where there is none. A Date has whole seconds, cut, so the server's
// time is that or up to a second later: never earlier.
func (c *clock) set(header string) time.Time {
	t, ok := serverTime(header)
	if !ok {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.date, c.at = t.UTC(), time.Now()
	c.ahead = c.at.Round(0).Sub(c.date)
	return c.date
}

func (c *clock) now() (now time.Time, ahead time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return time.Time{}, 0, false
	}
	return c.date.Add(time.Since(c.at)), c.ahead, true
}
