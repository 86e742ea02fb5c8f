package llmgateway

import (
	"context"
	"sync"
)

// running counts exchanges and what reads behind them. Unlike a sync.WaitGroup it may be waited for while others begin.
type running struct {
	mu   sync.Mutex
	n    int           // guarded by mu
	none chan struct{} // closed when n becomes 0; nil where nobody waits; guarded by mu
}

func (r *running) add() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
}

func (r *running) done() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n--; r.n == 0 && r.none != nil {
		close(r.none)
		r.none = nil
	}
}

// start runs f as one of those that are counted.
func (r *running) start(f func()) {
	r.add()
	go func() {
		defer r.done()
		f()
	}()
}

// wait returns at a moment when none is under way, or with the error of ctx.
func (r *running) wait(ctx context.Context) error {
	r.mu.Lock()
	if r.n == 0 {
		r.mu.Unlock()
		return nil
	}
	if r.none == nil {
		r.none = make(chan struct{})
	}
	none := r.none
	r.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
