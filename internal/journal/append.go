package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal/frame"
)

// What one batch may hold.
const (
	MaxRecord     = frame.MaxRecord // canonical bytes of one record
	MaxBatch      = 50_000          // entries
	MaxBatchBytes = 64 << 20        // canonical bytes
)

// Entry is one record to store.
type Entry struct {
	Record *audit.Record // decoded form; must not be changed after Append
	Bytes  []byte        // canonical bytes of Record; must not be changed after Append
	// ID makes a re-delivery recognisable; zero if the source can deliver the record only once. ID and Body must be keyed
	// digests: they outlive the record (see Digest).
	ID Digest
	// Body, for Forever, is a digest of the source's body. The same ID with a body not seen before becomes a new record
	// that says what it supersedes; with one that was seen, be it not the newest, it is a re-delivery.
	Body Digest
	// Forever: the source has ids of its own and may deliver at any time again.
	Forever bool
}

// Batch is stored whole or not at all.
type Batch struct {
	Entries []Entry
	Cursors map[string][]byte // commit together with the entries; a nil value forgets the cursor
}

// Receipt tells where a batch was stored.
type Receipt struct {
	Seqs       []uint64 // one an entry; for a duplicate the position of its first delivery
	Duplicates int
}

// request is a batch on its way: what can be computed without knowing its position already is.
type request struct {
	batch       Batch
	raw         int
	salts       []audit.Salt
	commitments []audit.Commitment
	done        chan struct{} // closed once receipt and err are set
	receipt     Receipt
	err         error
}

// Append stores a batch; nil means that it is durable. It blocks while Run is not running. Errors wrap ErrFull when no
// room is left, ErrTooLarge for what can never be stored, ErrClosed after Run has ended, and what Refuse was given.
//
// When ctx ends first, a batch that the committer has not yet taken is withdrawn; one that it has is committed, but
// nobody waits for it: deliver it again to learn its receipt. Neither is ever stored by half.
func (j *Journal) Append(ctx context.Context, b Batch) (Receipt, error) {
	r, err := newRequest(b)
	if err != nil {
		return Receipt{}, fmt.Errorf("append to journal: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return Receipt{}, fmt.Errorf("append to journal: nothing was stored: %w", context.Cause(ctx))
	}
	if err := j.queue.put(r); err != nil {
		return Receipt{}, fmt.Errorf("append to journal: %w", err)
	}
	return j.await(ctx, r)
}

func (j *Journal) await(ctx context.Context, r *request) (Receipt, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		if j.queue.withdraw(r) {
			return Receipt{}, fmt.Errorf("append to journal: nothing was stored: %w", context.Cause(ctx))
		}
		select {
		case <-r.done: // both were ready
		default:
			return Receipt{}, fmt.Errorf("append to journal: given up while it was being committed: %w", context.Cause(ctx))
		}
	}
	return r.receipt, r.err
}

// newRequest does in the caller's goroutine what the committer need not: checks, salts and commitments.
func newRequest(b Batch) (*request, error) {
	n := len(b.Entries)
	r := &request{batch: b, done: make(chan struct{}), salts: make([]audit.Salt, n), commitments: make([]audit.Commitment, n)}
	r.receipt.Seqs = make([]uint64, n)
	if n > MaxBatch {
		return nil, fmt.Errorf("%d entries in a batch, at most %d fit: %w", n, MaxBatch, ErrTooLarge)
	}
	random := make([]byte, n*len(audit.Salt{}))
	if _, err := rand.Read(random); err != nil {
		return nil, fmt.Errorf("make salts: %w", err)
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		switch {
		case e.Record == nil || len(e.Bytes) == 0:
			return nil, fmt.Errorf("entry %d has no record", i)
		case len(e.Bytes) > MaxRecord:
			return nil, fmt.Errorf("entry %d has %d bytes, at most %d fit: %w", i, len(e.Bytes), MaxRecord, ErrTooLarge)
		case e.Forever && e.ID == (Digest{}):
			return nil, fmt.Errorf("entry %d is to be remembered for ever and has no id", i)
		}
		r.raw += len(e.Bytes)
		r.salts[i] = audit.Salt(random[i*len(audit.Salt{}):])
		r.commitments[i] = audit.Commit(r.salts[i], e.Bytes)
	}
	if r.raw > MaxBatchBytes {
		return nil, fmt.Errorf("%d bytes in a batch, at most %d fit: %w", r.raw, MaxBatchBytes, ErrTooLarge)
	}
	return r, nil
}

// queue is what waits for the committer. Each caller has at most one request in it.
type queue struct {
	mu      sync.Mutex
	waiting []*request
	running bool
	closed  bool
	kick    chan struct{} // holds one when something waits
}

func newQueue() *queue { return &queue{kick: make(chan struct{}, 1)} }

func (q *queue) put(r *request) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.waiting = append(q.waiting, r)
	q.wake()
	return nil
}

func (q *queue) wake() {
	select {
	case q.kick <- struct{}{}:
	default:
	}
}

// withdraw takes a request back unless the committer has it.
func (q *queue) withdraw(r *request) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take moves what waits, in order and within the bounds of a group, to into; one request always fits.
func (q *queue) take(into []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	records, raw, n := 0, 0, 0
	for _, r := range q.waiting {
		records += len(r.batch.Entries)
		raw += r.raw
		if n > 0 && (records > maxGroupRecords || raw > maxGroupRaw) {
			break
		}
		n++
	}
	into = append(into, q.waiting[:n]...)
	left := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	if left > 0 {
		q.wake()
	}
	return into
}

// start is for Run, once.
func (q *queue) start() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running || q.closed {
		return errors.New("run the journal's committer: it runs already, or has run")
	}
	q.running = true
	return nil
}

// refuse takes no more; what waits is still taken.
func (q *queue) refuse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// stopped is for the end of Run.
func (q *queue) stopped() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = false
}

// shut is for Close: whoever still waits (Run never ran) gets ErrClosed.
func (q *queue) shut() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.running {
		return errors.New("close the journal: its committer still runs; stop it first")
	}
	q.closed = true
	for _, r := range q.waiting {
		r.err = fmt.Errorf("append to journal: %w", ErrClosed)
		close(r.done)
	}
	q.waiting = nil
	return nil
}
