package consoletest

import (
	"context"
	"slices"
	"sync"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/alert"
)

// Firings is a view of detections that holds what a test puts into it.
type Firings struct {
	mu   sync.Mutex
	list []alert.Firing
}

// After implements alert.Firings.
func (f *Firings) After(_ context.Context, p alert.Place, limit int) (list []alert.Firing, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.list {
		if (one.Seq > p.Seq || one.Seq == p.Seq && one.ID > p.ID) && len(list) < limit {
			list = append(list, one)
		}
	}
	return list, nil
}

// Get implements alert.Firings.
func (f *Firings) Get(_ context.Context, id string) (alert.Firing, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.list, func(one alert.Firing) bool { return one.ID == id })
	if i < 0 {
		return alert.Firing{}, false, nil
	}
	return f.list[i], true, nil
}

// openAlerts makes the outbox of alerts, over firings of the test.
func (b *Bench) openAlerts() {
	b.T.Helper()
	ctx, book := context.Background(), alert.NewBook()
	state, err := acts.Load(ctx, b.Dir, acts.Key{}, b.Journal.Reader(), book)
	must(b.T, err)
	b.Alerts, err = alert.New(ctx, b.Dir, alert.DefaultConfig(), alert.Deps{Firings: &b.fired, Book: book, Acts: state, Door: b.Door, Health: b.Health,
		Rule: func(id string) (alert.Rule, bool) { r, ok := b.Rules[id]; return r, ok }})
	must(b.T, err)
	b.T.Cleanup(func() { must(b.T, b.Alerts.Close()) })
}

// Fire adds firings, which become alerts at once.
func (b *Bench) Fire(list ...alert.Firing) {
	b.T.Helper()
	b.fired.mu.Lock()
	b.fired.list = append(b.fired.list, list...)
	b.fired.mu.Unlock()
	must(b.T, b.Alerts.TakeIn(context.Background()))
}
