package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/secret"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/modelclient"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// DemoOptions configures a demo.
type DemoOptions struct {
	Config config.Config // Data and Listen matter; port 0 takes free ports
	Logger *slog.Logger
	Seed   uint64    // of the simulated enterprise
	End    time.Time // of its history, for pictures and tests that can be repeated; zero is now
	// For is how long live activity goes on; 0 until the context ends.
	For time.Duration
	// Started is called once history is in and can be searched, and live activity begins.
	Started func(DemoStarted)
}

// DemoStarted is what somebody needs to look at a demo.
type DemoStarted struct {
	Addrs
	Link     string // into the console, once
	People   []DemoPerson
	World    *world.World
	From, To time.Time // of the history
	History  fleet.Report
	Model    modelclient.Report // what went through the gateway
	Records  uint64             // that are in by then, of all sources
	Case     string             // an open investigation of what the gateway stopped
	Took     time.Duration      // from the first record's way to the receiver until all could be searched
}

// demoPace is how often a live session begins: often enough to be looked at, and not so often that an hour of it drowns the week.
const demoPace = 15 * time.Second

// demoHistory is how much history a demo has at least.
const demoHistory = 7 * 24 * time.Hour

// demoBegin is when the history of a demo begins. Where that would be in the middle of an incident, and the end in the middle
// of the next week's, neither would be told whole: then it is up to six hours earlier.
func demoBegin(w *world.World, end time.Time) time.Time {
	from := end.Add(-demoHistory)
	for _, i := range world.Incidents() {
		// Its process may begin an hour before it, and what shows that something is missing comes some minutes after it.
		at, over := w.When(i, from.Add(-3*time.Hour))
		if from.After(at.Add(-time.Hour)) && from.Before(over.Add(5*time.Minute)) {
			return from.Truncate(6 * time.Hour) // no incident is under way then
		}
	}
	return from
}

// Demo runs a whole Tripod on loopback and a simulated enterprise beside it, whose clients deliver to the real receiver: a
// week of history at once, then live activity. The end of ctx is no error, whenever it comes.
func Demo(ctx context.Context, o DemoOptions) (err error) {
	w := world.New(world.Options{Seed: o.Seed})
	vendor, err := newDemoVendor(ctx, w, &o)
	if err != nil {
		return err
	}
	serving := startStage(ctx, "simulated compliance api", vendor.Run)
	defer func() { err = errors.Join(err, serving.stop()) }()
	model, err := newDemoModel(ctx, &o)
	if err != nil {
		return err
	}
	answering := startStage(ctx, "simulated messages api", model.run)
	defer func() { err = errors.Join(err, answering.stop()) }()
	return demo(ctx, w, vendor.API(), model, o)
}

func demo(ctx context.Context, w *world.World, vendor *simulated.API, model *demoModel, o DemoOptions) error {
	o.Config.Owners = map[audit.Source]string{
		audit.SourceOTelLog: "IT security", audit.SourceOTelSpan: "IT security", audit.SourceOTelMetric: "clinical data platform",
		audit.SourceComplianceActivity: "IT governance", audit.SourceGatewayLLM: "platform engineering",
	}
	o.Config.Access.Local = demoLocal(w)
	tokens := newDemoTokens(w)
	options := Options{Config: o.Config, Version: "demo", Logger: o.Logger, Tokens: tokens.receiver}
	if model != nil {
		options.Callers, options.Now = tokens.gateway, model.clock.Now
	}
	a, err := New(ctx, options)
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
		case <-ctx.Done(): // serving says why, if it was not the caller
			return nil
		}
		return a.play(ctx, w, vendor, model, tokens, o)
	}()
	cancel(nil)
	return errors.Join(err, serving.stop())
}

// demoTokens are the bearer tokens of a demo: each device has one of its own that proves whose it is, to receiver and gateway
// alike. They live as long as the process.
type demoTokens struct {
	of       map[*world.Device]secret.String
	receiver []credential.Token
	gateway  []credential.Token // of devices whose model traffic goes through it
}

func newDemoTokens(w *world.World) demoTokens {
	all := demoTokens{of: make(map[*world.Device]secret.String, len(w.Devices))}
	for _, d := range w.Devices {
		t := secret.New(rand.Text())
		all.of[d] = t
		proves := audit.Identity{Email: d.Owner.Email, Device: d.ID, Groups: d.Owner.Groups}
		if d.Owner.Service {
			proves = audit.Identity{Service: d.Owner.Name, Device: d.ID, Groups: d.Owner.Groups}
		}
		token := credential.Token{Name: d.Name, Token: t, Proves: proves}
		all.receiver = append(all.receiver, token)
		if d.Gateway {
			all.gateway = append(all.gateway, token)
		}
	}
	return all
}

// play is the life of the enterprise until the demo ends.
func (a *App) play(ctx context.Context, w *world.World, vendor *simulated.API, model *demoModel, tokens demoTokens, o DemoOptions) error {
	addrs, err := ReadAddrs(a.cfg.Data)
	if err != nil {
		return err
	}
	f, err := fleet.New(fleet.Config{
		World: seenBy{w, vendor, model}, Org: &w.Org, HTTP: addrs.OTLPHTTP, GRPC: addrs.OTLPGRPC, Logger: o.Logger, Pace: demoPace,
		Token: func(d *world.Device) secret.String { return tokens.of[d] },
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := model.connect(a, w, addrs.Gateway, tokens.of, &o); err != nil {
		return errors.Join(err, f.Close())
	}
	defer model.close()
	return errors.Join(a.playFleet(ctx, f, model, DemoStarted{Addrs: addrs, World: w, From: demoBegin(w, o.End), To: o.End}, o), f.Close())
}

// playHistory plays both planes of the past side by side.
func playHistory(ctx context.Context, f *fleet.Fleet, model *demoModel, d *DemoStarted) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		d.History, err = f.History(ctx, d.From, d.To)
		return err
	})
	g.Go(func() error { return model.history(ctx, d) })
	return g.Wait()
}

func (a *App) playFleet(ctx context.Context, f *fleet.Fleet, model *demoModel, started DemoStarted, o DemoOptions) (err error) {
	began := time.Now()
	if err = playHistory(ctx, f, model, &started); err == nil {
		a.compliance.waitCaughtUp(ctx)
		a.catchUp(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("demo: play the history: %w", err)
	}
	started.Took = time.Since(began)
	if started.Case, err = a.demoCases(ctx, started.World); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("demo: make its cases: %w", err)
	}
	a.catchUp(ctx)
	if started.Records, err = a.truth.Journal.Reader().Last(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if o.Started != nil {
		started.Link, started.People = a.ConsoleLink(ctx), a.demoPeople(ctx)
		o.Started(started)
	}
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	asking := startStage(ctx, "live requests to the model", model.live)
	_, err = f.Live(ctx)
	if err = errors.Join(err, asking.stop()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}
