// Package complianceapi is the way in for the control plane: it reads the activity feed of Anthropic's Compliance API.
//
// It promises: every activity the feed shows becomes exactly one record, however often it is read, and one more where
// its body changed since. What was read is durable before the cursor moves, in the same transaction; a crash between any
// two steps repeats a page and doubles nothing. Windows end a minute before the server's own time and overlap; each
// closed hour is read again soon after and a day later, and what was found is stated in a record, so that a row which
// came late is found and a gap is never silent. Trouble with the key, its scopes, the switch of the feed or the server is
// a health condition and a record. Records enter in the order in which they are read, which is newest first within a
// window, not the order in which they occurred. A Collector is used by one goroutine, which Run is; its package api is
// safe for concurrent use.
//
// Sources: https://platform.claude.com/docs/en/manage-claude/compliance-activity-feed,
// https://platform.claude.com/docs/en/manage-claude/compliance-integration-patterns.
package complianceapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Config configures a Collector. Zero values mean the defaults.
type Config struct {
	URL        string        // of the API; default api.DefaultURL
	Credential string        // names the key in records; default "compliance"
	Start      time.Time     // history begins here; zero is Lookback before the first run. An earlier one later extends it
	Lookback   time.Duration // how much history the first run reads; default 30 days
	Interval   time.Duration // between polls; default 30 s
	Lag        time.Duration // how far behind the server's time windows end; default and least one minute
	Overlap    time.Duration // how much of the time before a window is read again with it; default 5 minutes
	Settle     time.Duration // after which a window is read for the last time; default 24 hours
	PageSize   int           // activities a request asks for; default and most api.MaxPage
	MaxBody    int64         // bytes of an answer; less is asked for where one is larger; default 32 MiB
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

// Deps are what a Collector works with. Transport, Budget, Registerer and Health may be nil.
type Deps struct {
	Door       Door
	Cursors    Cursors
	Key        api.KeySource
	Transport  http.RoundTripper
	Budget     *api.Budget
	Version    string // of Tripod, for the user agent
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
}

// Collector reads the feed.
type Collector struct {
	cfg     Config
	door    Door
	cursors Cursors
	log     *slog.Logger
	health  *health.Registry
	client  *api.Client
	norm    *normalise.Normaliser
	stats   *stats
	cursor  string // name of the cursor that holds the state

	// What follows belongs to Run.
	st       state
	calls    []call    // made and not yet in the state
	keys     []string  // kinds of keys taken into use and not yet on record
	poll     time.Time // local time of the next poll
	failures int       // rounds in a row
	limit    int       // of a page: less where answers are too large
	probed   bool      // the key served since Run began
	polled   bool      // a poll was read to its end since Run began
	counted  ids       // of the window being read
	told     time.Time // when progress was last logged

	caughtUp chan struct{}
	behind   sync.Once // ends with caughtUp
}

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps) (*Collector, error) {
	cfg = cfg.withDefaults()
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Collector{cfg: cfg, door: deps.Door, cursors: deps.Cursors, log: deps.Logger, health: deps.Health, limit: cfg.PageSize, counted: ids{}, caughtUp: make(chan struct{})}
	var err error
	if c.norm, err = normalise.New(); err != nil {
		return nil, err
	}
	if c.stats, err = newStats(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of the compliance api: %w", err)
	}
	c.client, err = api.New(api.Options{
		URL: cfg.URL, Key: deps.Key, Transport: deps.Transport, Budget: deps.Budget, MaxBody: cfg.MaxBody, UserAgent: "tripod/" + deps.Version,
		Observe: c.observe, KeyLoaded: func(kind string) { c.keys = append(c.keys, kind) },
	})
	if err != nil {
		return nil, err
	}
	c.cursor = "compliance.activity " + c.client.Host()
	return c, nil
}

// CaughtUp is closed once everything that was due has been read, history included, for the first time since Run began.
func (c *Collector) CaughtUp() <-chan struct{} { return c.caughtUp }

// Run reads the feed until the context ends. Trouble does not end it: it is told, and tried again.
func (c *Collector) Run(ctx context.Context) error {
	defer c.client.Close()
	if err := c.load(ctx); err != nil {
		return err
	}
	c.recording()
	for ctx.Err() == nil {
		wait, err := c.step(ctx)
		if err != nil {
			wait = c.failed(ctx, err)
		}
		c.lag()
		if err := sleep(ctx, wait); err != nil {
			break
		}
	}
	return c.end(ctx)
}

// endTime bounds how long the calls that are not on record yet may take to get there when Run ends.
const endTime = 5 * time.Second

func (c *Collector) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := c.recordOwn(ctx, true); err != nil {
		c.log.WarnContext(ctx, "calls to the Compliance API are not on record", "error", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// step does the one thing that is most urgent and tells how long there is nothing to do after it.
func (c *Collector) step(ctx context.Context) (time.Duration, error) {
	if err := c.recordOwn(ctx, false); err != nil {
		return 0, err
	}
	now, _, known := c.client.Now()
	switch {
	case !known || !c.probed:
		return 0, c.probe(ctx)
	case c.st.Start.IsZero() || !c.cfg.Start.IsZero() && c.cfg.Start.Before(c.st.Start):
		return 0, c.begin(ctx, now)
	case len(c.st.Owed) > 0:
		return 0, c.state(ctx)
	case c.st.Forward != nil || !time.Now().Before(c.poll):
		return 0, c.forward(ctx, now)
	}
	if c.st.Reading == nil && !c.choose(now) {
		c.behind.Do(func() { close(c.caughtUp) })
		return min(time.Until(c.poll), c.nextDue(now)), nil
	}
	return 0, c.readWindow(ctx)
}

var errNoDate = errors.New("the server's answers have no Date, and windows are made by the server's time")

// probe asks for one activity, to learn the server's time and whether the key serves.
func (c *Collector) probe(ctx context.Context) error {
	page, err := c.client.Activities(ctx, api.Query{Limit: 1}, api.Feed)
	if err == nil && page.Date.IsZero() {
		err = errNoDate
	}
	if err != nil {
		return err
	}
	c.probed = true
	return c.succeeded(ctx)
}
