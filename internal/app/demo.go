package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// DemoOptions configures a demo.
type DemoOptions struct {
	Config config.Config // Data and Listen matter; port 0 takes free ports
	Logger *slog.Logger
	Seed   uint64    // of the simulated enterprise
	End    time.Time // of its history; zero is now
	// For is how long live activity goes on; 0 until the context ends.
	For time.Duration
	// Started is called once history is in and can be searched, and live activity begins.
	Started func(DemoStarted)
}

// DemoStarted is what somebody needs to look at a demo.
type DemoStarted struct {
	Addrs
	Link     string // into the console, once
	World    *world.World
	From, To time.Time // of the history
	History  fleet.Report
}

// demoHistory is how much history a demo has.
const demoHistory = 7 * 24 * time.Hour

// Demo runs a whole Tripod on loopback and a simulated enterprise beside it, whose clients deliver to the real receiver: a
// week of history at once, then live activity.
func Demo(ctx context.Context, o DemoOptions) error {
	w := world.New(world.Options{Seed: o.Seed})
	o.Config.Owners = map[audit.Source]string{
		audit.SourceOTelLog: "IT security", audit.SourceOTelSpan: "IT security", audit.SourceOTelMetric: "clinical data platform",
	}
	credentials, accepted := demoTokens(w)
	a, err := New(ctx, Options{Config: o.Config, Version: "demo", Logger: o.Logger, Tokens: accepted})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	serving := startStage(ctx, "serve", func(context.Context) error {
		err := a.Run(ctx)
		cancel(err)
		return err
	})
	err = func() error {
		select {
		case <-a.Ready():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return a.play(ctx, w, credentials, o)
	}()
	cancel(nil)
	return errors.Join(err, serving.stop())
}

// demoTokens gives each device a bearer token of its own that proves whose it is. They live as long as the process.
func demoTokens(w *world.World) (credentials map[*world.Device]secret.String, accepted []otlp.Token) {
	credentials = make(map[*world.Device]secret.String, len(w.Devices))
	for _, d := range w.Devices {
		t := secret.New(rand.Text())
		credentials[d] = t
		proves := audit.Identity{Email: d.Owner.Email, Device: d.ID, Groups: d.Owner.Groups}
		if d.Owner.Service {
			proves = audit.Identity{Service: d.Owner.Name, Device: d.ID, Groups: d.Owner.Groups}
		}
		accepted = append(accepted, otlp.Token{Name: d.Name, Token: t, Proves: proves})
	}
	return credentials, accepted
}

// play is the life of the enterprise until the demo ends.
func (a *App) play(ctx context.Context, w *world.World, credentials map[*world.Device]secret.String, o DemoOptions) error {
	addrs, err := ReadAddrs(a.cfg.Data)
	if err != nil {
		return err
	}
	f, err := fleet.New(fleet.Config{
		World: w, Org: &w.Org, HTTP: addrs.OTLPHTTP, GRPC: addrs.OTLPGRPC, Logger: o.Logger,
		Token: func(d *world.Device) secret.String { return credentials[d] },
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return errors.Join(a.playFleet(ctx, f, DemoStarted{Addrs: addrs, World: w, To: o.End}, o), f.Close())
}

func (a *App) playFleet(ctx context.Context, f *fleet.Fleet, started DemoStarted, o DemoOptions) (err error) {
	if started.To.IsZero() {
		started.To = time.Now().UTC()
	}
	started.From = started.To.Add(-demoHistory)
	if started.History, err = f.History(ctx, started.From, started.To); err != nil {
		return fmt.Errorf("demo: play the history: %w", err)
	}
	a.catchUp(ctx)
	if o.Started != nil {
		started.Link = a.ConsoleLink()
		o.Started(started)
	}
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	if _, err := f.Live(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}
