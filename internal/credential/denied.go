package credential

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// DeniedFor is how long the condition of denials stands after the last one.
const DeniedFor = 15 * time.Minute

// Denials counts what was refused for want of a credential, and is a condition while that lasts: a fleet whose token ran out
// would lose its evidence, or its access, without a word. Set its fields before it is used. Health may be nil.
type Denials struct {
	Code   string // of the condition
	What   string // is refused, in the plural: "deliveries"
	Advice string // what it means and what to do
	Logger *slog.Logger
	Health *health.Registry
	mu     sync.Mutex
	count  int       // guarded by mu: since first
	first  time.Time // guarded by mu; zero while the condition is not raised
	last   time.Time // guarded by mu
}

// Note counts one and says so. Who sent it is not known, and is not believed.
func (d *Denials) Note(ctx context.Context, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count == 0 {
		d.first = now
		d.Logger.WarnContext(ctx, d.What+" are refused: their credential is missing or unknown; told once until it has stopped")
	}
	d.count++
	d.last = now
	d.Health.Raise(d.Code, health.Warning, fmt.Sprintf("%d %s since %s were refused, the last at %s: their credential is missing or unknown; %s",
		d.count, d.What, d.first.UTC().Format(time.DateTime), d.last.UTC().Format(time.DateTime), d.Advice))
}

// Forgive takes the condition back once nothing was refused for DeniedFor.
func (d *Denials) Forgive(now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.count > 0 && now.Sub(d.last) >= DeniedFor {
		d.count = 0
		d.Health.Clear(d.Code)
	}
}

// Run takes the condition back in time, until the context ends.
func (d *Denials) Run(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			d.Forgive(now)
		}
	}
}
