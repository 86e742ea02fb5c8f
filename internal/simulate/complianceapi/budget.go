package complianceapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// budget is a fixed window of a minute. A rate below nought means none.
type budget struct {
	rate int

	mu    sync.Mutex
	until time.Time // guarded by mu
	used  int       // guarded by mu
}

// spent is what a budget says of itself after a request.
type spent struct {
	limit, left int
	reset       time.Time
}

// take takes one request of the budget and reports whether there was one.
func (b *budget) take(now time.Time) (spent, bool) {
	if b.rate < 0 {
		return spent{}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.until) {
		b.until, b.used = now.Add(time.Minute), 0
	}
	ok := b.used < b.rate
	if ok {
		b.used++
	}
	return spent{b.rate, b.rate - b.used, b.until}, ok
}

// tell writes the headers of https://platform.claude.com/docs/en/manage-claude/compliance-errors.
func (s spent) tell(h http.Header) {
	if s.limit == 0 {
		return
	}
	h.Set("Anthropic-Ratelimit-Requests-Limit", strconv.Itoa(s.limit))
	h.Set("Anthropic-Ratelimit-Requests-Remaining", strconv.Itoa(s.left))
	h.Set("Anthropic-Ratelimit-Requests-Reset", s.reset.UTC().Format(time.RFC3339))
}

// retryAfter is the seconds until the budget is whole again, and one to spare.
func (s spent) retryAfter(now time.Time) string {
	return strconv.Itoa(int(math.Ceil(s.reset.Sub(now).Seconds())) + 1)
}
