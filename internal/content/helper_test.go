package content

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/keyring"
)

func testKeyring(t testing.TB) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(bytes.Repeat([]byte{7}, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testOptions(t testing.TB) Options {
	return Options{Keyring: testKeyring(t), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Health: new(health.Registry)}
}

// start opens a store and runs it until stop, which is also called at the end of the test.
func start(t testing.TB, dir string, opts Options) (s *Store, stop func()) {
	t.Helper()
	s, err := Open(context.Background(), dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ran; err != nil {
				t.Errorf("run: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return s, stop
}

func put(t testing.TB, s *Store, container string, texts ...string) []Address {
	t.Helper()
	blocks := make([]Block, len(texts))
	for i, text := range texts {
		blocks[i] = Block{container, []byte(text)}
	}
	addresses, err := s.Put(context.Background(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	return addresses
}

// anyGrant opens everything and records it nowhere.
func anyGrant(t testing.TB) Grant {
	t.Helper()
	g, err := NewGrant(Terms{
		Purpose: "test", Who: "test", Class: audit.ClassText, Any: true, Expires: time.Now().Add(time.Hour),
		Record: func(context.Context, Opening) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func wantOpen(t testing.TB, r *Reader, container string, a Address, want string) {
	t.Helper()
	got, err := r.Open(context.Background(), anyGrant(t), container, a)
	if err != nil || string(got) != want {
		t.Errorf("open %s in %s: %.60q, %v, want %.60q", a, container, got, err, want)
	}
}

func wantErr(t testing.TB, r *Reader, container string, a Address, want error) {
	t.Helper()
	if got, err := r.Open(context.Background(), anyGrant(t), container, a); !errors.Is(err, want) || got != nil {
		t.Errorf("open %s in %s: %.60q, %v, want %v", a, container, got, err, want)
	}
}

func wantState(t testing.TB, r *Reader, container string, a Address, want State) {
	t.Helper()
	if got, err := r.State(context.Background(), container, a); err != nil || got != want {
		t.Errorf("state of %s in %s: %q, %v, want %q", a, container, got, err, want)
	}
}

// copyDir copies a data directory as a crash would leave it: write-ahead logs included.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// rawFiles reads all files of a data directory.
func rawFiles(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, pattern := range []string{"*", "*/*"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if info, err := os.Stat(name); err != nil || info.IsDir() {
				continue
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = b
		}
	}
	return files
}

// noise makes bytes that no compression shortens.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func sentence(i int) string {
	return fmt.Sprintf("block %d: please look at the failing test in service %d and tell me why it fails", i, i*i)
}
