package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// newDemoVendor makes the vendor's side of the demo's world and points the configuration at it, as an operator would: an
// address, a day and a key in a file. Recording was switched on when the history begins.
func newDemoVendor(ctx context.Context, w *world.World, o *DemoOptions) (*simulated.Server, error) {
	var until time.Time
	if o.End.IsZero() {
		o.End = time.Now().UTC()
	} else {
		until = o.End // its history ends there, and what was made up for it is live
	}
	since := demoBegin(w, o.End).UTC().Truncate(24 * time.Hour)
	vendor, err := simulated.Listen(ctx, "127.0.0.1:0", simulated.Options{
		World: w, Seed: o.Seed, Since: since, Until: until, Log: o.Logger,
		Rate: 10_000_000, RemoteRate: 10_000_000, // nobody waits a quarter of an hour for a week of transcripts, and a client keeps to what it is told
	})
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	key := filepath.Join(o.Config.Data, "simulated-compliance.key")
	if err := os.MkdirAll(o.Config.Data, 0o700); err != nil {
		return nil, fmt.Errorf("demo: make its data directory: %w", err)
	}
	if err := os.WriteFile(key, []byte(vendor.API().Keys().Read+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("demo: write the key of its simulated Compliance API: %w", err)
	}
	c := &o.Config.Compliance
	c.URL, c.KeyFile, c.Start = vendor.URL(), key, since.Format(time.DateOnly)
	return vendor, nil
}

// seenBy is the world of the demo's clients: the vendor and the gateway see their live sessions, too.
type seenBy struct {
	*world.World
	vendor *simulated.API
	model  *demoModel
}

// Live is World.Live, shown by the vendor and sent through the gateway.
func (w seenBy) Live(n int, start time.Time) []world.Act {
	acts := w.World.Live(n, start)
	w.vendor.Play(acts)
	w.model.play(acts)
	return acts
}
