// Package complianceapi is the way in for the control plane: it reads the activity feed of Anthropic's Compliance API.
//
// It promises: every activity the feed shows becomes exactly one record, however often it is read, and one more where
// its body changed since. What was read is durable before the cursor moves, in the same transaction; a crash between any
// two steps repeats a page and doubles nothing. Windows end a minute before the server's own time and overlap; each
// closed hour is read again soon after and a day later, and what was found is stated in a record, so that a row which
// came late is found and a gap is never silent. Trouble with the key, its scopes, the switch of the feed or the server is
// a health condition and a record. Records enter in the order in which they are read, which is newest first within a
// window, not the order in which they occurred. A page that never comes keeps nothing else from being read: its window
// waits, is divided, and what is left of it is stated as unread and tried for ever. A Collector is used by one goroutine,
// which Run is; its package api is safe for concurrent use.
//
// Sources: https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed,
// https://platform.claude.com/docs/en/manage-claude/compliance-integration-patterns.
package complianceapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Config configures a Collector. Zero values mean the defaults.
type Config struct {
	Credential string        // names the key in records; default "compliance"
	Start      time.Time     // history begins here; zero is Lookback before the first run. An earlier one later extends it
	Lookback   time.Duration // how much history the first run reads; default 30 days
	Interval   time.Duration // between polls; default 30 s
	Lag        time.Duration // how far behind the server's time windows end; default and least one minute
	Overlap    time.Duration // how much of the time before a window is read again with it; default 5 minutes
	Settle     time.Duration // after which a window is read for the last time; default 24 hours
	PageSize   int           // activities a request asks for; default and most api.MaxPage
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
	def(&c.Interval, 30*time.Second)
	def(&c.Overlap, 5*time.Minute)
	def(&c.Settle, 24*time.Hour)
	c.Lag = max(c.Lag, time.Minute)
	if c.PageSize <= 0 || c.PageSize > api.MaxPage {
		c.PageSize = api.MaxPage
	}
	return c
}

// Door takes deliveries and own acts in; intake.Door is one. A nil error means that everything is durable.
type Door interface {
	Submit(ctx context.Context, d intake.Delivery) (intake.Receipt, error)
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Cursors tells what was committed last under a name; journal.Journal does.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Deps are what a Collector works with. Logger, Registerer and Health may be nil.
type Deps struct {
	Client     *api.Client // shared with the other collectors of the tenant, and closed by nobody of them
	Door       Door
	Cursors    Cursors
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
	// SettingChanged, where set, is called after the feed showed that settings were changed lately. It must not block.
	SettingChanged func()
}

// Collector reads the feed.
type Collector struct {
	cfg     Config
	door    Door
	cursors Cursors
	log     *slog.Logger
	health  *health.Registry
	client  *api.Client
	watch   *trouble.Watch
	norm    *normalise.Normaliser
	stats   *stats
	meter   backlog.Meter
	cursor  string // name of the cursor that holds the state

	settingChanged func()

	// What follows belongs to Run.
	st      state
	setting time.Time // when a setting was changed last, as far as was seen since Run began
	poll    time.Time // local time of the next poll
	doubt   *doubt    // a page that did not come; nil where there is none to judge
	cause   error     // why a window, or a poll, failed last
	// polls fail, and that is told: the windows that are read meanwhile do not end it.
	pollFails bool
	probed    bool      // the key served since Run began
	polled    bool      // a poll was read to its end since Run began
	counted   ids       // of the window being read
	ahead     *ahead    // of the window being read; nil where nothing is fetched ahead
	covered   covered   // of the past, since Run began
	told      time.Time // when progress was last logged

	caughtUp chan struct{}
	behind   sync.Once // ends with caughtUp
}

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps) (*Collector, error) {
	cfg = cfg.withDefaults()
	if deps.Client == nil {
		return nil, errors.New("collect the activity feed: no client")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Collector{
		cfg: cfg, door: deps.Door, cursors: deps.Cursors, log: deps.Logger, health: deps.Health, client: deps.Client, counted: ids{},
		cursor: feed + " " + deps.Client.Host(), caughtUp: make(chan struct{}),
		settingChanged: deps.SettingChanged,
	}
	var err error
	if c.norm, err = normalise.New(); err != nil {
		return nil, err
	}
	if c.stats, err = newStats(deps.Registerer, c.Backlog); err != nil {
		return nil, fmt.Errorf("register metrics of the activity feed: %w", err)
	}
	c.watch, err = trouble.New(trouble.Config{
		Feed: feed, What: "the activity feed", Scope: "read:compliance_activities", Credential: cfg.Credential, Host: deps.Client.Host(),
		ReadUpTo: func() time.Time { return c.st.Seen },
	}, trouble.Deps{Door: deps.Door, Cursors: deps.Cursors, Health: deps.Health, Logger: deps.Logger})
	return c, err
}

// feed is what records and cursors call the activity feed.
const feed = "compliance.activity"

// CaughtUp is closed once everything that was due has been read, history included, for the first time since Run began.
func (c *Collector) CaughtUp() <-chan struct{} { return c.caughtUp }

// Run reads the feed until the context ends. Trouble does not end it: it is told, and tried again.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	defer c.drop()
	c.recording()
	c.measure()
	for ctx.Err() == nil {
		wait, err := c.step(ctx)
		if err != nil {
			wait = c.watch.Failed(ctx, err)
		}
		c.lag()
		c.unread()
		c.measure()
		if err := api.Pause(ctx, wait); err != nil {
			break
		}
	}
	return nil
}

// step does the one thing that is most urgent and tells how long there is nothing to do after it.
func (c *Collector) step(ctx context.Context) (time.Duration, error) {
	now, _, known := c.client.Now()
	switch {
	case !known || !c.probed:
		return 0, c.probe(ctx)
	case c.st.Start.IsZero() || !c.cfg.Start.IsZero() && c.cfg.Start.Before(c.st.Start):
		return 0, c.begin(ctx, now)
	case c.doubt != nil:
		return 0, c.judge(ctx)
	case len(c.st.Owed) > 0:
		return 0, c.state(ctx)
	case c.st.gapChanged():
		return 0, c.tellOfGap(ctx)
	case !time.Now().Before(c.poll):
		return 0, c.forward(ctx, now)
	}
	if c.st.Reading != nil && c.hourWaits(now) {
		c.st.setAside()
	}
	if c.st.Reading == nil && !c.choose(now) {
		if !c.st.putOff() {
			c.behind.Do(func() { close(c.caughtUp) })
		}
		return min(time.Until(c.poll), c.nextDue(now)), nil
	}
	return 0, c.readWindow(ctx)
}

var errNoDate = fmt.Errorf("%w: its answers have no Date, and windows are made by the server's time", api.ErrMalformed)

// probe asks for one activity, to learn the server's time and whether the key serves.
func (c *Collector) probe(ctx context.Context) error {
	if err := c.ask(ctx); err != nil {
		return err
	}
	c.probed = true
	return c.watch.Succeeded(ctx)
}

// ask asks for one activity, of now where that is known: the newest one may be what no answer comes with.
func (c *Collector) ask(ctx context.Context) error {
	now, _, _ := c.client.Now()
	page, err := c.client.Activities(ctx, api.Query{From: now, Limit: 1}, api.Feed)
	if err == nil && page.Date.IsZero() {
		err = errNoDate
	}
	return err
}
