package llmgateway

import (
	"io"
	"sync"
)

// tap is what is read of an answer behind the traffic: a queue of bytes that were passed on. Writing never waits; a reader
// that falls too far behind loses the rest, and is told so.
type tap struct {
	most   int64
	budget *budget

	mu     sync.Mutex
	ready  sync.Cond // on mu
	chunks [][]byte  // guarded by mu
	held   int64     // guarded by mu: bytes in chunks
	closed bool      // guarded by mu: no more comes
	cut    bool      // guarded by mu: something was lost
}

// mostBehind is how many bytes of one answer may wait to be read.
const mostBehind = 8 << 20

func newTap(b *budget) *tap {
	t := &tap{most: mostBehind, budget: b}
	t.ready.L = &t.mu
	return t
}

// write queues a copy of p.
func (t *tap) write(p []byte) {
	if len(p) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cut || t.closed {
		return
	}
	n := int64(len(p))
	if t.held+n > t.most || !t.budget.take(n) {
		t.cut = true
		t.ready.Signal()
		return
	}
	t.held += n
	// Small pieces join the last one while there is room, so that a long stream is not a long list.
	if last := len(t.chunks) - 1; last >= 0 && cap(t.chunks[last])-len(t.chunks[last]) >= len(p) {
		t.chunks[last] = append(t.chunks[last], p...)
	} else {
		t.chunks = append(t.chunks, append(make([]byte, 0, max(len(p), 4<<10)), p...))
	}
	t.ready.Signal()
}

// close says that no more comes.
func (t *tap) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	t.ready.Signal()
}

// Read implements io.Reader: it waits for bytes, and ends with io.EOF, or with io.ErrUnexpectedEOF where some were lost.
func (t *tap) Read(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.chunks) == 0 {
		switch {
		case t.cut:
			return 0, io.ErrUnexpectedEOF
		case t.closed:
			return 0, io.EOF
		}
		t.ready.Wait()
	}
	n := copy(p, t.chunks[0])
	if t.chunks[0] = t.chunks[0][n:]; len(t.chunks[0]) == 0 {
		t.chunks = t.chunks[1:]
	}
	t.held -= int64(n)
	t.budget.give(int64(n))
	return n, nil
}

// lost reports whether the reader was cut off.
func (t *tap) lost() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cut
}

// drain gives back what nobody reads any more.
func (t *tap) drain() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.budget.give(t.held)
	t.chunks, t.held, t.closed = nil, 0, true
}
