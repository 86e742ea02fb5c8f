package llmgateway

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync"
	"sync/atomic"
)

// budget bounds the bytes that all exchanges keep at once.
type budget struct {
	left atomic.Int64
}

// take reports whether n bytes more may be kept.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) < 0 {
		b.left.Add(n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.left.Add(n) }

// errNotKept ends an attempt to send again what was not kept.
var errNotKept = errors.New("the body is too large to be sent a second time")

// body is a request's body on its way: read once from the client, kept up to a bound for whoever reads it behind the
// traffic, and given again from its beginning to each attempt of the transport.
type body struct {
	src    io.Reader
	length int64 // as announced; -1 where it was not
	most   int64
	budget *budget
	whole  chan struct{} // closed once everything has been read, or never will be

	reading sync.Mutex // of src: one at a time, and for as long as the client takes

	mu   sync.Mutex
	kept []byte    // guarded by mu; what was read so far, nil once it was more than may be kept
	over bool      // guarded by mu: more came than is kept
	full bool      // guarded by mu: over, and not by its own size
	size int64     // guarded by mu: bytes read so far
	sum  hash.Hash // guarded by mu: of all bytes read, once over
	err  error     // guarded by mu: what src ended with
	done bool      // guarded by mu: whole is closed
}

func newBody(src io.Reader, length, most int64, b *budget) *body {
	return &body{src: src, length: length, most: most, budget: b, whole: make(chan struct{})}
}

// open gives the body from its beginning.
func (b *body) open() (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return nil, errNotKept
	}
	return &attempt{body: b}, nil
}

// attempt is one reading of a body. Closing it leaves the others be.
type attempt struct {
	body *body
	at   int64
}

func (a *attempt) Read(p []byte) (int, error) {
	b := a.body
	n, err, there := b.again(a.at, p)
	if !there {
		n, err = b.further(a.at, p)
	}
	a.at += int64(n)
	return n, err
}

func (a *attempt) Close() error { return nil }

// again reads what was read before; there is false where src must be asked.
func (b *body) again(at int64, p []byte) (n int, err error, there bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case at < b.size && b.over:
		return 0, errNotKept, true
	case at < b.size:
		return copy(p, b.kept[at:]), nil, true
	}
	return 0, b.err, b.err != nil
}

// further reads on, unless another attempt did meanwhile. mu is free while the client is waited for.
func (b *body) further(at int64, p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if n, err, there := b.again(at, p); there {
		return n, err
	}
	n, err := b.src.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep(p[:n])
	if b.size == b.length {
		err = io.EOF // nobody looks for the end once the answer has begun: by then src may be closed
	}
	if err != nil {
		b.err = err
		b.finish()
	}
	return n, err
}

// keep notes what was read.
func (b *body) keep(p []byte) {
	b.size += int64(len(p))
	if !b.over && (b.size > b.most || !b.budget.take(int64(len(p)))) {
		b.over, b.full = true, b.size <= b.most
		b.sum = sha256.New()
		b.sum.Write(b.kept)
		b.budget.give(int64(len(b.kept)))
		b.kept = nil
	}
	if b.over {
		b.sum.Write(p)
		return
	}
	if b.kept == nil {
		b.kept = make([]byte, 0, max(int64(len(p)), min(b.length, 1<<20)))
	}
	b.kept = append(b.kept, p...)
}

// finish says that no more will come. mu is held.
func (b *body) finish() {
	if !b.done {
		b.done = true
		close(b.whole)
	}
}

// abandon says that nobody will read on: the answer is over. It reports whether more should have come.
func (b *body) abandon() (short bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	short = !b.done
	b.finish()
	return short
}

// kind says what there is of a body.
type kind int

const (
	bodyWhole   kind = iota // all of it is kept
	bodyPart                // its end was never read
	bodyTooMuch             // more than is kept
)

// taken is what there is of the body: its bytes where all were kept, else the digest of what was read. Call it after whole
// is closed.
func (b *body) taken() (k kind, data []byte, size int64, digest [32]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	ended := errors.Is(b.err, io.EOF) || b.size == b.length
	switch {
	case b.over:
		b.sum.Sum(digest[:0])
		return bodyTooMuch, nil, b.size, digest
	case !ended:
		return bodyPart, nil, b.size, sha256.Sum256(b.kept)
	}
	return bodyWhole, b.kept, b.size, digest
}

// why tells why more came than is kept.
func (b *body) why() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return whyBusy
	}
	return whyTooLarge
}

// errBusy says that the budget is used up.
var errBusy = errors.New("too much is kept at the moment")

// charged reads on as long as the budget has room; taken is to be given back.
type charged struct {
	from   io.Reader
	budget *budget
	taken  int64
}

func (c *charged) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if !c.budget.take(int64(n)) {
		return 0, errBusy
	}
	c.taken += int64(n)
	return n, err
}

// release gives back what was kept.
func (b *body) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.budget.give(int64(len(b.kept)))
	b.kept, b.over = nil, true
	if b.sum == nil {
		b.sum = sha256.New()
	}
}
