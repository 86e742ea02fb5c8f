package modelclient

import (
	"sync"
	"time"
)

// Clock is the time of a world: that of its history while it is played, the real one afterwards. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time // zero: the real time; guarded by mu
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() {
		return time.Now()
	}
	return c.at
}

// set moves the clock to a time of the past; zero lets it be the real one.
func (c *Clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}
