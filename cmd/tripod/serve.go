package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
)

// listenFlags are the listener addresses; one that is given empty keeps its way in from starting.
type listenFlags struct {
	ListenConsole  *string `help:"Console, metrics and health." env:"TRIPOD_LISTEN_CONSOLE" placeholder:"ADDR"`
	ListenOTLPHTTP *string `name:"listen-otlp-http" help:"OTLP over HTTP." env:"TRIPOD_LISTEN_OTLP_HTTP" placeholder:"ADDR"`
	ListenOTLPGRPC *string `name:"listen-otlp-grpc" help:"OTLP over gRPC." env:"TRIPOD_LISTEN_OTLP_GRPC" placeholder:"ADDR"`
	ListenGateway  *string `help:"LLM gateway, MCP gateway and hooks; not in this build." env:"TRIPOD_LISTEN_GATEWAY" placeholder:"ADDR"`
	ListenProxy    *string `help:"Egress proxy; not in this build." env:"TRIPOD_LISTEN_PROXY" placeholder:"ADDR"`
}

func (f *listenFlags) overrides(data *string) config.Overrides {
	return config.Overrides{Data: data, ListenConsole: f.ListenConsole, ListenOTLPHTTP: f.ListenOTLPHTTP, ListenOTLPGRPC: f.ListenOTLPGRPC}
}

// absent names the ways in that were asked for and that this build does not have.
func (f *listenFlags) absent() []string {
	var names []string
	if f.ListenGateway != nil && *f.ListenGateway != "" {
		names = append(names, "gateway")
	}
	if f.ListenProxy != nil && *f.ListenProxy != "" {
		names = append(names, "proxy")
	}
	return names
}

type serveCommand struct {
	Config string  `short:"c" help:"Configuration file; without one, flags and environment suffice." placeholder:"FILE"`
	Data   *string `help:"Data directory (default tripod-data)." env:"TRIPOD_DATA" placeholder:"DIR"`
	listenFlags
}

func (c *serveCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.config()
	if err != nil {
		return usage{err}
	}
	log, err := logger(cfg.Log, std)
	if err != nil {
		return usage{err}
	}
	for _, name := range c.absent() {
		log.WarnContext(ctx, "this build has no such way in; the address is not used", "listener", name)
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Logger: log})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

func (c *serveCommand) config() (config.Config, error) {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return cfg, err
		}
	}
	cfg.Override(c.overrides(c.Data))
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return cfg, nil
}

// logger writes to stderr as the configuration says.
func logger(c config.Log, std streams) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, errors.New("log.level: " + err.Error())
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(std.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(std.err, o)), nil
}
