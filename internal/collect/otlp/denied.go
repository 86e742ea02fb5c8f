package otlp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// conditionDenied is raised while deliveries are refused for want of a credential: a client drops what it is refused, so a
// fleet whose token ran out loses its evidence without a word.
const conditionDenied = "otlp.denied"

// deniedFor is how long the condition stands after the last such refusal.
const deniedFor = 15 * time.Minute

// denials counts the deliveries that were refused for want of a credential.
type denials struct {
	mu    sync.Mutex
	count int       // guarded by mu: since first
	first time.Time // guarded by mu; zero while the condition is not raised
	last  time.Time // guarded by mu
}

// denied notes one and says so. Who sent it is not known, and is not believed.
func (r *Receiver) denied(ctx context.Context, now time.Time) {
	d := &r.denials
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == 0 {
		d.first = now
		r.log.WarnContext(ctx, "deliveries are refused: their credential is missing or unknown; told once until it has stopped")
	}
	d.count++
	d.last = now
	r.health.Raise(conditionDenied, health.Warning, fmt.Sprintf("%d deliveries since %s were refused, the last at %s: their credential is missing or unknown, "+
		"and clients drop what is refused: compare the tokens of clients and configuration", d.count,
		d.first.UTC().Format("2006-01-02 15:04:05"), d.last.UTC().Format("2006-01-02 15:04:05")))
}

// forgive takes the condition back once nothing was refused for a while.
func (r *Receiver) forgive(now time.Time) {
	d := &r.denials
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count > 0 && now.Sub(d.last) >= deniedFor {
		d.count = 0
		r.health.Clear(conditionDenied)
	}
}

// forgiveInTime runs until the context ends.
func (r *Receiver) forgiveInTime(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			r.forgive(now)
		}
	}
}
