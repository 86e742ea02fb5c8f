package ledger

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// running is a ledger that runs until stop.
type running struct {
	*Ledger
	stop func() error
}

func start(t *testing.T, dir string, m *memJournal, d disk, reg *health.Registry) *running {
	t.Helper()
	l, err := openOn(t.Context(), dir, d, Options{Journal: m, Health: reg, Origin: "example.test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, m.follow(l.Size()+1)) }()
	var once sync.Once
	var result error
	stop := func() error {
		once.Do(func() {
			cancel()
			result = <-ended
		})
		return result
	}
	t.Cleanup(func() { _ = stop() })
	return &running{l, stop}
}

func waitFor(t *testing.T, l *running, size uint64) {
	t.Helper()
	if _, err := l.Wait(t.Context(), size); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointsComeAtMostOnceAnInterval(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newMemJournal()
		l := start(t, dir, m, quickDisk{osDisk(dir)}, nil)
		began := time.Now()
		m.grow(1)
		waitFor(t, l, 1)
		if took := time.Since(began); took != 0 {
			t.Errorf("a lone record waited %v for its checkpoint", took)
		}
		m.grow(10)
		synctest.Wait()
		if l.Size() != 11 || l.Checkpoint().Size != 1 {
			t.Errorf("size %d, checkpoint %d; want 11, 1", l.Size(), l.Checkpoint().Size)
		}
		waitFor(t, l, 11)
		if took := time.Since(began); took != time.Second {
			t.Errorf("the second checkpoint came after %v, want 1s", took)
		}
		time.Sleep(time.Hour)
		m.grow(1)
		waitFor(t, l, 12)
		if took := time.Since(began); took != time.Hour+time.Second {
			t.Errorf("a record after a quiet hour waited %v", took-time.Hour-time.Second)
		}
		m.grow(5)
		synctest.Wait()
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		if l.Checkpoint().Size != 17 {
			t.Errorf("the last checkpoint covers %d, want 17", l.Checkpoint().Size)
		}
		if _, err := l.Wait(t.Context(), 18); !errors.Is(err, ErrStopped) {
			t.Errorf("waiting for a ledger that has stopped: error = %v", err)
		}
		if again := open(t, dir, m); again.Size() != 17 {
			t.Errorf("size after a restart = %d, want 17", again.Size())
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 5)
	l := open(t, dir, m)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	head, err := l.Wait(ctx, 6)
	if !errors.Is(err, context.DeadlineExceeded) || head.Size != 5 {
		t.Errorf("waited to size %d, %v", head.Size, err)
	}
}

// fullDisk fails to write while full.
type fullDisk struct {
	disk
	full  atomic.Bool
	tries atomic.Int64
}

func (d *fullDisk) write(name string, data []byte, perm fs.FileMode) error {
	if d.full.Load() {
		if strings.HasPrefix(name, "ledger/tile/entries") {
			d.tries.Add(1)
		}
		return errors.New("no space left on device")
	}
	return d.disk.write(name, data, perm)
}

func TestWhatCannotBeWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var reg health.Registry
		m := newMemJournal()
		d := &fullDisk{disk: quickDisk{osDisk(dir)}}
		l := start(t, dir, m, d, &reg)
		d.full.Store(true)
		m.grow(5)
		synctest.Wait()
		got := reg.Conditions()
		if len(got) != 1 || got[0].Code != "ledger.write" || !strings.Contains(got[0].Text, "no space left") || !strings.Contains(got[0].Text, "free space") {
			t.Fatalf("conditions = %+v", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := d.tries.Load(); n < 4 || n > 8 { // at 0, 1, 3, 7, 15, 31 s
			t.Errorf("%d tries in a minute", n)
		}
		m.grow(1000)
		d.full.Store(false)
		waitFor(t, l, 1005)
		synctest.Wait()
		if got := reg.Conditions(); len(got) > 0 {
			t.Errorf("conditions = %+v", got)
		}
		if err := l.stop(); err != nil {
			t.Error(err)
		}
		wantFound(t, check(t, VerifyOptions{Dir: dir, Journal: m}))
	})
}

// While nothing can be written, memory is bounded: the journal keeps the records.
func TestNoMoreIsTakenThanCanBeHeld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newMemJournal()
		d := &fullDisk{disk: quickDisk{osDisk(dir)}}
		l := start(t, dir, m, d, nil)
		d.full.Store(true)
		const most = maxPending/2*256 + 2000
		m.grow(most + 50_000)
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		if size := l.Size(); size > most {
			t.Errorf("%d leaves taken, want at most %d", size, most)
		}
		d.full.Store(false)
		waitFor(t, l, m.len())
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStopThatCannotSignSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := newMemJournal()
	d := &fullDisk{disk: quickDisk{osDisk(dir)}}
	l, err := openOn(t.Context(), dir, d, Options{Journal: m})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.append([]journal.Stored{record(1, 0)}); err != nil {
		t.Fatal(err)
	}
	d.full.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Run(ctx, m.follow(1)); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error = %v", err)
	}
}

func TestJournalThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var reg health.Registry
		m := newMemJournal()
		m.failing = errors.New("database is locked")
		l := start(t, dir, m, quickDisk{osDisk(dir)}, &reg)
		synctest.Wait()
		if got := reg.Conditions(); len(got) != 1 || got[0].Code != "ledger.read" {
			t.Fatalf("conditions = %+v", got)
		}
		m.mu.Lock()
		m.failing = nil
		m.mu.Unlock()
		m.grow(3)
		waitFor(t, l, 3)
		if got := reg.Conditions(); len(got) > 0 {
			t.Errorf("conditions = %+v", got)
		}
		m.mu.Lock()
		m.failing = &journal.CorruptError{First: 4, Count: 2, Err: errors.New("checksum")}
		m.mu.Unlock()
		m.grow(1) // wakes the follower once; what it gets then is the damage
		for range 2 {
			synctest.Wait()
			m.grow(1)
		}
		synctest.Wait()
		var corrupt *journal.CorruptError
		if err := l.stop(); !errors.As(err, &corrupt) {
			t.Errorf("error = %v", err)
		}
	})
}

func TestAppendTakesEachRecordOnceAndInOrder(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 10)
	l := open(t, dir, m)
	if err := l.append([]journal.Stored{record(9, 0), record(10, 0), record(11, 0)}); err != nil || l.Size() != 11 {
		t.Errorf("size = %d, %v; want 11", l.Size(), err)
	}
	if err := l.append([]journal.Stored{record(13, 0)}); err == nil || !strings.Contains(err.Error(), "record 13 follows record 11") {
		t.Errorf("error = %v", err)
	}
}

// Proofs and verification work on a ledger that grows, from the files alone.
func TestReadingWhileWriting(t *testing.T) {
	t.Parallel()
	dir, m := t.TempDir(), newMemJournal()
	l, err := openOn(t.Context(), dir, quickDisk{osDisk(dir)}, Options{Journal: m, Interval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, m.follow(1)) }()
	m.grow(10)
	if _, err := l.Wait(ctx, 10); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for i := range 3 {
		readers.Go(func() { readOn(ctx, t, dir, l.Key(), m, uint64(i)) })
	}
	readers.Go(func() {
		for ctx.Err() == nil {
			r, err := Verify(ctx, VerifyOptions{Dir: dir, Journal: m, Key: l.Key(), chunk: 1024})
			if ctx.Err() == nil && (err != nil || !r.Verified) {
				t.Errorf("verify: %v, %+v", err, r)
				return
			}
		}
	})
	for range 60 {
		m.grow(37)
		if _, err := l.Wait(ctx, m.len()); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	readers.Wait()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// readOn proves records and growth again and again.
func readOn(ctx context.Context, t *testing.T, dir, key string, m *memJournal, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 3))
	var last Checkpoint
	for ctx.Err() == nil {
		seq := 1 + r.Uint64N(10)
		if last.Size > 0 {
			seq = 1 + r.Uint64N(last.Size)
		}
		p, err := Prove(ctx, dir, seq)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("prove: %v", err)
			return
		}
		if err := CheckProof(key, m.at(seq).Commitment, p.Text); err != nil {
			t.Errorf("check proof of record %d: %v", seq, err)
			return
		}
		if last.Size > 0 {
			grown, err := Consistency(ctx, dir, last.Size, p.Head.Size)
			if ctx.Err() != nil {
				return
			}
			if err == nil && last.Size < p.Head.Size {
				err = tlog.CheckTree(grown, int64(p.Head.Size), p.Head.Root, int64(last.Size), last.Root)
			}
			if err != nil {
				t.Errorf("growth from %d to %d: %v", last.Size, p.Head.Size, err)
				return
			}
		}
		last = p.Head
	}
}

func TestProveSaysWhatIsNotCovered(t *testing.T) {
	t.Parallel()
	dir, _ := build(t, 5)
	var not *NotCoveredError
	if _, err := Prove(t.Context(), dir, 6); !errors.As(err, &not) || not.Size != 5 {
		t.Errorf("error = %v", err)
	}
	if _, err := Prove(t.Context(), dir, 0); err == nil {
		t.Error("record 0 was proved")
	}
	if _, err := Prove(t.Context(), t.TempDir(), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

// A tile that does not fit gives no proof.
func TestProveRefusesDamagedTiles(t *testing.T) {
	t.Parallel()
	dir, _ := build(t, 700)
	alter(t, dir, "ledger/tile/0/000", 77)
	if _, err := Prove(t.Context(), dir, 3); err == nil || !strings.Contains(err.Error(), "run tripod verify") {
		t.Errorf("error = %v", err)
	}
	if _, err := Prove(t.Context(), dir, 300); err != nil {
		t.Errorf("another tile's record: %v", err)
	}
}
