package api

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"
)

// Waits between attempts: the API's page asks for 1 s doubling to 60 s where it names no time.
const (
	firstWait   = time.Second
	slowestWait = 60 * time.Second
	longestWait = 15 * time.Minute // of what a server may ask for
)

// delay is how long to wait before another attempt.
func (c *Client) delay(path string, e *Error, attempt int) time.Duration {
	if e.RetryAfter > 0 && !hasOwnBudget(path) { // there the time named says nothing
		return e.RetryAfter + jitter(time.Second)
	}
	return Backoff(attempt)
}

// Backoff is how long to wait after the given number of failures in a row: it doubles from one second to a minute, less a
// random part of up to a half, so that many who failed at once do not come back at once.
func Backoff(failures int) time.Duration {
	d := firstWait << min(max(failures-1, 0), 6)
	d = min(d, slowestWait)
	return d - jitter(d/2)
}

func jitter(upTo time.Duration) time.Duration { return rand.N(upTo) }

// Pause returns after d, at once if d is not positive, or earlier with the context's cause once that is over.
func Pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// serverTime reads a Date header.
func serverTime(s string) (time.Time, bool) {
	t, err := http.ParseTime(s)
	return t, err == nil
}
