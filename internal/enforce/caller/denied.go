package caller

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// conditionDenied is raised while callers are refused for want of a credential.
const conditionDenied = "gateway.denied"

// deniedFor is how long the condition stands after the last such refusal.
const deniedFor = 15 * time.Minute

// denials counts the requests that were refused for want of a credential.
type denials struct {
	log    *slog.Logger
	health *health.Registry

	mu    sync.Mutex
	count int       // guarded by mu: since first
	first time.Time // guarded by mu; zero while the condition is not raised
	last  time.Time // guarded by mu
}

// note counts one and says so. Who sent it is not known, and is not believed.
func (d *denials) note(ctx context.Context) {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == 0 {
		d.first = now
		d.log.WarnContext(ctx, "callers of the gateway are refused: their credential is missing or unknown; told once until it has stopped")
	}
	d.count++
	d.last = now
	d.health.Raise(conditionDenied, health.Warning, fmt.Sprintf("%d requests to the gateway since %s were refused, the last at %s: their credential is missing or unknown; "+
		"compare the tokens of clients and configuration", d.count,
		d.first.UTC().Format("2006-01-02 15:04:05"), d.last.UTC().Format("2006-01-02 15:04:05")))
}

// forgive takes the condition back once nothing was refused for a while.
func (d *denials) forgive(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count > 0 && now.Sub(d.last) >= deniedFor {
		d.count = 0
		d.health.Clear(conditionDenied)
	}
}

// Run takes back, in time, what is said of refused callers, until the context ends.
func (g *Gate) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			g.denials.forgive(now)
		}
	}
}
