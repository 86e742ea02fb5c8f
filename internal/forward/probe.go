package forward

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// TypeProbe is the type of an item that is sent to be looked for.
const TypeProbe = "tripod.probe"

// ProbeResult is what a probe found.
type ProbeResult struct {
	Sink     string        `json:"sink"`
	Type     string        `json:"type,omitempty"`
	ID       string        `json:"id"`
	Accepted bool          `json:"accepted"`
	Readable bool          `json:"readable"` // the receiver can be asked for what it holds
	Found    bool          `json:"found"`
	Took     time.Duration `json:"took_ns"`
	Error    string        `json:"error,omitempty"`
}

// String is the result for people.
func (r *ProbeResult) String() string {
	switch {
	case r.Error != "":
		return fmt.Sprintf("%s: %s", r.Sink, r.Error)
	case !r.Accepted:
		return r.Sink + ": refused"
	case !r.Readable:
		return fmt.Sprintf("%s: accepted, not readable: the receiver cannot be asked for it; look for %s there", r.Sink, r.ID)
	case !r.Found:
		return fmt.Sprintf("%s: accepted, not found within %v: look for %s there", r.Sink, r.Took.Round(time.Millisecond), r.ID)
	}
	return fmt.Sprintf("%s: accepted and read back within %v", r.Sink, r.Took.Round(time.Millisecond))
}

// OK reports whether nothing more can be asked for.
func (r *ProbeResult) OK() bool { return r.Error == "" && r.Accepted && (r.Found || !r.Readable) }

// findEvery is how often a receiver is asked for a probe.
const findEvery = 250 * time.Millisecond

// Probe sends a marker once and, where the receiver can be asked, reads it back until the context ends. What goes wrong is in the
// result.
func Probe(ctx context.Context, name string, sink Sink, format Formatter) ProbeResult {
	began := time.Now()
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	item := Item{ID: itemID(KindProbe, random[:]), Kind: KindProbe, Time: began.UTC().Truncate(time.Millisecond), Key: TypeProbe, Type: TypeProbe}
	res := ProbeResult{Sink: name, ID: item.ID}
	res.Error = text(res.send(ctx, sink, format, item))
	if p, ok := sink.(Prober); ok && res.Accepted {
		res.Readable = true
		res.Error = text(res.find(ctx, p))
	}
	res.Took = time.Since(began)
	return res
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (r *ProbeResult) send(ctx context.Context, sink Sink, format Formatter, item Item) (err error) {
	if item.Body, err = format.Record(nil, 0, ownRecord(TypeProbe, item.ID, item.Time)); err != nil {
		return fmt.Errorf("format a probe: %w", err)
	}
	outcomes, err := sink.Send(ctx, []Item{item})
	if err != nil {
		return err
	}
	if len(outcomes) == 1 && (outcomes[0].Code == Again || outcomes[0].Code == Dead) {
		return errors.New("refused: " + outcomes[0].Reason)
	}
	r.Accepted = true
	return nil
}

func (r *ProbeResult) find(ctx context.Context, p Prober) error {
	tick := time.NewTicker(findEvery)
	defer tick.Stop()
	for {
		found, err := p.Find(ctx, r.ID)
		if found || ctx.Err() != nil {
			r.Found = found
			return nil
		}
		if err != nil {
			return fmt.Errorf("accepted; ask for it: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
