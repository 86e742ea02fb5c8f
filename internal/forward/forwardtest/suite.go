package forwardtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/forward"
)

// Receiver is the far side of a sink under test.
type Receiver interface {
	// Open makes a sink that sends there. It is called anew after each stop.
	Open(ctx context.Context) (forward.Sink, error)
	// Received are the ids of the records it holds, once for each time it holds one.
	Received(ctx context.Context) ([]string, error)
}

// Suite says what is run.
type Suite struct {
	Records  int  // how many are forwarded; 0: 3,000
	Restarts int  // how often the forwarder is stopped at a random moment; 0: 5
	Once     bool // nothing may be there twice
	Ordered  bool // what is there has the journal's order, repeats aside
}

// Run runs the suite.
func Run(t *testing.T, s Suite, receiver func(t *testing.T) Receiver) {
	if s.Records == 0 {
		s.Records = 3000
	}
	if s.Restarts == 0 {
		s.Restarts = 5
	}
	t.Run("all of it", func(t *testing.T) { s.whole(t, receiver(t), nil) })
	t.Run("with faults and restarts", func(t *testing.T) { s.whole(t, receiver(t), &faults{dice: rand.New(rand.NewPCG(1, 2))}) })
	t.Run("a probe is accepted", func(t *testing.T) { s.probe(t, receiver(t)) })
}

// whole forwards while records come, and compares.
func (s Suite) whole(t *testing.T, r Receiver, bad *faults) {
	b := NewBench(t)
	open := r.Open
	restarts := 0
	if bad != nil {
		restarts = s.Restarts
		open = func(ctx context.Context) (forward.Sink, error) {
			sink, err := r.Open(ctx)
			if err != nil {
				return nil, err
			}
			return bad.around(sink, !s.Once && sink.Grade() != forward.GradeExact), nil
		}
	}
	var last uint64
	for i := range restarts + 1 {
		f := b.Forwarder(open, nil)
		stop := b.Start(f)
		last = b.Append(s.Records / (restarts + 1))
		if i < restarts {
			seq := last - uint64(bad.n(s.Records/(restarts+1)))
			Until(t, "some of it arrived", Caught(t, f, seq))
		} else {
			Until(t, "all of it arrived", Caught(t, f, last))
		}
		stop()
	}
	got, err := r.Received(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.compare(t, b.IDs(1, last), got)
}

// compare holds what was received against what should be.
func (s Suite) compare(t *testing.T, want, got []string) {
	t.Helper()
	count := make(map[string]int)
	var firsts []string
	for _, id := range got {
		if count[id]++; count[id] == 1 {
			firsts = append(firsts, id)
		}
	}
	missing, twice := 0, 0
	for _, id := range want {
		switch n := count[id]; {
		case n == 0:
			missing++
		case n > 1:
			twice++
		}
		delete(count, id)
	}
	if missing > 0 {
		t.Errorf("%d of %d records did not arrive", missing, len(want))
	}
	if len(count) > 0 {
		t.Errorf("%d items arrived that are no records of the journal", len(count))
	}
	if s.Once && twice > 0 {
		t.Errorf("%d of %d records are there more than once", twice, len(want))
	}
	if s.Ordered && !slices.Equal(firsts, want) {
		t.Error("the order is not that of the journal")
	}
}

func (s Suite) probe(t *testing.T, r Receiver) {
	sink, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sink.Close(); err != nil {
			t.Error(err)
		}
	}()
	res := forward.Probe(t.Context(), "sink", sink, forward.Formatter{Record: forward.AppendRecord})
	if !res.OK() {
		t.Errorf("probe: %s", res.String())
	}
}

// errFault is what a faulty link says: nothing is known.
var errFault = errors.New("the link broke")

// faults make a sink fail as links and receivers do.
type faults struct {
	mu   sync.Mutex
	dice *rand.Rand
}

func (f *faults) n(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dice.IntN(max(n, 1))
}

// around wraps a sink. Where lost, an acknowledgement may be lost after the receiver took what was sent.
func (f *faults) around(s forward.Sink, lost bool) forward.Sink { return &faulty{s, f, lost} }

type faulty struct {
	forward.Sink
	faults *faults
	lost   bool
}

// Send implements forward.Sink.
func (f *faulty) Send(ctx context.Context, items []forward.Item) ([]forward.Outcome, error) {
	switch n := f.faults.n(20); {
	case n == 0:
		return nil, errFault
	case n == 1:
		return nil, &forward.AuthError{Err: errFault}
	case n == 2:
		return nil, &forward.RetryAfter{Err: errFault}
	case n == 3 && len(items) > 1 && !f.Limits().Exact:
		return nil, forward.ErrTooLarge
	case n == 4 && (f.lost || f.Limits().Exact):
		if _, err := f.Sink.Send(ctx, items); err != nil {
			return nil, err
		}
		return nil, errFault
	}
	return f.Sink.Send(ctx, items)
}
