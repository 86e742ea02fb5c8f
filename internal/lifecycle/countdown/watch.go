package countdown

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// ConditionDisappearing is raised while something disappears soon that is not held here.
const ConditionDisappearing = "evidence.disappearing"

// Every is how often a Watcher looks.
const Every = 15 * time.Minute

// Watcher looks now and again, and says in health what disappears soon.
type Watcher struct {
	deps   Deps
	warn   time.Duration
	health *health.Registry
	log    *slog.Logger

	mu     sync.Mutex
	latest *Report // guarded by mu; never changed
}

// NewWatcher makes a watcher that warns so long before something disappears.
func NewWatcher(d Deps, warn time.Duration, h *health.Registry, log *slog.Logger) *Watcher {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{deps: d, warn: warn, health: h, log: log}
}

// Run looks at once and then every 15 minutes, sooner where it could not, until the context ends, which is no error.
func (w *Watcher) Run(ctx context.Context) error {
	for {
		wait := Every
		if _, err := w.Look(ctx); err != nil && ctx.Err() == nil {
			wait = time.Minute // a view that is being built again is there before long
			w.log.LogAttrs(ctx, slog.LevelWarn, "cannot tell what disappears at the vendor", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Latest is what was found last; it looks where nobody has looked yet. It must not be changed.
func (w *Watcher) Latest(ctx context.Context) (*Report, error) {
	w.mu.Lock()
	r := w.latest
	w.mu.Unlock()
	if r != nil {
		return r, nil
	}
	return w.Look(ctx)
}

// Look looks now.
func (w *Watcher) Look(ctx context.Context) (*Report, error) {
	r, err := Find(ctx, w.deps, w.warn)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.latest = r
	w.mu.Unlock()
	soon, at := r.Soon()
	if soon == 0 {
		w.health.Clear(ConditionDisappearing)
		return r, nil
	}
	w.health.Raise(ConditionDisappearing, health.Warning, fmt.Sprintf("%d chats or sessions disappear at the vendor before long, the first at %s, and are not held here whole: tripod retention countdowns says which, and what keeps them",
		soon, at.Format(time.RFC3339)))
	return r, nil
}

// Soon counts what disappears before the time of warning is over and is not held, and tells when the first of it does.
func (r *Report) Soon() (n int, first time.Time) {
	for i := range r.Countdowns {
		c := &r.Countdowns[i]
		if c.Soon == 0 {
			continue
		}
		if n += c.Soon; first.IsZero() || c.Next.Before(first) {
			first = c.Next
		}
	}
	return n, first
}
