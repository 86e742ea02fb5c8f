package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// Tests against the real journal: what is altered is altered in its file.

// pair is a running journal with its ledger.
type pair struct {
	*journal.Journal
	ledger *ledger.Ledger
	stop   func() // both, and close
}

func startPair(t testing.TB, dir string) *pair {
	t.Helper()
	j, err := journal.Open(t.Context(), dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), dir, ledger.Options{Journal: j.Reader(), Origin: "example.test/ledger"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- j.Run(ctx) }()
	go func() { ended <- l.Run(ctx, j.Follow(l.Size()+1)) }()
	return &pair{j, l, func() {
		cancel()
		if err := errors.Join(<-ended, <-ended, j.Close()); err != nil {
			t.Error(err)
		}
	}}
}

// add appends records in frames of n and waits for the ledger.
func (p *pair) add(t testing.TB, frames, n int, body string) {
	t.Helper()
	for range frames {
		last, err := p.Reader().Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var b journal.Batch
		for i := range n {
			b.Entries = append(b.Entries, entry(&audit.Record{
				ID: strconv.Itoa(int(last) + i + 1), Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Type: "user_prompt", Tool: body,
			}))
		}
		p.append(t, b)
	}
}

func entry(r *audit.Record) journal.Entry {
	r.Version = audit.SchemaVersion
	r.Occurred = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	r.Recorded = r.Occurred
	return journal.Entry{Record: r, Bytes: r.AppendCanonical(nil)}
}

func (p *pair) append(t testing.TB, b journal.Batch) uint64 {
	t.Helper()
	receipt, err := p.Append(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	last := receipt.Seqs[len(receipt.Seqs)-1]
	if _, err := p.ledger.Wait(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	return last
}

func (p *pair) act(t testing.TB, typ string, activity audit.Activity, attrs audit.Attrs) uint64 {
	t.Helper()
	return p.append(t, journal.Batch{Entries: []journal.Entry{entry(&audit.Record{
		Source: audit.SourceTripod, Activity: activity, Type: typ, Attributes: attrs,
	})}})
}

func verify(t testing.TB, dir string, opts ledger.VerifyOptions) *ledger.Report {
	t.Helper()
	r, err := journal.OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	opts.Dir, opts.Journal = dir, r
	report, err := ledger.Verify(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func found(r *ledger.Report) []string {
	list := []string{}
	for _, f := range r.Findings {
		list = append(list, fmt.Sprintf("%s %d-%d", f.Kind, f.First, f.Last))
	}
	return list
}

func template(t testing.TB, body string) string {
	t.Helper()
	dir := t.TempDir()
	p := startPair(t, dir)
	p.add(t, 6, 100, body)
	p.stop()
	return dir
}

func copied(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, "keys", "ledger.key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func edit(t testing.TB, dir string, queries ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range queries {
		res, err := db.ExecContext(t.Context(), q)
		if err != nil {
			t.Fatalf("%s: %v", q, err)
		}
		if n, err := res.RowsAffected(); err == nil && n == 0 && !strings.HasPrefix(q, "ATTACH") {
			t.Fatalf("%s: nothing happened", q)
		}
	}
}

func TestTamperingWithTheJournalIsFoundAndLocated(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	dir := template(t, "Bash")
	other := template(t, "Read") // as long, and other bytes and salts
	if got := found(verify(t, dir, ledger.VerifyOptions{})); len(got) > 0 {
		t.Fatalf("before any damage: %q", got)
	}
	attach := "ATTACH '" + filepath.Join(other, "journal.db") + "' AS other"
	for _, tt := range []struct {
		name   string
		damage []string
		want   []string
	}{
		{"frame flipped", []string{"UPDATE frames SET frame = CAST(substr(frame, 1, 200) || x'00' || substr(frame, 202) AS BLOB) WHERE first = 101"},
			[]string{"record_unreadable 101-200"}},
		{"frame truncated", []string{"UPDATE frames SET frame = substr(frame, 1, length(frame)/2) WHERE first = 201"},
			[]string{"record_unreadable 201-300"}},
		{"frame emptied", []string{"UPDATE frames SET frame = x'' WHERE first = 1"}, []string{"record_unreadable 1-100"}},
		{"frame dropped", []string{"DELETE FROM frames WHERE first = 301"}, []string{"record_unreadable 301-400"}},
		{"last frame dropped", []string{"DELETE FROM frames WHERE first = 501"}, []string{"journal_short 501-600"}},
		{"everything dropped", []string{"DELETE FROM frames"}, []string{"journal_short 1-600"}},
		{"frames swapped", []string{
			"UPDATE frames SET first = 10101 WHERE first = 101", "UPDATE frames SET first = 101 WHERE first = 201", "UPDATE frames SET first = 201 WHERE first = 10101",
		}, []string{"record_unreadable 101-300"}},
		{"frames swapped with their salts", []string{
			"UPDATE frames SET first = 10101 WHERE first = 101", "UPDATE frames SET first = 101 WHERE first = 201", "UPDATE frames SET first = 201 WHERE first = 10101",
			"UPDATE salts SET seq = seq + 10000 WHERE seq BETWEEN 101 AND 200", "UPDATE salts SET seq = seq - 100 WHERE seq BETWEEN 201 AND 300",
			"UPDATE salts SET seq = seq - 9900 WHERE seq BETWEEN 10101 AND 10200",
		}, []string{"record_unreadable 101-300"}},
		{"frame dropped and the rest moved up", []string{
			"DELETE FROM frames WHERE first = 201", "UPDATE frames SET first = first - 100 WHERE first > 201",
			"DELETE FROM salts WHERE seq BETWEEN 201 AND 300", "UPDATE salts SET seq = seq - 100 WHERE seq > 300",
		}, []string{"record_unreadable 201-500", "journal_short 501-600"}},
		{"frame replaced by a sound one", []string{attach,
			"UPDATE frames SET frame = (SELECT frame FROM other.frames o WHERE o.first = frames.first) WHERE first = 401"},
			[]string{"record_altered 401-500"}},
		{"frame and salts replaced by sound ones", []string{attach,
			"UPDATE frames SET frame = (SELECT frame FROM other.frames o WHERE o.first = frames.first) WHERE first = 401",
			"UPDATE salts SET salt = (SELECT salt FROM other.salts o WHERE o.seq = salts.seq) WHERE seq BETWEEN 401 AND 500"},
			[]string{"record_altered 401-500"}},
		{"salt flipped", []string{"UPDATE salts SET salt = x'000102030405060708090a0b0c0d0e0f' WHERE seq = 42"}, []string{"record_altered 42-42"}},
		{"salt truncated", []string{"UPDATE salts SET salt = substr(salt, 1, 15) WHERE seq = 42"}, []string{"record_unreadable 42-42"}},
		{"salt dropped", []string{"DELETE FROM salts WHERE seq = 599"}, []string{"record_unreadable 599-599"}},
		{"salts swapped", []string{"UPDATE salts SET seq = -1 WHERE seq = 7", "UPDATE salts SET seq = 7 WHERE seq = 8", "UPDATE salts SET seq = 8 WHERE seq = -1"},
			[]string{"record_altered 7-8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := copied(t, dir)
			edit(t, dir, tt.damage...)
			r := verify(t, dir, ledger.VerifyOptions{})
			t.Log(r.Statement)
			if diff := cmp.Diff(tt.want, found(r)); diff != "" || r.Verified {
				t.Errorf("verified %v, findings differ (-want +got):\n%s", r.Verified, diff)
			}
		})
	}
}

func TestForgedTombstoneInTheJournal(t *testing.T) {
	t.Parallel()
	dir := template(t, "Bash")
	p := startPair(t, dir)
	if err := p.Erase(t.Context(), 150); err != nil {
		t.Fatal(err)
	}
	p.stop()
	r := verify(t, dir, ledger.VerifyOptions{})
	if diff := cmp.Diff([]string{"tombstone_unnamed 150-150"}, found(r)); diff != "" || r.Tombstones != 1 {
		t.Errorf("%d tombstones, findings differ (-want +got):\n%s", r.Tombstones, diff)
	}
}

func TestErasureByOrderLeavesEveryProof(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	dir := template(t, "Bash")
	p := startPair(t, dir)
	saved := p.ledger.Checkpoint().Note
	victim, err := p.Reader().Get(t.Context(), 150)
	if err != nil {
		t.Fatal(err)
	}
	intent := p.act(t, "tripod.erase.record", audit.ActivityErasure, audit.Attrs{
		{Name: "position", Value: audit.Int(150)}, {Name: "commitment", Value: audit.String(victim[0].Commitment.String())},
	})
	if err := p.Erase(t.Context(), 150); err != nil {
		t.Fatal(err)
	}
	p.act(t, "tripod.erase.completed", audit.ActivityErasure, audit.Attrs{{Name: "position", Value: audit.Int(int64(intent))}})
	p.stop()
	r := verify(t, dir, ledger.VerifyOptions{Key: p.ledger.Key(), Saved: saved})
	if !r.Verified || r.Tombstones != 1 || r.Anchored != ledger.AnchoredBoth || len(r.Findings) > 0 {
		t.Errorf("report = %+v", r)
	}
	for _, seq := range []uint64{149, 150, 151} {
		proof, err := ledger.Prove(t.Context(), dir, seq)
		if err != nil {
			t.Fatal(err)
		}
		reader, err := journal.OpenReader(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		now, err := reader.Get(t.Context(), seq)
		if err := errors.Join(err, reader.Close()); err != nil {
			t.Fatal(err)
		}
		if err := ledger.CheckProof(p.ledger.Key(), now[0].Commitment, proof.Text); err != nil {
			t.Errorf("record %d: %v", seq, err)
		}
	}
}

// A journal restored from an older copy: nothing is written until recover has filled what was lost.
func TestJournalOlderThanItsLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	dir := template(t, "Bash")
	older, err := os.ReadFile(filepath.Join(dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	p := startPair(t, dir)
	p.add(t, 3, 100, "Edit")
	p.stop()
	if err := os.WriteFile(filepath.Join(dir, "journal.db"), older, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"journal.db-wal", "journal.db-shm"} { // may be left, and are none of the older copy
		if err := os.Remove(filepath.Join(dir, beside)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}

	j, err := journal.Open(t.Context(), dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ledger.Open(t.Context(), dir, ledger.Options{Journal: j.Reader()})
	var ahead *ledger.AheadError
	if !errors.As(err, &ahead) || *ahead != (ledger.AheadError{Ledger: 900, Journal: 600}) || !strings.Contains(err.Error(), "run tripod recover") {
		t.Fatalf("error = %v", err)
	}
	done, err := ledger.Recover(t.Context(), dir, filler{j.Reader(), j})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ledger.Range{{First: 601, Last: 900}}, done.Lost); diff != "" {
		t.Errorf("lost differs (-want +got):\n%s", diff)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"loss_unnamed 601-900"}, found(verify(t, dir, ledger.VerifyOptions{}))); diff != "" {
		t.Errorf("before it is on record, findings differ (-want +got):\n%s", diff)
	}
	p = startPair(t, dir)
	p.act(t, ledger.TypeRecovered, audit.ActivityOperation, audit.Attrs{
		{Name: "first", Value: audit.Int(601)}, {Name: "last", Value: audit.Int(900)}, {Name: "records", Value: audit.Int(300)},
	})
	p.add(t, 1, 5, "Bash")
	p.stop()
	r := verify(t, dir, ledger.VerifyOptions{Key: p.ledger.Key()})
	if !r.Verified || r.Tombstones != 300 || r.LedgerSize != 906 || len(r.Findings) > 0 {
		t.Errorf("report = %+v", r)
	}
}

type filler struct {
	*journal.Reader
	journal *journal.Journal
}

func (f filler) FillLost(ctx context.Context, lost []audit.Tombstone) error {
	return f.journal.FillLost(ctx, lost)
}
