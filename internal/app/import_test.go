package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/journal"
)

// auditLog is an audit log export of so many rows.
func auditLog(rows int) string {
	var b strings.Builder
	b.WriteString("created_at,actor_info,event,event_info,entity_info,ip_address,device_id,user_agent,client_platform\n")
	for i := range rows {
		fmt.Fprintf(&b, "2026-10-01T08:%02d:%02dZ,\"{'name': 'Jane', 'uuid': 'u-%d'}\",user_signed_out,{},{},192.0.2.1,,agent,ios\n", i/60%60, i%60, i/3600)
	}
	return b.String()
}

func importText(t *testing.T, dir, text string) (app.ImportResult, error) {
	t.Helper()
	return app.Import(t.Context(), app.ImportOrder{Dir: dir, Name: "audit-log.csv"}, strings.NewReader(text))
}

// imported counts the records of imports and their ids.
func imported(t *testing.T, dir string) (records, ids int) {
	t.Helper()
	j, err := journal.OpenReader(t.Context(), dir)
	if err != nil {
		return 0, 0 // not there yet
	}
	defer j.Close()
	last, err := j.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for stored, err := range j.Scan(t.Context(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := stored.Record()
		if err != nil {
			t.Fatal(err)
		}
		if r.Source == "audit_export" {
			records++
			seen[r.ID] = true
		}
	}
	return records, len(seen)
}

// awaitImported waits until so many records of imports are stored.
func awaitImported(t *testing.T, dir string, want int) {
	t.Helper()
	for begin := time.Now(); ; {
		records, _ := imported(t, dir)
		if records >= want {
			return
		}
		if time.Since(begin) > 30*time.Second {
			t.Fatalf("%d records of imports, want %d", records, want)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// TestImport: the same file through the socket and with the lock, in either order, is there once; search has it.
func TestImport(t *testing.T) {
	t.Parallel()
	s := serve(t, cfgFor(t.TempDir()))
	text := auditLog(1200)
	r, err := importText(t, s.dir, text)
	if err != nil || r.New != 1200 || r.SHA256 == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = importText(t, s.dir, text); err != nil || r.Known != 1200 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if _, err := importText(t, s.dir, "a,b\n"+strings.Repeat("1,2\n", 1<<20)); !errors.Is(err, app.ErrNotExport) {
		t.Errorf("another file: %v", err)
	}
	if _, err := app.Import(t.Context(), app.ImportOrder{Dir: s.dir, Org: "org-a"}, strings.NewReader(text)); !errors.Is(err, app.ErrImportOrg) {
		t.Errorf("another organisation: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if r, err = importText(t, s.dir, auditLog(1300)); err != nil || r.Known != 1200 || r.New != 100 {
		t.Errorf("without serve: %+v, %v", r, err)
	}
	reading, err := app.OpenReading(t.Context(), s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if behind, err := reading.Behind(t.Context()); err != nil || behind != 0 {
		t.Errorf("search is %d behind, %v", behind, err)
	}
	if _, err := importText(t, t.TempDir(), text); err == nil || !strings.Contains(err.Error(), "no journal") {
		t.Errorf("where there is no journal: %v", err)
	}
}

// TestImportCutShort: neither a client that goes away nor a serve that stops loses or doubles a row, and neither hangs.
func TestImportCutShort(t *testing.T) {
	t.Parallel()
	s := serve(t, cfgFor(t.TempDir()))
	text := auditLog(3000)
	broken := io.MultiReader(strings.NewReader(text[:len(text)/2]), iotest.ErrReader(errors.New("the disk went away")))
	if _, err := app.Import(t.Context(), app.ImportOrder{Dir: s.dir}, broken); err == nil {
		t.Error("half a file is taken for a whole one")
	}
	in, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := app.Import(context.Background(), app.ImportOrder{Dir: s.dir}, in)
		ended <- err
		_ = in.CloseWithError(io.ErrClosedPipe)
	}()
	if _, err := io.WriteString(out, text[:len(text)*5/6]); err != nil {
		t.Fatal(err)
	}
	awaitImported(t, s.dir, 2000)
	if err := s.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	_ = out.CloseWithError(errors.New("no more"))
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "serve stops") { // and did not wait for the rest
		t.Errorf("an import that serve ended: %v", err)
	}
	if r, err := importText(t, s.dir, text); err != nil || r.Rows != 3000 {
		t.Errorf("%+v, %v", r, err)
	}
	if records, ids := imported(t, s.dir); records != 3000 || ids != 3000 {
		t.Errorf("%d records with %d ids, want 3000", records, ids)
	}
}

const importChild = "TRIPOD_IMPORT_CHILD"

// TestImportKilled: a process that imports is killed in the middle; another import completes it, each row once.
func TestImportKilled(t *testing.T) {
	if dir := os.Getenv(importChild); dir != "" {
		_, err := app.Import(t.Context(), app.ImportOrder{Dir: dir}, os.Stdin)
		t.Fatal("not killed", err)
	}
	if testing.Short() {
		t.Skip("starts a process")
	}
	t.Parallel()
	s := serve(t, cfgFor(t.TempDir()))
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	text := auditLog(3600)
	for round := range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImportKilled$")
		cmd.Env = append(os.Environ(), importChild+"="+s.dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		part := text[:len(text)*(round+1)/3] // and no end of file
		if _, err := io.WriteString(in, part); err != nil {
			t.Fatal(err)
		}
		awaitImported(t, s.dir, round*1000+1)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		_ = in.Close()
	}
	stored, _ := imported(t, s.dir)
	r, err := importText(t, s.dir, text)
	if err != nil || r.Known != stored || r.New != 3600-stored || stored == 0 || stored == 3600 {
		t.Errorf("%+v, %v, after %d", r, err, stored)
	}
	if records, ids := imported(t, s.dir); records != 3600 || ids != 3600 {
		t.Errorf("%d records with %d ids, want 3600", records, ids)
	}
}
