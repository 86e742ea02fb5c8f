package app

import (
	"context"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/content"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/directory"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/own"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/health"
)

// compliance is the way in for the Compliance API: one client, with one key, one budget and one clock, for all collectors
// of the tenant, and the record of what they ask.
type compliance struct {
	app        *App
	client     *api.Client
	budget     *api.Budget
	calls      *own.Log
	collectors []collector
	feed       *complianceapi.Collector
	settings   *sweep.Collector // nil where they are left out
}

// collector reads one part of the API.
type collector struct {
	part string // as conditions name it; "" is the activity feed
	what string // as people call it
	run  func(context.Context) error
	// caughtUp is closed once everything that was due has been read for the first time; nil where it is not waited for.
	caughtUp <-chan struct{}
}

// newCompliance makes the way in; nil where no key is named, or nothing can be written. It calls nobody yet.
func newCompliance(a *App) (*compliance, error) {
	cfg := a.cfg.Compliance
	if !cfg.On() || a.truth.Refused != nil {
		return nil, nil
	}
	c := &compliance{app: a, budget: api.NewBudget()}
	host, err := api.HostOf(cfg.URL)
	if err != nil {
		return nil, err
	}
	calls, err := own.New(own.Config{Host: host, Version: a.version}, own.Deps{Door: a.truth.Door, Logger: a.log, Registerer: a.metrics, Health: a.health})
	if err != nil {
		return nil, err
	}
	c.calls = calls
	c.client, err = api.New(api.Options{
		URL: cfg.URL, Key: complianceKey(cfg.ReadKey()), UserAgent: c.agent(), Budget: c.budget,
		Name: calls.Name, Observe: calls.Observe, KeyLoaded: calls.KeyLoaded, Scopes: calls.Scopes,
	})
	if err != nil {
		return nil, err
	}
	for _, add := range []func() error{c.addFeed, c.addDirectory, c.addSettings, c.addContent} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// agent is how Tripod names itself to the vendor.
func (c *compliance) agent() string { return "tripod/" + c.app.version }

// addFeed adds the collector of the activity feed.
func (c *compliance) addFeed() error {
	a, cfg := c.app, c.app.cfg.Compliance
	start, err := cfg.Since()
	if err != nil {
		return err
	}
	feed, err := complianceapi.New(complianceapi.Config{Start: start, Interval: cfg.PollInterval}, complianceapi.Deps{
		Client: c.client, Door: a.truth.Door, Cursors: a.truth.Journal, Logger: a.log, Registerer: a.metrics, Health: a.health,
		SettingChanged: c.settingChanged,
	})
	if err != nil {
		return err
	}
	c.feed = feed
	c.collectors = append(c.collectors, collector{what: "the activity feed", run: feed.Run, caughtUp: feed.CaughtUp()})
	return nil
}

// addDirectory adds the collector of organisations, accounts, roles and groups.
func (c *compliance) addDirectory() error {
	a, cfg := c.app, c.app.cfg.Compliance
	if !cfg.Reads(config.PartDirectory) {
		return nil
	}
	d, err := directory.New(directory.Config{Interval: cfg.DirectoryInterval}, directory.Deps{
		Client: c.client, Door: a.truth.Door, Cursors: a.truth.Journal, Logger: a.log, Registerer: a.metrics, Health: a.health,
	})
	if err != nil {
		return err
	}
	c.collectors = append(c.collectors, collector{part: "directory", what: "the directory", run: d.Run, caughtUp: d.CaughtUp()})
	return nil
}

// addSettings adds the collector of the settings in force.
func (c *compliance) addSettings() error {
	a, cfg := c.app, c.app.cfg.Compliance
	if !cfg.Reads(config.PartSettings) {
		return nil
	}
	rules, err := cfg.Rules()
	if err != nil {
		return err
	}
	s, err := settings.New(settings.Config{Interval: cfg.SettingsInterval, Baseline: rules}, settings.Deps{
		Client: c.client, Door: a.truth.Door, Cursors: a.truth.Journal, Logger: a.log, Registerer: a.metrics, Health: a.health,
	})
	if err != nil {
		return err
	}
	c.settings = s
	c.collectors = append(c.collectors, collector{part: "settings", what: "the settings", run: s.Run, caughtUp: s.CaughtUp()})
	return nil
}

// settingChanged has the settings in force looked at where the feed shows that some were changed.
func (c *compliance) settingChanged() {
	if c.settings != nil {
		c.settings.Soon()
	}
}

// addContent adds the collector of sessions, chats and projects.
func (c *compliance) addContent() error {
	a, cfg := c.app, c.app.cfg.Compliance
	if !cfg.Reads(config.PartContent) {
		return nil
	}
	start, err := cfg.Since()
	if err != nil {
		return err
	}
	all, err := content.New(content.Config{Start: start, Interval: cfg.ContentInterval}, content.Deps{
		Client: c.client, Door: a.truth.Door, Cursors: a.truth.Journal, Logger: a.log, Registerer: a.metrics, Health: a.health,
	})
	if err != nil {
		return err
	}
	c.collectors = append(c.collectors, collector{part: "content", what: "sessions, chats and projects", run: all.Run, caughtUp: all.CaughtUp()})
	return nil
}

// start starts the record of own calls, then who makes them: it stops after them.
func (c *compliance) start(start func(name string, run func(context.Context) error)) {
	start("calls to the compliance api", func(ctx context.Context) error {
		defer c.client.Close()
		return c.calls.Run(ctx)
	})
	for _, k := range c.collectors {
		start("compliance api: "+k.what, func(ctx context.Context) error { return c.run(ctx, k) })
	}
}

// Backlog is how far the reading of the activity feed's past is; not Behind where none is read. Any goroutine may ask.
func (a *App) Backlog() backlog.Progress {
	if a.compliance == nil {
		return backlog.Progress{}
	}
	return a.compliance.feed.Backlog()
}

// waitCaughtUp returns when every collector has read what was due, or the context ends.
func (c *compliance) waitCaughtUp(ctx context.Context) {
	for _, k := range c.collectors {
		if k.caughtUp == nil {
			continue
		}
		select {
		case <-k.caughtUp:
		case <-ctx.Done():
		}
	}
}

// run keeps what ends one collector from ending what else comes in.
func (c *compliance) run(ctx context.Context, k collector) error {
	err := k.run(ctx)
	if err != nil && ctx.Err() == nil {
		code := "compliance.stopped"
		if k.part != "" {
			code = "compliance." + k.part + ".stopped"
		}
		c.app.health.Raise(code, health.Critical, "nothing more is read of "+k.what+" until a restart: "+err.Error())
		c.app.log.ErrorContext(ctx, "nothing more is read of "+k.what, "error", err)
		<-ctx.Done()
	}
	return nil
}
