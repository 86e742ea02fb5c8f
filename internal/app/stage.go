package app

import (
	"context"
	"errors"
	"fmt"
)

// stage is one component that runs until it is told to stop. Its context is its own, so that the order in which a
// process stops is the order written down, not the order in which goroutines notice a signal.
type stage struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before done is closed
}

func startStage(ctx context.Context, name string, run func(context.Context) error) *stage {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &stage{name: name, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			s.err = fmt.Errorf("%s: %w", name, err)
		}
	}()
	return s
}

// stop tells the stage to end and waits for it.
func (s *stage) stop() error {
	s.cancel()
	<-s.done
	return s.err
}
