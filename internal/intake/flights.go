package intake

import (
	"context"
	"fmt"
	"sync"
)

// flights are the deliveries under way: between their content and their records a sweep must not come.
type flights struct {
	mu  sync.Mutex
	set map[chan struct{}]struct{} // closed and taken out when the delivery ends; guarded by mu
}

// begin notes a delivery until the function it returns is called.
func (f *flights) begin() (end func()) {
	flight := make(chan struct{})
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = make(map[chan struct{}]struct{})
	}
	f.set[flight] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.set, flight)
		close(flight)
	}
}

// settle waits until every delivery that is under way now has ended. Those that begin meanwhile are not held up.
func (f *flights) settle(ctx context.Context) error {
	for _, flight := range f.now() {
		select {
		case <-flight:
		case <-ctx.Done():
			return fmt.Errorf("wait for deliveries under way: %w", context.Cause(ctx))
		}
	}
	return nil
}

func (f *flights) now() []chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]chan struct{}, 0, len(f.set))
	for flight := range f.set {
		list = append(list, flight)
	}
	return list
}
