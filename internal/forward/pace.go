package forward

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Backoff says how long to wait after what went wrong; the zero value is what production uses.
type Backoff struct {
	First time.Duration // after the first failure, doubled after each; 0: 1 s
	Most  time.Duration // 0: 1 min
	Auth  time.Duration // after a refused credential; 0: 5 min
}

func (b Backoff) withDefaults() Backoff {
	if b.First == 0 {
		b.First = time.Second
	}
	if b.Most == 0 {
		b.Most = time.Minute
	}
	if b.Auth == 0 {
		b.Auth = 5 * time.Minute
	}
	return b
}

// pace holds every batch of a sink back while it is no use trying.
type pace struct {
	backoff Backoff

	mu       sync.Mutex
	until    time.Time
	failures int
	failed   time.Time     // when the last failure was counted
	woken    chan struct{} // closed to end every wait, then replaced
}

func newPace(b Backoff) *pace { return &pace{backoff: b.withDefaults(), woken: make(chan struct{})} }

// wait returns when trying makes sense, or with the context's error.
func (p *pace) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		d, woken := time.Until(p.until), p.woken
		p.mu.Unlock()
		if d <= 0 {
			return ctx.Err()
		}
		timer := time.NewTimer(d)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// signal is closed by the next wake.
func (p *pace) signal() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.woken
}

// nap waits so long, or until woken is closed.
func (p *pace) nap(ctx context.Context, d time.Duration, woken <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-woken:
	case <-timer.C:
	}
	return nil
}

// wake ends every wait.
func (p *pace) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Time{}
	close(p.woken)
	p.woken = make(chan struct{})
}

// fail counts a failure of what was begun at a time. Batches that were under way together fail together: that is one failure.
func (p *pace) fail(begun time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if begun.Before(p.failed) {
		return
	}
	p.failed = time.Now()
	d := min(p.backoff.First<<min(p.failures, 20), p.backoff.Most)
	p.failures++
	p.until = p.failed.Add(d - time.Duration(rand.Int64N(int64(d)/4+1)))
}

// hold waits as long as the receiver asked for, or at least as long as after a failure where it did not say.
func (p *pace) hold(begun time.Time, d time.Duration) {
	if d <= 0 {
		p.fail(begun)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := time.Now().Add(d); at.After(p.until) {
		p.until = at
	}
}

// refused waits for another credential.
func (p *pace) refused() { p.hold(time.Time{}, p.backoff.Auth) }

// fine ends what failures there were.
func (p *pace) fine() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failures = 0
}
