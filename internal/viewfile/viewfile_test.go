package viewfile_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/viewfile"
)

func schema(version int) viewfile.Schema {
	return viewfile.Schema{Version: version, SQL: `CREATE TABLE things (name TEXT);`}
}

// things is a view that keeps positions.
type things struct{ *viewfile.File }

func (v things) Apply(ctx context.Context, batch []journal.Stored) error {
	return v.Within(ctx, func(tx *viewfile.Tx) error {
		at, err := tx.Position(ctx)
		for i := range batch {
			if err == nil && batch[i].Seq > at {
				err = tx.Exec(ctx, `INSERT INTO things VALUES (?)`, string(batch[i].Bytes))
			}
		}
		return errors.Join(err, tx.SetPosition(ctx, batch[len(batch)-1].Seq))
	})
}

func (v things) names(t *testing.T) string {
	t.Helper()
	var names string
	if err := v.Readers().QueryRow(`SELECT coalesce(group_concat(name), '') FROM things`).Scan(&names); err != nil {
		t.Fatal(err)
	}
	return names
}

func open(t *testing.T, path string, version int) things {
	t.Helper()
	f, err := viewfile.Open(context.Background(), path, schema(version), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return things{f}
}

func records(names ...string) (list []journal.Stored) {
	for i, n := range names {
		list = append(list, journal.Stored{Seq: uint64(i + 1), Bytes: []byte(n)})
	}
	return list
}

func TestFile(t *testing.T) {
	t.Parallel()
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "things.db")
	if _, err := viewfile.OpenReader(ctx, path, schema(1)); !errors.Is(err, viewfile.ErrNone) {
		t.Errorf("a reader before there is a file: %v", err)
	}
	v := open(t, path, 1)
	if err := v.Apply(ctx, records("a", "b")); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := v.Within(ctx, func(tx *viewfile.Tx) error { return errors.Join(broken, tx.Exec(ctx, `DELETE FROM things`)) }); !errors.Is(err, broken) {
		t.Errorf("a batch that breaks: %v", err)
	}
	if err := v.Apply(ctx, records("a", "b", "c")); err != nil {
		t.Fatal(err)
	}
	reader, err := viewfile.OpenReader(ctx, path, schema(1))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if got := (things{reader}).names(t); got != "a,b,c" {
		t.Errorf("the file holds %q", got)
	}
	if err := reader.Within(ctx, func(*viewfile.Tx) error { return nil }); err == nil {
		t.Error("a reader writes")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read the file: %v, %v", info.Mode(), err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := v.Truncate(over); err == nil || !v.Uncut() {
		t.Errorf("after a failure the log counts as emptied (%v)", err)
	}
	if empty, err := v.Truncate(ctx); err != nil || !empty || v.Uncut() {
		t.Errorf("the log was not emptied: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if v = open(t, path, 2); v.names(t) != "" {
		t.Error("a file of another version was not made anew")
	}
	if at, err := v.Position(ctx); at != 0 || err != nil {
		t.Errorf("a new file stands at %d, %v", at, err)
	}
}

// scan is a journal with a damaged part.
type scan []journal.Stored

func (s scan) Last(context.Context) (uint64, error) { return uint64(len(s)), nil }

func (s scan) Scan(context.Context, uint64, uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		if !yield(s[0], nil) || !yield(journal.Stored{}, &journal.CorruptError{First: 2, Count: 1}) {
			return
		}
		yield(s[2], nil)
	}
}

func TestRebuild(t *testing.T) {
	t.Parallel()
	ctx, path := context.Background(), filepath.Join(t.TempDir(), "things.db")
	v := open(t, path, 1)
	if err := errors.Join(v.Apply(ctx, records("old")), v.Close()); err != nil {
		t.Fatal(err)
	}
	made := func(path string) (things, error) {
		f, err := viewfile.Open(ctx, path, schema(1), slog.New(slog.DiscardHandler))
		return things{f}, err
	}
	cannot := errors.New("cannot")
	if err := viewfile.Rebuild(ctx, path, func(string) (things, error) { return things{}, cannot }, scan(records("a", "b", "c")), nil); !errors.Is(err, cannot) {
		t.Errorf("a rebuild that fails: %v", err)
	}
	if err := viewfile.Rebuild(ctx, path, made, scan(records("a", "b", "c")), nil); err != nil {
		t.Fatal(err)
	}
	if v = open(t, path, 1); v.names(t) != "a,c" {
		t.Errorf("the file holds %q", v.names(t))
	}
	if left, err := filepath.Glob(path + ".new*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// pages hands out batches, then waits.
type pages struct{ list [][]journal.Stored }

func (p *pages) Next(ctx context.Context) ([]journal.Stored, error) {
	if len(p.list) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	page := p.list[0]
	p.list = p.list[1:]
	return page, nil
}

// flaky fails some times, then notes what it is given.
type flaky struct {
	fails int
	got   []string
}

func (f *flaky) Apply(_ context.Context, batch []journal.Stored) error {
	if f.fails--; f.fails >= 0 {
		return errors.New("no room")
	}
	for i := range batch {
		f.got = append(f.got, string(batch[i].Bytes))
	}
	return nil
}

// TestRunTriesAgain: a view that cannot write says so, and loses nothing.
func TestRunTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := new(health.Registry)
		view := &flaky{fails: 3}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() {
			r := viewfile.Runner{View: "the view", Condition: "view.behind", Health: h, Logger: slog.New(slog.DiscardHandler)}
			ended <- r.Run(ctx, &pages{[][]journal.Stored{records("a"), records("b", "c")}}, view)
		}()
		synctest.Wait()
		if c := h.Conditions(); len(c) != 1 || c[0].Code != "view.behind" || !strings.Contains(c[0].Text, "no room") {
			t.Errorf("while it fails: %+v", c)
		}
		for range 20 { // the bubble's clock stands still but for this
			<-time.After(time.Second)
			synctest.Wait()
		}
		if c := h.Conditions(); len(c) != 0 || !slices.Equal(view.got, []string{"a", "b", "c"}) {
			t.Errorf("once it works: %+v, %v", c, view.got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
