package alert

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/health"
)

// ConditionBehind is raised while firings cannot be read or taken in.
const ConditionBehind = "alerts.behind"

// MaxLate is how old an alert may be to be told on channels when it is first seen: what is older stands in the list, and would only wake
// somebody for history. It matters where alerts are switched on over an existing journal, and where alerts.db was lost.
const MaxLate = 24 * time.Hour

// Firings is what is needed of the view of detections.
type Firings interface {
	// After lists firings behind a place, in their order, at most limit.
	After(ctx context.Context, p Place, limit int) ([]Firing, error)
	// Get finds one; false where there is none (any more).
	Get(ctx context.Context, id string) (Firing, bool, error)
}

// Deps is what an Outbox works with.
type Deps struct {
	Firings Firings
	// Rule tells what a rule says for people; false for one that is not there any more.
	Rule func(id string) (Rule, bool)
	// Book must be a fold of Acts.
	Book *Book
	Acts *acts.State
	Door acts.Recorder
	// Channels are the channels by name. One that the configuration does not name is told of every alert.
	Channels map[string]Channel
	// Key makes the digests of groups.
	Key [32]byte
	// URL is where an alert is shown; nil: nowhere.
	URL    func(alert string) string
	Health *health.Registry // nil: nothing is raised
	Logger *slog.Logger     // nil: silent
}

// Outbox groups firings into alerts and tells channels of them.
type Outbox struct {
	*Keeper
	deps    Deps
	senders []*sender
}

// How often firings are looked for, and how many are taken in at once.
const (
	lookEvery  = 500 * time.Millisecond
	takeAtOnce = 200
)

// New opens the outbox of a data directory, which one process at a time may have open.
func New(ctx context.Context, dir string, cfg Config, d Deps) (*Outbox, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Rule == nil {
		d.Rule = func(string) (Rule, bool) { return Rule{}, false }
	}
	s, err := openStore(ctx, Path(dir), false)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", Path(dir), err)
	}
	o := &Outbox{deps: d, Keeper: &Keeper{store: s, cfg: cfg, deps: d}}
	for _, c := range cfg.Channels {
		if ch := d.Channels[c.Name]; ch != nil {
			o.senders = append(o.senders, newSender(o, c.Name, cmp.Or(c.Holds, HoldsMetadata), ch))
		}
	}
	for _, name := range o.unnamed() {
		o.senders = append(o.senders, newSender(o, name, HoldsMetadata, d.Channels[name]))
	}
	return o, nil
}

// Run takes firings in and sends until the context ends, which is no error. What fails is a matter of health and tried again.
func (o *Outbox) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	for _, s := range o.senders {
		sending.Go(func() { s.run(ctx) })
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var seen uint64 // up to where decisions were looked at
	first, failing := true, false
	for ctx.Err() == nil {
		changed, err := o.round(ctx, first, &seen)
		switch {
		case err != nil && ctx.Err() == nil:
			o.deps.Health.Raise(ConditionBehind, health.Warning, "alerts are not up to date: "+err.Error())
			if !failing {
				o.deps.Logger.WarnContext(ctx, "alerts are not up to date", "error", err)
			}
			failing = true
		case err == nil:
			first, failing = false, false
			o.deps.Health.Clear(ConditionBehind)
			if changed {
				for _, s := range o.senders {
					s.wake()
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	sending.Wait()
	return nil
}

// Close closes file and channels; Run must have ended.
func (o *Outbox) Close() error {
	errs := []error{o.store.close()}
	for _, s := range o.senders {
		errs = append(errs, s.channel.Close())
	}
	return errors.Join(errs...)
}

// round takes in what fired and queues what is to be told of what changed.
func (o *Outbox) round(ctx context.Context, all bool, seen *uint64) (changed bool, err error) {
	for {
		n, err := o.take(ctx)
		if err != nil {
			return changed, err
		}
		if n < takeAtOnce {
			break
		}
	}
	var changes uint64
	if err := o.deps.Acts.Within(ctx, func(time.Time) error { changes = o.deps.Book.changes; return nil }); err != nil {
		return false, err
	}
	all = all || changes != *seen
	if changed, err = o.tell(ctx, all); err == nil {
		*seen = changes
	}
	return changed, err
}

// TakeIn takes in what fired so far, and queues what channels are to be told, for who does not call Run.
func (o *Outbox) TakeIn(ctx context.Context) error {
	var seen uint64
	_, err := o.round(ctx, true, &seen)
	return err
}

// take groups the next firings into alerts.
func (o *Outbox) take(ctx context.Context) (int, error) {
	from, err := o.store.taken(ctx)
	if err != nil {
		return 0, err
	}
	list, err := o.deps.Firings.After(ctx, from, takeAtOnce)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	err = o.store.within(ctx, func(tx *sql.Tx) error {
		for i := range list {
			if err := o.group(ctx, tx, &list[i]); err != nil {
				return err
			}
		}
		last := &list[len(list)-1]
		_, err := tx.ExecContext(ctx, `UPDATE taken SET seq = ?, firing = ?`, int64(last.Seq), last.ID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take firings in: %w", err)
	}
	return len(list), nil
}

// group puts a firing into the alert it belongs to: the latest of its rule and group, where that began less than a window before.
func (o *Outbox) group(ctx context.Context, tx *sql.Tx, f *Firing) error {
	key := GroupKey(o.deps.Key, f.Rule, f.Group)
	if f.Erased {
		key = GroupKey(o.deps.Key, f.Rule, map[string]string{"erased": f.ID}) // whose it was cannot be told any more: one by itself
	}
	list, err := alerts(ctx, tx, `WHERE rule = ? AND grp = ? AND opened > ? ORDER BY opened DESC LIMIT 1`, f.Rule, key, f.Recorded.Add(-o.cfg.Window).UnixMilli())
	if err != nil {
		return err
	}
	var a Alert
	if len(list) > 0 && !f.Recorded.Before(list[0].Opened) {
		a = list[0]
	} else {
		a = Alert{ID: idOf(f.Rule, key, f.ID), Rule: f.Rule, Severity: f.Severity, Opened: f.Recorded, FirstSeq: f.Seq, group: key, first: f.ID}
	}
	if f.Severity.Rank() > a.Severity.Rank() {
		a.Severity = f.Severity
	}
	a.Title, a.Latest, a.At, a.LastSeq, a.last = f.Title, f.Recorded, f.At, f.Seq, f.ID
	a.Count++
	return put(ctx, tx, &a)
}
