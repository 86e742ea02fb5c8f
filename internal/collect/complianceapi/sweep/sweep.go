// Package sweep reads a part of the Compliance API as a whole, again and again, and tells in records what differs from
// the reading before: what the vendor shows as a state and not as a feed.
//
// It promises: nothing is concluded from a reading that broke off; what is missing in a complete one is gone, and where
// that is an organisation, or more than half of a list, only once a second reading misses it as well. What is gone stays
// known, so that it can be told from what is new when it returns. Records of differences are durable together with what
// the next reading is compared with, so that a crash between any two steps doubles and loses nothing; then the sweep is
// stated. Records enter in the order of the lists they are of, then of ids. A Collector is used by one goroutine, which
// Run is.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Config configures a Collector.
type Config struct {
	Part       string        // what is swept, for names of metrics and in the log: "directory"
	Source     audit.Source  // of its records; also the name of its feed in statements, and with the host that of its cursor
	Host       string        // the server
	Credential string        // names the key in records
	Interval   time.Duration // between sweeps
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

// Watch is told whether the part can be read; trouble.Watch is one.
type Watch interface {
	Failed(ctx context.Context, err error) time.Duration // how long to wait before the next try
	Succeeded(ctx context.Context) error
}

// Part is what is swept.
type Part interface {
	// Read reads all of it. An error breaks the sweep off. It may be called again at any time.
	Read(ctx context.Context, r *Reading) error
	// Draft makes a record of a change.
	Draft(c Change) intake.Draft
}

// Deps are what a Collector works with. Registerer may be nil.
type Deps struct {
	Door       Door
	Cursors    Cursors
	Watch      Watch
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Collector sweeps one part.
type Collector struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	part  Part
	stats *stats

	// What follows belongs to Run.
	st    state
	known known
}

// New makes a collector and calls nobody yet.
func New(cfg Config, deps Deps, part Part) (*Collector, error) {
	c := &Collector{cfg: cfg, deps: deps, part: part, log: deps.Logger}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if c.stats, err = newStats(cfg.Part, deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of the %s: %w", cfg.Part, err)
	}
	return c, nil
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
	wait := c.untilDue(time.Now())
	for sleep(ctx, wait) == nil {
		partial, err := c.sweep(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			wait = c.failed(ctx, err)
		case partial != nil:
			wait = max(c.cfg.Interval, c.deps.Watch.Failed(ctx, partial))
		default:
			wait = c.next()
			if err := c.deps.Watch.Succeeded(ctx); err != nil {
				c.log.WarnContext(ctx, "that a part of the Compliance API is read again is not on record", "part", c.cfg.Part, "error", err)
			}
		}
	}
	return nil
}

// untilDue is how long it is until the next sweep after a start.
func (c *Collector) untilDue(now time.Time) time.Duration {
	if c.st.Swept.IsZero() || len(c.st.Doubts) > 0 {
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
	wait := c.deps.Watch.Failed(ctx, err)
	var refused *api.Error
	if errors.As(err, &refused) && refused.Status/100 == 4 && refused.Status != http.StatusTooManyRequests {
		wait = max(wait, min(c.cfg.Interval, refusedWait))
	}
	return wait
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

// sweep reads the part, and makes what differs durable. partial is why some lists of it could not be read.
func (c *Collector) sweep(ctx context.Context) (partial, err error) {
	r := newReading(c.known)
	if err := c.part.Read(ctx, r); err != nil {
		return nil, err
	}
	changes, doubts, err := c.compare(r)
	if err != nil {
		return nil, err
	}
	counts, err := c.commit(ctx, changes)
	if err != nil {
		return nil, err
	}
	if err := c.state(ctx, r, counts, doubts); err != nil {
		return nil, err
	}
	c.stats.swept(r.began, counts)
	return r.trouble, nil
}
