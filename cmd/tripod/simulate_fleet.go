package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// fleetTokenVariable names the bearer token that devices send: a flag would show it to everybody on the machine.
const fleetTokenVariable = "TRIPOD_SIMULATE_TOKEN"

type simulateFleet struct {
	Endpoint string           `help:"Base URL of the receiver." default:"http://127.0.0.1:4318" placeholder:"URL"`
	GRPC     string           `name:"grpc" help:"host:port of its gRPC listener; without it, clients set to gRPC use http/protobuf." placeholder:"ADDR"`
	Seed     uint64           `help:"Of the enterprise: the same seed, the same history." default:"1"`
	From     string           `help:"Begin of the history, RFC 3339 or a date (default: a week before --to)." placeholder:"TIME"`
	To       string           `help:"Its end (default: now)." placeholder:"TIME"`
	Live     bool             `help:"Go on from now, paced by the clock, until Ctrl-C; without a history unless --from is given."`
	For      time.Duration    `help:"How long --live goes on." placeholder:"30s"`
	Pace     time.Duration    `help:"How often a session begins, live." default:"4s"`
	Without  []world.Incident `help:"Incidents that do not happen, by name." placeholder:"INCIDENT"`

	Duplicates float64 `help:"Share of exports sent twice, 0 to 1." placeholder:"R"`
	Reorder    float64 `help:"Share of exports sent after the next." placeholder:"R"`
	Odd        float64 `help:"Share of exports in an odd form." placeholder:"R"`
	Loss       float64 `help:"Share of exports that never arrive." placeholder:"R"`

	Intervals bool `help:"Export at the clients' own intervals in the history too, not as much as an export holds."`
	Gzip      bool `help:"Compress bodies."`
}

func (c *simulateFleet) Run(ctx context.Context, std streams) error {
	from, to, err := c.stretch(time.Now())
	if err != nil {
		return usage{fmt.Errorf("simulate fleet: %w", err)}
	}
	w := world.New(world.Options{Seed: c.Seed, Without: c.Without})
	cfg := fleet.Config{
		World: w, Org: &w.Org, HTTP: c.Endpoint, GRPC: c.GRPC, Logger: slog.New(slog.NewTextHandler(std.err, nil)), Pace: c.Pace,
		Faults: fleet.Faults{Seed: c.Seed, Duplicates: c.Duplicates, Reorder: c.Reorder, Loss: c.Loss, Odd: c.Odd}, Exact: c.Intervals, Gzip: c.Gzip,
	}
	if token := secret.New(os.Getenv(fleetTokenVariable)); !token.IsZero() {
		cfg.Token = func(*world.Device) secret.String { return token }
	}
	f, err := fleet.New(cfg)
	if err != nil {
		return usage{fmt.Errorf("simulate fleet: %w", err)}
	}
	plays := fleetPlays{Simulating: "fleet", Organisation: w.Org.Name, Seed: c.Seed, Endpoint: c.Endpoint, GRPC: c.GRPC, Live: c.Live, Without: c.Without}
	if from.Before(to) {
		plays.From, plays.To = &from, &to
	}
	err = printJSON(std.out, plays)
	if err == nil {
		err = c.play(ctx, std, f, from, to)
	}
	return errors.Join(err, f.Close())
}

// fleetPlays is the line that says what is played.
type fleetPlays struct {
	Simulating   string           `json:"simulating"`
	Organisation string           `json:"organisation"`
	Seed         uint64           `json:"seed"`
	Endpoint     string           `json:"endpoint"`
	GRPC         string           `json:"grpc,omitempty"`
	From         *time.Time       `json:"from,omitempty"`
	To           *time.Time       `json:"to,omitempty"`
	Live         bool             `json:"live"`
	Without      []world.Incident `json:"without,omitempty"`
}

// stretch is the history to play; an empty one where only the present is.
func (c *simulateFleet) stretch(now time.Time) (from, to time.Time, err error) {
	for _, i := range c.Without {
		if !slices.Contains(world.Incidents(), i) {
			return from, to, fmt.Errorf("--without %s: there are %s", i, list(world.Incidents()))
		}
	}
	if c.Live && c.To != "" {
		return from, to, errors.New("--live goes on from now: leave out --to")
	}
	to = now.UTC().Truncate(time.Second)
	if c.To != "" {
		if to, err = moment(c.To); err != nil {
			return from, to, fmt.Errorf("--to: %w", err)
		}
	}
	switch {
	case c.From != "":
		if from, err = moment(c.From); err != nil {
			return from, to, fmt.Errorf("--from: %w", err)
		}
		if !from.Before(to) {
			return from, to, fmt.Errorf("--from %s is not before %s", c.From, to.Format(time.RFC3339))
		}
	case c.Live:
		from = to
	default:
		from = to.AddDate(0, 0, -7)
	}
	return from, to, nil
}

func list(all []world.Incident) string {
	names := make([]string, len(all))
	for i, n := range all {
		names[i] = string(n)
	}
	return strings.Join(names, ", ")
}

func moment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time: write 2026-11-16 or 2026-11-16T08:00:00Z", s)
}

// play plays and prints what came of it: one report for each part.
func (c *simulateFleet) play(ctx context.Context, std streams, f *fleet.Fleet, from, to time.Time) error {
	reports := struct {
		History *fleet.Report `json:"history,omitempty"`
		Live    *fleet.Report `json:"live,omitempty"`
	}{}
	var failed error
	if from.Before(to) {
		r, err := f.History(ctx, from, to)
		reports.History = &r
		failed = errors.Join(err, taken(r))
	}
	if c.Live && failed == nil {
		if c.For > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.For)
			defer cancel()
		}
		r, err := f.Live(ctx)
		reports.Live = &r
		failed = errors.Join(err, taken(r))
	}
	return errors.Join(failed, printJSON(std.out, reports))
}

// taken is an error if the receiver refused anything.
func taken(r fleet.Report) error {
	if len(r.Refused) == 0 {
		return nil
	}
	n := len(r.Refused) + r.Unlisted["refused"]
	err := fmt.Errorf("simulate fleet: the receiver did not take %d of %d exports: %s", n, n+r.Exports, r.Refused[0].Reason)
	if r.Exports == 0 {
		return err // is it there at all?
	}
	return wanting{err}
}
