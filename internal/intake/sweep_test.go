package intake_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// swept is a data directory with a clock that goes where the test wants, and a process that can be restarted.
type swept struct {
	t       *testing.T
	dir     string
	clock   time.Time
	log     *bytes.Buffer
	journal *journal.Journal
	content *content.Store
	door    *intake.Door
	sweeper *intake.Sweeper
	stop    func()
	forms   int
}

func newSwept(t *testing.T) *swept {
	t.Helper()
	s := &swept{t: t, dir: t.TempDir(), clock: time.Now(), log: new(bytes.Buffer)}
	s.start()
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *swept) start() {
	s.t.Helper()
	ctx := context.Background()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	var err error
	s.journal, err = journal.Open(ctx, s.dir, journal.Options{})
	must(err)
	keys, err := keyring.Load(keyring.Config{DataDir: s.dir, Create: true})
	must(err)
	s.content, err = content.Open(ctx, s.dir, content.Options{Keyring: keys, Now: func() time.Time { return s.clock }})
	must(err)
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	must(err)
	s.door = intake.New(s.journal, s.content, policy, []byte("key"))
	s.sweeper = intake.NewSweeper(s.door, s.journal, s.content, new(health.Registry), slog.New(slog.NewTextHandler(s.log, nil)))
	running, cancel := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- s.journal.Run(running) }()
	go func() { done <- s.content.Run(running) }()
	s.stop = func() {
		cancel()
		if err := errors.Join(<-done, <-done, s.content.Close(), s.journal.Close()); err != nil {
			s.t.Error(err)
		}
		s.stop = func() {}
	}
}

func (s *swept) restart() {
	s.stop()
	s.start()
}

// block is content and where it lies.
type block struct{ container, address string }

func (s *swept) draft(container string, texts ...string) intake.Draft {
	s.forms++
	d := draft(fmt.Sprint("form ", s.forms, s.clock))
	d.Record.Container = container
	for _, x := range texts {
		d.Pieces = append(d.Pieces, text("prompt", x))
	}
	return d
}

// deliver hands a record with content through the door.
func (s *swept) deliver(container string, texts ...string) []block {
	s.t.Helper()
	d := s.draft(container, texts...)
	if _, err := s.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{d}}); err != nil {
		s.t.Fatal(err)
	}
	return blocks(d.Record)
}

func blocks(r *audit.Record) (list []block) {
	for _, c := range r.Content {
		list = append(list, block{r.Container, c.Address})
	}
	return list
}

// orphan puts content as a delivery does that ends before its record.
func (s *swept) orphan(container, text string) block {
	s.t.Helper()
	a, err := s.content.Put(context.Background(), []content.Block{{Container: container, Plaintext: []byte(text)}})
	if err != nil {
		s.t.Fatal(err)
	}
	return block{container, a[0]}
}

func (s *swept) sweep(want int) {
	s.t.Helper()
	if n, err := s.sweeper.Sweep(context.Background(), s.clock); n != want || err != nil {
		s.t.Errorf("removed %d, %v, want %d", n, err, want)
	}
}

func (s *swept) state(b block) content.State {
	s.t.Helper()
	state, err := s.content.Reader().State(context.Background(), b.container, b.address)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func (s *swept) want(state content.State, list ...block) {
	s.t.Helper()
	for _, b := range list {
		if got := s.state(b); got != state {
			s.t.Errorf("block %.8s of %s is %s, want %s", b.address, b.container, got, state)
		}
	}
}

func (s *swept) last() uint64 {
	s.t.Helper()
	last, err := s.journal.Reader().Last(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	return last
}

func TestSweepRemovesOrphansAfterADay(t *testing.T) {
	t.Parallel()
	s := newSwept(t)
	kept := s.deliver("a", "one", "two")
	orphan := s.orphan("a", "three")
	s.sweep(0)
	s.clock = s.clock.Add(23 * time.Hour)
	s.sweep(0)
	s.want(content.Held, orphan)
	last := s.last()
	s.clock = s.clock.Add(2 * time.Hour)
	s.sweep(1)
	s.want(content.Missing, orphan)
	s.want(content.Held, kept...)
	stored, err := s.journal.Reader().Get(context.Background(), last+1)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := stored[0].Record()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := rec.Attributes.Get("blocks"); rec.Type != intake.TypeSwept || n.Text() != "1" {
		t.Errorf("left %s", stored[0].Bytes)
	}
	last = s.last()
	s.clock = s.clock.Add(24 * time.Hour)
	s.sweep(0)
	if s.last() != last {
		t.Error("a sweep that removed nothing is on record")
	}
}

func TestSweepAfterAWeekOfDowntime(t *testing.T) {
	t.Parallel()
	s := newSwept(t)
	kept := s.deliver("a", "one", "two")
	s.sweep(0)
	kept = append(kept, s.deliver("b", "three")...)
	orphan := s.orphan("b", "four")
	s.stop()
	s.clock = s.clock.Add(7 * 24 * time.Hour)
	s.start()
	kept = append(kept, s.deliver("b", "three", "five")...)
	s.sweep(1)
	s.want(content.Missing, orphan)
	s.want(content.Held, kept...)
}

// The first record of a block goes, and takes the block with it; what is put again for the second lives on.
func TestSweepAfterAnErasure(t *testing.T) {
	t.Parallel()
	s := newSwept(t)
	ctx := context.Background()
	first := s.deliver("a", "shared", "other")
	if err := s.content.EraseBlocks(ctx, "a", []string{first[0].address}); err != nil {
		t.Fatal(err)
	}
	if err := s.journal.Erase(ctx, 1); err != nil {
		t.Fatal(err)
	}
	second := s.deliver("a", "shared")
	s.clock = s.clock.Add(25 * time.Hour)
	s.sweep(1) // the other block of the erased record
	s.want(content.Held, second...)
	s.want(content.Erased, first[0])
}

// A delivery that has put its content and not yet its record is waited for, whatever the clock says of its age.
func TestSweepWaitsForDeliveriesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwept(t)
		defer func() { s.stop() }()
		goOn := make(chan struct{})
		policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
		if err != nil {
			t.Fatal(err)
		}
		door := intake.New(slowJournal{s.journal, goOn}, s.content, policy, []byte("key"))
		s.sweeper = intake.NewSweeper(door, s.journal, s.content, nil, slog.New(slog.DiscardHandler))
		d := s.draft("a", "one")
		delivered := make(chan error, 1)
		go func() {
			_, err := door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{d}})
			delivered <- err
		}()
		synctest.Wait()
		s.clock = s.clock.Add(100 * time.Hour)
		ended := make(chan int, 1)
		go func() {
			n, err := s.sweeper.Sweep(context.Background(), s.clock)
			if err != nil {
				t.Error(err)
			}
			ended <- n
		}()
		synctest.Wait()
		select {
		case n := <-ended:
			t.Errorf("the sweep did not wait; it removed %d", n)
		default:
		}
		close(goOn)
		if err := <-delivered; err != nil {
			t.Fatal(err)
		}
		<-ended
		s.want(content.Held, blocks(d.Record)...)
	})
}

// slowJournal keeps records back until it is told to go on.
type slowJournal struct {
	*journal.Journal
	goOn chan struct{}
}

func (j slowJournal) Append(ctx context.Context, b journal.Batch) (journal.Receipt, error) {
	<-j.goOn
	return j.Journal.Append(ctx, b)
}

// One that never ends holds up nothing for ever, and nothing is removed.
func TestSweepGivesUpWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwept(t)
		defer func() { s.stop() }()
		goOn := make(chan struct{})
		door := intake.New(slowJournal{s.journal, goOn}, s.content, new(capture.Policy), []byte("key"))
		registry := new(health.Registry)
		s.sweeper = intake.NewSweeper(door, s.journal, s.content, registry, slog.New(slog.DiscardHandler))
		s.clock = time.Now().Add(-100 * time.Hour)
		orphan := s.orphan("a", "one")
		s.clock = time.Now() // Run asks the machine's
		delivered := make(chan error, 1)
		go func() {
			_, err := door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{s.draft("a")}})
			delivered <- err
		}()
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- s.sweeper.Run(ctx) }()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if list := registry.Conditions(); len(list) != 1 || list[0].Code != "content.sweep" {
			t.Errorf("conditions: %+v", list)
		}
		s.want(content.Held, orphan)
		close(goOn)
		if err := <-delivered; err != nil {
			t.Error(err)
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		if list := registry.Conditions(); len(list) != 0 {
			t.Errorf("conditions: %+v", list)
		}
		s.want(content.Missing, orphan)
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func (s *swept) exec(query string, args ...any) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, journal.FileName))
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query, args...); err != nil {
		s.t.Fatal(err)
	}
}

func TestSweepLeavesAllWhereTheJournalIsDamaged(t *testing.T) {
	t.Parallel()
	f := func(name, query string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSwept(t)
			kept := s.deliver("a", "one")
			s.deliver("a")
			s.clock = s.clock.Add(25 * time.Hour)
			s.sweep(0) // the mark
			s.deliver("a")
			kept = append(kept, s.deliver("b", "two")...)
			s.deliver("a")
			kept = append(kept, s.orphan("a", "three"))
			s.stop()
			s.exec(query)
			s.start()
			s.clock = s.clock.Add(48 * time.Hour)
			if n, err := s.sweeper.Sweep(context.Background(), s.clock); n != 0 || err == nil {
				t.Errorf("removed %d, %v", n, err)
			}
			s.want(content.Held, kept...)
		})
	}
	// Each record has a frame of its own.
	f("frame of a record that refers to content", "UPDATE frames SET frame = zeroblob(length(frame)) WHERE first = 4")
	f("frame of another", "UPDATE frames SET frame = zeroblob(length(frame)) WHERE first = 3")
	f("frame before the mark", "UPDATE frames SET frame = zeroblob(length(frame)) WHERE first = 2")
	f("missing row", "DELETE FROM frames WHERE first = 4")
	f("missing row at the mark", "DELETE FROM frames WHERE first = 2")
	f("missing row before the mark", "DELETE FROM frames WHERE first = 1")
	f("missing salt", "DELETE FROM salts WHERE seq = 4")
}

// A journal that was cut behind the marks would let newer records stand where older ones stood.
func TestSweepLeavesAllWhereTheJournalWasCut(t *testing.T) {
	t.Parallel()
	s := newSwept(t)
	s.deliver("a", "one")
	s.deliver("a", "two")
	s.sweep(0)
	s.stop()
	s.exec("DELETE FROM frames WHERE first = 2")
	s.start()
	s.clock = s.clock.Add(48 * time.Hour)
	if n, err := s.sweeper.Sweep(context.Background(), s.clock); n != 0 || err == nil {
		t.Errorf("removed %d, %v", n, err)
	}
}

// What lost records referred to nobody knows. What came after them is swept as ever.
func TestSweepKeepsWhatLostRecordsMayReferTo(t *testing.T) {
	t.Parallel()
	s := newSwept(t)
	early := s.orphan("a", "early")
	s.deliver("a", "one")
	s.clock = s.clock.Add(25 * time.Hour)
	s.sweep(1)
	s.want(content.Missing, early)
	referred := s.orphan("a", "two") // its record is lost
	if err := s.journal.FillLost(context.Background(), []audit.Tombstone{{Commitment: audit.Commitment{1}, Reason: audit.TombstoneLost}}); err != nil {
		t.Fatal(err)
	}
	s.sweep(0)
	late := s.orphan("a", "late")
	for range 3 {
		s.clock = s.clock.Add(25 * time.Hour)
		s.sweep(1)
		s.want(content.Missing, late)
		s.want(content.Held, referred)
		late = s.orphan("a", "late")
	}
}

// A cursor that is damaged or wrong costs a longer read, nothing else.
func TestSweepWithoutItsCursor(t *testing.T) {
	t.Parallel()
	for _, cursor := range []string{"", "no json", `[{"block":1,"seq":1}]`, `[{"block":1,"seq":2},{"block":0,"seq":2}]`} { // the last two skip records
		s := newSwept(t)
		kept := append(s.deliver("a", "one"), s.deliver("b", "one")...)
		orphan := s.orphan("a", "two")
		_, err := s.journal.Append(context.Background(), journal.Batch{Cursors: map[string][]byte{"tripod/sweep": []byte(cursor)}})
		if err != nil {
			t.Fatal(err)
		}
		s.clock = s.clock.Add(25 * time.Hour)
		s.sweep(1)
		s.want(content.Held, kept...)
		s.want(content.Missing, orphan)
	}
}

// TestSweepNeverRemovesWhatRecordsReferTo does at random what a machine may do to the stores.
func TestSweepNeverRemovesWhatRecordsReferTo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			r := &randomRun{swept: newSwept(t), rand: rand.New(rand.NewPCG(seed, 1)), copies: make(map[string][]string)}
			r.latest = r.clock
			for range 150 {
				r.step()
			}
			r.sweepAll()
			r.clock = r.latest.Add(100 * time.Hour)
			r.sweepAll()
			refers := r.referred()
			for _, b := range r.orphans {
				if want := refers[b]; (r.state(b) == content.Held) != want && !r.restored {
					t.Errorf("block %.8s of %s is %s at the end; a record refers to it: %v", b.address, b.container, r.state(b), want)
				}
			}
			if r.removed == 0 || r.checked == 0 {
				t.Errorf("removed %d, checked %d: nothing was tested", r.removed, r.checked)
			}
		})
	}
}

type randomRun struct {
	*swept
	rand             *rand.Rand
	latest           time.Time // as far as the clock ever went
	orphans          []block
	copies           map[string][]string // directories with an older copy, by file
	removed, checked int
	restored         bool
}

func (r *randomRun) step() {
	container := fmt.Sprint("c", r.rand.IntN(4))
	some := func() string { return fmt.Sprint("text ", r.rand.IntN(60)) }
	switch n := r.rand.IntN(100); {
	case n < 30:
		r.deliver(container, some(), some())
	case n < 50:
		r.orphans = append(r.orphans, r.orphan(container, some()))
	case n < 55:
		r.eraseOne()
	case n < 60:
		r.restart()
	case n < 63:
		r.copy()
	case n < 66:
		r.restore()
	case n < 75: // a leap of up to three days, either way
		r.leap(time.Duration(r.rand.Int64N(int64(144*time.Hour))) - 72*time.Hour)
	case n < 85:
		r.leap(time.Duration(r.rand.Int64N(int64(6 * time.Hour))))
	default:
		r.sweepAll()
	}
}

func (r *randomRun) leap(d time.Duration) {
	r.clock = r.clock.Add(d)
	if r.clock.After(r.latest) {
		r.latest = r.clock
	}
}

// eraseOne erases a record as an erasure does: its content first.
func (r *randomRun) eraseOne() {
	last := r.last()
	if last == 0 {
		return
	}
	ctx, seq := context.Background(), 1+r.rand.Uint64N(last)
	stored, err := r.journal.Reader().Get(ctx, seq)
	if err != nil {
		r.t.Fatal(err)
	}
	rec, err := stored[0].Record()
	if err != nil {
		return
	}
	var addresses []string
	for _, b := range blocks(rec) {
		addresses = append(addresses, b.address)
	}
	if rec.Container != "" {
		if err := r.content.EraseBlocks(ctx, rec.Container, addresses); err != nil {
			r.t.Fatal(err)
		}
	}
	if err := r.journal.Erase(ctx, seq); err != nil {
		r.t.Fatal(err)
	}
}

// copy keeps the two files, restore puts an older copy of one of them back.
func (r *randomRun) copy() {
	r.stop()
	defer r.start()
	for _, name := range []string{journal.FileName, content.FileName} {
		to := filepath.Join(r.t.TempDir(), name)
		r.copyFile(filepath.Join(r.dir, name), to)
		r.copies[name] = append(r.copies[name], to)
	}
}

func (r *randomRun) restore() {
	name := []string{journal.FileName, content.FileName}[r.rand.IntN(2)]
	copies := r.copies[name]
	if len(copies) == 0 {
		return
	}
	r.stop()
	defer r.start()
	r.restored = true
	r.copyFile(copies[r.rand.IntN(len(copies))], filepath.Join(r.dir, name))
}

func (r *randomRun) copyFile(from, to string) {
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// referred collects what records refer to.
func (r *randomRun) referred() map[block]bool {
	refers := make(map[block]bool)
	for stored, err := range r.journal.Reader().Scan(context.Background(), 1, 0) {
		if err != nil {
			r.t.Fatal(err)
		}
		if rec, err := stored.Record(); err == nil {
			for _, b := range blocks(rec) {
				refers[b] = true
			}
		}
	}
	return refers
}

// sweepAll sweeps and wants everything held that was held before and that a record refers to.
func (r *randomRun) sweepAll() {
	r.t.Helper()
	var held []block
	for b := range r.referred() {
		if r.state(b) == content.Held {
			held = append(held, b)
		}
	}
	n, err := r.sweeper.Sweep(context.Background(), r.clock)
	if err != nil {
		r.t.Fatal(err)
	}
	r.removed += n
	r.checked += len(held)
	r.want(content.Held, held...)
}
