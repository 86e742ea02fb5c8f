package forward_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/forwardtest"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// memory is a receiver in memory, and every sink that sends there.
type memory struct {
	mu      sync.Mutex
	got     []string // ids, once for each time they came
	batches []string // "first-last" of each batch of records that was accepted
	points  []uint64
	limits  forward.Limits
	answer  func(items []forward.Item) ([]forward.Outcome, error) // asked first; nil, nil accepts
}

func (m *memory) Open(context.Context) (forward.Sink, error) { return m, nil }
func (m *memory) Grade() forward.Grade                       { return forward.GradeDurable }
func (m *memory) Limits() forward.Limits                     { return m.limits }
func (m *memory) Close() error                               { return nil }
func (m *memory) Received(context.Context) ([]string, error) { return m.got, nil }
func (m *memory) Find(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Contains(strings.Join(m.got, " "), id), nil
}

func (m *memory) Send(_ context.Context, items []forward.Item) (outcomes []forward.Outcome, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answer != nil {
		if outcomes, err = m.answer(items); err != nil {
			return nil, err
		}
	}
	for i := range items {
		if outcomes != nil && outcomes[i].Code != forward.Accepted {
			continue
		}
		if items[i].Kind == forward.KindCheckpoint {
			m.points = append(m.points, items[i].Seq)
			continue
		}
		m.got = append(m.got, items[i].ID)
	}
	if items[0].Kind == forward.KindRecord {
		m.batches = append(m.batches, fmt.Sprintf("%d-%d", items[0].Seq, items[len(items)-1].Seq))
	}
	return outcomes, nil
}

func (m *memory) holds(id string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, got := range m.got {
		if got == id {
			n++
		}
	}
	return n
}

func TestConformance(t *testing.T) {
	t.Parallel()
	forwardtest.Run(t, forwardtest.Suite{Records: 1200}, func(*testing.T) forwardtest.Receiver {
		return &memory{limits: forward.Limits{Items: 50, InFlight: 4}}
	})
}

// TestDeadLetters keeps what is refused for good, goes on behind it, and sends it again when told to.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	m := &memory{limits: forward.Limits{Items: 10}}
	refuse := true
	m.answer = func(items []forward.Item) ([]forward.Outcome, error) {
		outcomes := make([]forward.Outcome, len(items))
		for i := range items {
			if items[i].Seq == 7 && refuse {
				outcomes[i] = forward.Outcome{Code: forward.Dead, Reason: "mapping of field n"}
			}
		}
		return outcomes, nil
	}
	f := b.Forwarder(m.Open, nil)
	stop := b.Start(f)
	defer stop()
	last := b.Append(25)
	forwardtest.Until(t, "the rest arrived", forwardtest.Caught(t, f, last))
	list, err := forward.DeadLetters(t.Context(), b.Dir, "sink", 10)
	if err != nil || len(list) != 1 || list[0].Seq != 7 || list[0].Reason != "mapping of field n" {
		t.Fatalf("dead letters %+v, %v", list, err)
	}
	if len(m.got) != 24 || m.holds(list[0].ID) != 0 {
		t.Fatalf("%d items arrived, want 24", len(m.got))
	}
	m.mu.Lock()
	refuse = false
	m.mu.Unlock()
	if n, err := f.Redrive(t.Context(), "sink", nil); n != 1 || err != nil {
		t.Fatalf("Redrive = %d, %v", n, err)
	}
	forwardtest.Until(t, "the dead letter arrived", func() bool { return m.holds(list[0].ID) == 1 })
	forwardtest.Until(t, "it is gone", func() bool {
		left, err := forward.DeadLetters(t.Context(), b.Dir, "sink", 10)
		return err == nil && len(left) == 0
	})
	forwardtest.Until(t, "nothing is raised", func() bool { return len(b.Health.Conditions()) == 0 })
}

// TestErasedIsForgotten leaves no byte of an erased record in the state file, nor sends it any more.
func TestErasedIsForgotten(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	m := &memory{}
	m.answer = func(items []forward.Item) ([]forward.Outcome, error) {
		outcomes := make([]forward.Outcome, len(items))
		for i := range outcomes {
			outcomes[i] = forward.Outcome{Code: forward.Dead, Reason: "no"}
		}
		return outcomes, nil
	}
	f := b.Forwarder(m.Open, nil)
	stop := b.Start(f)
	last := b.Append(3)
	forwardtest.Until(t, "all are dead letters", forwardtest.Caught(t, f, last))
	if err := f.Forget(t.Context(), []uint64{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	stop()
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(filepath.Join(b.Dir, forward.FileName+suffix))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "dana@example.com") {
			t.Errorf("%s%s still holds an erased record", forward.FileName, suffix)
		}
	}
}

// TestNoRoomForDeadLetters waits, and drops nothing.
func TestNoRoomForDeadLetters(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	m := &memory{limits: forward.Limits{Items: 1, ItemBytes: 4 << 20}}
	m.answer = func([]forward.Item) ([]forward.Outcome, error) { return nil, forward.ErrTooLarge }
	f := b.Forwarder(m.Open, func(c *forward.SinkConfig) { c.DeadBytes = 20 << 10 })
	stop := b.Start(f)
	defer stop()
	b.Append(200) // about 80 KiB
	forwardtest.Until(t, "it says that there is no room", func() bool {
		for _, c := range b.Health.Conditions() {
			if c.Code == "forward.sink.full" {
				return true
			}
		}
		return false
	})
	list, err := f.Status(t.Context())
	if err != nil || list[0].DeadBytes > 20<<10 || list[0].LagRecords == 0 {
		t.Errorf("status %+v, %v", list, err)
	}
}

// TestAuthStops raises a condition while the credential is refused, and goes on when it is not.
func TestAuthStops(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	b.Backoff.Auth = time.Hour
	m, refuse := &memory{}, true
	m.answer = func([]forward.Item) ([]forward.Outcome, error) {
		if refuse {
			return nil, &forward.AuthError{Err: errors.New("401")}
		}
		return nil, nil
	}
	f := b.Forwarder(m.Open, nil)
	stop := b.Start(f)
	defer stop()
	last := b.Append(5)
	forwardtest.Until(t, "it says so", func() bool {
		c := b.Health.Conditions()
		return len(c) == 1 && c[0].Code == "forward.sink.auth"
	})
	m.mu.Lock()
	refuse = false
	m.mu.Unlock()
	f.Wake()
	forwardtest.Until(t, "all arrived", forwardtest.Caught(t, f, last))
	if c := b.Health.Conditions(); len(c) != 0 {
		t.Errorf("still raised: %v", c)
	}
}

// TestExactBatchesKeepTheirBoundaries stops in the middle and wants every batch that was begun to have the same records again.
func TestExactBatchesKeepTheirBoundaries(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	m := &memory{limits: forward.Limits{Items: 20, Exact: true, Linger: time.Millisecond}}
	refused := make(map[string]bool)
	m.answer = func(items []forward.Item) ([]forward.Outcome, error) {
		refused[fmt.Sprintf("%d-%d", items[0].Seq, items[len(items)-1].Seq)] = true
		return nil, errors.New("down")
	}
	f := b.Forwarder(m.Open, nil)
	stop := b.Start(f)
	b.Append(7)
	forwardtest.Until(t, "a batch was begun", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(refused) == 1 })
	last := b.Append(50) // what is left behind the last full batch must not wait for more
	stop()
	m.answer = nil
	f = b.Forwarder(m.Open, nil)
	stop = b.Start(f)
	forwardtest.Until(t, "all arrived", forwardtest.Caught(t, f, last))
	stop()
	for batch := range refused {
		if len(m.batches) == 0 || m.batches[0] != batch {
			t.Errorf("batches %v: the first was begun as %s", m.batches, batch)
		}
	}
	if len(m.got) != int(last) {
		t.Errorf("%d records arrived, want %d", len(m.got), last)
	}
}

// TestBackfill sends an older stretch beside what comes new.
func TestBackfill(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	old := b.Append(40)
	m := &memory{limits: forward.Limits{Items: 10, InFlight: 2}}
	f := b.Forwarder(m.Open, func(c *forward.SinkConfig) { c.From = forward.FromNow })
	stop := b.Start(f)
	defer stop()
	last := b.Append(10)
	forwardtest.Until(t, "what is new arrived", forwardtest.Caught(t, f, last))
	if len(m.got) != 10 {
		t.Fatalf("%d items arrived, want the 10 new ones", len(m.got))
	}
	first, end, err := f.Backfill(t.Context(), "sink", "11")
	if first != 11 || end != last || err != nil {
		t.Fatalf("Backfill = %d, %d, %v", first, end, err)
	}
	forwardtest.Until(t, "the back-fill is through", forwardtest.Caught(t, f, last))
	for i, id := range b.IDs(1, last) {
		want := 1
		if i < 10 {
			want = 0
		} else if i >= int(old) {
			want = 2
		}
		if n := m.holds(id); n != want {
			t.Errorf("position %d is there %d times, want %d", i+1, n, want)
		}
	}
}

// points is a ledger whose checkpoints come when told.
type points struct {
	mu    sync.Mutex
	size  uint64
	grown chan struct{}
}

func (p *points) Wait(ctx context.Context, size uint64) (ledger.Checkpoint, error) {
	for {
		p.mu.Lock()
		at, grown := p.size, p.grown
		p.mu.Unlock()
		if at >= size {
			return ledger.Checkpoint{Origin: "tripod.test/log", Size: at, Root: tlog.Hash{1}, Note: []byte(fmt.Sprintf("tripod.test/log\n%d\n", at))}, nil
		}
		select {
		case <-ctx.Done():
			return ledger.Checkpoint{}, ctx.Err()
		case <-grown:
		}
	}
}

// TestCheckpoints sends the last checkpoint, once, and not again after a restart.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	b.Checkpoints = &points{size: 3, grown: make(chan struct{})}
	last := b.Append(3)
	m := &memory{}
	for range 2 {
		f := b.Forwarder(m.Open, nil)
		stop := b.Start(f)
		forwardtest.Until(t, "the checkpoint arrived", func() bool { m.mu.Lock(); defer m.mu.Unlock(); return len(m.points) > 0 })
		forwardtest.Until(t, "all arrived", forwardtest.Caught(t, f, last))
		stop()
	}
	if len(m.points) != 1 || m.points[0] != 3 {
		t.Errorf("checkpoints %v, want one of size 3", m.points)
	}
}

// TestLimits halves what is too large together, and keeps what is too large alone.
func TestLimits(t *testing.T) {
	t.Parallel()
	b := forwardtest.NewBench(t)
	m := &memory{limits: forward.Limits{Items: 64}}
	m.answer = func(items []forward.Item) ([]forward.Outcome, error) {
		if len(items) > 3 || items[0].Seq == 9 && len(items) == 1 {
			return nil, forward.ErrTooLarge
		}
		for _, i := range items {
			if i.Seq == 9 {
				return nil, forward.ErrTooLarge
			}
		}
		return nil, nil
	}
	f := b.Forwarder(m.Open, nil)
	stop := b.Start(f)
	defer stop()
	last := b.Append(30)
	forwardtest.Until(t, "all is settled", forwardtest.Caught(t, f, last))
	list, err := f.Status(t.Context())
	if err != nil || list[0].Dead != 1 || len(m.got) != 29 {
		t.Errorf("%d arrived, status %+v, %v", len(m.got), list, err)
	}
}
