package retention_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// TestRandomOrder purges, holds, releases, erases, starts again, backs up and restores in random order. After each step nothing that is held is lost,
// nothing that was erased is there, everything else can be read, and every proof holds.
func TestRandomOrder(t *testing.T) {
	t.Parallel()
	seeds, steps := 25, 28
	switch {
	case os.Getenv("TRIPOD_SOAK") != "":
		seeds, steps = 500, 40
	case testing.Short(): // the race detector takes several times as long; the plain run has them all
		seeds = 4
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			if err := newWorld(t, uint64(seed)).run(steps); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
		})
	}
}

// block is a piece of content: equal text of one container is one block, until it was erased.
type block struct{ container, address string }

// world is a spine and what is known of it by other means.
type world struct {
	*spine
	t       *testing.T
	r       *rand.Rand
	said    []said1
	gone    map[uint64]bool // records that were erased or purged
	erased  map[block]bool
	due     map[audit.Source]int // days after which the records of a source go
	days    int                  // that the clock of purges is ahead
	holds   map[string]hold.Scope
	waiting []string // holds whose release was asked for
	log     []string // what was done
	classes []retention.Class

	repo                *backup.Repository
	identity, recipient string
	snap                *saved // nil before the first backup
	key                 string // the ledger's first
	earlier             []byte // a checkpoint of this history
}

const wordDays = 20

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{t: t, r: rand.New(rand.NewPCG(seed, 7)), gone: make(map[uint64]bool), erased: make(map[block]bool), holds: make(map[string]hold.Scope),
		due: map[audit.Source]int{audit.SourceOTelLog: 40, audit.SourceHookClient: 80}}
	w.classes = []retention.Class{class("words", retention.Texts, wordDays, audit.SourceOTelLog),
		class("logs", retention.Records, 40, audit.SourceOTelLog), class("hooks", retention.Records, 80, audit.SourceHookClient)}
	w.spine = openSpine(t, t.TempDir(), w.classes...)
	w.key = w.ledger.Key()
	return w
}

func (w *world) run(steps int) (err error) {
	defer func() { err = errors.Join(err, w.close()) }()
	actions := []func() error{w.deliver1, w.deliver1, w.set, w.ask, w.release, w.eraseRecord, w.eraseMany, w.eraseContainer, w.purge, w.restart, w.backup, w.backup, w.restore, w.handOver}
	if err := w.deliver1(); err != nil {
		return err
	}
	for range steps {
		if err := actions[w.r.IntN(len(actions))](); err != nil {
			return fmt.Errorf("%v: %w", w.log, err)
		}
		if err := w.check(); err != nil {
			return fmt.Errorf("%v: %w", w.log, err)
		}
	}
	return w.prove()
}

func (w *world) note(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

var people = []string{"dana@example.com", "lee@example.com", ""}

func (w *world) deliver1() error {
	for range 1 + w.r.IntN(4) {
		d := said1{container: fmt.Sprintf("session/-/%d", w.r.IntN(3)), email: people[w.r.IntN(len(people))], source: audit.SourceOTelLog}
		if w.r.IntN(2) == 0 {
			d.source = audit.SourceHookClient
		}
		for range w.r.IntN(3) {
			d.texts = append(d.texts, fmt.Sprint("text ", w.r.IntN(4)))
		}
		if w.r.IntN(2) == 0 {
			d.details = append(d.details, fmt.Sprint("detail ", w.r.IntN(3)))
		}
		d, err := w.deliver(d)
		if err != nil {
			return err
		}
		w.said = append(w.said, d)
	}
	w.note("deliver to %d", w.said[len(w.said)-1].seq)
	return nil
}

func (w *world) any() said1 { return w.said[w.r.IntN(len(w.said))] }

func (w *world) set() error {
	var s hold.Scope
	switch w.r.IntN(4) {
	case 0:
		s.Custodians = []string{people[w.r.IntN(2)]}
	case 1:
		s.Containers = []string{w.any().container}
	default:
		s.Records = []uint64{w.any().seq}
	}
	h, err := w.spine.holds.Set(context.Background(), carla, hold.NewHold{Case: "C-1", Scope: s, Reason: "r"})
	w.note("%s %+v", h.ID, s)
	if err == nil {
		w.holds[h.ID] = s
	}
	return err
}

func (w *world) ask() error {
	for _, id := range slices.Sorted(maps.Keys(w.holds)) {
		if !slices.Contains(w.waiting, id) {
			w.waiting = append(w.waiting, id)
			w.note("ask %s", id)
			_, err := w.spine.holds.AskRelease(context.Background(), carla, id, "")
			return err
		}
	}
	return nil
}

func (w *world) release() error {
	if len(w.waiting) == 0 {
		return nil
	}
	id := w.waiting[0]
	if _, err := w.spine.holds.Release(context.Background(), carla, id, ""); !errors.Is(err, hold.ErrPerson) {
		return fmt.Errorf("released by one: %w", err)
	}
	w.waiting = w.waiting[1:]
	delete(w.holds, id)
	w.note("release %s", id)
	_, err := w.spine.holds.Release(context.Background(), petra, id, "")
	return err
}

// held reports whether a hold covers a record.
func (w *world) held(d said1) bool {
	for _, s := range w.holds {
		if slices.Contains(s.Containers, d.container) || slices.Contains(s.Records, d.seq) {
			return true
		}
		for _, who := range s.Custodians {
			if slices.ContainsFunc(w.said, func(o said1) bool { return o.container == d.container && o.email == who && !w.gone[o.seq] }) {
				return true
			}
		}
	}
	return false
}

func blocks(d said1) (list []block) {
	for _, c := range d.record.Content {
		list = append(list, block{d.container, c.Address})
	}
	return list
}

// covered are the blocks that held records refer to.
func (w *world) covered() map[block]bool {
	in := make(map[block]bool)
	for _, d := range w.said {
		if !w.gone[d.seq] && w.held(d) {
			for _, b := range blocks(d) {
				in[b] = true
			}
		}
	}
	return in
}

func (w *world) eraseRecord() error { return w.eraseThese(1) }
func (w *world) eraseMany() error   { return w.eraseThese(4) }

func (w *world) eraseThese(n int) error {
	var seqs []uint64
	free, left, covered := true, false, w.covered()
	for range n {
		d := w.any()
		seqs = append(seqs, d.seq)
		if w.gone[d.seq] {
			continue
		}
		left = true
		free = free && !w.held(d) && !slices.ContainsFunc(blocks(d), func(b block) bool { return covered[b] })
	}
	w.note("erase %d, free %v", seqs, free)
	erase := func() error { _, err := w.eraser.Records(context.Background(), seqs, nil, asked); return err }
	if n == 1 {
		erase = func() error { _, err := w.eraser.Record(context.Background(), seqs[0], asked); return err }
	}
	err := erase()
	switch {
	case !left:
		if !errors.Is(err, erasure.ErrAlreadyErased) {
			return fmt.Errorf("all gone: %w", err)
		}
		return nil
	case !free:
		if !errors.Is(err, erasure.ErrHeld) {
			return fmt.Errorf("held, but: %w", err)
		}
		return nil
	case err != nil:
		return err
	}
	for _, d := range w.said {
		if slices.Contains(seqs, d.seq) && !w.gone[d.seq] {
			w.gone[d.seq] = true
			for _, b := range blocks(d) {
				w.erased[b] = true
			}
		}
	}
	return nil
}

func (w *world) eraseContainer() error {
	name, held := w.any().container, false
	for b := range w.covered() {
		held = held || b.container == name
	}
	for _, s := range w.holds {
		held = held || slices.Contains(s.Containers, name)
	}
	w.note("erase %s, held %v", name, held)
	_, err := w.eraser.Container(context.Background(), name, asked)
	if errors.Is(err, content.ErrMissing) { // nothing was ever there, held or not
		return nil
	}
	if held != errors.Is(err, erasure.ErrHeld) || !held && err != nil {
		return fmt.Errorf("held %v: %w", held, err)
	}
	if err == nil {
		for _, d := range w.said {
			if d.container == name {
				for _, b := range blocks(d) {
					w.erased[b] = true
				}
			}
		}
	}
	return nil
}

func (w *world) purge() error {
	step := w.r.IntN(30)
	w.days, w.now = w.days+step, w.now.AddDate(0, 0, step)
	w.note("purge at %d", w.days)
	going := func(d said1) bool { return w.days > w.due[d.source] && !w.held(d) }
	wordless := func(d said1) bool { return d.source == audit.SourceOTelLog && w.days > wordDays && !w.held(d) }
	needed, held := make(map[block]bool), w.covered()
	var drop []block
	for _, d := range w.said {
		for i, b := range blocks(d) {
			text := d.record.Content[i].Class == audit.ClassText
			switch {
			case w.gone[d.seq]:
			case going(d), text && wordless(d):
				drop = append(drop, b)
			default:
				needed[b] = true
			}
		}
	}
	for {
		_, more, err := w.keeper.Purge(context.Background(), audit.Identity{})
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	for _, d := range w.said {
		if going(d) {
			defer func() { w.gone[d.seq] = true }()
		}
	}
	for _, b := range drop {
		if !needed[b] && !held[b] {
			w.erased[b] = true
		}
	}
	return nil
}

func (w *world) restart() error {
	w.note("restart")
	return w.reopen(func() error { return nil })
}

// handOver gives the ledger another key, and who holds the first goes on to verify with it.
func (w *world) handOver() error {
	w.note("hand over")
	return w.reopen(func() error {
		j, err := journal.Open(context.Background(), w.dir, journal.Options{})
		if err != nil {
			return err
		}
		_, err = ledger.Rotate(context.Background(), w.dir, j.Reader())
		return errors.Join(err, j.Close())
	})
}

// reopen does something while nothing is open.
func (w *world) reopen(meanwhile func() error) error {
	if err := w.close(); err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		w.spine.close = func() error { return nil }
		return err
	}
	now, said := w.now, w.spine.said
	s, err := newSpine(w.dir, w.classes)
	if err != nil {
		w.spine.close = func() error { return nil }
		return err
	}
	s.now, s.said = now, said
	w.spine = s
	return nil
}

// check holds every record and block against what is known.
func (w *world) check() error {
	for _, d := range w.said {
		got, err := w.state(d)
		if err != nil {
			return err
		}
		var want []string
		if w.gone[d.seq] {
			want = append(want, "tombstone")
		}
		for _, b := range blocks(d) {
			if w.erased[b] {
				want = append(want, string(content.Erased))
			} else {
				want = append(want, string(content.Held))
			}
		}
		if got != strings.Join(want, " ") {
			return fmt.Errorf("record %d (%s, %q, held %v): %s, want %s", d.seq, d.container, d.email, w.held(d), got, strings.Join(want, " "))
		}
	}
	return w.prove()
}

// prove verifies the ledger with the first key and a checkpoint from earlier.
func (w *world) prove() error {
	if err := w.verify(w.key, w.earlier); err != nil || w.earlier != nil && w.r.IntN(4) > 0 {
		return err
	}
	var err error
	w.earlier, err = os.ReadFile(filepath.Join(w.dir, "ledger", "checkpoint"))
	return err
}
