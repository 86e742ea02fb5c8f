package forward

import "sync"

// tracker knows which stretches of a lane are settled, and how far they reach without a gap.
type tracker struct {
	mu      sync.Mutex
	open    []stretch // in order of position
	settled uint64    // everything up to here is settled
}

type stretch struct {
	last uint64
	done bool
}

// begin says that everything behind what was begun before and up to last is under way, or, where done, that nothing of it is to
// be sent.
func (t *tracker) begin(last uint64, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.open); done && n > 0 && t.open[n-1].done {
		t.open[n-1].last = last
		return
	}
	t.open = append(t.open, stretch{last, done})
	t.advance()
}

// done says that a stretch that was begun is settled.
func (t *tracker) done(last uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.open {
		if t.open[i].last == last {
			t.open[i].done = true
			break
		}
	}
	t.advance()
}

func (t *tracker) advance() {
	n := 0
	for n < len(t.open) && t.open[n].done {
		t.settled = t.open[n].last
		n++
	}
	t.open = append(t.open[:0], t.open[n:]...)
}

// position is the end of the contiguous stretch that is settled.
func (t *tracker) position() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settled
}
