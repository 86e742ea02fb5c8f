package content

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// limit sets how many pages a file may have.
func limit(t *testing.T, s *Store, w *writer, pages int) {
	t.Helper()
	err := s.do(t.Context(), func() error {
		var n int
		return w.conn.QueryRowContext(context.Background(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	for _, file := range []string{"content", "keys"} {
		t.Run(file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := testOptions(t)
				s, stop := start(t, t.TempDir(), opts)
				defer stop()
				w := s.content
				if file == "keys" {
					w = s.keys
				}
				limit(t, s, w, 100)
				type stored struct {
					container string
					a         Address
					text      string
				}
				var acknowledged []stored
				refused := Block{}
				for i := 0; refused.Container == ""; i++ {
					b := Block{fmt.Sprintf("c%d", i), noise(4000)}
					if file == "keys" {
						b.Container = fmt.Sprintf("%0*d", MaxContainerName, i)
					}
					a, err := s.Put(t.Context(), []Block{b})
					switch {
					case err == nil:
						acknowledged = append(acknowledged, stored{b.Container, a[0], string(b.Plaintext)})
					case errors.Is(err, ErrFull):
						refused = b
					default:
						t.Fatalf("put: %v, want ErrFull", err)
					}
				}
				if !raised(opts.Health, conditionFull) {
					t.Error("the condition is not raised")
				}
				check := func() {
					t.Helper()
					for _, x := range acknowledged {
						wantOpen(t, s.Reader(), x.container, x.a, x.text)
					}
				}
				check()
				if _, err := s.Put(t.Context(), []Block{refused}); !errors.Is(err, ErrFull) {
					t.Errorf("second try: %v, want ErrFull", err)
				}

				// Room comes back: the condition goes by itself, and what was refused is taken.
				limit(t, s, w, 1<<20)
				time.Sleep(2 * retryEvery)
				synctest.Wait()
				if raised(opts.Health, conditionFull) {
					t.Error("the condition stays although there is room")
				}
				a, err := s.Put(t.Context(), []Block{refused})
				if err != nil {
					t.Fatal(err)
				}
				acknowledged = append(acknowledged, stored{refused.Container, a[0], string(refused.Plaintext)})
				check()
			})
		})
	}
}

// An erasure that finds no room says so, loses nothing, and completes later.
func TestErasureOnFullDisk(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	a := put(t, s, "c", "erased", strings.Repeat("stays ", 10))
	limit(t, s, s.content, 1)
	limit(t, s, s.keys, 1)
	for i := range 3 {
		err := s.EraseBlock(context.Background(), "c", a[0])
		if err != nil && !errors.Is(err, ErrFull) {
			t.Fatalf("try %d: %v, want ErrFull", i, err)
		}
		wantOpen(t, s.Reader(), "c", a[1], strings.Repeat("stays ", 10))
	}
	limit(t, s, s.content, 1<<20)
	limit(t, s, s.keys, 1<<20)
	if err := s.EraseBlock(context.Background(), "c", a[0]); err != nil {
		t.Fatal(err)
	}
	wantState(t, s.Reader(), "c", a[0], Erased)
	wantOpen(t, s.Reader(), "c", a[1], strings.Repeat("stays ", 10))
}

// What the promises rest on in SQLite.
func TestPragmas(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir(), testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, w := range map[string]*writer{"content": s.content, "keys": s.keys} {
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "secure_delete": "1", "temp_store": "2", "busy_timeout": "5000"} {
			var got string
			if err := w.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s of %s = %s, %v, want %s", pragma, name, got, err, want)
			}
		}
	}
}
