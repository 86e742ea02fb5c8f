package journal

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

func TestAppendManyWriters(t *testing.T) {
	t.Parallel()
	const writers, batches = 8, 40
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	var mu sync.Mutex
	var all []uint64
	at := map[uint64]string{}
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for b := range batches {
				list := entries((w*batches+b)*10, 1+b%5)
				receipt, err := j.Append(context.Background(), Batch{Entries: list})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for i, seq := range receipt.Seqs {
					at[seq] = list[i].Record.ID
					if i > 0 && seq != receipt.Seqs[i-1]+1 {
						t.Errorf("a batch was torn: %v", receipt.Seqs)
					}
				}
				all = append(all, receipt.Seqs...)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	slices.Sort(all)
	for i, seq := range all {
		if seq != uint64(i+1) {
			t.Fatalf("position %d has seq %d", i+1, seq)
		}
	}
	want := make([]string, len(all))
	for seq, id := range at {
		want[seq-1] = id
	}
	stop()
	r, err := OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if diff := cmp.Diff(want, contents(t, r)); diff != "" {
		t.Error(diff)
	}
}

func TestAppendMakesSeveralRows(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	mustAppend(t, j, entries(1, 2500)...)
	big := entry(3000)
	big.Record.Type = strings.Repeat("x", 3<<20)
	big.Bytes = big.Record.AppendCanonical(nil)
	mustAppend(t, j, entry(2999), big, entry(3001))
	var counts []int
	rows, err := j.reader.db.Query("SELECT count FROM frames ORDER BY first")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts = append(counts, n)
	}
	if diff := cmp.Diff([]int{1000, 1000, 500, 1, 1, 1}, counts); diff != "" {
		t.Error(diff)
	}
	if got := contents(t, j.Reader()); len(got) != 2503 || got[2501] != "3000" {
		t.Errorf("%d records, %q", len(got), got[2501])
	}
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	f := func(list []Entry, seqs []uint64, duplicates int) {
		t.Helper()
		got := mustAppend(t, j, list...)
		if diff := cmp.Diff(Receipt{Seqs: seqs, Duplicates: duplicates}, got); diff != "" {
			t.Error(diff)
		}
	}
	f(entries(1, 3), []uint64{1, 2, 3}, 0)
	f(entries(1, 3), []uint64{1, 2, 3}, 3)
	f([]Entry{entry(4), entry(2), entry(4), entry(5)}, []uint64{4, 2, 4, 5}, 2)
	stop()
	j, stop = start(t, dir, Options{})
	f([]Entry{entry(5), entry(6), entry(1)}, []uint64{5, 6, 1}, 2)
	plain := entry(7)
	plain.ID = Digest{}
	f([]Entry{plain, plain}, []uint64{7, 8}, 0) // no id: never a duplicate
	stop()
	j, _ = start(t, dir, Options{})
	f(entries(1, 6), []uint64{1, 2, 3, 4, 5, 6}, 6)
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6", "7", "7"}, contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
}

func TestRedeliveryExpires(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	again := func(n int, at time.Time, duplicate bool) {
		t.Helper()
		if got := mustAppend(t, j, entryAt(n, at)); (got.Duplicates == 1) != duplicate {
			t.Errorf("entry %d at %v: %+v, want duplicate %v", n, at.Sub(day), got, duplicate)
		}
	}
	again(1, day, false)
	again(2, day.Add(time.Hour), false)
	again(1, day.Add(24*time.Hour), true)
	again(3, day.Add(24*time.Hour+10*time.Minute), false) // 1 is forgotten
	stop()
	j, _ = start(t, dir, Options{})
	again(2, day.Add(24*time.Hour+20*time.Minute), true)
	again(1, day.Add(24*time.Hour+20*time.Minute), false)
	again(2, day.Add(25*time.Hour+time.Second), false)
	// A clock that stands in the future for a moment costs nothing that came since.
	again(4, day.Add(1000*24*time.Hour), false)
	again(5, day.Add(26*time.Hour), false)
	again(5, day.Add(26*time.Hour), true)
}

func TestRedeliveryBound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{RememberMax: 10})
	mustAppend(t, j, entries(1, 12)...)
	if got := mustAppend(t, j, entries(3, 10)...); got.Duplicates != 10 {
		t.Errorf("the newest ten: %+v", got)
	}
	stop()
	j, _ = start(t, dir, Options{RememberMax: 10})
	if got := mustAppend(t, j, entries(3, 10)...); got.Duplicates != 10 {
		t.Errorf("the newest ten after a restart: %+v", got)
	}
	if got := mustAppend(t, j, entries(1, 2)...); got.Duplicates != 0 {
		t.Errorf("the oldest two: %+v", got)
	}
}

func lastingEntry(n int, body byte, recorded time.Time) Entry {
	e := entryAt(n, recorded)
	e.Forever, e.Body = true, Digest{15: body}
	e.Record.Type = "body " + string('A'+rune(body))
	e.Bytes = e.Record.AppendCanonical(nil)
	return e
}

func TestForever(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{RememberMax: 1})
	f := func(seqs []uint64, duplicates int, list ...Entry) {
		t.Helper()
		if diff := cmp.Diff(Receipt{Seqs: seqs, Duplicates: duplicates}, mustAppend(t, j, list...)); diff != "" {
			t.Error(diff)
		}
	}
	years := day.Add(5 * 365 * 24 * time.Hour)
	f([]uint64{1, 2}, 0, lastingEntry(1, 0, day), lastingEntry(2, 0, day))
	f([]uint64{1}, 1, lastingEntry(1, 0, years))
	f([]uint64{3, 3, 4, 1}, 2, lastingEntry(1, 1, day), lastingEntry(1, 1, day), lastingEntry(1, 2, day), lastingEntry(1, 0, day))
	stop()
	j, _ = start(t, dir, Options{RememberMax: 1})
	f([]uint64{1, 3, 4, 5}, 3, lastingEntry(1, 0, years), lastingEntry(1, 1, years), lastingEntry(1, 2, years), lastingEntry(1, 3, years))
	stored, err := j.Reader().Get(t.Context(), 1, 2, 3, 4, 5)
	if err != nil {
		t.Fatal(err)
	}
	var supersedes []string
	for i := range stored {
		describe(t, &stored[i])
		r, err := stored[i].Record()
		if err != nil {
			t.Fatal(err)
		}
		supersedes = append(supersedes, r.Supersedes)
	}
	if diff := cmp.Diff([]string{"", "", "seq:1", "seq:3", "seq:4"}, supersedes); diff != "" {
		t.Error(diff)
	}
	changed := lastingEntry(2, 1, day)
	mustAppend(t, j, changed)
	if changed.Record.Supersedes != "" {
		t.Error("the caller's record was changed")
	}
}

func TestCursors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	put := func(name string, value []byte, list ...Entry) {
		t.Helper()
		if _, err := j.Append(t.Context(), Batch{Entries: list, Cursors: map[string][]byte{name: value}}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name string, value []byte) {
		t.Helper()
		got, err := j.Cursor(t.Context(), name)
		if err != nil || string(got) != string(value) || (got == nil) != (value == nil) && len(value) > 0 {
			t.Errorf("cursor %s = %q, %v, want %q", name, got, err, value)
		}
	}
	want("a", nil)
	put("a", []byte("one"), entry(1))
	want("a", []byte("one"))
	put("a", []byte("two")) // without entries
	put("b", []byte{})
	put("c", []byte("x"), entry(1)) // only a duplicate beside it
	stop()
	j, _ = start(t, dir, Options{})
	want("a", []byte("two"))
	want("c", []byte("x"))
	put("a", nil)
	want("a", nil)
}

func TestAppendRefusesWhatCanNeverBeStored(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	f := func(name string, want error, list ...Entry) {
		t.Helper()
		_, err := j.Append(t.Context(), Batch{Entries: list})
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("no record", nil, Entry{Bytes: []byte("{}")})
	f("no bytes", nil, Entry{Record: &audit.Record{}})
	f("forever without id", nil, Entry{Record: entry(1).Record, Bytes: entry(1).Bytes, Forever: true})
	f("large record", ErrTooLarge, Entry{Record: entry(1).Record, Bytes: make([]byte, MaxRecord+1)})
	f("many records", ErrTooLarge, make([]Entry, MaxBatch+1)...)
	many := entries(1, 5)
	for i := range many {
		many[i].Bytes = make([]byte, MaxRecord)
	}
	f("large batch", ErrTooLarge, many...)
	if last, err := j.Reader().Last(t.Context()); last != 0 || err != nil {
		t.Errorf("last = %d, %v", last, err)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	mustAppend(t, j, entry(1))
	reason := errors.New("the ledger is longer than the journal")
	j.Refuse(reason)
	if _, err := j.Append(t.Context(), Batch{Entries: entries(2, 1)}); !errors.Is(err, reason) {
		t.Errorf("append: %v, want the reason", err)
	}
	if err := j.FillLost(t.Context(), []audit.Tombstone{{Commitment: audit.Commitment{7}, Reason: audit.TombstoneLost}}); err != nil {
		t.Error(err)
	}
	j.Refuse(nil)
	if got := mustAppend(t, j, entry(2)); got.Seqs[0] != 3 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"1", "lost", "2"}, contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
	if err := j.FillLost(t.Context(), []audit.Tombstone{{Reason: audit.TombstoneErased}}); err == nil {
		t.Error("a tombstone of an erased record was taken for a lost one")
	}
}

func TestFillLostManyAndReopen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 3)...)
	lost := make([]audit.Tombstone, 2100)
	for i := range lost {
		lost[i] = audit.Tombstone{Commitment: audit.Commitment{byte(i), byte(i >> 8), 1}, Reason: audit.TombstoneLost}
	}
	if err := j.FillLost(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	stop()
	j, _ = start(t, dir, Options{})
	if got := mustAppend(t, j, entry(2), entry(9)); got.Seqs[0] != 2 || got.Seqs[1] != 2104 {
		t.Errorf("after the gap: %+v", got)
	}
	got, err := j.Reader().Get(t.Context(), 2103, 4)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Commitment != lost[2099].Commitment || got[1].Tombstone == nil || *got[1].Tombstone != lost[0] {
		t.Errorf("%+v", got)
	}
	if _, err := got[0].Record(); !errors.Is(err, ErrNoRecord) {
		t.Errorf("record of a tombstone: %v", err)
	}
}

func TestCancelledAppendIsWithdrawn(t *testing.T) {
	t.Parallel()
	j := openJournal(t, t.TempDir(), Options{}) // nobody commits yet
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := j.Append(ctx, Batch{Entries: entries(1, 2)})
		failed <- err
	}()
	<-j.queue.kick // it waits
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v, want context.Canceled", err)
	}
	run(t, j)
	mustAppend(t, j, entry(3))
	if diff := cmp.Diff([]string{"3"}, contents(t, j.Reader())); diff != "" {
		t.Error(diff)
	}
}

func TestCancelledAppendIsCommittedWhole(t *testing.T) {
	t.Parallel()
	j, _ := start(t, t.TempDir(), Options{})
	j.mu.Lock() // the committer takes the batch and waits here
	ctx, cancel := context.WithCancel(t.Context())
	r, err := newRequest(Batch{Entries: entries(1, 3), Cursors: map[string][]byte{"c": []byte("1")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.queue.put(r); err != nil {
		t.Fatal(err)
	}
	for waiting := 1; waiting > 0; {
		j.queue.mu.Lock()
		waiting = len(j.queue.waiting)
		j.queue.mu.Unlock()
	}
	cancel()
	if _, err := j.await(ctx, r); !errors.Is(err, context.Canceled) {
		t.Fatalf("append: %v, want context.Canceled", err)
	}
	j.mu.Unlock()
	if got := mustAppend(t, j, entries(1, 3)...); got.Duplicates != 3 {
		t.Errorf("delivered again: %+v", got)
	}
	if c, err := j.Cursor(t.Context(), "c"); string(c) != "1" || err != nil {
		t.Errorf("cursor %q, %v", c, err)
	}
}

func TestRunDrains(t *testing.T) {
	t.Parallel()
	j := openJournal(t, t.TempDir(), Options{})
	var wait sync.WaitGroup
	for i := range 5 {
		wait.Go(func() {
			if _, err := j.Append(context.Background(), Batch{Entries: entries(i*10, 3)}); err != nil {
				t.Error(err)
			}
		})
	}
	for n := 0; n < 5; {
		j.queue.mu.Lock()
		n = len(j.queue.waiting)
		j.queue.mu.Unlock()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	if got := contents(t, j.Reader()); len(got) != 15 {
		t.Errorf("%d records", len(got))
	}
	if _, err := j.Append(t.Context(), Batch{Entries: entries(100, 1)}); !errors.Is(err, ErrClosed) {
		t.Errorf("append after the end: %v", err)
	}
	if err := j.Run(t.Context()); err == nil {
		t.Error("the committer ran twice")
	}
}

func TestCloseNeedsTheCommitterStopped(t *testing.T) {
	t.Parallel()
	j := openJournal(t, t.TempDir(), Options{})
	failed := make(chan error)
	go func() {
		_, err := j.Append(context.Background(), Batch{Entries: entries(1, 1)})
		failed <- err
	}()
	<-j.queue.kick
	if err := j.queue.start(); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err == nil {
		t.Error("closed under a running committer")
	}
	j.queue.stopped()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("waiting append: %v", err)
	}
}
