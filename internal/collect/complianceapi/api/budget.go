package api

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Priority orders who may use the budget when little of it is left.
type Priority int

// The priorities. The feed comes before back-fill, and both before content: what happens now is worth most.
const (
	Feed Priority = iota
	Backfill
	Content
)

// share of the budget, in percent, that a priority leaves to those before it.
func (p Priority) leaves() int {
	switch p {
	case Feed:
		return 0
	case Backfill:
		return 2
	}
	return 10
}

// Budget is the request budget of one parent organisation: 600 requests a minute for all keys, organisations and routes
// together, returned whole at a time the server names. It follows the server's headers, since others use it as well.
// It is safe for concurrent use.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-errors.
type Budget struct {
	mu      sync.Mutex
	limit   int
	left    int
	reset   time.Time // local; the whole budget returns then
	told    bool      // by the server, when that is; a guess otherwise
	blocked time.Time // local; nobody asks before: the server said so
	guess   guess     // where nobody tells the limit
}

const (
	documentedLimit  = 600
	documentedWindow = time.Minute
	// The server's times are cut to whole seconds, and its minute begins when a request arrives, not when it is sent.
	toSpare = time.Second
)

// NewBudget makes a budget as documented, until the server tells more.
func NewBudget() *Budget { return &Budget{limit: documentedLimit, left: documentedLimit} }

// newUnknownBudget makes one whose size nobody tells: refusals do.
func newUnknownBudget() *Budget { return &Budget{limit: unknown, left: unknown} }

// Take takes one request out of the budget, and waits where that is not there for this priority.
func (b *Budget) Take(ctx context.Context, p Priority) error {
	for {
		wait := b.take(p)
		if wait <= 0 {
			return nil
		}
		if err := Pause(ctx, wait); err != nil {
			return err
		}
	}
}

// take reports how long to wait; 0 is taken.
func (b *Budget) take(p Priority) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if wait := b.blocked.Sub(now); wait > 0 {
		return wait
	}
	if !now.Before(b.reset) {
		b.limit = b.guess.next(b.limit)
		b.left, b.reset, b.told = b.limit, now.Add(documentedWindow+toSpare), false
	}
	if b.left <= b.limit*p.leaves()/100 {
		return b.reset.Sub(now)
	}
	b.left--
	return 0
}

// learn takes over what an answer says of the budget. date is the server's time of the answer.
func (b *Budget) learn(status int, h http.Header, date time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if status == http.StatusTooManyRequests {
		if wait := retryAfter(h); wait > 0 {
			b.blocked = now.Add(wait)
		} else {
			b.left = 0
		}
	}
	limit, left, until, ok := said(h, date, now)
	switch {
	case !ok:
	case limit != b.limit || until.After(b.reset.Add(2*toSpare)): // another budget, a new window
		b.limit, b.left, b.reset, b.told = limit, left, until, true
	default:
		// Answers may overtake each other: the smaller number is the later one. Each time is too late by less than
		// two seconds, so the earliest is the nearest.
		b.left = min(b.left, left)
		if !b.told || until.Before(b.reset) {
			b.reset, b.told = until, true
		}
	}
}

// said reads the headers; ok is false where they are missing, or make no sense.
func said(h http.Header, date, now time.Time) (limit, left int, until time.Time, ok bool) {
	limit, err := strconv.Atoi(h.Get("Anthropic-Ratelimit-Requests-Limit"))
	if err != nil || limit <= 0 {
		return 0, 0, until, false
	}
	left, err = strconv.Atoi(h.Get("Anthropic-Ratelimit-Requests-Remaining"))
	if err != nil || left < 0 {
		return 0, 0, until, false
	}
	reset, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-Requests-Reset"))
	if err != nil || date.IsZero() || reset.Before(date) {
		return 0, 0, until, false
	}
	return limit, left, now.Add(min(reset.Sub(date)+toSpare, longestWait)), true
}

// take takes a request out of the budgets its route has.
func (c *Client) take(ctx context.Context, path string, p Priority) error {
	if hasOwnBudget(path) {
		if err := c.remote.Take(ctx, p); err != nil {
			return err
		}
	}
	return c.budget.Take(ctx, p)
}

// learn takes over what an answer says of the shared budget. A refusal by the budget of remote sessions has the shared
// one's headers and must hold nobody else up; how large that budget is shows from refusals alone.
func (c *Client) learn(path string, status int, h http.Header, date time.Time) {
	if hasOwnBudget(path) && status == http.StatusTooManyRequests {
		c.remote.shrink()
		c.budget.learn(http.StatusOK, h, date)
		return
	}
	c.budget.learn(status, h, date)
}

// Left is what is left of the budget, its limit, and when it returns.
func (b *Budget) Left() (left, limit int, reset time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left, b.limit, b.reset
}
