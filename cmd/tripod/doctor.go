package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
)

type doctorCommand struct {
	dataFlag
	Config string `short:"c" help:"Configuration file: where backups go, and while no serve runs where the keys for the Compliance API are." env:"TRIPOD_CONFIG" placeholder:"FILE"`
	JSON   bool   `help:"Print one JSON object a line."`
}

func (c *doctorCommand) Run(ctx context.Context, std streams) error {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return usage{err}
		}
	}
	cfg.Environment(os.Getenv)
	if err := cfg.Validate(); err != nil {
		return usage{fmt.Errorf("configuration: %w", err)}
	}
	well := true
	advised := make(map[string]string) // which check first gave an advice
	for _, f := range app.Examine(ctx, c.Data, cfg) {
		well = well && f.OK
		if c.JSON {
			if err := printJSON(std.out, f); err != nil {
				return err
			}
			continue
		}
		mark := "ok"
		if !f.OK {
			mark = "NOT"
		}
		fmt.Fprintf(std.out, "%-4s %-18s %s\n", mark, f.Check, plain(f.Text))
		if first := advised[f.Fix]; f.Fix != "" && first != "" {
			fmt.Fprintf(std.out, "     %-18s → as for %s\n", "", plain(first))
		} else if f.Fix != "" {
			advised[f.Fix] = f.Check
			fmt.Fprintf(std.out, "     %-18s → %s\n", "", plain(f.Fix))
		}
	}
	if addrs, err := app.ReadAddrs(c.Data); err == nil && !c.JSON && addrs.OTLPHTTP != "" {
		fmt.Fprintf(std.out, `
Claude Code reports here with:
  CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_LOGS_EXPORTER=otlp OTEL_METRICS_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT=%s
`, addrs.OTLPHTTP)
		if addrs.OTLPToken {
			fmt.Fprintln(std.out, `  OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer TOKEN", since the listeners ask for one of their tokens`)
		}
	}
	if addrs, err := app.ReadAddrs(c.Data); err == nil && !c.JSON && addrs.Gateway != "" {
		fmt.Fprintf(std.out, "\nClaude Code sends its model traffic through here with:\n  ANTHROPIC_BASE_URL=%s\n", addrs.Gateway)
		if addrs.GatewayToken {
			fmt.Fprintln(std.out, `  ANTHROPIC_CUSTOM_HEADERS="X-Tripod-Token: TOKEN", since the gateway asks for one of its tokens`)
		}
	}
	if !well {
		return wanting{app.ErrUnwell}
	}
	return nil
}
