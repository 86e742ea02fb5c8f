// Package crashtest ends a collector under test between any two of its steps, as a power cut would: a step is a request to
// the vendor or something handed to the door.
//
// It promises nothing about durability. Steps are counted in the order in which they begin; everything is safe for
// concurrent use.
package crashtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/tripod-audit/tripod/internal/intake"
)

// Crash ends a process between two steps: after it nothing that was asked of the world happens any more. A nil one never
// comes.
type Crash struct {
	After  int    // steps
	Before bool   // the last step does not happen, either
	Cancel func() // is called when it comes

	mu   sync.Mutex
	dead bool // guarded by mu, as After is
}

var errCrash = errors.New("crashed")

func (c *Crash) do(f func() error) error {
	if c == nil {
		return f()
	}
	happens, heard := c.step()
	var err error
	if happens {
		err = f()
	}
	if !heard {
		c.Cancel()
		return errCrash
	}
	return err
}

// step reports whether the step happens, and whether anybody is left to hear of it.
func (c *Crash) step() (happens, heard bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return false, false
	}
	if c.After--; c.After > 0 {
		return true, true
	}
	c.dead = true
	return !c.Before, false
}

// Door is a door that can crash.
type Door struct {
	*intake.Door
	Crash *Crash
}

// Submit hands a delivery over, unless the crash came first.
func (d Door) Submit(ctx context.Context, del intake.Delivery) (r intake.Receipt, err error) {
	err = d.Crash.do(func() error {
		var err error
		r, err = d.Door.Submit(ctx, del)
		return err
	})
	return r, err
}

// Record hands an act over, unless the crash came first.
func (d Door) Record(ctx context.Context, a intake.Act, cursors map[string][]byte) (seq uint64, err error) {
	err = d.Crash.do(func() error {
		var err error
		seq, err = d.Door.Record(ctx, a, cursors)
		return err
	})
	return seq, err
}

// Transport is a network that can crash: what was answered then, nobody hears.
type Transport struct {
	Next  http.RoundTripper
	Crash *Crash
}

// RoundTrip asks the vendor, unless the crash came first.
func (t Transport) RoundTrip(r *http.Request) (res *http.Response, err error) {
	err = t.Crash.do(func() error {
		var err error
		res, err = t.Next.RoundTrip(r)
		return err
	})
	if err != nil && res != nil {
		_, _ = io.Copy(io.Discard, res.Body) // a server in the same process must not wait for its reader
		return nil, err
	}
	return res, err
}
