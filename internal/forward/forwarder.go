package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// Journal is what the Forwarder needs of the journal.
type Journal interface {
	Follow(from uint64) *journal.Follower
	Reader() *journal.Reader
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Ledger is where checkpoints come from.
type Ledger interface {
	Wait(ctx context.Context, size uint64) (ledger.Checkpoint, error)
}

// Options configure a Forwarder.
type Options struct {
	Dir     string // data directory
	Sinks   []SinkConfig
	Backoff Backoff
}

// Deps are what a Forwarder is made with.
type Deps struct {
	Journal Journal
	Ledger  Ledger
	// Format finds a form by its name.
	Format func(name string) (Formatter, error)
	// Filter reads a query.
	Filter func(query string) (func(*audit.Record) bool, error)
	// Open makes a sink by its name. It may be called again after an error.
	Open       func(ctx context.Context, name string) (Sink, error)
	Health     *health.Registry
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Forwarder sends the journal to every sink.
type Forwarder struct {
	deps   Deps
	state  *state
	erased *erased
	feeds  []*feed
}

// CursorName is the journal's cursor under which the heartbeat leaves how far a sink came, so that a restored data directory goes
// on there.
func CursorName(sink string) string { return "forward/" + sink }

// New opens DIR/forward.db and reaches no receiver yet. The caller holds the journal's lock.
func New(ctx context.Context, o Options, d Deps) (_ *Forwarder, err error) {
	f := &Forwarder{deps: d, erased: new(erased)}
	if f.state, err = openState(ctx, o.Dir); err != nil {
		return nil, err
	}
	for _, c := range o.Sinks {
		fd, err := f.newFeed(ctx, c.WithDefaults(), o.Backoff)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sink %s: %w", c.Name, err), f.state.Close())
		}
		f.feeds = append(f.feeds, fd)
	}
	if d.Registerer != nil {
		if err := d.Registerer.Register(newCollector(f)); err != nil {
			return nil, errors.Join(fmt.Errorf("metrics of forwarding: %w", err), f.state.Close())
		}
	}
	return f, nil
}

func (f *Forwarder) newFeed(ctx context.Context, c SinkConfig, b Backoff) (*feed, error) {
	fd := &feed{
		cfg: c, deps: &f.deps, journal: f.deps.Journal, health: f.deps.Health, log: f.deps.Logger, state: f.state, erased: f.erased, pace: newPace(b),
		saving: make(chan struct{}, 1), opened: make(chan struct{}),
	}
	var err error
	if fd.format, err = f.deps.Format(c.Format); err != nil {
		return nil, err
	}
	if c.Filter != "" {
		if fd.filter, err = f.deps.Filter(c.Filter); err != nil {
			return nil, fmt.Errorf("filter: %w", err)
		}
	}
	return fd, f.begin(ctx, c)
}

// begin makes the live lane of a sink that is new here, and puts one that is beyond the journal's end back to it.
func (f *Forwarder) begin(ctx context.Context, c SinkConfig) error {
	last, err := f.deps.Journal.Reader().Last(ctx)
	if err != nil {
		return err
	}
	rows, err := f.state.lanes(ctx, c.Name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.lane != laneLive {
			continue
		}
		if r.cursor > last { // the journal was restored from an older copy; what was sent has no position here any more
			return f.state.commit(ctx, c.Name, progress{lanes: []laneRow{{lane: laneLive, cursor: last}}})
		}
		return nil
	}
	at, err := f.startOf(ctx, c, last)
	if err != nil {
		return err
	}
	_, err = f.state.addLane(ctx, c.Name, laneRow{lane: laneLive, cursor: at})
	return err
}

// startOf is the position behind which a sink that is new here begins.
func (f *Forwarder) startOf(ctx context.Context, c SinkConfig, last uint64) (uint64, error) {
	if b, err := f.deps.Journal.Cursor(ctx, CursorName(c.Name)); err != nil {
		return 0, err
	} else if at, ok := parseCursor(b); ok {
		return min(at, last), nil
	}
	from, err := parseFrom(c.From)
	if err != nil {
		return 0, fmt.Errorf("from: %w", err)
	}
	return behind(ctx, f.deps.Journal.Reader(), from, last)
}

// Run sends until the context ends; then it saves how far it came and closes the sinks.
func (f *Forwarder) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, fd := range f.feeds {
		all.Go(func() { _ = fd.run(ctx) })
	}
	all.Wait()
	var errs []error
	for _, fd := range f.feeds {
		if fd.sink != nil {
			errs = append(errs, fd.sink.Close())
		}
	}
	return errors.Join(errs...)
}

// Close closes the state file. Run must have returned.
func (f *Forwarder) Close() error { return f.state.Close() }

// Wake tries again at once whatever waits: after a reload, when a credential may be another one.
func (f *Forwarder) Wake() {
	for _, fd := range f.feeds {
		fd.pace.wake()
	}
}

// Forget drops what is kept or under way of records that were erased. What is in a request this very moment still arrives, as
// what was sent before did.
func (f *Forwarder) Forget(ctx context.Context, seqs []uint64) error {
	f.erased.add(seqs)
	if err := f.state.forget(ctx, seqs); err != nil {
		return err
	}
	var errs []error
	for _, fd := range f.feeds {
		errs = append(errs, fd.countDead(ctx))
	}
	return errors.Join(errs...)
}

// Grade is what an acknowledgement of a sink is worth; "" while it is not open, or not known.
func (f *Forwarder) Grade(sink string) Grade {
	fd, err := f.feed(sink)
	if err != nil {
		return ""
	}
	select {
	case <-fd.opened:
		return fd.sink.Grade()
	default:
		return ""
	}
}

// ErrNoSink says that no sink has such a name.
var ErrNoSink = errors.New("no such sink")

func (f *Forwarder) feed(name string) (*feed, error) {
	i := slices.IndexFunc(f.feeds, func(fd *feed) bool { return fd.cfg.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoSink, name)
	}
	return f.feeds[i], nil
}

// Redrive has dead letters of a sink sent again, all of them where no id is named, and tells how many that are.
func (f *Forwarder) Redrive(ctx context.Context, sink string, ids []string) (int64, error) {
	fd, err := f.feed(sink)
	if err != nil {
		return 0, err
	}
	n, err := f.state.rouse(ctx, sink, ids)
	fd.pace.wake()
	return n, err
}

// Backfill sends what stands from a position or time on up to now again, or for the first time, beside what comes new. It tells
// which positions.
func (f *Forwarder) Backfill(ctx context.Context, sink, from string) (first, last uint64, err error) {
	fd, err := f.feed(sink)
	if err != nil {
		return 0, 0, err
	}
	first, last, err = backfill(ctx, f.state, f.deps.Journal.Reader(), sink, from)
	fd.pace.wake()
	return first, last, err
}

// Probe sends a marker to a sink; see the function of that name.
func (f *Forwarder) Probe(ctx context.Context, sink string) (ProbeResult, error) {
	fd, err := f.feed(sink)
	if err != nil {
		return ProbeResult{}, err
	}
	select {
	case <-fd.opened:
	default:
		fd.mu.Lock()
		defer fd.mu.Unlock()
		return ProbeResult{Sink: sink, Error: "is not open: " + fd.reason}, nil
	}
	select {
	case fd.slots <- struct{}{}:
		defer func() { <-fd.slots }()
	case <-ctx.Done():
		return ProbeResult{Sink: sink, Error: "is busy"}, nil
	}
	return Probe(ctx, sink, fd.sink, fd.format), nil
}

// look says now and then whether the sink is behind.
func (f *feed) look(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		s, err := statusOf(ctx, f.state, f.journal.Reader(), f.cfg.Name)
		if err != nil {
			return err
		}
		if s.LagSeconds > lateAfter.Seconds() {
			f.health.Raise(f.condition("behind"), health.Warning, fmt.Sprintf("sink %s: %d records wait, the oldest for %v; %s", f.cfg.Name, s.LagRecords, time.Duration(s.LagSeconds)*time.Second, s.why()))
		} else {
			f.health.Clear(f.condition("behind"))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
