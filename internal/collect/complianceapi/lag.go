package complianceapi

import (
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

const (
	conditionLag   = "compliance.lag"
	conditionClock = "compliance.clock"

	lagWarning  = 5 * time.Minute
	lagCritical = time.Hour
	clockOff    = time.Minute
)

// lag raises or clears the conditions of polls that are behind and of a local clock that is wrong.
func (c *Collector) lag() {
	now, ahead, known := c.client.Now()
	if !known {
		return
	}
	if ahead.Abs() > clockOff {
		c.health.Raise(conditionClock, health.Warning, fmt.Sprintf("this machine's clock differs from the Compliance API's by %v: "+
			"the feed is read by the server's time, but recorded times are ours; look at the machine's time synchronisation", ahead.Round(time.Second)))
	} else {
		c.health.Clear(conditionClock)
	}
	if c.st.Seen.IsZero() || !c.polled && c.watch.Failures() == 0 { // the first poll is under way
		return
	}
	behind := now.Sub(c.st.Seen)
	c.stats.lag.Set(behind.Seconds())
	switch text := "the activity feed is read up to " + stamp(c.st.Seen) + " only: look for what else is wrong with it"; {
	case behind > lagCritical:
		c.health.Raise(conditionLag, health.Critical, text)
	case behind > lagWarning:
		c.health.Raise(conditionLag, health.Warning, text)
	default:
		c.health.Clear(conditionLag)
	}
}
