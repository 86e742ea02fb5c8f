package forward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
)

const (
	syncEvery = time.Second // how long an acknowledgement waits to become durable
	syncItems = 1000        // and how many wait at most
	lookEvery = 15 * time.Second
	lateAfter = 5 * time.Minute // a sink is behind when what it lacks was recorded so long ago
)

// feed is one sink with everything on its way to it.
type feed struct {
	cfg     SinkConfig
	deps    *Deps
	journal Journal
	health  *health.Registry
	log     *slog.Logger
	state   *state
	erased  *erased
	pace    *pace
	filter  func(*audit.Record) bool
	format  Formatter

	saving chan struct{} // enough waits to be saved: one is kept
	opened chan struct{} // closed once sink, limits, slots and batches are set

	sink    Sink
	limits  Limits
	slots   chan struct{}
	batches chan batch

	mu      sync.Mutex
	lanes   []*lane
	pending progress // what is to be saved
	unsaved int
	failing bool
	reason  string // why the sink is not open
}

func (f *feed) condition(what string) string { return "forward." + f.cfg.Name + "." + what }

// run sends until the context ends. What a sink cannot do is a matter of health, and so is a state file that cannot be written:
// it begins again where the file says.
func (f *feed) run(ctx context.Context) error {
	if err := f.open(ctx); err != nil {
		return nil // the context ended
	}
	for {
		err := f.attempt(ctx)
		if ctx.Err() != nil {
			return nil
		}
		f.health.Raise(f.condition("behind"), health.Critical, fmt.Sprintf("sink %s stopped, trying again: %v", f.cfg.Name, err))
		f.log.ErrorContext(ctx, "a sink stopped, trying again", "sink", f.cfg.Name, "error", err)
		if f.pace.nap(ctx, f.pace.backoff.Most, f.pace.signal()) != nil {
			return nil
		}
	}
}

// open makes the sink, again and again until it can be made.
func (f *feed) open(ctx context.Context) error {
	for {
		begun := time.Now()
		sink, err := f.deps.Open(ctx, f.cfg.Name)
		if err == nil {
			f.health.Clear(f.condition("auth"))
			f.mu.Lock()
			defer f.mu.Unlock()
			f.sink, f.limits, f.reason = sink, sink.Limits().withDefaults(), ""
			f.slots, f.batches = make(chan struct{}, f.limits.InFlight), make(chan batch)
			close(f.opened)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.health.Raise(f.condition("auth"), health.Critical, fmt.Sprintf("sink %s cannot be opened, trying again: %v", f.cfg.Name, err))
		f.log.WarnContext(ctx, "a sink cannot be opened, trying again", "sink", f.cfg.Name, "error", err)
		f.mu.Lock()
		f.reason = err.Error()
		f.mu.Unlock()
		f.pace.fail(begun)
		if err := f.pace.wait(ctx); err != nil {
			return err
		}
	}
}

// attempt runs every part of the feed from what the state file says on.
func (f *feed) attempt(ctx context.Context) error {
	rows, err := f.state.lanes(ctx, f.cfg.Name)
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.lanes, f.pending, f.unsaved = nil, progress{}, 0
	f.mu.Unlock()
	if err := f.countDead(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for range f.limits.InFlight {
		g.Go(func() error { return f.work(ctx) })
	}
	begin := func(r laneRow) {
		l := &lane{feed: f, name: r.lane, until: r.until, saved: r.cursor}
		l.track.settled = r.cursor
		f.mu.Lock()
		f.lanes = append(f.lanes, l)
		f.mu.Unlock()
		g.Go(func() error { return l.run(ctx) })
	}
	for _, r := range rows {
		begin(r)
	}
	g.Go(func() error { return f.orders(ctx, begin) })
	g.Go(func() error { return f.checkpoints(ctx) })
	g.Go(func() error { return f.save(ctx) })
	g.Go(func() error { return f.look(ctx) })
	err = g.Wait()
	return errors.Join(err, f.commit(context.WithoutCancel(ctx)))
}

// work sends batches, one after the other.
func (f *feed) work(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-f.batches:
			if err := f.deliver(ctx, b.items); err != nil {
				return err
			}
			b.track.done(b.last)
		}
	}
}

// orders takes up what somebody ordered meanwhile: dead letters to send again, a stretch to send again.
func (f *feed) orders(ctx context.Context, begin func(laneRow)) error {
	for {
		woken := f.pace.signal()
		if err := f.redrive(ctx); err != nil {
			return err
		}
		if err := f.newLanes(ctx, begin); err != nil {
			return err
		}
		if err := f.pace.nap(ctx, lookEvery, woken); err != nil {
			return err
		}
	}
}

// newLanes begins lanes that were added.
func (f *feed) newLanes(ctx context.Context, begin func(laneRow)) error {
	rows, err := f.state.lanes(ctx, f.cfg.Name)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if !f.running(r.lane) {
			begin(r)
		}
	}
	return nil
}

func (f *feed) running(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lanes {
		if l.name == name {
			return true
		}
	}
	return false
}

// redrive sends marked dead letters again. Those that are refused again stay, unmarked.
func (f *feed) redrive(ctx context.Context) error {
	most := min(f.limits.Items, 100)
	if f.limits.Exact {
		most = 1 // a key names its batch: each of its own
	}
	for {
		list, err := f.state.dead(ctx, f.cfg.Name, true, most)
		if err != nil || len(list) == 0 {
			return err
		}
		ids := make([]string, len(list))
		byKind := make(map[Kind][]Item)
		for i := range list {
			item := list[i].item
			ids[i] = item.ID
			if again, err := f.whole(ctx, &item); err != nil {
				return err
			} else if again {
				byKind[item.Kind] = append(byKind[item.Kind], item)
			}
		}
		for _, kind := range []Kind{KindRecord, KindCheckpoint, KindAlert, KindProbe} {
			if err := f.deliverSized(ctx, byKind[kind]); err != nil {
				return err
			}
		}
		if err := f.state.unmarked(ctx, f.cfg.Name, ids); err != nil {
			return err
		}
		if err := f.countDead(ctx); err != nil {
			return err
		}
	}
}

// deliverSized delivers items in batches that keep to the limit of bytes.
func (f *feed) deliverSized(ctx context.Context, items []Item) error {
	for len(items) > 0 {
		n, bytes := 0, 0
		for n < len(items) && (n == 0 || bytes+len(items[n].Body) <= f.limits.Bytes) {
			bytes += len(items[n].Body)
			n++
		}
		if err := f.deliver(ctx, items[:n]); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

// whole gives a dead letter a body that has none, because none could be made at the time; false where it is refused again.
func (f *feed) whole(ctx context.Context, i *Item) (bool, error) {
	if len(i.Body) == 0 && i.Kind == KindRecord {
		stored, err := f.journal.Reader().Get(ctx, i.Seq)
		if err != nil {
			return false, err
		}
		made, err := f.item(ctx, &stored[0])
		if err != nil || made == nil {
			return false, err
		}
		*i = *made
	}
	if len(i.Body) > f.limits.ItemBytes {
		return false, f.bury(ctx, []refused{{*i, fmt.Sprintf("has %d bytes, the receiver takes at most %d", len(i.Body), f.limits.ItemBytes)}})
	}
	return true, nil
}

func (f *feed) saveSoon() {
	select {
	case f.saving <- struct{}{}:
	default:
	}
}

// save makes progress durable now and then.
func (f *feed) save(ctx context.Context) error {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.saving:
		case <-tick.C:
		}
		if err := f.commit(ctx); err != nil {
			return err
		}
	}
}

// commit saves what changed. What it cannot save it keeps for the next time.
func (f *feed) commit(ctx context.Context) error {
	f.mu.Lock()
	p, unsaved := f.pending, f.unsaved
	var moved []*lane
	for _, l := range f.lanes {
		at := l.track.position()
		if at != l.saved {
			p.lanes = append(p.lanes, laneRow{lane: l.name, cursor: at})
			moved = append(moved, l)
		}
		if l.until > 0 && at >= l.until {
			p.done = append(p.done, l.name)
		}
	}
	f.mu.Unlock()
	if len(p.lanes) == 0 && len(p.done) == 0 && unsaved == 0 && p.checkpoint == 0 && p.at.IsZero() && p.errAt.IsZero() {
		return nil
	}
	if err := f.state.commit(ctx, f.cfg.Name, p); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, l := range moved {
		l.saved = p.lanes[i].cursor
	}
	var kept []*lane
	for _, l := range f.lanes {
		if l.until == 0 || l.saved < l.until {
			kept = append(kept, l)
		}
	}
	f.lanes = kept
	f.pending.sent -= p.sent
	f.pending.duplicates -= p.duplicates
	f.unsaved -= unsaved
	if f.pending.checkpoint == p.checkpoint {
		f.pending.checkpoint = 0
	}
	if f.pending.at.Equal(p.at) {
		f.pending.at = time.Time{}
	}
	if f.pending.errAt.Equal(p.errAt) {
		f.pending.errAt = time.Time{}
	}
	return nil
}
