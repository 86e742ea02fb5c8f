package journal

import (
	"context"
	"fmt"
	"sync"
	"unsafe"

	"github.com/tripod-audit/tripod/internal/audit"
)

// A page handed to a follower holds at most this many records.
const maxPage = 1000

// Follower reads the journal from a position on and waits for more. It belongs to one goroutine.
type Follower struct {
	j    *Journal
	next uint64
}

// Follow starts a follower at a position, the first it wants; 0 means 1.
func (j *Journal) Follow(from uint64) *Follower { return &Follower{j: j, next: max(from, 1)} }

// Next waits until there is something at or after the follower's position and returns a page of it: contiguous, in
// order, durable, at most about a thousand records. Recent records come decoded from memory, others from disk. The
// records are shared and must not be changed.
//
// A part of the journal that is damaged ends the page before it; the next call returns a *CorruptError for it, and the
// one after that goes on behind it. After Close it returns ErrClosed.
func (f *Follower) Next(ctx context.Context) ([]Stored, error) {
	for {
		page, behind, wait, err := f.j.recent.from(f.next, maxPage)
		if err == nil && behind {
			page, err = f.fromDisk(ctx)
		}
		if err != nil {
			return nil, err
		}
		if len(page) > 0 {
			f.next += uint64(len(page))
			return page, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// fromDisk reads the page that memory no longer holds.
func (f *Follower) fromDisk(ctx context.Context) ([]Stored, error) {
	page, err := f.j.reader.page(ctx, f.next)
	if err != nil {
		return nil, fmt.Errorf("follow the journal: %w", err)
	}
	for i := range page {
		if page[i].err == nil {
			continue
		}
		if i == 0 {
			f.next += page[0].err.Count
			return nil, page[0].err
		}
		page = page[:i]
		break
	}
	out := make([]Stored, len(page))
	for i := range page {
		out[i] = page[i].stored
	}
	return out, nil
}

// recent is the newest part of the journal, decoded, for the followers to share.
type recent struct {
	mu     sync.Mutex
	items  []Stored // contiguous; ends before next
	next   uint64   // position the next published record will have
	cost   int
	limit  int
	wake   chan struct{} // closed and replaced at each publication
	closed bool
}

func newRecent(next uint64, limit int) *recent {
	return &recent{next: next, limit: limit, wake: make(chan struct{})}
}

// from copies what there is from a position on. behind: it is older than what memory holds. With neither it returns the
// channel to wait on.
func (r *recent) from(seq uint64, limit int) (page []Stored, behind bool, wait <-chan struct{}, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.next - uint64(len(r.items))
	switch {
	case r.closed:
		return nil, false, nil, ErrClosed
	case seq >= r.next:
		return nil, false, r.wake, nil
	case seq < first:
		return nil, true, nil, nil
	}
	items := r.items[seq-first:]
	return append([]Stored(nil), items[:min(limit, len(items))]...), false, nil, nil
}

// publish adds records that are durable, in order, and lets the oldest go.
func (r *recent) publish(stored []Stored) {
	if len(stored) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, stored...)
	r.next += uint64(len(stored))
	for i := range stored {
		r.cost += memory(&stored[i])
	}
	drop := 0
	for ; r.cost > r.limit && drop < len(r.items); drop++ {
		r.cost -= memory(&r.items[drop])
	}
	clear(r.items[:drop])
	r.items = r.items[drop:]
	close(r.wake)
	r.wake = make(chan struct{})
}

// memory estimates what a record takes while it is held decoded: its bytes, the strings and attributes made of them, and
// the structs.
func memory(s *Stored) int {
	return 3*len(s.Bytes) + int(unsafe.Sizeof(Stored{})+unsafe.Sizeof(audit.Record{}))
}

// forget replaces erased records by their tombstones.
func (r *recent) forget(tombstones []Stored) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.next - uint64(len(r.items))
	for _, t := range tombstones {
		if t.Seq >= first && t.Seq < r.next {
			r.cost += memory(&t) - memory(&r.items[t.Seq-first])
			r.items[t.Seq-first] = t
		}
	}
}

func (r *recent) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed = true
		close(r.wake)
	}
}
