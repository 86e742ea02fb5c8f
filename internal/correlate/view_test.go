package correlate

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

func filesContain(t *testing.T, dir, text string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "correlate.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s (%v)", dir, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func TestNoIndex(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenReader(context.Background(), dir); !errors.Is(err, ErrNoIndex) {
		t.Errorf("got %v, want ErrNoIndex", err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("reading made files: %v", files)
	}
}

func TestReaderBesideWriter(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	r, err := OpenReader(context.Background(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f.run("A", 3, 5, t0)
	f.apply()
	if n := len(list(t, r, Filter{})); n != 1 {
		t.Errorf("the reader sees %d, want 1", n)
	}
	if p, err := r.Position(context.Background()); err != nil || p != 3 {
		t.Errorf("position %d (%v), want 3", p, err)
	}
	if err := r.Apply(context.Background(), f.all); err == nil {
		t.Error("a reader applies")
	}
	info, err := os.Stat(Path(f.dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
}

func TestReaderWithoutWriter(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 3, 5, t0)
	f.apply()
	if err := f.view.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(context.Background(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n := len(list(t, r, Filter{})); n != 1 {
		t.Errorf("the reader sees %d, want 1", n)
	}
}

// TestDeliveredAgain: positions the view knows change nothing, also after a restart.
func TestDeliveredAgain(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 3, 5, t0, mismatch)
	f.result("A", "t1")
	before := f.list(Filter{})
	for range 2 {
		if err := f.view.Apply(context.Background(), f.all); err != nil {
			t.Fatal(err)
		}
		if err := f.view.Close(); err != nil {
			t.Fatal(err)
		}
		f.view = openView(t, f.dir)
	}
	if diff := cmp.Diff(statements(before), statements(f.list(Filter{}))); diff != "" {
		t.Error(diff)
	}
}

// TestFailedApply: a batch that fails changes nothing, and the view goes on from there.
func TestFailedApply(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 0, 5, t0, mismatch)
	f.decision("A", "t1", "accept")
	f.apply()
	f.run("A", 8, 9, t0.Add(time.Minute), mismatch)
	f.result("A", "t1")
	// The batch fails where it writes the discrepancies, after all else.
	f.exec(`CREATE TRIGGER fail BEFORE UPDATE ON cursor BEGIN SELECT RAISE(ABORT, 'no room'); END`)
	if err := f.view.Apply(context.Background(), f.pending); err == nil {
		t.Fatal("the batch did not fail")
	}
	if p, err := f.view.Position(context.Background()); err != nil || p != 7 {
		t.Errorf("position %d (%v), want 7", p, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := f.view.Apply(ctx, f.pending); err == nil {
		t.Fatal("a batch was applied after its context ended")
	}
	f.exec(`DROP TRIGGER fail`)
	f.apply()
	f.later(Grace)
	want := []string{
		"2 records of session A between sequence 5 and 8 were expected and not received",
		"8 records of session A assert another e-mail address than the credential proves",
	}
	if diff := cmp.Diff(want, statements(f.list(Filter{})), sorted(func(a, b string) bool { return a < b })); diff != "" {
		t.Error(diff)
	}
	f.compareRebuilt()
}

func TestOtherVersionIsBuiltAgain(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 3, 5, t0)
	f.apply()
	f.exec(`PRAGMA user_version = 99`)
	if err := f.view.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(context.Background(), f.dir); !errors.Is(err, ErrNoIndex) {
		t.Errorf("got %v, want ErrNoIndex", err)
	}
	f.view = openView(t, f.dir)
	if p, err := f.view.Position(context.Background()); err != nil || p != 0 {
		t.Errorf("position %d (%v), want 0", p, err)
	}
}

// TestRebuildReplaces: a rebuild takes the place of a view that is wrong, or leaves it alone where it fails.
func TestRebuildReplaces(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 3, 5, t0)
	want := statements(f.list(Filter{}))
	f.exec(`UPDATE discrepancies SET body = '{"statement":"wrong"}'`)
	if err := f.view.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Rebuild(ctx, f.dir, reader(f.all), nil); err == nil {
		t.Fatal("a rebuild went through after its context ended")
	}
	f.view = openView(t, f.dir)
	if got := statements(f.list(Filter{})); got[0] != "provisional: wrong" {
		t.Errorf("a failed rebuild changed the view: %v", got)
	}
	if err := f.view.Close(); err != nil {
		t.Fatal(err)
	}
	var done uint64
	if err := Rebuild(context.Background(), f.dir, reader(f.all), func(d, last uint64) { done = d }); err != nil {
		t.Fatal(err)
	}
	if done != 3 {
		t.Errorf("progress ends at %d, want 3", done)
	}
	f.view = openView(t, f.dir)
	if diff := cmp.Diff(want, statements(f.list(Filter{}))); diff != "" {
		t.Error(diff)
	}
}

// pages is a follower that hands out pages and then waits.
type pages chan func() ([]journal.Stored, error)

func (p pages) Next(ctx context.Context) ([]journal.Stored, error) {
	select {
	case page := <-p:
		return page()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 0, 4, t0)
	f.run("A", 7, 9, t0.Add(time.Minute))
	ctx, cancel := context.WithCancel(context.Background())
	follower := make(pages)
	ended := make(chan error, 1)
	go func() { ended <- f.view.Run(ctx, follower) }()
	follower <- func() ([]journal.Stored, error) { return f.all[:5], nil }
	follower <- func() ([]journal.Stored, error) { return nil, &journal.CorruptError{First: 6, Count: 1} }
	follower <- func() ([]journal.Stored, error) { return f.all[6:], nil }
	for {
		p, err := f.view.Position(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if p == 8 {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("Run ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
	// Positions 6 was damaged: one of three may have come.
	want := []string{"provisional: 2 records of session A between sequence 4 and 8 were expected and not received, besides up to 1 that may have been erased since"}
	if diff := cmp.Diff(want, statements(list(t, f.view, Filter{}))); diff != "" {
		t.Error(diff)
	}
}

func TestRunEndsWithTheFollower(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	follower := make(pages, 1)
	follower <- func() ([]journal.Stored, error) { return nil, journal.ErrClosed }
	if err := f.view.Run(context.Background(), follower); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// TestCachesAreBounded: more devices than are held are dropped and read again when they come back.
func TestCachesAreBounded(t *testing.T) {
	t.Parallel()
	f := newFeed(t)
	f.run("A", 0, 4, t0)
	f.apply()
	f.view.names.streams += maxStreams // as if there were as many others
	f.run("B", 0, 0, t0, func(r *audit.Record) { r.Account.Asserted.Device = "other" })
	f.apply()
	if n := len(f.view.names.devices); n != 0 {
		t.Errorf("%d devices in memory, want none", n)
	}
	f.view.names.streams = 0
	f.run("A", 5, 9, t0.Add(5*time.Second))
	f.run("A", 12, 13, t0.Add(12*time.Second))
	f.later(Grace)
	want := []string{"2 records of session A between sequence 9 and 12 were expected and not received"}
	if diff := cmp.Diff(want, statements(f.list(Filter{}))); diff != "" {
		t.Error(diff)
	}
}

func TestRelevant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		record audit.Record
		want   bool
	}{
		{audit.Record{Source: audit.SourceOTelLog}, true},
		{audit.Record{Source: audit.SourceOTelMetric}, false},
		{audit.Record{Source: audit.SourceOTelMetric, Flags: []string{audit.FlagIdentityMismatch}}, true},
		{audit.Record{Source: audit.SourceComplianceActivity, Type: `"source":"otel.log"`}, false},
		{audit.Record{Source: audit.SourceComplianceActivity, Type: "compliance_api_accessed"}, true},
		{audit.Record{Source: audit.SourceTripod, Type: "tripod.serve.start"}, false},
		{audit.Record{Source: audit.SourceTripod, Type: "tripod.compliance.requests"}, true},
		{audit.Record{Source: audit.SourceTripod, Type: "tripod.feed.statement"}, true},
		{audit.Record{Source: audit.SourceTripod, Type: audit.TypeEraseRecord}, true},
		{audit.Record{Source: audit.SourceTripod, Type: audit.TypeEraseRecords}, true},
	} {
		if got := relevant(c.record.AppendCanonical(nil)); got != c.want {
			t.Errorf("%s %s: got %v, want %v", c.record.Source, c.record.Type, got, c.want)
		}
	}
}
