package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

var errCrash = errors.New("crash")

// crashDisk stops at a step, which leaves half of what it was to write, and does nothing from then on. Beside the real
// directory it keeps what would survive a power loss: what was synced, and no more.
type crashDisk struct {
	disk
	dir   string
	at    int // step to stop at; 0 for none
	steps int
	trace []string
	root  *node
}

// node is a file or a directory of the model.
type node struct {
	data    []byte // of a file, synced
	isDir   bool
	names   map[string]*node // of a directory, as a running process sees it
	durable map[string]*node // of a directory, as synced
	pending []change         // since then
}

type change struct {
	name string
	to   *node // nil where the name was removed
	also *change
}

func newNode() *node {
	return &node{isDir: true, names: make(map[string]*node), durable: make(map[string]*node)}
}

func newCrashDisk(dir string, at int) *crashDisk {
	return &crashDisk{disk: quickDisk{osDisk(dir)}, dir: dir, at: at, root: newNode()}
}

func (d *crashDisk) step(op, name string) (crash bool) {
	d.steps++
	d.trace = append(d.trace, op+" "+name)
	return d.at > 0 && d.steps >= d.at
}

func (d *crashDisk) find(dir string) *node {
	n := d.root
	if dir == "." {
		return n
	}
	for _, part := range strings.Split(dir, "/") {
		n = n.names[part]
	}
	return n
}

func (n *node) apply(c change) {
	for at := &c; at != nil; at = at.also {
		if at.to == nil {
			delete(n.names, at.name)
		} else {
			n.names[at.name] = at.to
		}
	}
	n.pending = append(n.pending, c)
}

func (d *crashDisk) mkdir(dir string) error {
	if d.step("mkdir", dir) {
		return errCrash
	}
	if err := d.disk.mkdir(dir); err != nil {
		return err
	}
	d.find(path.Dir(dir)).apply(change{name: path.Base(dir), to: newNode()})
	return nil
}

func (d *crashDisk) write(name string, data []byte, perm fs.FileMode) error {
	crash := d.step("write", name)
	if crash && d.steps > d.at {
		return errCrash
	}
	parent := d.find(path.Dir(name))
	file := parent.names[path.Base(name)]
	if file == nil {
		file = new(node)
		parent.apply(change{name: path.Base(name), to: file})
	}
	if crash {
		data = data[:len(data)/2]
	}
	file.data = slices.Clone(data)
	if err := d.disk.write(name, data, perm); err != nil {
		return err
	}
	if crash {
		return errCrash
	}
	return nil
}

func (d *crashDisk) rename(from, to string) error {
	if d.step("rename", to) {
		return errCrash
	}
	parent := d.find(path.Dir(to))
	parent.apply(change{name: path.Base(to), to: parent.names[path.Base(from)], also: &change{name: path.Base(from)}})
	return d.disk.rename(from, to)
}

func (d *crashDisk) syncDir(dir string) error {
	if d.step("sync", dir) {
		return errCrash
	}
	n := d.find(dir)
	n.durable, n.pending = maps.Clone(n.names), nil
	return d.disk.syncDir(dir)
}

func (d *crashDisk) removeAll(name string) error {
	if d.step("remove", name) {
		return errCrash
	}
	if parent := d.find(path.Dir(name)); parent != nil && parent.names[path.Base(name)] != nil {
		parent.apply(change{name: path.Base(name)})
	}
	return d.disk.removeAll(name)
}

// survive writes what a power loss leaves: everything synced, and of what was not what keep says.
func (n *node) survive(t *testing.T, dir string, keep func() bool) {
	t.Helper()
	left := &node{names: maps.Clone(n.durable)}
	for _, c := range n.pending {
		if keep() {
			left.apply(c)
		}
	}
	for name, child := range left.names {
		file := filepath.Join(dir, name)
		if !child.isDir {
			if err := os.WriteFile(file, child.data, 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.Mkdir(file, 0o700); err != nil {
			t.Fatal(err)
		}
		child.survive(t, file, keep)
	}
}

// drive opens a ledger on a disk and takes it through the sizes until the disk stops it; acked is the last checkpoint it
// said was there.
func drive(t *testing.T, d *crashDisk, m *memJournal, sizes []uint64) (acked uint64) {
	t.Helper()
	l, err := openOn(t.Context(), d.dir, d, Options{Journal: m, Origin: "example.test/ledger", parallel: 1})
	if err != nil {
		if !errors.Is(err, errCrash) {
			t.Fatalf("open: %v", err)
		}
		return 0
	}
	for _, size := range sizes {
		if err := l.append(m.list[l.Size():size]); err != nil {
			t.Fatal(err)
		}
		if err := l.checkpoint(); err != nil {
			if !errors.Is(err, errCrash) {
				t.Fatalf("checkpoint: %v", err)
			}
			return l.Checkpoint().Size
		}
	}
	return l.Checkpoint().Size
}

// survived checks a directory after a crash: the ledger opens at a size that was asked for and not before what was
// acknowledged, everything fits, and it goes on to the tree it would have had.
func survived(t *testing.T, dir string, m *memJournal, acked uint64, sizes []uint64, root tlog.Hash) {
	t.Helper()
	l, err := Open(t.Context(), dir, Options{Journal: m, Origin: "example.test/ledger"})
	if err != nil {
		t.Fatalf("open after a crash: %v", err)
	}
	if size := l.Size(); size < acked || size != 0 && !slices.Contains(sizes, size) {
		t.Fatalf("size after a crash = %d, acknowledged was %d of %v", size, acked, sizes)
	}
	if r := check(t, VerifyOptions{Dir: dir, Journal: m}); !r.Verified {
		t.Fatalf("after a crash: %s", r.Statement)
	}
	cover(t, l, m)
	if got := l.Checkpoint(); got.Root != root {
		t.Fatalf("root = %v, want %v", got.Root, root)
	}
	if r := check(t, VerifyOptions{Dir: dir, Journal: m}); !r.Verified || r.LedgerSize != m.len() {
		t.Fatalf("gone on after a crash: %+v", r)
	}
}

// At every step of the writer's a crash, and a power loss: what is left is the ledger as of a checkpoint.
func TestCrashAtEveryStep(t *testing.T) {
	t.Parallel()
	sizes := []uint64{1, 3, 255, 256, 257, 700, 1024}
	m := newMemJournal().grow(1024)
	whole := newCrashDisk(t.TempDir(), 0)
	drive(t, whole, m, sizes)
	root := open(t, whole.dir, m).Checkpoint().Root
	if whole.steps < 60 {
		t.Fatalf("the writer took only %d steps: %q", whole.steps, whole.trace)
	}
	for at := 1; at <= whole.steps+1; at++ {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			d := newCrashDisk(t.TempDir(), at)
			acked := drive(t, d, m, sizes)
			for name, keep := range map[string]func() bool{
				"nothing unsynced": func() bool { return false },
				"some unsynced":    func() bool { return rand.New(rand.NewPCG(uint64(at), 1)).IntN(2) == 0 },
				"other unsynced":   newCoin(uint64(at)),
				"all unsynced":     func() bool { return true },
			} {
				dir := t.TempDir()
				d.root.survive(t, dir, keep)
				t.Log(name, d.trace[len(d.trace)-1])
				survived(t, dir, m, acked, sizes, root)
			}
			survived(t, d.dir, m, acked, sizes, root)
		})
	}
}

// quickDisk leaves syncing out, which takes most of the time and is none of the test's business.
type quickDisk struct{ osDisk }

func (d quickDisk) write(name string, data []byte, perm fs.FileMode) error {
	return os.WriteFile(d.file(name), data, perm)
}

func (d quickDisk) syncDir(string) error { return nil }

func newCoin(seed uint64) func() bool {
	r := rand.New(rand.NewPCG(seed, 2))
	return func() bool { return r.IntN(2) == 0 }
}

// The same where the tree grows a level.
func TestCrashWhereATileAboveFills(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 65_000, 65_530)
	m.grow(100)
	for n := range 250 { // going on needs the right edge only, and much is copied below
		remove(t, dir, place(0, int64(n), 256))
		remove(t, dir, place(-1, int64(n), 256))
	}
	sizes := []uint64{65_535, 65_536, 65_537, 65_630}
	steps := func(at int) (*crashDisk, uint64) {
		d := newCrashDisk(copied(t, dir), at)
		d.root = modelOf(t, d.dir)
		return d, drive(t, d, m, append([]uint64{65_530}, sizes...))
	}
	all, _ := steps(0)
	root := open(t, all.dir, m).Checkpoint().Root
	for at := 1; at <= all.steps; at++ {
		d, acked := steps(at)
		if l := open(t, d.dir, m); l.Size() < acked {
			t.Errorf("size after a crash = %d, acknowledged was %d", l.Size(), acked)
		}
		left := t.TempDir()
		d.root.survive(t, left, func() bool { return false })
		l := open(t, left, m)
		if l.Size() < acked {
			t.Errorf("step %d: size after a power loss = %d, acknowledged was %d", at, l.Size(), acked)
		}
		cover(t, l, m)
		if l.Checkpoint().Root != root {
			t.Errorf("step %d: root = %v, want %v", at, l.Checkpoint().Root, root)
		}
	}
	wantFound(t, check(t, VerifyOptions{Dir: all.dir, Journal: m, From: 65_025}), "not_recomputed 1-65024")
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, keyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// modelOf takes a directory for durable as it is.
func modelOf(t *testing.T, dir string) *node {
	t.Helper()
	n := newNode()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		file := filepath.Join(dir, e.Name())
		if e.IsDir() {
			n.names[e.Name()] = modelOf(t, file)
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n.names[e.Name()] = &node{data: b}
	}
	n.durable = maps.Clone(n.names)
	return n
}

// What outgrew its partial form is removed, at once or, after a crash, at the next start.
func TestPartialTilesAreRemoved(t *testing.T) {
	t.Parallel()
	dir, m := build(t, 100, 200, 300, 800)
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name)))
		return err == nil
	}
	for _, name := range []string{"ledger/tile/0/000.p", "ledger/tile/entries/000.p", "ledger/tile/0/001.p", "ledger/tile/entries/001.p"} {
		if has(name) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range []string{"ledger/tile/0/003.p/32", "ledger/tile/entries/003.p/32", "ledger/tile/1/000.p/1", "ledger/tile/1/000.p/3"} {
		if !has(name) {
			t.Errorf("%s is gone", name)
		}
	}
	for _, name := range []string{"ledger/tile/0/001.p", "ledger/tile/entries/002.p"} { // as a crash leaves them
		if err := os.Mkdir(filepath.Join(dir, filepath.FromSlash(name)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir, m)
	for _, name := range []string{"ledger/tile/0/001.p", "ledger/tile/entries/002.p"} {
		if has(name) {
			t.Errorf("%s is still there after a start", name)
		}
	}
	if !has("ledger/tile/0/003.p/32") {
		t.Error("a partial tile in use was removed")
	}
}
