package sqlite_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/searchtest"
)

// raw is all bytes of the index's files, write-ahead logs included, while it is open.
func raw(t *testing.T, dir string) []byte {
	t.Helper()
	var all []byte
	for _, content := range files(t, dir) {
		all = append(all, content...)
	}
	return bytes.ToLower(all)
}

// marked is a record whose names all carry a mark found nowhere else.
func marked(mark string, r *rand.Rand) *audit.Record {
	rec := searchtest.RandomRecord(r, day, span)
	rec.Tool, rec.Type, rec.Model, rec.IP, rec.Rule = mark+"-tool", mark+"-type", mark+"-model", mark+"-ip", mark+"-rule"
	rec.Account.Asserted = audit.Identity{Email: mark + "@example.com", User: mark + "-user", Device: mark + "-device", Org: mark + "-org"}
	rec.Keys.Session = mark + "-session"
	return rec
}

func erase(seq, victim uint64) []search.Entry {
	return []search.Entry{searchtest.Entry(seq, searchtest.EraseOrder(day, victim))}
}

// TestErasureLeavesNoTrace erases records at different ages, after their dictionary entries were moved about by thousands
// of others and their segments merged, and looks for their names in the raw files.
func TestErasureLeavesNoTrace(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(12, 12))
	dir := t.TempDir()
	ix := open(t, dir)
	seq := uint64(1)
	var victims []uint64
	for i := range scaled(120) {
		var page []search.Entry
		if i%scaled(30) == 0 {
			victims = append(victims, seq)
			page = append(page, searchtest.Entry(seq, marked(fmt.Sprintf("canary%d", len(victims)), r)))
		}
		for range 30 {
			rec := searchtest.RandomRecord(r, day, span)
			rec.Type = fmt.Sprintf("type-%d", r.IntN(3000)) // a large dictionary
			page = append(page, searchtest.Entry(seq+uint64(len(page)), rec))
		}
		seq += uint64(len(page))
		apply(t, page, ix)
	}
	for i, victim := range victims {
		mark := fmt.Appendf(nil, "canary%d", i+1)
		if !bytes.Contains(raw(t, dir), mark) {
			t.Fatalf("%s is not in the files before it is erased: the test shows nothing", mark)
		}
		apply(t, erase(seq, victim), ix)
		seq++
		if bytes.Contains(raw(t, dir), mark) {
			t.Errorf("%s is in the files after it was erased", mark)
		}
		q, err := search.Parse(fmt.Sprintf("canary%d-user", i+1), day)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ix.Count(t.Context(), q); n.N != 0 || err != nil {
			t.Errorf("%+v rows, %v, after the erasure", n, err)
		}
	}
}

// TestErasureBesideReader: a reader of another process that is stopped in the middle of a query delays emptying the
// write-ahead log, not the index; with the next batch after it has ended the log is emptied.
func TestErasureBesideReader(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(13, 13))
	dir := t.TempDir()
	ix := open(t, dir)
	rec := marked("canary", r)
	rec.Occurred, rec.Flags = day, nil
	apply(t, []search.Entry{searchtest.Entry(1, rec)}, ix)
	other := marked("other", r)
	other.Occurred, other.Flags = day, nil
	apply(t, []search.Entry{searchtest.Entry(2, other)}, ix)

	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "2026-10.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM entry").Scan(&n); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	apply(t, erase(3, 1), ix)
	if !bytes.Contains(raw(t, dir), []byte("canary")) {
		t.Fatal("nothing held the log back: the test shows nothing")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	apply(t, []search.Entry{{Seq: 4, Erased: true}}, ix)
	if bytes.Contains(raw(t, dir), []byte("canary")) {
		t.Error("the erased names are still in the files")
	}
	if !bytes.Contains(raw(t, dir), []byte("other")) {
		t.Error("other names are gone")
	}
}

// TestScrubAfterRestart: an erasure whose log could not be emptied is finished when the index is opened again.
func TestScrubAfterRestart(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(14, 14))
	dir := t.TempDir()
	ix := open(t, dir)
	rec := marked("canary", r)
	rec.Occurred, rec.Flags = day, nil
	apply(t, []search.Entry{searchtest.Entry(1, rec)}, ix)
	apply(t, erase(2, 1), ix)
	// As it would look if the process had been killed before the log was emptied.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "2026-10.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("UPDATE meta SET value = 1 WHERE name = 'scrub'"); err != nil {
		t.Fatal(err)
	}
	closeIndex(t, ix)
	log := filepath.Join(dir, "2026-10.db-wal")
	if _, err := db.Exec("UPDATE meta SET value = 1 WHERE name = 'scrub'"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(log); err != nil || info.Size() == 0 {
		t.Fatal("the log is empty: the test shows nothing")
	}
	open(t, dir)
	var pending int
	if err := db.QueryRow("SELECT value FROM meta WHERE name = 'scrub'").Scan(&pending); err != nil || pending != 0 {
		t.Errorf("scrubbing is pending (%d), %v", pending, err)
	}
}

// TestNoContent: of a record, only names reach the files, and keys only as hashes.
func TestNoContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ix := open(t, dir)
	const canary = "canary"
	rec := searchtest.RandomRecord(rand.New(rand.NewPCG(15, 15)), day, time.Hour)
	rec.ID, rec.Normaliser, rec.Container, rec.Supersedes = canary, canary, canary, canary
	rec.Resource = audit.Attrs{{Name: canary, Value: audit.String(canary)}}
	rec.Attributes, rec.Parts = rec.Resource, []audit.Part{{Kind: canary, Name: canary, Attributes: rec.Resource}}
	rec.Content = []audit.Content{{Name: canary, Address: canary}}
	rec.Service = audit.Service{Name: canary, Version: canary}
	rec.Account.Asserted.Groups = []string{canary}
	rec.Keys = audit.Keys{
		Session: canary, Prompt: canary, Request: canary, ClientRequest: canary, ToolUse: canary, Message: canary, Chat: canary, Project: canary,
		Agent: canary, ParentAgent: canary, Workflow: canary, Body: canary, Trace: canary, Span: canary, ParentSpan: canary,
	}
	rec.Tool = "visible"
	apply(t, []search.Entry{searchtest.Entry(1, rec)}, ix)
	all := raw(t, dir)
	if !bytes.Contains(all, []byte("visible")) {
		t.Fatal("not even the tool is in the files: the test shows nothing")
	}
	if bytes.Contains(all, []byte(canary)) {
		t.Error("content, an attribute or a key is in the files")
	}
}
