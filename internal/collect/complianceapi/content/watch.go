package content

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// watch tells of trouble: what befalls one part as that part's, what befalls all alike once for all of them.
type watch struct {
	own    *trouble.Watch
	all    *shared
	client *api.Client
	proves bool // that this part is read shows that all can be
}

// shared is the watch over what all parts need: the key, its scope, the switch, the network.
type shared struct {
	mu    sync.Mutex
	watch *trouble.Watch
	turns turns
}

// scope is what a key needs for all parts.
const scope = "read:compliance_user_data"

func newShared(cfg Config, deps Deps) (*shared, error) {
	w, err := newWatch("content", "compliance.content", "sessions, chats and projects", cfg, deps)
	return &shared{watch: w}, err
}

func newWatch(part, feed, what string, cfg Config, deps Deps) (*trouble.Watch, error) {
	w, err := trouble.New(trouble.Config{Part: part, Feed: feed, What: what, Scope: scope, Credential: cfg.Credential, Host: deps.Client.Host()},
		trouble.Deps{Door: deps.Door, Cursors: deps.Cursors, Health: deps.Health, Logger: deps.Logger})
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", what, err)
	}
	return w, nil
}

// Failed tells of trouble where it must, and returns how long to wait before the next try.
func (w *watch) Failed(ctx context.Context, err error) time.Duration {
	if !befallsAll(err) {
		return w.own.Failed(ctx, err)
	}
	name := trouble.Diagnose(err)
	if name == "forbidden" {
		w.client.ForgetKey() // another one may be in its place by the next try
	}
	if _, all := refusedBy(name); all {
		w.all.turns.refused()
	}
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	return w.all.watch.Failed(ctx, err)
}

// Succeeded ends the trouble there was.
func (w *watch) Succeeded(ctx context.Context) error {
	if !w.proves {
		return w.own.Succeeded(ctx)
	}
	w.all.turns.free()
	w.all.mu.Lock()
	err := w.all.watch.Succeeded(ctx)
	w.all.mu.Unlock()
	return errors.Join(err, w.own.Succeeded(ctx))
}

// alone marks trouble with one thing of a part whose list is answered.
type alone struct{ error }

func (e alone) Unwrap() error { return e.error }

// befallsAll reports whether an error says nothing of the part that was asked.
func befallsAll(err error) bool {
	var one alone
	if errors.As(err, &one) {
		return false
	}
	switch trouble.Diagnose(err) {
	case "key_missing", "key_refused", "forbidden", "console_key", "feed_off", "limited":
		return true
	case "unreachable":
		var e *api.Error
		return !errors.As(err, &e) || e.Status != http.StatusInternalServerError && e.Status != http.StatusServiceUnavailable
	}
	return false
}
