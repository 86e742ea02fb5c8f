package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

type demoCommand struct {
	Data     *string       `help:"A new data directory (default: a temporary one, removed at the end)." placeholder:"DIR"`
	Headless bool          `help:"Print one JSON summary at the end and nothing else."`
	For      time.Duration `help:"How long to go on; without it until Ctrl-C, headless 20s." placeholder:"30s"`
	Seed     uint64        `help:"Another seed, another enterprise." default:"1"`
	listenFlags
}

func (c *demoCommand) Run(ctx context.Context, std streams) error {
	spareMemory()
	dir, remove, err := c.directory()
	if err != nil {
		return err
	}
	cfg := config.Default()
	free := "127.0.0.1:0"
	cfg.Override(config.Overrides{ListenConsole: &free, ListenOTLPHTTP: &free, ListenOTLPGRPC: &free})
	cfg.Override(c.overrides(&dir))
	// The demo captures everything it invents.
	cfg.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	if c.Headless && c.For == 0 {
		c.For = 20 * time.Second
	}
	demo := app.DemoOptions{Config: cfg, Logger: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})), Seed: c.Seed, For: c.For}
	if !c.Headless {
		fmt.Fprintln(std.out, "Playing a week of a simulated enterprise through the real receiver …")
		end := ""
		if c.Data == nil {
			end = " and removes its directory"
		}
		demo.Started = func(d app.DemoStarted) { welcome(std, dir, end, d) }
	}
	if err := app.Demo(ctx, demo); err != nil {
		return errors.Join(err, remove())
	}
	summary, err := app.Summarise(context.WithoutCancel(ctx), dir)
	if err == nil && c.Headless {
		err = printJSON(std.out, summary)
	} else if err == nil {
		_, err = fmt.Fprintf(std.out, "\n%d records, %d under a signed checkpoint; %s; discrepancies: %d\n", summary.Records, summary.LedgerSize,
			summary.Statement, summary.Discrepancies)
	}
	if err == nil && !summary.Verified {
		err = wanting{fmt.Errorf("the demo's journal does not verify: %s", summary.Statement)}
	}
	return errors.Join(err, remove())
}

// directory is the one named, or a temporary one that goes away at the end.
func (c *demoCommand) directory() (string, func() error, error) {
	if c.Data != nil {
		if entries, err := os.ReadDir(*c.Data); err == nil && len(entries) > 0 {
			return "", nil, usage{fmt.Errorf("demo: %s is not empty: simulated records do not belong among real ones, name a new directory", *c.Data)}
		}
		return *c.Data, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "tripod-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make a data directory for the demo: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// welcome says where to look and what to try.
func welcome(std streams, dir, end string, d app.DemoStarted) {
	tripod := os.Args[0]
	if exe, err := os.Executable(); err == nil && filepath.Base(filepath.Dir(exe)) == "exe" { // go run
		tripod = "go run ./cmd/tripod"
	}
	night, _ := d.World.When(world.DeniedTool, d.From)
	day := night.Format(time.DateOnly)
	fmt.Fprintf(std.out, `
%s (invented): %d records of %s to %s.

  console   %s
            (works once, for 15 minutes; another: %s console --data %s)
  data      %s
  OTLP      %s and grpc %s

Three things to try, in the console or in another terminal:

  what dana did on Tuesday night, and which tool call was refused
      %s search 'user:dana@%s after:%sT18:00 outcome:denied' --data %s
  what is missing from a silenced laptop: open discrepancies on the overview, or
      %s search 'user:mikkel@%s type:user_prompt' --data %s      and then    %s session ID --data %s
  that nothing was altered or removed
      %s verify --data %s --key %s

Live activity goes on; Ctrl-C ends it%s.
`, d.World.Org.Name, d.History.Records, d.From.Format("Mon 2006-01-02 15:04"), d.To.Format("Mon 2006-01-02 15:04 UTC"), d.Link, tripod, dir, dir, d.OTLPHTTP, d.OTLPGRPC,
		tripod, d.World.Org.Domain, day, dir, tripod, d.World.Org.Domain, dir, tripod, dir, tripod, dir, filepath.Join(dir, "keys", "ledger.pub"), end)
}
