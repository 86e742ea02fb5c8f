package crash

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/ledger"
)

// older keeps a copy of a stopped journal, and puts it back.
func (h *home) older(t *testing.T) (putBack func()) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.data, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		h.removeJournal(t)
		if err := os.WriteFile(filepath.Join(h.data, "journal.db"), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *home) removeJournal(t *testing.T) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(h.data, "journal.db"+suffix)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// last is the journal's end.
func (h *home) last(t *testing.T) uint64 {
	t.Helper()
	r := h.open(t)
	defer r.close(t)
	last, err := r.journal.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// report is what tripod verify --json prints, and how it ended.
func (h *home) report(t *testing.T, args ...string) (r ledger.Report, code int) {
	t.Helper()
	stdout, stderr, code := h.try(t, append([]string{"verify", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("verify ended with %d and printed no report: %v: %s%s", code, err, stdout, stderr)
	}
	if r.Verified != (code == 0) {
		t.Errorf("verify ended with %d and says %v", code, r.Verified)
	}
	return r, code
}

// finding looks for a kind of finding.
func finding(r ledger.Report, kind string) (ledger.Finding, bool) {
	i := slices.IndexFunc(r.Findings, func(f ledger.Finding) bool { return f.Kind == kind })
	if i < 0 {
		return ledger.Finding{}, false
	}
	return r.Findings[i], true
}

// TestOlderJournal puts an older copy of the journal back under a newer ledger.
func TestOlderJournal(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	rng := seeded(t)
	b := newBook()
	all := newCrowd(rng, b, 3)
	s := h.run(t)
	all.some(t, s, 8)
	s.awaitViews(t)
	s.stop(t)
	kept := h.last(t)
	putBack := h.older(t)

	s = h.run(t)
	all.some(t, s, 8)
	s.awaitViews(t)
	s.kill() // with views and journal as far as they got
	b.audit(t, h)
	held := new(anchor)
	held.check(t, h)
	signed := h.ledgerSize(t)
	putBack()

	s = h.start(t)
	s.awaitAddrs(t)
	await(t, "wait for a refusal", func() error {
		if code, text := s.get(t, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "tripod recover") {
			return fmt.Errorf("readyz answers %d: %s", code, text)
		}
		return nil
	})
	for _, c := range all {
		l := s.dial(t)
		c.pending = c.next()
		b.write(c.pending)
		if err := l.deliver(t.Context(), c.pending, c.protocol); err == nil {
			t.Errorf("an export over %s was acknowledged while ledger and journal do not fit", c.protocol)
		} else {
			isRefusal(t, c.protocol, err)
		}
		l.close()
	}
	if n := len(lines(h.search(t, "source:otel.log"))); n == 0 {
		t.Error("search finds nothing while serve refuses to write")
	}
	h.command(t, "record", "2")
	if _, stderr, code := h.try(t, "erase", "--record", "3", "--reason", "x"); code != 3 || !strings.Contains(stderr, "recover") {
		t.Errorf("an erasure meanwhile ended with %d: %s", code, stderr)
	}
	s.stop(t)
	r, code := h.report(t, "--key", held.key, "--checkpoint", held.checkpoint)
	if f, ok := finding(r, ledger.KindJournalShort); code != 1 || !ok || f.First != kept+1 || f.Last != signed {
		t.Errorf("verify ended with %d and found %+v, want %d to %d lost", code, r.Findings, kept+1, signed)
	}
	if stdout, _, code := h.try(t, "doctor"); code != 1 || !strings.Contains(stdout, "tripod recover") {
		t.Errorf("doctor ended with %d: %s", code, stdout)
	}

	out := h.command(t, "recover")
	if want := fmt.Sprintf("lost: records %d to %d;", kept+1, signed); !strings.Contains(out, want) {
		t.Errorf("recover says %q, want %q in it", out, want)
	}
	r, _ = h.report(t, "--key", held.key, "--checkpoint", held.checkpoint)
	if !r.Verified || r.Tombstones != signed-kept {
		t.Errorf("after recover: verified %v, %d tombstones, want %d: %+v", r.Verified, r.Tombstones, signed-kept, r.Findings)
	}
	if out := h.command(t, "record", fmt.Sprint(signed)); !strings.Contains(out, `"tombstone": "lost"`) {
		t.Errorf("record %d is shown as %s", signed, out)
	}
	if out := h.command(t, "recover"); !strings.Contains(out, "nothing to recover") {
		t.Errorf("recover once more says %q", out)
	}
	b.lose(kept+1, signed)
	h.goesOn(t, all, b, held)
}

// lose notes that tombstones stand where records were, and that every later record is gone as well.
func (b *book) lose(first, last uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read, b.gaps = min(b.read, first-1), true
	for _, s := range b.records {
		if s.seq >= first {
			s.acked, s.seq = false, 0
		}
	}
	for seq := first; seq <= last; seq++ {
		b.gone.records[seq] = true
	}
}

// goesOn lets serve run again and wants everything in order: what was acknowledged, the ledger, the views.
func (h *home) goesOn(t *testing.T, all crowd, b *book, held *anchor) {
	t.Helper()
	s := h.run(t)
	all.flush(t, s)
	all.some(t, s, 8)
	s.awaitViews(t)
	s.stop(t)
	b.auditAll(t, h)
	held.check(t, h)
	compareRebuilt(t, h, b)
}

func (h *home) ledgerSize(t *testing.T) uint64 {
	t.Helper()
	head, err := ledger.Head(h.data)
	if err != nil {
		t.Fatal(err)
	}
	return head.Size
}

// TestOlderJournalThatFits puts back an older copy that the ledger does not contradict, because it lags behind: then what
// knows more than the journal are the views alone.
func TestOlderJournalThatFits(t *testing.T) {
	t.Parallel()
	h := newHome(t, strings.Replace(captureAll, "100ms", "1h", 1)) // it signs once after a start, and at its end
	rng := seeded(t)
	b := newBook()
	all := newCrowd(rng, b, 3)
	s := h.run(t)
	await(t, "wait for the first checkpoint", func() error {
		if h.ledgerSize(t) == 0 {
			return fmt.Errorf("nothing is signed")
		}
		return nil
	})
	all.some(t, s, 4)
	b.audit(t, h)
	kept, backup := b.read, filepath.Join(filepath.Dir(h.config), "backup.db")
	db, err := sql.Open("sqlite", "file:"+filepath.Join(h.data, "journal.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "VACUUM INTO ?", backup); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	all.some(t, s, 8)
	await(t, "wait for the views", func() error {
		st := s.status(t)
		for name, at := range st.Views {
			if at < st.JournalLast {
				return fmt.Errorf("view %s is at %d of %d", name, at, st.JournalLast)
			}
		}
		return nil
	})
	b.audit(t, h)
	s.kill()
	if signed := h.ledgerSize(t); signed > kept {
		t.Fatalf("the ledger is at %d, the copy of the journal at %d: this test wants it the other way round", signed, kept)
	}
	held := new(anchor)
	held.check(t, h)
	h.removeJournal(t)
	if err := os.Rename(backup, filepath.Join(h.data, "journal.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.config, []byte(captureAll), 0o600); err != nil {
		t.Fatal(err)
	}
	b.lose(kept+1, kept)
	h.goesOn(t, all, b, held)
}

// TestCutTogether puts journal and ledger back together to an older state that is consistent: only a held checkpoint
// tells.
func TestCutTogether(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	b := newBook()
	all := newCrowd(seeded(t), b, 2)
	s := h.run(t)
	all.some(t, s, 5)
	s.stop(t)
	kept, before := h.last(t), h.copyOf(t)
	s = h.run(t)
	all.some(t, s, 5)
	s.stop(t)
	b.audit(t, h)
	held := new(anchor)
	held.check(t, h)
	last := h.last(t)

	before.verify(t, "--key", held.key)
	r, code := before.report(t, "--key", held.key, "--checkpoint", held.checkpoint)
	if f, ok := finding(r, ledger.KindSavedAhead); code != 1 || !ok || f.First != kept+1 || f.Last != last {
		t.Errorf("verify ended with %d and found %+v, want %d to %d cut", code, r.Findings, kept+1, last)
	}
	s = before.run(t) // and it stays so, whatever comes
	all.some(t, s, 8)
	s.stop(t)
	before.verify(t, "--key", held.key)
	r, code = before.report(t, "--key", held.key, "--checkpoint", held.checkpoint)
	if f, ok := finding(r, ledger.KindSavedRoot); code != 1 || !ok {
		t.Errorf("once other records stand in their place, verify ended with %d and found %+v", code, r.Findings)
	} else {
		t.Logf("%+v", f)
	}
}
