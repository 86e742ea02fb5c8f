// Package content is the way in for what the Compliance API shows beside the activity feed: sessions, chats and projects,
// what was said in them and what is attached to them.
//
// It promises: each object that a list shows becomes one record, and one more each time it has changed since; what the
// capture policy would withhold of its inside is not asked for. Messages, files and documents become records once each,
// however often they are read. Records and where reading stands commit together: a crash between any two steps repeats a
// page and doubles nothing. What cannot be read is tried again for about two days, and then a record says so. Records of
// one page keep its order. Requests have the lowest priority, so the feed never waits for them. A Collector owns one
// goroutine for each part of the API, and Run, which is called once,
// waits for them; CaughtUp is safe for concurrent use. Cursors hold identifiers and times, and nothing of what people wrote or named.
//
// Sources: https://platform.claude.com/docs/en/manage-claude/compliance-sessions,
// https://platform.claude.com/docs/en/manage-claude/compliance-content-data.
package content

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Config configures a Collector. Zero values mean the defaults.
type Config struct {
	Credential string        // names the key in records; default "compliance"
	Start      time.Time     // the first run reads what changed since; zero is Lookback before it
	Lookback   time.Duration // default 30 days
	Interval   time.Duration // between rounds over sessions and chats; default 5 minutes
	Slow       time.Duration // between rounds over what has to be listed whole: projects, artifacts; default 1 hour
	Overlap    time.Duration // how much of the time before a round is asked for again; default 5 minutes
	Settle     time.Duration // after which a transcript that was still growing is read once more; default 30 minutes
	Trailing   time.Duration // remote sessions made in this time are listed each round; default 14 days
	PutOff     int           // things of one part that refuse to be read before nothing new of it is listed; default 1,000
	MaxFile    int64         // bytes; what is larger is recorded and not fetched; default 64 MiB
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, or time.Duration) {
		if *d <= 0 {
			*d = or
		}
	}
	if c.Credential == "" {
		c.Credential = "compliance"
	}
	def(&c.Lookback, 30*24*time.Hour)
	def(&c.Interval, 5*time.Minute)
	def(&c.Slow, time.Hour)
	def(&c.Overlap, 5*time.Minute)
	def(&c.Settle, 30*time.Minute)
	def(&c.Trailing, 14*24*time.Hour)
	if c.PutOff <= 0 {
		c.PutOff = 1000
	}
	if c.MaxFile <= 0 {
		c.MaxFile = 64 << 20
	}
	return c
}

// Door takes deliveries and own acts in, and tells what it would withhold and what it has; intake.Door is one.
type Door interface {
	Submit(ctx context.Context, d intake.Delivery) (intake.Receipt, error)
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
	Level(r *audit.Record, credential string) audit.Class
	Held(ctx context.Context, d intake.Delivery) ([]bool, error)
}

// Cursors tells what was committed last under a name; journal.Journal does.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Deps are what a Collector works with. Logger, Registerer and Health may be nil.
type Deps struct {
	Client     *api.Client // shared by all collectors of a tenant
	Door       Door
	Cursors    Cursors
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
}

// Collector reads the parts.
type Collector struct {
	runners []*runner
	health  *health.Registry
	log     *slog.Logger

	caughtUp chan struct{}
}

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps) (*Collector, error) {
	cfg = cfg.withDefaults()
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	norm, err := normalise.New()
	if err != nil {
		return nil, err
	}
	stats, err := newStats(deps.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register metrics of the compliance api's content: %w", err)
	}
	c := &Collector{health: deps.Health, log: deps.Logger, caughtUp: make(chan struct{})}
	all, err := newShared(cfg, deps)
	if err != nil {
		return nil, err
	}
	for _, p := range parts(cfg) {
		r, err := newRunner(p, cfg, deps, norm, stats, all)
		if err != nil {
			return nil, err
		}
		c.runners = append(c.runners, r)
	}
	return c, nil
}

// CaughtUp is closed once all that was due has been read for the first time since Run began.
func (c *Collector) CaughtUp() <-chan struct{} { return c.caughtUp }

// Run reads until the context ends. Trouble with one part ends neither it nor the others: it is told, and tried again. A
// part whose cursor cannot be read stands still until a restart, and a condition says so.
func (c *Collector) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, r := range c.runners {
		all.Go(func() {
			err := r.run(ctx)
			if err == nil || errors.Is(err, context.Canceled) || ctx.Err() != nil {
				return
			}
			c.health.Raise("compliance."+r.part.name+".stopped", health.Critical, r.part.says+" of the Compliance API are not read until a restart: "+err.Error())
			c.log.ErrorContext(ctx, "a part of the Compliance API is not read any more", "part", r.part.name, "error", err)
		})
	}
	all.Go(func() {
		for _, r := range c.runners {
			select {
			case <-r.idle:
			case <-ctx.Done():
				return
			}
		}
		close(c.caughtUp)
	})
	all.Wait()
	return nil
}
