package crash

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
)

// smallDisk mounts a file system of so many bytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tripod-disk-")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=700", megabytes), "tripod-test", dir).CombinedOutput()
	if err != nil {
		_ = os.Remove(dir)
		t.Skipf("SKIPPED: what happens on a full disk: a small tmpfs cannot be mounted, which takes root on Linux: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, out)
		}
		_ = os.Remove(dir)
	})
	return dir
}

// ballast takes room: all there is where size is 0.
func ballast(t *testing.T, path string, size int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zeros := make([]byte, 4096)
	for n := 0; size == 0 || n < size; n += len(zeros) {
		_, err := f.Write(zeros)
		if errors.Is(err, syscall.ENOSPC) && size == 0 {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFullDisk fills the disk of a running serve to the last page and frees it again, twice.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	disk := smallDisk(t, 64)
	h.data = filepath.Join(disk, "data")
	rng := seeded(t)
	b := newBook()
	all := newCrowd(rng, b, 3)
	s := h.run(t)
	held := new(anchor)
	for round := range 2 {
		ballast(t, filepath.Join(disk, "ballast"), 32<<20>>round)
		all.some(t, s, 10)
		s.awaitViews(t)
		held.check(t, h)
		fill(t, s, all[0])
		ballast(t, filepath.Join(disk, "rest"), 0)
		s.alive(t)
		refusedByAll(t, s, all)
		readsWhileFull(t, s, b, held)
		b.audit(t, h)
		if round == 1 {
			s.kill() // on a full disk
			held.verify(t, h)
		}
		for _, name := range []string{"ballast", "rest"} {
			if err := os.Remove(filepath.Join(disk, name)); err != nil {
				t.Fatal(err)
			}
		}
		if round == 1 {
			s = h.run(t)
		}
		all.some(t, s, 1)
		all.flush(t, s)
		await(t, "wait for readiness", func() error {
			if code, text := s.get(t, "/readyz"); code != http.StatusOK {
				return fmt.Errorf("readyz answers %d: %s", code, text)
			}
			return nil
		})
		s.awaitViews(t)
		b.audit(t, h)
		if c := s.status(t).Conditions; len(c) > 0 {
			t.Errorf("conditions that stay once there is room: %+v", c)
		}
	}
	s.stop(t)
	b.auditAll(t, h)
	held.check(t, h)
	compareRebuilt(t, h, b)
}

// alive stops the test where serve has ended or takes nothing in any more, and tells what it says of it.
func (s *serve) alive(t *testing.T) {
	t.Helper()
	if code, _ := s.get(t, "/healthz"); code != 0 {
		return
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
	}
	t.Fatalf("serve stopped by itself: %v\n%s", s.err, s.home.tail())
}

// some lets each client send so many exports, which have to be acknowledged.
func (cs crowd) some(t *testing.T, s *serve, exports int) {
	t.Helper()
	for _, c := range cs {
		l := s.dial(t)
		for range exports {
			if err := c.step(t.Context(), l); err != nil {
				t.Fatalf("send over %s: %v", c.protocol, err)
			}
		}
		l.close()
	}
}

// fill sends large prompts until serve refuses one.
func fill(t *testing.T, s *serve, c *client) {
	t.Helper()
	l := s.dial(t)
	defer l.close()
	c.bulk = 128 << 10
	defer func() { c.bulk = 0 }()
	for range 1000 {
		if err := c.step(t.Context(), l); err != nil {
			isRefusal(t, c.protocol, err)
			return
		}
	}
	t.Fatal("the disk does not fill up")
}

// isRefusal checks that an error says: not durable, send it again later.
func isRefusal(t *testing.T, protocol string, err error) {
	t.Helper()
	if protocol == "grpc" {
		if grpcstatus.Code(err) != codes.Unavailable || len(grpcstatus.Convert(err).Details()) == 0 {
			t.Errorf("refused over gRPC with %v", err)
		}
		return
	}
	var r *refused
	if !errors.As(err, &r) || r.code != http.StatusServiceUnavailable || r.retryAfter == "" {
		t.Errorf("refused over %s with %+v", protocol, err)
	}
}

// refusedByAll: what is new is refused over every protocol; what was acknowledged before is not.
func refusedByAll(t *testing.T, s *serve, all crowd) {
	t.Helper()
	for _, c := range all {
		l := s.dial(t)
		for range 3 {
			if c.pending == nil {
				c.pending = c.next()
				c.book.write(c.pending)
			}
			if err := l.deliver(t.Context(), c.pending, c.protocol); err == nil {
				t.Errorf("an export over %s was acknowledged on a full disk", c.protocol)
			} else {
				isRefusal(t, c.protocol, err)
			}
		}
		for _, e := range c.acked {
			if err := l.deliver(t.Context(), e, c.protocol); err != nil {
				t.Errorf("what was acknowledged before is refused over %s on a full disk: %v", c.protocol, err)
			}
		}
		l.close()
		s.alive(t)
	}
}

// readsWhileFull: serve says what is wrong, and whoever reads goes on.
func readsWhileFull(t *testing.T, s *serve, b *book, held *anchor) {
	t.Helper()
	code, text := s.get(t, "/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(text, "free space") {
		t.Errorf("readyz answers %d: %s", code, text)
	}
	if st := s.status(t); len(st.Conditions) == 0 {
		t.Error("healthz names no condition")
	}
	h := s.home
	held.verify(t, h)
	if found := lines(h.search(t, "activity:prompt")); len(found) == 0 {
		t.Error("search finds nothing")
	}
	h.command(t, "record", "2", "--proof")
	for _, r := range b.records {
		if r.seq > 0 && strings.HasPrefix(r.key, "log/") {
			h.command(t, "session", r.session, "--json")
			break
		}
	}
	if stdout, stderr, code := h.try(t, "doctor"); code != 1 || !strings.Contains(stdout, "disk") {
		t.Errorf("doctor ended with %d: %s%s", code, stdout, stderr)
	}
}
