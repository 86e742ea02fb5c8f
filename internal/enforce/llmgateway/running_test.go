package llmgateway

import (
	"context"
	"errors"
	"sync"
	"testing"
)

func TestRunning(t *testing.T) {
	t.Parallel()
	var r running
	if err := r.wait(t.Context()); err != nil {
		t.Errorf("nothing is under way: %v", err)
	}
	hold := make(chan struct{})
	r.start(func() { <-hold })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.wait(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("one is under way: %v", err)
	}
	var waiting sync.WaitGroup
	for range 3 {
		waiting.Go(func() {
			if err := r.wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	waiting.Wait()
	for range 100 { // others begin while somebody waits
		r.start(func() {})
		waiting.Go(func() {
			if err := r.wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait()
}
