package recorder

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// ErrLost says that the exchange, or a part of it, could not be noted: what waits has reached its bound.
var ErrLost = errors.New("the exchange is not on record: too much waits to be written")

// entry is one record to be written. It is not changed once it is noted: a draft is made of it for each attempt.
type entry struct {
	rec     audit.Record
	pieces  []piece
	form    []byte
	forever bool
}

// piece is content of a record.
type piece intake.Piece

// note is what one call noted.
type note struct {
	x       *Exchange
	number  uint64
	entries []entry
	weight  int64
	begins  bool // the exchange
	ends    bool
	retry   int // which of the entries tells whether the first attempt is on record; -1: none
}

const entryWeight = 1024 // of a record without its content

func weigh(entries []entry) int64 {
	n := int64(0)
	for i := range entries {
		n += entryWeight
		for k := range entries[i].pieces {
			n += int64(len(entries[i].pieces[k].Value))
		}
	}
	return n
}

// push takes a note in; false where there is no room. The end of an exchange that began always finds room: there are no
// more of them than beginnings, and it is what an auditor misses most.
func (r *Recorder) push(n *note) bool {
	n.weight = weigh(n.entries)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !n.ends && (len(r.waiting) >= r.cfg.MaxExchanges || r.bytes+n.weight > r.cfg.MaxBytes) {
		return false
	}
	r.noted++
	n.number = r.noted
	r.waiting = append(r.waiting, n)
	r.bytes += n.weight
	if len(r.waiting) >= batchRecords/4 || r.bytes >= batchBytes/2 {
		r.hasten()
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return true
}

const (
	batchRecords = 1000
	batchBytes   = 8 << 20
)

// batch is the notes to be written next, oldest first. They go on waiting until they are written.
func (r *Recorder) batch() []*note {
	r.mu.Lock()
	defer r.mu.Unlock()
	records, size, n := 0, int64(0), 0
	for _, w := range r.waiting {
		if n > 0 && (records+len(w.entries) > batchRecords || size+w.weight > batchBytes) {
			break
		}
		records, size, n = records+len(w.entries), size+w.weight, n+1
	}
	return r.waiting[:n:n]
}

// settle ends an attempt to write a batch.
func (r *Recorder) settle(batch []*note, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failing = err
	if err == nil {
		for _, n := range batch {
			r.bytes -= n.weight
			r.durable = n.number
		}
		r.waiting = append([]*note(nil), r.waiting[len(batch):]...)
	}
	close(r.tried)
	r.tried = make(chan struct{})
}

// wait returns when everything up to a note is durable, with the error of the writer when it fails, or when ctx ends.
func (r *Recorder) wait(ctx context.Context, number uint64) error {
	for {
		r.mu.Lock()
		durable, failing, tried := r.durable, r.failing, r.tried
		r.mu.Unlock()
		switch {
		case durable >= number:
			return nil
		case failing != nil: // it is tried again anyhow; nobody is made to wait for a journal that refuses
			return fmt.Errorf("record the exchange: %w", failing)
		}
		r.hasten()
		select {
		case <-ctx.Done():
			return fmt.Errorf("record the exchange: %w: %w", intake.ErrUnavailable, ctx.Err())
		case <-tried:
		}
	}
}

// loss is what passed unrecorded and is not on record itself yet.
type loss struct {
	exchanges   int // of which nothing is recorded
	notes       int // of others, parts that are not
	first, last time.Time
}

func (r *Recorder) lose(whole bool) {
	now := r.now()
	r.deps.Health.Raise(ConditionLost, health.Critical, "exchanges pass the LLM gateway unrecorded: too much waits to be written. See why the journal refuses, or raise gateway.record.max_waiting")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost.first.IsZero() {
		r.lost.first = now
	}
	r.lost.last = now
	if whole {
		r.lost.exchanges++
		r.stats.lost.Inc()
		return
	}
	r.lost.notes++
}
