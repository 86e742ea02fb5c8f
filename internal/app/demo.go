package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/simulate/capture"
)

// DemoOptions configures a demo.
type DemoOptions struct {
	Config config.Config // Data and Listen matter; port 0 takes free ports
	Logger *slog.Logger
	// For is how long live activity goes on; 0 until the context ends.
	For time.Duration
	// Started is called once history is in and live activity begins.
	Started func(Addrs, string)
}

// protocols are what real clients speak; the demo uses one after the other.
var protocols = []string{"http/protobuf", "http/json", "grpc"}

// Demo runs a whole Tripod on loopback and replays what a real Claude Code sent through the real receiver: an hour of
// history at once, then live. One export of the history is lost on purpose.
func Demo(ctx context.Context, o DemoOptions) error {
	scenarios, err := capture.Scenarios()
	if err != nil {
		return err
	}
	a, err := New(ctx, Options{Config: o.Config, Version: "demo", Logger: o.Logger})
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
		return replay(ctx, a.cfg.Data, scenarios, o)
	}()
	cancel(nil)
	return errors.Join(err, serving.stop())
}

func replay(ctx context.Context, dir string, scenarios []capture.Scenario, o DemoOptions) error {
	addrs, err := ReadAddrs(dir)
	if err != nil {
		return err
	}
	conn, err := capture.Dial(addrs.OTLPGRPC)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer conn.Close()
	s := &capture.Sender{HTTP: &http.Client{Timeout: 30 * time.Second}, URL: addrs.OTLPHTTP, GRPC: conn}
	defer s.HTTP.CloseIdleConnections()
	if err := history(ctx, s, scenarios); err != nil {
		return err
	}
	if o.Started != nil {
		o.Started(addrs, sessionOf(scenarios, lostScenario))
	}
	return live(ctx, s, scenarios, o.For)
}

// sessionOf is the session a scenario has in the demo's history.
func sessionOf(scenarios []capture.Scenario, name string) string {
	for _, s := range scenarios {
		if s.Name == name {
			return s.Renew("history "+name, 0).Session()
		}
	}
	return ""
}

// lostScenario loses its first export in the demo's history, so that there is a gap to be found.
const lostScenario = "stream2"

// history replays every scenario once, as if spread over the last hour.
func history(ctx context.Context, s *capture.Sender, scenarios []capture.Scenario) error {
	now := time.Now()
	for i, scenario := range scenarios {
		if scenario.Name == lostScenario {
			scenario.Exports = scenario.Exports[1:]
		}
		ago := time.Hour - time.Duration(i)*time.Hour/time.Duration(len(scenarios)+1)
		if err := play(ctx, s, scenario, "history", now.Add(-ago), protocols[i%len(protocols)]); err != nil {
			return err
		}
	}
	return nil
}

// live replays one scenario a second or so, as one client after the other would be seen.
func live(ctx context.Context, s *capture.Sender, scenarios []capture.Scenario, length time.Duration) error {
	var end <-chan time.Time
	if length > 0 {
		end = time.After(length)
	}
	pace := time.NewTicker(time.Second)
	defer pace.Stop()
	for round := 0; ; round++ {
		select {
		case <-ctx.Done():
			return nil
		case <-end:
			return nil
		case <-pace.C:
		}
		scenario := scenarios[round%len(scenarios)]
		run := fmt.Sprintf("live %d", round)
		if err := play(ctx, s, scenario, run, time.Now(), protocols[round%len(protocols)]); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// play sends a scenario so that its last event happens at a given time.
func play(ctx context.Context, s *capture.Sender, scenario capture.Scenario, run string, last time.Time, protocol string) error {
	again := scenario.Renew(run+" "+scenario.Name, last.Sub(scenario.Last()).Truncate(time.Millisecond))
	for _, e := range again.Exports {
		if err := s.Send(ctx, e, protocol); err != nil {
			return fmt.Errorf("demo: scenario %s: %w", scenario.Name, err)
		}
	}
	return nil
}
