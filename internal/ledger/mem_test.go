package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// memJournal is a journal in memory, for what the real one would make slow, and for damage of a kind that is hard to do
// to a file.
type memJournal struct {
	mu      sync.Mutex
	list    []journal.Stored       // guarded by mu
	corrupt []journal.CorruptError // guarded by mu
	failing error                  // guarded by mu: what followers get
	grown   chan struct{}          // guarded by mu
	filled  int                    // guarded by mu: calls of FillLost
}

func newMemJournal() *memJournal {
	return &memJournal{grown: make(chan struct{})}
}

// record makes the record of a position: small, and another one for each seed.
func record(seq uint64, seed byte) journal.Stored {
	var salt audit.Salt
	binary.BigEndian.PutUint64(salt[:], seq)
	salt[15] = seed
	canonical := fmt.Appendf(nil, `{"v":1,"id":"%d","source":"otel.log","type":"user_prompt"}`, seq)
	return journal.Stored{Seq: seq, Bytes: canonical, Salt: salt, Commitment: audit.Commit(salt, canonical)}
}

// grow appends n records.
func (m *memJournal) grow(n int) *memJournal {
	for range n {
		m.put(record(m.len()+1, 0))
	}
	return m
}

// act appends one of Tripod's own records and returns its seq.
func (m *memJournal) act(typ string, activity audit.Activity, attrs audit.Attrs) uint64 {
	s := record(m.len()+1, 0)
	rec := audit.Record{Version: audit.SchemaVersion, Source: audit.SourceTripod, Activity: activity, Type: typ, Attributes: attrs,
		Occurred: time.Unix(1, 0), Recorded: time.Unix(1, 0)}
	s.Bytes = rec.AppendCanonical(nil)
	s.Commitment = audit.Commit(s.Salt, s.Bytes)
	m.put(s)
	return s.Seq
}

func (m *memJournal) put(s journal.Stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, s)
	close(m.grown)
	m.grown = make(chan struct{})
}

func (m *memJournal) len() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return uint64(len(m.list))
}

// set changes what stands at a position, behind the ledger's back.
func (m *memJournal) set(seq uint64, s journal.Stored) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Seq = seq
	m.list[seq-1] = s
}

// erase puts a tombstone at a position.
func (m *memJournal) erase(seq uint64, reason audit.TombstoneReason) {
	c := m.at(seq).Commitment
	m.set(seq, journal.Stored{Commitment: c, Tombstone: &audit.Tombstone{Commitment: c, Reason: reason}})
}

func (m *memJournal) at(seq uint64) journal.Stored {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list[seq-1]
}

// cut loses everything behind a position.
func (m *memJournal) cut(last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = m.list[:last]
}

func (m *memJournal) Last(context.Context) (uint64, error) { return m.len(), nil }

func (m *memJournal) Scan(ctx context.Context, from, to uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for seq := from; seq <= min(to, m.len()); {
			if err := ctx.Err(); err != nil {
				yield(journal.Stored{}, err)
				return
			}
			m.mu.Lock()
			bad := m.damage(seq)
			s := m.list[seq-1]
			m.mu.Unlock()
			if bad != nil {
				if !yield(journal.Stored{}, bad) {
					return
				}
				seq = bad.First + bad.Count
				continue
			}
			if s.Seq != 0 && !yield(s, nil) {
				return
			}
			seq++
		}
	}
}

// damage is what covers a position; the caller holds mu.
func (m *memJournal) damage(seq uint64) *journal.CorruptError {
	for _, bad := range m.corrupt {
		if seq >= bad.First && seq < bad.First+bad.Count {
			return &bad
		}
	}
	return nil
}

func (m *memJournal) FillLost(_ context.Context, lost []audit.Tombstone) error {
	for i := range lost {
		m.put(journal.Stored{Seq: m.len() + 1, Commitment: lost[i].Commitment, Tombstone: &lost[i]})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.filled++
	return nil
}

func (m *memJournal) follow(from uint64) *memFollower { return &memFollower{m: m, next: from} }

type memFollower struct {
	m    *memJournal
	next uint64
}

func (f *memFollower) Next(ctx context.Context) ([]journal.Stored, error) {
	for {
		f.m.mu.Lock()
		grown, failing := f.m.grown, f.m.failing
		batch := f.m.list[min(f.next-1, uint64(len(f.m.list))):]
		f.m.mu.Unlock()
		if failing != nil {
			return nil, failing
		}
		if len(batch) > 0 {
			batch = batch[:min(len(batch), 1000)]
			f.next += uint64(len(batch))
			return append([]journal.Stored(nil), batch...), nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// open opens a ledger on a journal.
func open(t testing.TB, dir string, m Reader) *Ledger {
	t.Helper()
	l, err := openOn(t.Context(), dir, quickDisk{osDisk(dir)}, Options{Journal: m, Origin: "example.test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// cover appends everything the journal has and signs, without the clock.
func cover(t testing.TB, l *Ledger, m *memJournal) {
	t.Helper()
	f := m.follow(l.Size() + 1)
	for l.Size() < m.len() {
		batch, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := l.append(batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.checkpoint(); err != nil {
		t.Fatal(err)
	}
}

// build makes a data directory whose ledger got checkpoints at these sizes, ascending, and its journal.
func build(t testing.TB, sizes ...int) (string, *memJournal) {
	t.Helper()
	dir, m := t.TempDir(), newMemJournal()
	l := open(t, dir, m)
	for _, size := range sizes {
		m.grow(size - int(m.len()))
		cover(t, l, m)
	}
	return dir, m
}

// steps picks sizes at which a ledger of n leaves gets checkpoints, the same for each seed.
func steps(seed uint64, n int) []int {
	r := rand.New(rand.NewPCG(seed, 1))
	var sizes []int
	for size := 0; size < n; {
		size = min(n, size+1+r.IntN(1+n/5))
		sizes = append(sizes, size)
	}
	return sizes
}
