package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/e2e/crash/disk"
)

// strace finds strace, and installs it where that is possible.
func strace(t *testing.T) string {
	t.Helper()
	if path, err := exec.LookPath("strace"); err == nil {
		return path
	}
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("SKIPPED: that a sync precedes each 200, and what a power loss leaves: strace is missing, and only root on Linux can install it (apt-get install strace)")
	}
	for _, args := range [][]string{{"install", "-y", "strace"}, {"update"}, {"install", "-y", "strace"}} {
		out, err := exec.CommandContext(t.Context(), "apt-get", args...).CombinedOutput()
		if path, missing := exec.LookPath("strace"); missing == nil {
			return path
		}
		t.Logf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	t.Skip("SKIPPED: that a sync precedes each 200, and what a power loss leaves: strace is missing and cannot be installed")
	return ""
}

// recording is what serve did to its disk while clients and an operator used it, in one or more runs.
type recording struct {
	home   *home
	root   string // the disk: the directory above the data directory
	book   *book
	runs   []string               // traces
	alone  int                    // acknowledgements of the first run while one client sent alone
	mu     sync.Mutex             // of what follows
	acks   []map[string][]*export // by run and the client's port, in the order of the answers
	orders []*target              // erased, in order
	eraser *erasures
}

// record plays two runs: one client alone, then several, then kill -9; recovery, several clients, erasures, and an
// orderly stop.
func record(t *testing.T) *recording {
	t.Helper()
	tracer := strace(t)
	h := newHome(t, captureAll)
	r := &recording{home: h, root: filepath.Join(filepath.Dir(h.data), "disk"), book: newBook()}
	h.data = filepath.Join(r.root, "data")
	if err := os.Mkdir(r.root, 0o700); err != nil {
		t.Fatal(err)
	}
	rng := seeded(t)
	all := newCrowd(rng, r.book, 3)
	for _, c := range all {
		c.protocol, c.onAck, c.most = "http/protobuf", r.acknowledged, 8
	}
	r.eraser = &erasures{home: h, rng: rng, book: r.book, crowd: all}

	s := r.run(t, tracer)
	r.send(t, s, all[:1], 40)
	r.alone = len(r.acks[0][r.onlyPort(t)])
	r.send(t, s, all, 40)
	s.kill()

	s = r.run(t, tracer)
	r.send(t, s, all, 20)
	r.book.audit(t, h)
	for _, container := range []bool{true, false, true} {
		r.erase(t, container)
		r.send(t, s, all, 10)
	}
	s.awaitViews(t)
	s.stop(t)
	return r
}

func (r *recording) run(t *testing.T, tracer string) *serve {
	t.Helper()
	trace := filepath.Join(filepath.Dir(r.root), "trace-"+string(rune('1'+len(r.runs))))
	r.runs = append(r.runs, trace)
	r.acks = append(r.acks, make(map[string][]*export))
	args := append(disk.TraceArgs(trace), r.home.binary)
	s := r.home.startAs(t, exec.Command(tracer, append(args, r.home.serveArgs()...)...))
	s.awaitReady(t)
	return s
}

func (r *recording) acknowledged(port string, e *export) {
	r.mu.Lock()
	defer r.mu.Unlock()
	acks := r.acks[len(r.acks)-1]
	acks[port] = append(acks[port], e)
}

func (r *recording) onlyPort(t *testing.T) string {
	t.Helper()
	if len(r.acks[0]) != 1 {
		t.Fatalf("one client used %d connections", len(r.acks[0]))
	}
	for port := range r.acks[0] {
		return port
	}
	return ""
}

// send lets clients send so many exports each, at once.
func (r *recording) send(t *testing.T, s *serve, all crowd, exports int) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range all {
		l := s.dial(t)
		wg.Go(func() {
			defer l.close()
			for range exports {
				if err := c.step(t.Context(), l); err != nil {
					t.Errorf("send to serve under strace: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// erase erases a record or a container.
func (r *recording) erase(t *testing.T, container bool) {
	t.Helper()
	r.book.audit(t, r.home)
	x := r.eraser.choose(t, container)
	r.eraser.collect(t, x)
	r.home.command(t, x.args()...)
	order, done := r.eraser.acts(t, x)
	if order == 0 || done == 0 {
		t.Fatalf("the erasure is on record as %d and %d", order, done)
	}
	x.order = order
	r.eraser.expect(x, order)
	r.orders = append(r.orders, x)
}
