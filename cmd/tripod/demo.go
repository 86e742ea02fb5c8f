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
)

type demoCommand struct {
	Data     *string       `help:"A new data directory (default: a temporary one, removed at the end)." placeholder:"DIR"`
	Headless bool          `help:"Print one JSON summary at the end and nothing else."`
	For      time.Duration `help:"How long to go on; without it until Ctrl-C, headless 20s." placeholder:"30s"`
	listenFlags
}

func (c *demoCommand) Run(ctx context.Context, std streams) error {
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
	demo := app.DemoOptions{Config: cfg, Logger: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})), For: c.For}
	if !c.Headless {
		fmt.Fprintln(std.out, "Replaying what a real Claude Code sent, through the real receiver …")
		end := ""
		if c.Data == nil {
			end = " and removes its directory"
		}
		demo.Started = func(a app.Addrs, session string) { welcome(std, dir, end, a, session) }
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
func welcome(std streams, dir, end string, a app.Addrs, session string) {
	tripod := os.Args[0]
	if exe, err := os.Executable(); err == nil && filepath.Base(filepath.Dir(exe)) == "exe" { // go run
		tripod = "go run ./cmd/tripod"
	}
	fmt.Fprintf(std.out, `
  data      %s
  health    %s/healthz
  OTLP      %s and grpc %s

Try, in another terminal:

  %s search 'activity:tool_decision outcome:denied' --data %s
  %s session %s --data %s
  %s verify --data %s --key %s

Live activity goes on; Ctrl-C ends it%s.
`, dir, a.Console, a.OTLPHTTP, a.OTLPGRPC, tripod, dir, tripod, session, dir, tripod, dir, filepath.Join(dir, "keys", "ledger.pub"), end)
}
