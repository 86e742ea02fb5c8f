package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/config"
)

// listenFlags are the listener addresses; one that is given empty keeps its way in from starting.
type listenFlags struct {
	ListenConsole  *string `help:"Console, metrics and health." env:"TRIPOD_LISTEN_CONSOLE" placeholder:"ADDR"`
	ListenOTLPHTTP *string `name:"listen-otlp-http" help:"OTLP over HTTP." env:"TRIPOD_LISTEN_OTLP_HTTP" placeholder:"ADDR"`
	ListenOTLPGRPC *string `name:"listen-otlp-grpc" help:"OTLP over gRPC." env:"TRIPOD_LISTEN_OTLP_GRPC" placeholder:"ADDR"`
	ListenGateway  *string `help:"LLM gateway." env:"TRIPOD_LISTEN_GATEWAY" placeholder:"ADDR"`
	ListenProxy    *string `help:"Egress proxy; not in this build." env:"TRIPOD_LISTEN_PROXY" placeholder:"ADDR"`
}

func (f *listenFlags) overrides(data *string) config.Overrides {
	return config.Overrides{Data: data, ListenConsole: f.ListenConsole, ListenOTLPHTTP: f.ListenOTLPHTTP, ListenOTLPGRPC: f.ListenOTLPGRPC, ListenGateway: f.ListenGateway}
}

// absent names the ways in that were asked for and that this build does not have.
func (f *listenFlags) absent() []string {
	var names []string
	if f.ListenProxy != nil && *f.ListenProxy != "" {
		names = append(names, "proxy")
	}
	return names
}

type serveCommand struct {
	Config string  `short:"c" help:"Configuration file; without one, flags and environment suffice." placeholder:"FILE"`
	Data   *string `help:"Data directory (default tripod-data)." env:"TRIPOD_DATA" placeholder:"DIR"`
	listenFlags
	OTLPTLSCert        *string        `name:"otlp-tls-cert" help:"Certificate (PEM) of the OTLP listeners." env:"TRIPOD_OTLP_TLS_CERT" placeholder:"FILE"`
	OTLPTLSKey         *string        `name:"otlp-tls-key" help:"Its key." env:"TRIPOD_OTLP_TLS_KEY" placeholder:"FILE"`
	OTLPTLSClientCA    *string        `name:"otlp-tls-client-ca" help:"Clients must present a certificate it signed." env:"TRIPOD_OTLP_TLS_CLIENT_CA" placeholder:"FILE"`
	LogLevel           *string        `help:"debug, info, warn or error." env:"TRIPOD_LOG_LEVEL" placeholder:"LEVEL"`
	LogFormat          *string        `help:"text or json." env:"TRIPOD_LOG_FORMAT" placeholder:"FORMAT"`
	CheckpointInterval *time.Duration `help:"How often the ledger signs at most." env:"TRIPOD_CHECKPOINT_INTERVAL" placeholder:"1s"`
}

// How the garbage collector trades processor for memory where GOGC and GOMEMLIMIT say nothing. Measured with exports of
// 1,000 records: a third less memory than the default for a few per cent more work.
const (
	gcPercent   = 60
	memoryLimit = 176 << 20 // soft, in bytes
)

// spareMemory keeps the process small beside what else runs on the machine.
func spareMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}

func (c *serveCommand) Run(ctx context.Context, std streams) error {
	spareMemory()
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP) // before anything else, so that none ends a slow start
	defer signal.Stop(hangup)
	cfg, err := c.config()
	var unreadable *fs.PathError
	if errors.As(err, &unreadable) {
		return err
	}
	if err != nil {
		return usage{err}
	}
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
		return usage{err}
	}
	bottom := &bar{out: std.err}
	std.err = bottom
	log := logger(cfg.Log.Format, level, std)
	for _, name := range c.absent() {
		log.WarnContext(ctx, "this build has no such way in; the address is not used", "listener", name)
	}
	a, err := app.New(ctx, app.Options{Config: cfg, Version: version(), Logger: log, Level: level, Complete: c.complete})
	if err != nil {
		return err
	}
	reloading := c.reloadOn(ctx, hangup, a, log)
	greeted, watched := greet(ctx, std, a), watchBacklog(ctx, std, bottom, a)
	err = a.Run(ctx)
	watched()
	reloading()
	greeted()
	return err
}

// greet prints a link into the console once everything is bound, for a person at a terminal: it is a secret, and what
// keeps the output of a service would keep it. The function it returns waits for it.
func greet(ctx context.Context, std streams, a *app.App) (wait func()) {
	if !std.terminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-a.Ready():
			if link := a.ConsoleLink(ctx); link != "" {
				fmt.Fprintf(std.err, "console: %s (works once, for 15 minutes; tripod console prints another)\n", link)
			}
		case <-ctx.Done():
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// watchBacklog shows how far the reading of the past is, for a person at a terminal. The function it returns ends it.
func watchBacklog(ctx context.Context, std streams, bottom *bar, a *app.App) (stop func()) {
	if !std.terminal {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		bottom.follow(ctx, "activity feed", func() (float64, string, bool) {
			p := a.Backlog()
			return p.Share(), p.String(), p.Behind
		})
	}()
	return func() {
		cancel()
		<-done
	}
}

// reloadOn reloads the configuration on each signal until the function it returns is called.
func (c *serveCommand) reloadOn(ctx context.Context, hangup <-chan os.Signal, a *app.App, log *slog.Logger) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-hangup:
				if err := a.Reload(ctx, c.config); err != nil {
					log.ErrorContext(ctx, "reload", "error", err)
					continue
				}
				log.InfoContext(ctx, "policy, tokens, certificates and log level reloaded")
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

func (c *serveCommand) config() (config.Config, error) {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return cfg, err
		}
	}
	return c.complete(cfg)
}

// complete puts flags and environment over what a configuration file says, and validates the whole.
func (c *serveCommand) complete(cfg config.Config) (config.Config, error) {
	o := c.overrides(c.Data)
	o.TLSCert, o.TLSKey, o.TLSClientCA = c.OTLPTLSCert, c.OTLPTLSKey, c.OTLPTLSClientCA
	o.LogLevel, o.LogFormat, o.CheckpointInterval = c.LogLevel, c.LogFormat, c.CheckpointInterval
	cfg.Override(o)
	cfg.Environment(os.Getenv)
	if err := cfg.Validate(); err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return cfg, nil
}

// logger writes to stderr.
func logger(format string, level slog.Leveler, std streams) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(std.err, o))
	}
	return slog.New(slog.NewTextHandler(std.err, o))
}
