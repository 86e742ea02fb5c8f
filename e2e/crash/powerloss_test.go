package crash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/e2e/crash/disk"
	"github.com/tripod-audit/tripod/internal/journal"
)

// TestPowerLoss records every system call of serve that changes the disk or answers a client, and holds the order of
// syncs and answers against the promise; then it replays the calls into a model of a disk that drops what was not synced,
// cuts the power at random moments, and starts serve on what is left.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	r := record(t)
	p := r.replay(t)
	t.Run("SyncBeforeAnswer", func(t *testing.T) { p.checkAnswers(t) })
	t.Run("SyncBeforeCheckpoint", func(t *testing.T) { p.checkCheckpoints(t) })
	t.Run("Cut", func(t *testing.T) { p.cut(t) })
	t.Run("NoticesLoss", func(t *testing.T) { p.withoutSync(t) })
}

// step is an event of one of the runs, with what it means.
type step struct {
	disk.Event
	run    int
	ack    *export // this is the answer to it
	erased *target // this is the answer to the order
}

// film is a recording taken apart.
type film struct {
	*recording
	steps []step
	acked map[*export]int // step of the first acknowledgement
}

func (r *recording) replay(t *testing.T) *film {
	t.Helper()
	p := &film{recording: r, acked: make(map[*export]int)}
	orders := r.orders
	for run, path := range r.runs {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		calls, err := disk.ParseTrace(f)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatalf("read the trace of run %d: %v", run+1, err)
		}
		answered := make(map[string]int)
		for _, e := range disk.Events(calls) {
			s := step{Event: e, run: run}
			if port := otlpAnswer(e); port != "" {
				if acks := r.acks[run][port]; answered[port] < len(acks) {
					s.ack = acks[answered[port]]
					if _, again := p.acked[s.ack]; !again {
						p.acked[s.ack] = len(p.steps)
					}
				}
				answered[port]++
			}
			if eraseAnswer(e) && len(orders) > 0 {
				s.erased, orders = orders[0], orders[1:]
			}
			p.steps = append(p.steps, s)
		}
		for port, acks := range r.acks[run] {
			if answered[port] != len(acks) && answered[port] != len(acks)+1 { // the last may have been on its way when serve was killed
				t.Fatalf("run %d answered %d exports on port %s, the client counted %d", run+1, answered[port], port, len(acks))
			}
		}
	}
	if len(orders) > 0 {
		t.Fatalf("%d answers to orders of erasure were not seen", len(orders))
	}
	t.Logf("%d steps, %d exports acknowledged, %d erasures", len(p.steps), len(p.acked), len(r.orders))
	return p
}

// otlpAnswer tells the client's port if the event is the beginning of a 200 to an export.
func otlpAnswer(e disk.Event) string {
	if e.End || e.Call.Name != "write" || !strings.HasPrefix(e.Call.Args[0].Path, "TCP:[") {
		return ""
	}
	data := e.Call.Args[1].Data
	if !bytes.HasPrefix(data, []byte("HTTP/1.1 200 ")) || !bytes.Contains(data, []byte("application/x-protobuf")) {
		return ""
	}
	_, port, _ := strings.Cut(strings.TrimSuffix(e.Call.Args[0].Path, "]"), "->")
	return port[strings.LastIndexByte(port, ':')+1:]
}

func eraseAnswer(e disk.Event) bool {
	return !e.End && e.Call.Name == "write" && strings.HasPrefix(e.Call.Args[0].Path, "UNIX") &&
		bytes.HasPrefix(e.Call.Args[1].Data, []byte("HTTP/1.1 200 ")) && bytes.Contains(e.Call.Args[1].Data, []byte(`"intent":`))
}

// log is what a stretch of the trace did to one write-ahead log: lines of the trace, 0 for never.
type walUse struct{ firstWrite, lastWrite, syncBegan, syncEnded int }

// checkAnswers: between one answer and the next, while one client sends alone, stand the writes for one export. Those to
// the journal are synced before the answer; those of content are before the first to the journal; those of a new
// container's key before the first of content.
func (p *film) checkAnswers(t *testing.T) {
	port := p.onlyPortOfFirst()
	seen := make(map[*export]bool)
	session := ""
	var use map[string]*walUse
	checked, withContent, withKeys := 0, 0, 0
	for i := range p.steps {
		s := &p.steps[i]
		if s.run > 0 || len(seen) >= p.alone {
			break
		}
		if s.ack == nil {
			note(use, p.home.data, s.Event)
			continue
		}
		if otlpAnswer(s.Event) != port {
			break
		}
		again, fresh := seen[s.ack], s.ack.records[0].session != session
		seen[s.ack] = true
		if !again {
			session = s.ack.records[0].session
		}
		if use != nil && !again { // nil before the first: then there is the start in between
			checked++
			j, c, k := use["journal.db-wal"], use["content.db-wal"], use["keys/containers.db-wal"]
			f := func(ok bool, format string, args ...any) {
				t.Helper()
				if !ok {
					t.Errorf("the answer at line %d: %s", s.Call.Enter, fmt.Sprintf(format, args...))
				}
			}
			f(j.lastWrite > 0, "nothing was written to the journal since the one before")
			f(j.syncBegan >= j.lastWrite && j.syncEnded > 0 && j.syncEnded <= s.Call.Enter, "the journal was written until line %d and synced from %d to %d", j.lastWrite, j.syncBegan, j.syncEnded)
			if c.lastWrite > 0 {
				withContent++
				f(c.syncBegan >= c.lastWrite && c.syncEnded <= j.firstWrite, "content was written until line %d and synced from %d to %d, the journal was written from %d on", c.lastWrite, c.syncBegan, c.syncEnded, j.firstWrite)
			}
			if k.lastWrite > 0 {
				withKeys++
				f(c.lastWrite > 0 && k.syncBegan >= k.lastWrite && k.syncEnded <= c.firstWrite, "a key was written until line %d and synced from %d to %d, content was written from %d on", k.lastWrite, k.syncBegan, k.syncEnded, c.firstWrite)
			}
			f(!fresh || k.lastWrite > 0, "a new session, and no key was written")
		}
		use = map[string]*walUse{"journal.db-wal": {}, "content.db-wal": {}, "keys/containers.db-wal": {}}
	}
	if checked < 20 || withContent < 10 || withKeys < 1 {
		t.Errorf("looked at %d answers only, %d with content, %d with a new key", checked, withContent, withKeys)
	}
	t.Logf("%d answers, %d with content, %d with a new container", checked, withContent, withKeys)
}

func (p *film) onlyPortOfFirst() string {
	for i := range p.steps {
		if p.steps[i].ack != nil {
			return otlpAnswer(p.steps[i].Event)
		}
	}
	return ""
}

// note counts an event in.
func note(use map[string]*walUse, data string, e disk.Event) {
	if use == nil || !e.End || e.Call.Failed || len(e.Call.Args) == 0 {
		return
	}
	rel, err := filepath.Rel(data, e.Call.Args[0].Path)
	u := use[rel]
	if err != nil || u == nil {
		return
	}
	switch e.Call.Name {
	case "pwrite64", "write":
		if u.firstWrite == 0 {
			u.firstWrite = e.Call.Enter
		}
		u.lastWrite, u.syncBegan, u.syncEnded = e.Call.Leave, 0, 0
	case "fsync", "fdatasync":
		if e.Call.Enter >= u.lastWrite {
			u.syncBegan, u.syncEnded = e.Call.Enter, e.Call.Leave
		}
	}
}

// checkCheckpoints: when a checkpoint is renamed into place, every file of the ledger that was written is synced, itself
// included, and so is every directory of it that got a name; and the rename is synced before the next one.
func (p *film) checkCheckpoints(t *testing.T) {
	ledger := filepath.Join(p.home.data, "ledger")
	dirtyFiles, dirtyDirs := make(map[string]bool), make(map[string]bool)
	under := func(path string) bool { return path == ledger || strings.HasPrefix(path, ledger+"/") }
	renamed, tiles := 0, 0
	for i := range p.steps {
		c := p.steps[i].Call
		if c.Failed || !p.steps[i].End {
			continue
		}
		switch c.Name {
		case "openat", "mkdirat":
			path := c.Args[1].File(c.Args[0])
			if under(path) && (c.Name == "mkdirat" || strings.Contains(c.Args[2].Text, "O_CREAT")) {
				dirtyDirs[filepath.Dir(path)] = true
			}
		case "write", "pwrite64", "ftruncate":
			if path := c.Args[0].Path; under(path) {
				dirtyFiles[path] = true
				tiles++
			}
		case "fsync", "fdatasync":
			delete(dirtyFiles, c.Args[0].Path)
			delete(dirtyDirs, c.Args[0].Path)
		case "renameat":
			from, to := c.Args[1].File(c.Args[0]), c.Args[3].File(c.Args[2])
			if !under(to) {
				continue
			}
			if dirtyFiles[from] {
				t.Errorf("line %d renames %s, which is not synced", c.Leave, from)
			}
			if filepath.Base(to) == "checkpoint" {
				renamed++
				delete(dirtyDirs, ledger) // its own temporary name
				if renamed == 1 {
					delete(dirtyDirs, p.home.data) // that of an empty ledger's directory; its key is made once it is synced
				}
				if len(dirtyFiles)+len(dirtyDirs) > 0 {
					t.Errorf("line %d puts a checkpoint in place, and not synced are %v %v", c.Leave, dirtyFiles, dirtyDirs)
				}
			}
			dirtyDirs[filepath.Dir(to)] = true
		}
	}
	if dirtyDirs[ledger] {
		t.Error("the last checkpoint's name was not synced")
	}
	if renamed < 5 || tiles < 20 {
		t.Errorf("looked at %d checkpoints and %d writes only", renamed, tiles)
	}
	t.Logf("%d checkpoints", renamed)
}

// cut cuts the power at random moments, half of them right behind an acknowledgement.
func (p *film) cut(t *testing.T) {
	rng := seeded(t)
	n := 16
	if soak() {
		n = 500
	}
	cuts := make(map[int]func() bool)
	var acks []int
	for i := range p.steps {
		if p.steps[i].ack != nil || p.steps[i].erased != nil {
			acks = append(acks, i)
		}
	}
	for len(cuts) < n {
		at := rng.IntN(len(p.steps))
		if len(cuts)%2 == 0 {
			at = acks[rng.IntN(len(acks))]
		}
		switch kept := rng.IntN(4); kept {
		case 0:
			cuts[at] = disk.Nothing
		default:
			cuts[at] = func() bool { return rng.IntN(4) < kept }
		}
	}
	cuts[len(p.steps)-1] = disk.Nothing // after an orderly stop
	for i := range p.steps {            // and behind every erasure, whose remains may be in what was not synced
		if p.steps[i].erased != nil {
			cuts[i] = disk.Nothing
		}
	}
	p.play(t, disk.New(p.root), func(i int, d *disk.Disk, published []byte) {
		if keep, ok := cuts[i]; ok {
			p.checkImage(t, i, d, keep, published)
		}
	})
}

// play replays all steps and shows the disk after each, with the last checkpoint that was durably in place.
func (p *film) play(t *testing.T, d *disk.Disk, show func(i int, d *disk.Disk, published []byte)) {
	t.Helper()
	run := 0
	var published []byte
	checkpoint := filepath.Join(p.home.data, "ledger", "checkpoint")
	for i := range p.steps {
		s := &p.steps[i]
		if s.run != run {
			run = s.run
			d.Restart()
		}
		if err := d.Apply(s.Event); err != nil {
			t.Fatalf("run %d: %v", run+1, err)
		}
		if s.End && s.Call.Name == "fsync" && strings.HasSuffix(s.Call.Args[0].Path, "/ledger") {
			if b, ok := d.File(checkpoint); ok {
				published = bytes.Clone(b)
			}
		}
		show(i, d, published)
	}
}

// checkImage opens what a cut leaves with the program: whatever was acknowledged before is there.
func (p *film) checkImage(t *testing.T, at int, d *disk.Disk, keep func() bool, published []byte) {
	t.Helper()
	dir, err := os.MkdirTemp("", "tripod-cut-")
	if err != nil {
		t.Fatal(err)
	}
	was := t.Failed()
	defer func() { p.tell(t, at, dir, was) }()
	if err := d.Write(dir, keep); err != nil {
		t.Fatal(err)
	}
	h := p.home.on(filepath.Join(dir, "data"))
	h.config = filepath.Join(dir, "tripod.yaml")
	if err := os.WriteFile(h.config, []byte(captureAll), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("TRIPOD_E2E_KEEP") != "" {
		copyTree(t, dir, dir+"-as-left")
	}
	b := p.bookAt(t, at, h)
	held := &anchor{}
	if published != nil {
		held.key = filepath.Join(p.home.data, "keys", "ledger.pub")
		held.checkpoint = filepath.Join(dir, "held.checkpoint")
		if err := os.WriteFile(held.checkpoint, published, 0o600); err != nil {
			t.Fatal(err)
		}
		held.verify(t, h)
	}
	s := h.run(t)
	for _, x := range p.orders {
		p.checkOrder(t, at, x, b, h)
	}
	b.audit(t, h)
	s.awaitViews(t)
	s.kill()
	if published != nil {
		held.verify(t, h)
	}
	found := h.search(t, "")
	h.rebuild(t)
	if again := h.search(t, ""); found != again {
		t.Errorf("search finds %d records, %d once rebuilt%s", len(lines(found)), len(lines(again)), firstDifference(found, again))
	}
}

// tell says of which cut a failure is, and removes the image of one that did not fail.
func (p *film) tell(t *testing.T, at int, dir string, was bool) {
	t.Helper()
	if !t.Failed() || was {
		_ = os.RemoveAll(dir)
		_ = os.RemoveAll(dir + "-as-left")
		return
	}
	s := p.steps[at]
	t.Errorf("the above is of the cut at step %d of %d: run %d, line %d of its trace, %s %s; see %s", at, len(p.steps), s.run+1,
		s.Call.Leave, s.Call.Name, s.Call.Args[0].Path, dir)
}

// bookAt is what the clients knew at a step.
func (p *film) bookAt(t *testing.T, at int, h *home) *book {
	t.Helper()
	b := newBook()
	for e, when := range p.acked {
		if when <= at {
			b.write(copyExport(e))
			b.acknowledge(&export{records: b.of(e)})
		}
	}
	for key, s := range p.book.records {
		if b.records[key] == nil {
			b.records[key] = &sent{key: s.key, session: s.session, content: s.content}
		}
	}
	// Erasures that were answered before the cut have taken what they were to take; others may have.
	for _, x := range p.orders {
		if p.answered(x) <= at {
			p.expectIn(b, x)
		}
	}
	return b
}

func copyExport(e *export) *export {
	c := &export{}
	for _, s := range e.records {
		c.records = append(c.records, &sent{key: s.key, session: s.session, content: s.content})
	}
	return c
}

// of finds the records of an export.
func (b *book) of(e *export) (list []*sent) {
	for _, s := range e.records {
		list = append(list, b.records[s.key])
	}
	return list
}

func (p *film) answered(x *target) int {
	return slices.IndexFunc(p.steps, func(s step) bool { return s.erased == x })
}

func (p *film) expectIn(b *book, x *target) {
	y := *x
	y.sent = b.records[x.sent.key]
	(&erasures{book: b}).expect(&y, x.order)
}

// checkOrder: an erasure that was answered is on record, and one that is on record is completed now that serve runs.
func (p *film) checkOrder(t *testing.T, at int, x *target, b *book, h *home) {
	t.Helper()
	e := &erasures{home: h, book: b}
	r := h.open(t)
	last, err := r.journal.Last(t.Context())
	r.close(t)
	if err != nil {
		t.Fatal(err)
	}
	answered := p.answered(x) <= at
	if last < x.order && !answered {
		return
	}
	order, done := e.acts(t, x)
	if order > 0 && done == 0 && !answered {
		await(t, fmt.Sprintf("wait for serve to complete the erasure ordered by record %d", order), func() error {
			if _, done = e.acts(t, x); done == 0 {
				return errors.New("it is not completed")
			}
			return nil
		})
	}
	switch {
	case answered && (order == 0 || done == 0):
		t.Errorf("the erasure of %s was answered, and is on record as %d and %d", x.sent.key, order, done)
	case order == 0:
		return
	case done == 0:
		t.Errorf("the erasure ordered by record %d is not completed after a start", order)
	}
	p.expectIn(b, x)
	if where := e.found(t, x); len(where) > 0 {
		t.Errorf("the erasure ordered by record %d is completed, and there is %v", order, where)
	}
}

// withoutSync replays the calls into a disk that ignores syncs of the journal's log: then acknowledged records must be
// missing, or this test could not fail.
func (p *film) withoutSync(t *testing.T) {
	d := disk.New(p.root)
	d.Ignore = func(path string) bool { return strings.HasSuffix(path, "journal.db-wal") }
	rng := rand.New(rand.NewPCG(1, 1))
	at := 0
	for i := range p.steps {
		if p.steps[i].ack != nil && p.steps[i].run == 0 && (at == 0 || rng.IntN(4) > 0) {
			at = i
		}
	}
	p.play(t, d, func(i int, d *disk.Disk, _ []byte) {
		if i != at {
			return
		}
		dir := t.TempDir()
		if err := d.Write(dir, disk.Nothing); err != nil {
			t.Fatal(err)
		}
		r, err := journal.OpenReader(t.Context(), filepath.Join(dir, "data"))
		if err != nil {
			return // it noticed
		}
		defer r.Close()
		last, err := r.Last(t.Context())
		if acked := p.bookAt(t, at, nil).acked(); err == nil && last >= uint64(acked) {
			t.Errorf("nothing of the journal's log was synced, %d records were acknowledged, and it holds %d", acked, last)
		}
	})
}
