package content

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
)

// request is what the committer is asked for: to store entries, or to run a job between two commits.
type request struct {
	entries []*entry
	job     func() error
	done    chan error
}

// Bounds of one commit. Together with what is in flight they bound memory and how long a Put waits for others.
const (
	maxCommitBlocks = 4096
	maxCommitBytes  = 16 << 20
)

// retryEvery is how often a failing store tries whether it can write again, if nobody else does.
const retryEvery = 2 * time.Second

// Run serves writes until ctx ends, then those that already wait for it, and returns nil. It may be called once.
func (s *Store) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return errors.New("run content store: it ran before")
	}
	defer close(s.stopped)
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	for {
		tick := retry.C
		if s.failing == nil {
			tick = nil
		}
		select {
		case r := <-s.queue:
			s.serve(r)
		case <-tick:
			s.report(s.tryWriting())
		case <-ctx.Done():
			for {
				select {
				case r := <-s.queue:
					s.serve(r)
				default:
					return nil
				}
			}
		}
	}
}

// submit hands a request to the committer and waits for its result.
func (s *Store) submit(ctx context.Context, r request) error {
	r.done = make(chan error, 1)
	select {
	case s.queue <- r: // unbuffered: whoever is taken is answered
	case <-s.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// do runs a job on the committer and waits until it is over, whatever happens to ctx meanwhile.
func (s *Store) do(ctx context.Context, job func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := request{job: job, done: make(chan error, 1)}
	select {
	case s.queue <- r:
		return <-r.done
	case <-s.stopped:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve commits a request together with all others that wait, up to the bounds; a job ends the collecting.
func (s *Store) serve(r request) {
	runtime.Gosched() // who is about to put gets to: fewer, larger commits on a busy machine
	var batch []request
	for blocks, bytes := 0, 0; ; {
		if r.job != nil {
			s.commit(batch)
			err := classify(r.job())
			if errors.Is(err, ErrFull) { // other results of a job say nothing about writing
				s.report(err)
			}
			r.done <- err
			return
		}
		batch = append(batch, r)
		blocks += len(r.entries)
		for _, e := range r.entries {
			bytes += len(e.body)
		}
		if blocks >= maxCommitBlocks || bytes >= maxCommitBytes {
			s.commit(batch)
			return
		}
		select {
		case r = <-s.queue:
		default:
			s.commit(batch)
			return
		}
	}
}

// commit stores a batch and answers each request of it.
func (s *Store) commit(batch []request) {
	entries := make([]*entry, 0, len(batch))
	accepted := batch[:0:0]
	for _, r := range batch {
		if s.anyRetired(r.entries) {
			r.done <- errRetired
			continue
		}
		accepted = append(accepted, r)
		entries = append(entries, r.entries...)
	}
	if len(accepted) == 0 {
		return
	}
	err := classify(s.store(entries))
	s.report(err)
	for _, r := range accepted {
		r.done <- err
	}
}

func (s *Store) anyRetired(entries []*entry) bool {
	for _, e := range entries {
		if _, ok := s.retired[e.key.id]; ok {
			return true
		}
	}
	return false
}

// store makes new keys durable, then new blocks.
func (s *Store) store(entries []*entry) error {
	if err := s.storeKeys(); err != nil {
		return err
	}
	now := s.now()
	fresh, found, err := s.storeBlocks(entries, now)
	if err != nil {
		return fmt.Errorf("store blocks: %w", err)
	}
	s.held.found(found, now)
	s.held.added(fresh, now)
	return nil
}

// storeKeys stores all pending keys.
func (s *Store) storeKeys() error {
	keys := s.keyCache.unstored()
	if len(keys) == 0 {
		return nil
	}
	if err := insertKeys(s.keys, keys); err != nil {
		return err
	}
	s.keyCache.stored(keys)
	return nil
}

// storeBlocks stores the entries that are new in one transaction, and tells which were and which were held already.
func (s *Store) storeBlocks(entries []*entry, now time.Time) (fresh []*entry, found map[heldKey]int64, err error) {
	// Callers that put the same at the same time meet here.
	seen := make(map[heldKey]struct{}, len(entries))
	next := s.nextBlock
	fresh = make([]*entry, 0, len(entries))
	for _, e := range entries {
		k := e.heldKey()
		if _, ok := seen[k]; ok {
			continue
		}
		seen[k] = struct{}{}
		e.block = next
		next++
		fresh = append(fresh, e)
	}
	if hourOf(now) != s.freshHour {
		s.freshHour = hourOf(now)
		clear(s.freshKeys)
	}
	err = s.content.transact(func() error {
		if fresh, found, err = s.insertAddresses(fresh); err != nil {
			return err
		}
		if err := s.insertBodies(fresh); err != nil {
			return err
		}
		return s.noteFresh(fresh)
	})
	if err != nil {
		clear(s.freshKeys) // their rows are gone
		return nil, nil, err
	}
	s.nextBlock = next
	return fresh, found, nil
}

// insertAddresses stores addresses and leaves out those that are stored already, for which it returns their blocks.
func (s *Store) insertAddresses(entries []*entry) (fresh []*entry, found map[heldKey]int64, err error) {
	fresh = entries[:0:0]
	args := make([]any, 0, 3*maxRows)
	err = chunks(entries, func(part []*entry) error {
		args = args[:0]
		for _, e := range part {
			args = append(args, e.key.id, e.prefix[:], e.block)
		}
		n, err := s.content.exec(insertAddresses[len(part)], args...)
		if err != nil {
			return err
		}
		if int(n) == len(part) {
			fresh = append(fresh, part...)
			return nil
		}
		for _, e := range part {
			block, err := s.blockOf(e.heldKey())
			if err != nil {
				return err
			}
			if block == e.block {
				fresh = append(fresh, e)
				continue
			}
			if block == 0 {
				return fmt.Errorf("container key %d: an erased block is under a living key: restart to repair", e.key.id)
			}
			if found == nil {
				found = make(map[heldKey]int64)
			}
			found[e.heldKey()] = block
		}
		return nil
	})
	return fresh, found, err
}

func (s *Store) blockOf(k heldKey) (block int64, err error) {
	stmt, err := s.content.prepare("SELECT block FROM addresses WHERE key_id = ? AND address = ?")
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRow(k.key, k.prefix[:]).Scan(&block)
	return block, err
}

func (s *Store) insertBodies(entries []*entry) error {
	args := make([]any, 0, 2*maxRows)
	return chunks(entries, func(part []*entry) error {
		args = args[:0]
		for _, e := range part {
			args = append(args, e.block, e.body)
		}
		_, err := s.content.exec(insertBodies[len(part)], args...)
		return err
	})
}

// noteFresh notes for the sweep which keys got blocks in this hour.
func (s *Store) noteFresh(entries []*entry) error {
	for _, e := range entries { // ascending, so that the first of a key is its lowest
		if _, ok := s.freshKeys[e.key.id]; ok {
			continue
		}
		_, err := s.content.exec("INSERT INTO fresh (hour, key_id, first_block) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			s.freshHour, e.key.id, e.block)
		if err != nil {
			return err
		}
		s.freshKeys[e.key.id] = struct{}{}
	}
	return nil
}

// maxRows is the most rows one statement inserts.
const maxRows = 64

// Statements that insert n rows, for the n that chunks uses.
var (
	insertAddresses = insertStatements("INSERT INTO addresses (key_id, address, block) VALUES ", "(?,?,?)", " ON CONFLICT DO NOTHING")
	insertBodies    = insertStatements("INSERT INTO blocks (id, body) VALUES ", "(?,?)", "")
)

func insertStatements(head, row, tail string) map[int]string {
	m := make(map[int]string)
	for _, n := range []int{maxRows, 8, 1} {
		m[n] = head + strings.TrimSuffix(strings.Repeat(row+",", n), ",") + tail
	}
	return m
}

// chunks calls f with parts of 64, then 8, then 1 entries: few statements to prepare, few calls to make.
func chunks(entries []*entry, f func(part []*entry) error) error {
	for len(entries) > 0 {
		n := 1
		if len(entries) >= maxRows {
			n = maxRows
		} else if len(entries) >= 8 {
			n = 8
		}
		if err := f(entries[:n]); err != nil {
			return err
		}
		entries = entries[n:]
	}
	return nil
}

func (s *Store) tryWriting() error {
	if err := s.keys.probe(); err != nil {
		return classify(err)
	}
	return classify(s.content.probe())
}

// report keeps the conditions of writing up to date with the result of a write.
func (s *Store) report(err error) {
	if err == nil {
		if s.failing != nil {
			s.health.Clear(conditionFull)
			s.health.Clear(conditionFailing)
			s.log.LogAttrs(context.Background(), slog.LevelInfo, "content store writes again")
		}
		s.failing = nil
		return
	}
	if errors.Is(err, ErrFull) {
		s.health.Raise(conditionFull, health.Critical, "the content store has no room: free space on the data directory; content is refused until then")
	} else {
		s.health.Raise(conditionFailing, health.Critical, "the content store cannot write: its log says why; content is refused until then")
	}
	if s.failing == nil {
		s.log.LogAttrs(context.Background(), slog.LevelError, "content store cannot write", slog.Any("error", err))
	}
	s.failing = err
}
