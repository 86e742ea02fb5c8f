package crash

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal/frame"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// intruder changes the files of a data directory behind Tripod's back.
type intruder struct {
	t    *testing.T
	home *home
}

// sql runs a statement on the journal.
func (x intruder) sql(query string, args ...any) {
	x.t.Helper()
	db := x.open()
	defer db.Close()
	result, err := db.ExecContext(x.t.Context(), query, args...)
	if err != nil {
		x.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		x.t.Fatalf("%s changed nothing: %v", query, err)
	}
}

func (x intruder) open() *sql.DB {
	x.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(x.home.data, "journal.db"))
	if err != nil {
		x.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// rewrite replaces the frame that holds a position by one with other records in it.
func (x intruder) rewrite(seq uint64, change func(seq uint64, canonical []byte) ([]byte, *audit.Tombstone)) {
	x.t.Helper()
	db := x.open()
	defer db.Close()
	var first int64
	var raw []byte
	err := db.QueryRowContext(x.t.Context(), "SELECT first, frame FROM frames WHERE first <= ? ORDER BY first DESC LIMIT 1", int64(seq)).Scan(&first, &raw)
	if err != nil {
		x.t.Fatal(err)
	}
	codec, err := frame.NewCodec(true)
	if err != nil {
		x.t.Fatal(err)
	}
	defer codec.Close()
	f, err := frame.Parse(raw)
	if err != nil {
		x.t.Fatal(err)
	}
	b := frame.NewBuilder(codec)
	for _, c := range f.Chunks {
		err := codec.Each(c, func(at uint64, canonical []byte, t *audit.Tombstone) {
			if t == nil {
				canonical, t = change(at, bytes.Clone(canonical))
			}
			if t != nil {
				b.AddTombstone(t)
			} else {
				b.AddRecord(canonical)
			}
		})
		if err != nil {
			x.t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(x.t.Context(), "UPDATE frames SET frame = ? WHERE first = ?", b.Finish(uint64(first), 0), first); err != nil {
		x.t.Fatal(err)
	}
}

// alter changes one word of one record.
func (x intruder) alter(seq uint64) {
	x.t.Helper()
	altered := false
	x.rewrite(seq, func(at uint64, canonical []byte) ([]byte, *audit.Tombstone) {
		if at != seq {
			return canonical, nil
		}
		changed := bytes.Replace(canonical, []byte("dana@example.com"), []byte("erin@example.com"), -1)
		altered = !bytes.Equal(changed, canonical)
		return changed, nil
	})
	if !altered {
		x.t.Fatalf("record %d says nothing to alter", seq)
	}
}

// flip changes one bit near the middle of a file of the ledger.
func (x intruder) flip(name string) {
	x.t.Helper()
	path := filepath.Join(x.home.data, "ledger", name)
	b, err := os.ReadFile(path)
	if err != nil {
		x.t.Fatal(err)
	}
	b[len(b)/2+8] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		x.t.Fatal(err)
	}
}

// partial is the tile at the right edge.
func (x intruder) partial() string {
	x.t.Helper()
	size := x.home.ledgerSize(x.t)
	if size%256 == 0 {
		x.t.Fatalf("a ledger of %d has no partial tile", size)
	}
	return filepath.Join(x.home.data, "ledger", "tile", "0", fmt.Sprintf("%03d.p", size/256), fmt.Sprint(size%256))
}

// TestTamper alters the files in every way the commands are to find.
func TestTamper(t *testing.T) {
	t.Parallel()
	h := newHome(t, captureAll)
	b := newBook()
	all := newCrowd(seeded(t), b, 3)
	s := h.run(t)
	all.some(t, s, 30)
	s.stop(t)
	b.audit(t, h)
	held := new(anchor)
	held.check(t, h)
	last := h.last(t)
	if last < 257 {
		t.Fatalf("%d records do not fill a tile", last)
	}
	seq := uint64(0) // a record that names an account
	for _, r := range b.records {
		if r.seq > 10 && r.seq < 200 {
			seq = r.seq
		}
	}
	f := func(what, kind string, first uint64, tamper func(x intruder)) {
		t.Helper()
		h := h.copyOf(t)
		defer os.RemoveAll(h.data)
		tamper(intruder{t, h})
		r, code := h.report(t, "--key", held.key, "--checkpoint", held.checkpoint)
		found, ok := finding(r, kind)
		if code != 1 || !ok || found.First != first {
			t.Errorf("%s: verify ended with %d and found %+v, want %s at %d", what, code, r.Findings, kind, first)
		}
	}
	other := func(at uint64) string { return fmt.Sprintf("(SELECT salt FROM salts WHERE seq = %d)", at) }
	f("a record altered", ledger.KindRecordAltered, seq, func(x intruder) { x.alter(seq) })
	f("a salt altered", ledger.KindRecordAltered, seq, func(x intruder) { x.sql("UPDATE salts SET salt = "+other(seq+1)+" WHERE seq = ?", int64(seq)) })
	f("a salt dropped", ledger.KindRecordUnreadable, seq, func(x intruder) { x.sql("DELETE FROM salts WHERE seq = ?", int64(seq)) })
	f("the end cut", ledger.KindJournalShort, h.lastFrame(t), func(x intruder) { x.sql("DELETE FROM frames WHERE first = (SELECT max(first) FROM frames)") })
	f("a frame dropped", ledger.KindRecordUnreadable, 1, func(x intruder) { x.sql("DELETE FROM frames WHERE first = 1") })
	f("a frame damaged", ledger.KindRecordUnreadable, 1, func(x intruder) {
		x.sql("UPDATE frames SET frame = CAST(substr(frame, 1, 40) || x'00' || substr(frame, 42) AS BLOB) WHERE first = 1")
	})
	f("a tombstone forged", ledger.KindTombstoneUnnamed, seq, func(x intruder) {
		commitment := h.commitment(t, seq)
		x.rewrite(seq, func(at uint64, canonical []byte) ([]byte, *audit.Tombstone) {
			if at != seq {
				return canonical, nil
			}
			return nil, &audit.Tombstone{Commitment: commitment, Reason: audit.TombstoneErased}
		})
	})
	f("a tile flipped", ledger.KindTileAltered, 129, func(x intruder) { x.flip("tile/0/000") })
	f("an entry bundle flipped", ledger.KindEntryAltered, 129, func(x intruder) { x.flip("tile/entries/000") })
	f("a checkpoint flipped", ledger.KindCheckpointAltered, 0, func(x intruder) { x.flip("checkpoint") })
	f("a tile gone", ledger.KindTileUnreadable, h.ledgerSize(t)/256*256+1, func(x intruder) {
		if err := os.Remove(x.partial()); err != nil {
			t.Fatal(err)
		}
	})
	f("a record altered, and all signed anew with the real key", ledger.KindSavedRoot, 1, func(x intruder) { resign(t, x, seq, held) })
}

// resign alters a record and has the ledger made anew from the journal, signed with the real key: without a held
// checkpoint everything is in order.
func resign(t *testing.T, x intruder, seq uint64, held *anchor) {
	t.Helper()
	x.alter(seq)
	if err := os.RemoveAll(filepath.Join(x.home.data, "ledger")); err != nil {
		t.Fatal(err)
	}
	x.home.command(t, "recover")
	x.home.verify(t, "--key", held.key)
}

func (h *home) lastFrame(t *testing.T) (first uint64) {
	t.Helper()
	db := intruder{t, h}.open()
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT max(first) FROM frames").Scan(&first); err != nil {
		t.Fatal(err)
	}
	return first
}

func (h *home) commitment(t *testing.T, seq uint64) audit.Commitment {
	t.Helper()
	r := h.open(t)
	defer r.close(t)
	stored, err := r.journal.Get(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return stored[0].Commitment
}
