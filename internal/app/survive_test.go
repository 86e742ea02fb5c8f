package app_test

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
)

// wantNoTrace wants a word in no file of the views.
func wantNoTrace(t *testing.T, dir, word string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !strings.HasPrefix(rel, "index") && !strings.HasPrefix(rel, "correlate.db") {
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
	for _, file := range []string{"correlate.db", "index/head.db"} {
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
