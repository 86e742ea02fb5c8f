package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/sqlite/segment"
)

// stubFile is a view's files as a test wants them to behave.
type stubFile struct {
	runs   func(context.Context, *view) error
	closed atomic.Bool
}

func (f *stubFile) Position(context.Context) (uint64, error) { return 0, nil }
func (f *stubFile) Close() error                             { f.closed.Store(true); return nil }
func (f *stubFile) run(ctx context.Context, v *view, _ *journal.Follower) error {
	return f.runs(ctx, v)
}

func openTestJournal(t *testing.T) *journal.Journal {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	j, err := journal.Open(ctx, t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, j.Close()); err != nil {
			t.Error(err)
		}
	})
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r := &audit.Record{Version: audit.SchemaVersion, ID: "1", Source: audit.SourceOTelLog, Occurred: at, Recorded: at}
	if _, err := j.Append(ctx, journal.Batch{Entries: []journal.Entry{{Record: r, Bytes: r.AppendCanonical(nil)}}}); err != nil {
		t.Fatal(err)
	}
	return j
}

// testView is a view over stub files, the nth of which it gets from open; it counts how often they are discarded.
func testView(t *testing.T, open func(n int) (viewFile, error)) (v *view, discarded *atomic.Int32) {
	t.Helper()
	discarded = new(atomic.Int32)
	opened := 0
	return &view{
		name: "test", behind: "test.behind", journal: openTestJournal(t), health: new(health.Registry), log: slog.New(slog.DiscardHandler),
		openFile:  func(context.Context) (viewFile, error) { opened++; return open(opened) },
		discard:   func() error { discarded.Add(1); return nil },
		databases: func() ([]string, error) { return nil, nil },
	}, discarded
}

type sqliteError int

func (e sqliteError) Error() string { return fmt.Sprintf("SQLite says %d", int(e)) }
func (e sqliteError) Code() int     { return int(e) }

// TestViewRunsAgain: nothing that ends a view's run ends the view, which says what is wrong and is opened again; damaged
// files are discarded.
func TestViewRunsAgain(t *testing.T) {
	t.Parallel()
	f := func(name string, ill func(context.Context, *view) error, says string, discards int32) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var raised []health.Condition
			var v *view
			first := &stubFile{runs: ill}
			v, discarded := testView(t, func(n int) (viewFile, error) {
				if n == 1 {
					return first, nil
				}
				raised = v.health.Conditions()
				return &stubFile{runs: func(ctx context.Context, v *view) error {
					v.settled(1)
					<-ctx.Done()
					return nil
				}}, nil
			})
			done := make(chan error, 1)
			go func() { done <- v.run(ctx) }()
			if err := v.wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if c := v.health.Conditions(); len(c) > 0 {
				t.Errorf("conditions that stay: %+v", c)
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("ended with %v", err)
			}
			if len(raised) != 1 || raised[0].Code != "test.behind" || !strings.Contains(raised[0].Text, says) {
				t.Errorf("meanwhile health said %+v, want %q", raised, says)
			}
			if !first.closed.Load() {
				t.Error("the first files stay open")
			}
			if n := discarded.Load(); n != discards {
				t.Errorf("discarded %d times, want %d", n, discards)
			}
			if v.opened() == nil || v.position() != 1 {
				t.Error("not open for reading after its end")
			}
		})
	}
	ends := func(err error) func(context.Context, *view) error {
		return func(context.Context, *view) error { return err }
	}
	applies := func(err error) func(context.Context, *view) error {
		return func(ctx context.Context, v *view) error {
			v.applied(0, err)
			<-ctx.Done() // a Runner tries again until then
			return nil
		}
	}
	f("gap", ends(fmt.Errorf("apply: %w", search.ErrGap)), "missing between", 0)
	f("closed", ends(fmt.Errorf("apply: %w", search.ErrClosed)), "closed", 0)
	f("follower", ends(errors.New("follow the journal: no room")), "no room", 0)
	f("nothing", ends(nil), "by itself", 0)
	f("damaged block", applies(fmt.Errorf("apply: %w", segment.ErrCorrupt)), "view test", 1)
	f("damaged file", applies(fmt.Errorf("apply: %w", sqliteError(11|1<<8))), "SQLite says", 1)
	f("table missing", applies(sqliteError(1)), "SQLite says 1", 0)
	f("damaged, says a reader", func(ctx context.Context, v *view) error {
		v.fail(sqliteError(26))
		<-ctx.Done()
		return nil
	}, "SQLite says 26", 1)
}

// TestViewStaysOpenOnAFullDisk: what a Runner tries again by itself ends nothing, since what is there can be read.
func TestViewStaysOpenOnAFullDisk(t *testing.T) {
	t.Parallel()
	v, discarded := testView(t, func(n int) (viewFile, error) {
		if n > 1 {
			t.Errorf("opened %d times", n)
		}
		return &stubFile{runs: func(ctx context.Context, v *view) error {
			for _, err := range []error{sqliteError(13), sqliteError(10 | 3<<8), sqliteError(5), errors.New("no room"), context.DeadlineExceeded} {
				v.applied(1, err)
			}
			if ctx.Err() != nil {
				t.Error("ended its run")
			}
			v.applied(1, nil)
			<-ctx.Done()
			return nil
		}}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- v.run(ctx) }()
	if err := v.wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil || discarded.Load() != 0 {
		t.Errorf("ended with %v, discarded %d times", err, discarded.Load())
	}
	v.fail(segment.ErrCorrupt) // nobody runs it: nothing happens
	if err := v.close(); err != nil || v.opened() != nil || v.close() != nil {
		t.Errorf("close: %v", err)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.db"), filepath.Join(dir, "b.db")
	v := &view{databases: func() ([]string, error) { return databasesIn(dir) }}
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path+".new", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	f := func(what string, seen map[string]os.FileInfo, change func(), moved string) {
		t.Helper()
		change()
		err := v.look(seen)
		if (moved == "") != (err == nil) || err != nil && (!errors.Is(err, errMoved) || !strings.Contains(err.Error(), moved)) {
			t.Errorf("%s: %v, want %q to be missed", what, err, moved)
		}
	}
	seen := make(map[string]os.FileInfo)
	f("nothing yet", seen, func() {}, "")
	f("a new file", seen, func() { write(a); write(b) }, "")
	f("as it was", seen, func() {}, "")
	f("changed", seen, func() {
		if err := os.WriteFile(a, []byte("more"), 0o600); err != nil {
			t.Fatal(err)
		}
	}, "")
	f("replaced", seen, func() { write(b) }, "b.db")
	seen = make(map[string]os.FileInfo)
	f("seen anew", seen, func() {}, "")
	f("removed", seen, func() {
		if err := os.Remove(a); err != nil {
			t.Fatal(err)
		}
	}, "a.db")
}

// TestViewIsBuiltAnewWhenOpeningDoesNotMend: files that open well and that every run ends on are discarded in the end.
func TestViewIsBuiltAnewWhenOpeningDoesNotMend(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var discarded *atomic.Int32
	var v *view
	v, discarded = testView(t, func(int) (viewFile, error) {
		return &stubFile{runs: func(ctx context.Context, v *view) error {
			if discarded.Load() == 0 {
				return sqliteError(1)
			}
			v.settled(1)
			<-ctx.Done()
			return nil
		}}, nil
	})
	done := make(chan error, 1)
	go func() { done <- v.run(ctx) }()
	if err := v.wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil || discarded.Load() != 1 {
		t.Errorf("discarded %d times, ended with %v", discarded.Load(), err)
	}
}
