package correlate

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// simEvent is one event of a simulated process.
type simEvent struct {
	process int
	device  string
	session string
	n       int64
	at      time.Time
}

// simBatch is one export: what a process gathered in five seconds.
type simBatch struct {
	events []simEvent
	at     time.Time // arrives
}

// simWorld simulates devices with processes that run one after the other and in parallel, change sessions (/clear), go back
// to one (/resume inside) and resume one in a new process.
type simWorld struct {
	rng     *rand.Rand
	seed    int
	devices int
	batches []simBatch
	process int
	session int
}

func (w *simWorld) newSession(device int) string {
	w.session++
	return fmt.Sprintf("s%d-%d-%d", w.seed, device, w.session)
}

// device simulates one device and returns all sessions it had.
func (w *simWorld) device(device int) {
	var known []string
	start := t0.Add(time.Duration(w.seed)*24*time.Hour + time.Duration(w.rng.IntN(3600))*time.Second)
	for range 1 + w.rng.IntN(5) {
		session := w.newSession(device)
		if len(known) > 0 && w.rng.IntN(3) == 0 {
			session = known[w.rng.IntN(len(known))] // --resume
			start = start.Add(time.Hour)            // its process is over
		}
		end, sessions := w.run(device, session, start)
		known = append(known, sessions...)
		if w.rng.IntN(3) == 0 { // the next runs in parallel, else after this
			start = start.Add(time.Duration(w.rng.IntN(60)) * time.Second)
		} else {
			start = end.Add(time.Duration(1+w.rng.IntN(3600)) * time.Second)
		}
	}
}

// run simulates one process.
func (w *simWorld) run(device int, session string, at time.Time) (end time.Time, sessions []string) {
	w.process++
	sessions = []string{session}
	var batch []simEvent
	flush := at.Add(5 * time.Second)
	events := 5 + w.rng.IntN(200)
	for n := range int64(events) {
		at = at.Add(time.Duration(w.rng.IntN(1500)) * time.Millisecond)
		if w.rng.IntN(60) == 0 { // a person thinks
			at = at.Add(time.Duration(w.rng.IntN(600)) * time.Second)
		}
		for at.After(flush) {
			if len(batch) > 0 {
				w.batches = append(w.batches, simBatch{events: batch, at: flush})
				batch = nil
			}
			flush = flush.Add(5 * time.Second)
		}
		switch w.rng.IntN(80) {
		case 0: // /clear
			session = w.newSession(device)
			sessions = append(sessions, session)
		case 1: // /resume of a session this process had before
			session = sessions[w.rng.IntN(len(sessions))]
		}
		batch = append(batch, simEvent{w.process, fmt.Sprintf("device %d of %d", device, w.seed), session, n, at})
	}
	if len(batch) > 0 {
		w.batches = append(w.batches, simBatch{events: batch, at: flush})
	}
	return at, sessions
}

// missing is one record that did not come.
type missing struct {
	process int
	n       int64
}

// deliver loses, delays and repeats batches, and returns them as they arrive with what is missing: what is lost before the last
// event of its process that came.
func (w *simWorld) deliver(lose func(b simBatch) bool) (arrived []simBatch, lost map[missing]bool) {
	last := make(map[int]int64)
	for _, b := range w.batches {
		if lose(b) {
			continue
		}
		switch w.rng.IntN(12) {
		case 0: // retried after 503
			b.at = b.at.Add(time.Duration(w.rng.IntN(60)) * time.Second)
		case 1: // came through a collector that had been cut off
			b.at = b.at.Add(time.Duration(w.rng.IntN(3600)) * time.Second)
		case 2: // delivered twice
			again := b
			again.at = b.at.Add(time.Duration(w.rng.IntN(120)) * time.Second)
			arrived = append(arrived, again)
		}
		arrived = append(arrived, b)
		for _, e := range b.events {
			last[e.process] = max(last[e.process], e.n)
		}
	}
	lost = make(map[missing]bool)
	for _, b := range w.batches {
		for _, e := range b.events {
			if e.n <= last[e.process] {
				lost[missing{e.process, e.n}] = true
			}
		}
	}
	for _, b := range arrived {
		for _, e := range b.events {
			delete(lost, missing{e.process, e.n})
		}
	}
	slices.SortStableFunc(arrived, func(a, b simBatch) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	return arrived, lost
}

// replay stores the batches and notes the process of each position.
func replay(f *feed, arrived []simBatch, process map[uint64]int) {
	for _, b := range arrived {
		f.now = b.at
		for _, e := range b.events {
			seq := f.event(e.session, e.n, e.at, func(r *audit.Record) {
				r.Account.Asserted.Device = e.device
				r.Account.Asserted.Email = "someone@" + e.device
			})
			process[seq] = e.process
		}
	}
}

// claimed is what the view says is missing, by the process of the record behind each gap.
func claimed(list []Discrepancy, process map[uint64]int) map[missing]bool {
	all := make(map[missing]bool)
	for _, d := range list {
		if d.Kind != KindSequenceGap || d.State != StateOpen {
			continue
		}
		for _, r := range d.Details.Missing {
			for n := r.First; n <= r.Last; n++ {
				all[missing{process[d.LastSeq], n}] = true
			}
		}
	}
	return all
}

// interior reports whether the batch lies inside one session of its process, so that what comes before and behind it
// leaves no doubt which process it is missing from.
func (w *simWorld) interior(b simBatch) bool {
	first, last := b.events[0], b.events[len(b.events)-1]
	var before, behind bool
	for _, o := range w.batches {
		for _, e := range o.events {
			if e.process != first.process {
				continue
			}
			before = before || e.n == first.n-1 && e.session == first.session
			behind = behind || e.n == last.n+1 && e.session == last.session
		}
	}
	return before && behind && first.session == last.session
}

// hidden are lost records that nothing can show: another process of the session ended with the very number the gap ends with,
// so that what follows may be its continuation.
func (w *simWorld) hidden(lost map[missing]bool) map[missing]bool {
	came := make(map[string]map[missing]bool) // by session
	sessions := make(map[missing]string)
	for _, b := range w.batches {
		for _, e := range b.events {
			m := missing{e.process, e.n}
			sessions[m] = e.session
			if came[e.session] == nil {
				came[e.session] = make(map[missing]bool)
			}
			came[e.session][m] = !lost[m]
		}
	}
	all := make(map[missing]bool)
	for m := range lost {
		end := m.n
		for lost[missing{m.process, end + 1}] {
			end++
		}
		for o, ok := range came[sessions[m]] {
			if ok && o.process != m.process && o.n == end && !came[sessions[m]][missing{o.process, end + 1}] {
				all[m] = true
			}
		}
	}
	return all
}

// TestExactlyWhatIsMissing: every record lost inside a session is reported, and nothing else, whatever the order of
// arrival; and however the journal is cut into batches, the view ends up the same.
func TestExactlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	process, lost := make(map[uint64]int), make(map[missing]bool)
	for seed := range uint64(seeds) {
		w := newWorld(seed)
		arrived, missed := w.deliver(func(b simBatch) bool { return w.rng.IntN(10) == 0 && w.interior(b) })
		replay(f, arrived, process)
		maps.Copy(lost, missed)
		for m := range w.hidden(missed) {
			lost[m] = false
		}
		f.applyCut(w.rng)
	}
	f.later(Grace)
	if diff := difference(lost, claimed(list(t, f.view, Filter{Kind: KindSequenceGap, Limit: -1}), process)); diff != "" {
		t.Error(diff)
	}
	if len(lost) < 50*seeds {
		t.Errorf("only %d records were lost: the simulation shows nothing", len(lost))
	}
	f.compareRebuilt()
}

// TestNothingElseIsMissing: where any batch may be lost, at the start of a process and between its sessions, too, some losses
// cannot be told; but what is reported was lost, but for a coincidence in a thousand.
func TestNothingElseIsMissing(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	process, lost := make(map[uint64]int), make(map[missing]bool)
	for seed := range uint64(seeds / 3) {
		w := newWorld(1000 + seed)
		arrived, missed := w.deliver(func(simBatch) bool { return w.rng.IntN(10) == 0 })
		replay(f, arrived, process)
		maps.Copy(lost, missed)
		f.applyCut(w.rng)
	}
	f.later(Grace)
	got := claimed(list(t, f.view, Filter{Kind: KindSequenceGap, Limit: -1}), process)
	wrong, reported := 0, 0
	for m := range got {
		if lost[m] {
			reported++
		} else {
			wrong++
		}
	}
	if wrong*1000 > reported || reported*100 < len(lost)*98 {
		t.Errorf("of %d lost %d were reported, and %d that were not", len(lost), reported, wrong)
	}
	f.compareRebuilt()
}

// TestSharedSessions: where processes share a session at the same time, their numbers cannot be told apart, and next to
// nothing is claimed although nothing was lost.
func TestSharedSessions(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	process, claims := make(map[uint64]int), 0
	const worlds = seeds / 4
	for seed := range uint64(worlds) {
		w := newWorld(2000 + seed)
		for _, b := range w.batches {
			for i := range b.events {
				b.events[i].session = b.events[i].device
			}
		}
		arrived, _ := w.deliver(func(simBatch) bool { return false })
		replay(f, arrived, process)
		f.applyCut(w.rng)
	}
	f.later(Grace)
	for _, d := range list(t, f.view, Filter{Kind: KindSequenceGap, State: StateOpen, Limit: -1}) {
		claims++
		t.Logf("process %d: %s", process[d.LastSeq], d.Statement)
	}
	if claims > worlds/20 {
		t.Errorf("%d claims", claims)
	}
	f.compareRebuilt()
}

// newWorld simulates one to three devices on a day of their own.
func newWorld(seed uint64) *simWorld {
	w := &simWorld{rng: rand.New(rand.NewPCG(seed, 7)), seed: int(seed), process: int(seed) * 1000}
	for range 1 + w.rng.IntN(3) {
		w.devices++
		w.device(w.devices)
	}
	return w
}

func difference(want, got map[missing]bool) string {
	var out []string
	for m, lost := range want {
		if lost && !got[m] {
			out = append(out, fmt.Sprintf("process %d n %d was lost and is not reported", m.process, m.n))
		}
	}
	for m := range got {
		if _, known := want[m]; !known {
			out = append(out, fmt.Sprintf("process %d n %d is reported and was not lost", m.process, m.n))
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 10)], "; ")
}

// applyCut applies what is pending in batches of chance.
func (f *feed) applyCut(rng *rand.Rand) {
	f.t.Helper()
	for rest := f.pending; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(400))
		if rng.IntN(6) == 0 {
			n = min(n, 3)
		}
		if err := f.view.Apply(context.Background(), rest[:n]); err != nil {
			f.t.Fatal(err)
		}
		if rng.IntN(20) == 0 { // as after a restart
			f.view.forget()
		}
		rest = rest[n:]
	}
	f.pending = nil
}

// checkLinks holds what is said of each gap against what a fresh look at all stretches says: whatever may change it must
// have led to one.
func (f *feed) checkLinks() {
	f.t.Helper()
	for _, d := range f.view.names.devices {
		relink, judge := d.relink, d.judge
		d.link()
		d.relink, d.judge = relink, judge
		for _, s := range d.live {
			c := d.claimOf(s)
			if loaded := s.claim.state == "" && s.reported; !loaded && !c.same(&s.claim) {
				f.t.Fatalf("%s %d to %d: said %+v, is %+v", s.st.key.session, s.lo, s.hi, s.claim, c)
			}
		}
	}
}

// TestEveryChangeIsNoticed applies worlds record by record.
func TestEveryChangeIsNoticed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(seeds / 8) {
		f := newFeed(t)
		w := newWorld(3000 + seed)
		shared := seed%4 == 0
		for _, b := range w.batches {
			for i := range b.events {
				if shared {
					b.events[i].session = b.events[i].device
				}
			}
		}
		arrived, _ := w.deliver(func(simBatch) bool { return w.rng.IntN(6) == 0 })
		replay(f, arrived, make(map[uint64]int))
		for rest := f.pending; len(rest) > 0; {
			n := min(len(rest), 1+w.rng.IntN(3))
			if err := f.view.Apply(context.Background(), rest[:n]); err != nil {
				t.Fatal(err)
			}
			f.checkLinks()
			rest = rest[n:]
		}
		f.pending = nil
		f.compareRebuilt()
	}
}

// compareRebuilt holds the view against one built from the journal at once.
func (f *feed) compareRebuilt() {
	f.t.Helper()
	dir := f.t.TempDir()
	if err := Rebuild(context.Background(), dir, reader(f.all), nil); err != nil {
		f.t.Fatal(err)
	}
	v := openView(f.t, dir)
	all := Filter{Limit: -1}
	if diff := gocmp.Diff(list(f.t, f.view, all), list(f.t, v, all), cmpopts.IgnoreUnexported(Discrepancy{})); diff != "" {
		f.t.Errorf("a rebuild differs (+) from the live view (-): %s", diff)
	}
	_ = v.Close()
}

// reader is a journal in memory.
type reader []journal.Stored

func (r reader) Last(context.Context) (uint64, error) { return uint64(len(r)), nil }

func (r reader) Scan(_ context.Context, first, last uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for _, s := range r[first-1 : last] {
			if !yield(s, nil) {
				return
			}
		}
	}
}
