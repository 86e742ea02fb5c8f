package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// sender delivers exports over one connection, one at a time.
type sender interface {
	// send gives nil once the server has acknowledged the export, busy where
	// the server asks to come again, and any other error where the export
	// will not be taken.
	send(ctx context.Context, e export) error
	close() error
}

// busy is a refusal that a client answers by waiting.
type busy struct{ wait time.Duration }

func (b busy) Error() string { return fmt.Sprintf("server busy, retry after %v", b.wait) }

// outcome is what the generator saw.
type outcome struct {
	exports   int           // acknowledged
	records   int           // in the exports acknowledged
	refusals  int           // answers that asked to come again
	cut       bool          // the time limit came before the end of the workload
	cpu       time.Duration // of the generator
	start     time.Time     // before the first byte
	lastAck   time.Time
	latencies []time.Duration // of each export, retries included
}

// offer sends each lane of the workload over its own connection, each as fast
// as the server acknowledges, and gives up what is left when limit has passed.
func offer(ctx context.Context, w *workload, dial func(ctx context.Context) (sender, error), limit time.Duration) (outcome, error) {
	senders := make([]sender, len(w.lanes))
	for i := range senders {
		s, err := dial(ctx)
		if err != nil {
			return outcome{}, fmt.Errorf("connect: %w", err)
		}
		defer s.close()
		senders[i] = s
	}
	parts := make([]outcome, len(senders))
	errs := make([]error, len(senders))
	var wg sync.WaitGroup
	cpu, start := child.OwnCPU(), time.Now()
	for i, s := range senders {
		wg.Go(func() {
			parts[i], errs[i] = runLane(ctx, s, w.lanes[i], start.Add(limit))
		})
	}
	wg.Wait()
	total := outcome{start: start, cpu: child.OwnCPU() - cpu}
	for _, p := range parts {
		total.exports += p.exports
		total.records += p.records
		total.refusals += p.refusals
		total.cut = total.cut || p.cut
		total.latencies = append(total.latencies, p.latencies...)
		if p.lastAck.After(total.lastAck) {
			total.lastAck = p.lastAck
		}
	}
	return total, errors.Join(errs...)
}

func runLane(ctx context.Context, s sender, exports []export, deadline time.Time) (outcome, error) {
	o := outcome{latencies: make([]time.Duration, 0, len(exports))}
	for _, e := range exports {
		first := time.Now()
		for {
			if first.After(deadline) || time.Now().After(deadline) {
				o.cut = true
				return o, nil
			}
			err := s.send(ctx, e)
			var b busy
			if errors.As(err, &b) {
				o.refusals++
				select {
				case <-ctx.Done():
					return o, ctx.Err()
				case <-time.After(b.wait):
				}
				continue
			}
			if err != nil {
				return o, fmt.Errorf("export %d: %w", o.exports+1, err)
			}
			break
		}
		o.lastAck = time.Now()
		o.latencies = append(o.latencies, o.lastAck.Sub(first))
		o.exports++
		o.records += e.records
	}
	return o, nil
}
