package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
)

// wantNoTrace wants a word in no file of the views.
func wantNoTrace(t *testing.T, dir, word string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !strings.HasPrefix(rel, "index") && !strings.HasPrefix(rel, "correlate.db") && !strings.HasPrefix(rel, "organisation.db") && !strings.HasPrefix(rel, "detect.db") {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToLower(b), []byte(word)) {
			t.Errorf("%s still holds %s", rel, word)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// positionOf finds the only record of a source.
func positionOf(t *testing.T, dir, source string) uint64 {
	t.Helper()
	j, err := journal.OpenReader(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	last, err := j.Last(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for stored, err := range j.Scan(context.Background(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		if rec, err := stored.Record(); err == nil && string(rec.Source) == source {
			return stored.Seq
		}
	}
	t.Fatalf("no record of %s", source)
	return 0
}

// TestErasedFromViews: what is erased is gone from the views when Erase returns, whether or not serve runs.
func TestErasedFromViews(t *testing.T) {
	for name, running := range map[string]bool{"serving": true, "offline": false} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, cfgFor(t.TempDir()))
			if code := s.post(t, "", export); code != http.StatusOK {
				t.Fatal(code)
			}
			if !running {
				if err := s.stop(); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := app.Erase(context.Background(), s.dir, app.EraseOrder{Seq: positionOf(t, s.dir, "otel.log"), Reason: "asked for"}); err != nil {
				t.Fatal(err)
			}
			wantNoTrace(t, s.dir, "eve@example.com")
		})
	}
}

// TestBrokenViewsAreBuiltAgain: no file of a view keeps serve from starting.
func TestBrokenViewsAreBuiltAgain(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, cfgFor(dir))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatal(code)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"correlate.db", "organisation.db", "detect.db", "index/head.db"} {
		if err := os.WriteFile(filepath.Join(dir, file), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := serve(t, cfgFor(dir)).reading(t)
	session, err := r.Session(context.Background(), "s-1")
	if err != nil || len(session.Items) != 1 || session.Without != nil {
		t.Errorf("session %+v, %v", session, err)
	}
}

// exportOf is export under another session.
func exportOf(session string) string { return strings.ReplaceAll(export, `"s-1"`, `"`+session+`"`) }

// awaitViews waits until serve has nothing to complain of and the views have taken in everything.
func (s *serving) awaitViews(t *testing.T) {
	t.Helper()
	var body string
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		code, text := s.get(t, "/healthz")
		var status app.Status
		if err := json.Unmarshal([]byte(text), &status); code != http.StatusOK || err != nil {
			t.Fatalf("healthz answers %d, %v: %s", code, err, text)
		}
		body = text
		if len(status.Conditions) == 0 && status.Views["search"] == status.JournalLast && status.Views["correlate"] == status.JournalLast &&
			status.Views["organisation"] == status.JournalLast && status.Views["detect"] == status.JournalLast {
			return
		}
	}
	t.Fatalf("the views do not come back: %s\n%s", body, s.log)
}

// awaitCondition waits until health names a condition.
func (s *serving) awaitCondition(t *testing.T, code string) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if _, text := s.get(t, "/healthz"); strings.Contains(text, code) {
			return
		}
	}
	t.Fatalf("health never names %s", code)
}

// TestServeSurvivesItsViews: files of views that go missing under a running serve are built again, and nothing else stops.
func TestServeSurvivesItsViews(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be removed there")
	}
	for name, harm := range map[string]struct {
		remove    []string
		condition string
	}{
		"index folder":  {[]string{"index"}, "search.behind"},
		"head":          {[]string{"index/head.db"}, "search.behind"},
		"a month":       {[]string{"index/2026-11.db"}, "search.behind"},
		"discrepancies": {[]string{"correlate.db", "correlate.db-wal", "correlate.db-shm"}, "correlate.behind"},
		"organisation":  {[]string{"organisation.db", "organisation.db-wal", "organisation.db-shm"}, "organisation.behind"},
		"detections":    {[]string{"detect.db", "detect.db-wal", "detect.db-shm"}, "detect.behind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := withToken(t, cfgFor(t.TempDir()), "made-up-token-0001")
			s := serve(t, cfg)
			if code := s.post(t, "made-up-token-0001", exportOf("s-1")); code != http.StatusOK {
				t.Fatal(code)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			s = serve(t, cfg)
			s.awaitViews(t)
			for _, path := range harm.remove {
				if err := os.RemoveAll(filepath.Join(s.dir, path)); err != nil {
					t.Fatal(err)
				}
			}
			s.awaitCondition(t, harm.condition)
			if code := s.post(t, "made-up-token-0001", exportOf("s-2")); code != http.StatusOK {
				t.Errorf("takes nothing in: %d", code)
			}
			s.awaitViews(t)
			r := s.reading(t)
			for _, id := range []string{"s-1", "s-2"} {
				session, err := r.Session(t.Context(), id)
				if err != nil || len(session.Items) != 1 || len(session.Discrepancies) != 1 {
					t.Errorf("session %+v, %v", session, err)
				}
			}
		})
	}
}

// smallDisk mounts a file system of so many kilobytes at a place.
func smallDisk(t *testing.T, dir string, kilobytes int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk,mode=700", kilobytes), "tripod-test", dir).CombinedOutput()
	if err != nil {
		t.Skipf("SKIPPED: a view on a full disk: a small tmpfs cannot be mounted, which takes root on Linux: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, out)
		}
	})
}

// fillUp takes all room there is.
func fillUp(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// TestIndexOnAFullDisk: a full disk under the index, before it is opened and while it runs, stops nothing else, and is
// over when there is room.
func TestIndexOnAFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	index := filepath.Join(dir, "index")
	smallDisk(t, index, 2048)
	ballast := filepath.Join(index, "ballast")
	fillUp(t, ballast)
	s := serve(t, cfgFor(dir))
	free := func() {
		t.Helper()
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 3 {
		s.awaitCondition(t, "search.behind")
		if code, text := s.get(t, "/readyz"); code != http.StatusOK {
			t.Errorf("readyz answers %d: %s", code, text)
		}
		if code := s.post(t, "", exportOf(fmt.Sprintf("full-%d", n))); code != http.StatusOK {
			t.Errorf("takes nothing in: %d", code)
		}
		free()
		s.awaitViews(t)
		if n == 2 {
			break
		}
		fillUp(t, ballast)
		for i := 0; i < 2000; i++ { // until the index needs more room than its files have
			if code := s.post(t, "", exportOf(fmt.Sprintf("more-%d-%d", n, i))); code != http.StatusOK {
				t.Fatal(code)
			}
			if _, text := s.get(t, "/healthz"); strings.Contains(text, "search.behind") {
				break
			}
		}
	}
	r := s.reading(t)
	for n := range 3 {
		session, err := r.Session(t.Context(), fmt.Sprintf("full-%d", n))
		if err != nil || len(session.Items) != 1 {
			t.Errorf("session %+v, %v", session, err)
		}
	}
}
