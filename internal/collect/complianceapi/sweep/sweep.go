// Package sweep reads a part of the Compliance API as a whole, again and again, and tells in records what differs from
// the reading before: what the vendor shows as a state and not as a feed.
//
// It promises: nothing is concluded from a reading that broke off, a list that could not be read or an organisation that is
// not shown; one list that cannot be read keeps none of the others from being read. What is missing in a list that was read
// to its end is gone, and where that is more than half of it only once a second reading misses it as well. What is gone stays
// known, so that it can be told from what is new when it returns. Records of differences are durable together with what
// the next reading is compared with, so that a crash between any two steps doubles and loses nothing; then the sweep is
// stated. Records enter in the order of the lists they are of, then of ids. A Collector is used by one goroutine, which
// Run is; CaughtUp and Soon are safe for concurrent use.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Config configures a Collector.
type Config struct {
	Part       string        // what is swept, in names of conditions and metrics: "directory"
	What       string        // what people call it: "the directory"
	Scope      string        // that a key needs for it
	Source     audit.Source  // of its records; also the name of its feed in statements, and with the host that of its cursor
	Credential string        // names the key in records
	Interval   time.Duration // between sweeps
	AtStart    bool          // sweep when Run begins, whenever the last sweep was
	Batch      int           // records made durable at once, with what is known after them, and up to ten times as many where much is; default 2000
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

// Part is what is swept.
type Part interface {
	// Read reads all of it. An error breaks the sweep off. It may be called again at any time.
	Read(ctx context.Context, r *Reading) error
	// Draft makes a record of a change. One without a record is not told, only remembered.
	Draft(c Change) intake.Draft
}

// Deps are what a Collector works with. Logger, Registerer and Health may be nil.
type Deps struct {
	Client     *api.Client // a part's own calls go through it; its host names cursors and records
	Door       Door
	Cursors    Cursors
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
}

// Collector sweeps one part.
type Collector struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	part  Part
	watch *trouble.Watch
	stats *stats

	// What follows belongs to Run.
	st    state
	known known

	soon     chan struct{} // holds a token where somebody asks for a sweep
	caughtUp chan struct{}
	behind   sync.Once // ends with caughtUp
}

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps, part Part) (*Collector, error) {
	c := &Collector{cfg: cfg, deps: deps, part: part, log: deps.Logger, soon: make(chan struct{}, 1), caughtUp: make(chan struct{})}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.cfg.Batch <= 0 {
		c.cfg.Batch = 2000
	}
	var err error
	if c.stats, err = newStats(cfg.Part, deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of %s: %w", cfg.What, err)
	}
	c.watch, err = trouble.New(trouble.Config{
		Part: cfg.Part, Feed: string(cfg.Source), What: cfg.What, Scope: cfg.Scope, Credential: cfg.Credential, Host: deps.Client.Host(),
		ReadUpTo: func() time.Time { return c.st.Swept },
	}, trouble.Deps{Door: deps.Door, Cursors: deps.Cursors, Health: deps.Health, Logger: c.log})
	return c, err
}

// CaughtUp is closed once nothing was due any more for the first time since Run began: the part was read to its end, as
// far as the key may read it.
func (c *Collector) CaughtUp() <-chan struct{} { return c.caughtUp }

// Soon asks for a sweep before the next one is due: there is reason to think that something has changed.
func (c *Collector) Soon() {
	select {
	case c.soon <- struct{}{}:
	default: // asked for already
	}
}

// Waits other than the interval.
const (
	doubtWait   = 5 * time.Minute  // until what was missing is looked for again
	refusedWait = 10 * time.Minute // until what was refused is asked for again: each try is a call in the customer's feed
)

// Run sweeps until the context ends. Trouble does not end it: it is told, and tried again.
func (c *Collector) Run(ctx context.Context) error {
	if err := c.load(ctx); err != nil {
		return err
	}
	c.tellReach(ctx)
	wait := c.untilDue(time.Now())
	if wait > 0 {
		c.behind.Do(func() { close(c.caughtUp) })
	}
	for c.sleep(ctx, wait) == nil {
		partial, err := c.sweep(ctx)
		if err != nil {
			wait = c.failed(ctx, err)
			continue
		}
		c.behind.Do(func() { close(c.caughtUp) })
		if wait = c.next(); partial != nil {
			wait = max(wait, c.watch.Failed(ctx, partial))
			if errors.Is(partial, trouble.ErrPartial) && c.watch.Failures() == 1 { // it may be over soon
				wait = min(wait, refusedWait)
			}
		} else if err := c.watch.Succeeded(ctx); err != nil {
			c.log.WarnContext(ctx, "that "+c.cfg.What+" is read again is not on record", "error", err)
		}
	}
	return nil
}

// untilDue is how long it is until the next sweep after a start.
func (c *Collector) untilDue(now time.Time) time.Duration {
	if c.st.Swept.IsZero() || len(c.st.Doubts) > 0 || c.cfg.AtStart {
		return 0
	}
	return min(max(0, c.st.Swept.Add(c.cfg.Interval).Sub(now)), c.cfg.Interval)
}

func (c *Collector) next() time.Duration {
	if len(c.st.Doubts) > 0 {
		return min(c.cfg.Interval, doubtWait)
	}
	return c.cfg.Interval
}

func (c *Collector) failed(ctx context.Context, err error) time.Duration {
	wait := c.watch.Failed(ctx, err)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status/100 == 4 && refused.Status != http.StatusTooManyRequests {
		wait = max(wait, min(c.cfg.Interval, refusedWait))
	}
	return wait
}

func (c *Collector) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.soon:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// sweep reads the part, and makes what differs durable. partial is why some lists of it could not be read.
func (c *Collector) sweep(ctx context.Context) (partial, err error) {
	r := newReading(c.known)
	if err := c.part.Read(ctx, r); err != nil {
		return nil, err
	}
	d, err := c.compare(r)
	if err != nil {
		return nil, err
	}
	counts, err := c.commit(ctx, d.changes)
	if err != nil {
		return nil, err
	}
	if err := c.state(ctx, d, counts); err != nil {
		return nil, err
	}
	c.stats.swept(r.began, counts)
	c.tellReach(ctx)
	return partialTrouble(r.trouble), nil
}
