package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/content"
)

// bodies lists the sealed bytes of all blocks of a directory.
func bodies(t *testing.T, dir string) (list [][]byte) {
	t.Helper()
	c, err := content.OpenReader(context.Background(), dir, content.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	end, err := c.NextBlock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := c.Blocks(context.Background(), 1, end, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		list = append(list, b.Body)
	}
	return list
}

// TestErasedLeavesTheRepository: what was erased before a backup is in nothing that backup names, and once older backups are
// removed in nothing that the repository holds; before, with the older files of keys gone, nobody can read it.
func TestErasedLeavesTheRepository(t *testing.T) {
	v := newVault(t)
	s := serve(t, capturing(t.TempDir()))
	for _, session := range []string{"s-1", "s-2"} {
		if code := s.post(t, "", strings.ReplaceAll(exportOf(session), "hello", "hello "+session)); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	s.awaitViews(t)
	backUp := func(keep, keepKeys time.Duration) *backup.Report {
		t.Helper()
		r, err := app.Backup(context.Background(), s.dir, app.BackupOrder{Repository: v.repo, Recipients: []string{v.recipient}, Keep: keep, KeepKeys: keepKeys})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	old := backUp(0, 0)
	if !slices.ContainsFunc(oldBodies(t, v, s.dir, old.ID), func(b []byte) bool { return len(b) > 0 }) {
		t.Fatal("the backup has no blocks")
	}
	before := bodies(t, s.dir)
	if _, err := app.Erase(context.Background(), s.dir, app.EraseOrder{Seq: positionOfSession(t, s.dir, "s-1"), Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	gone := slices.DeleteFunc(before, func(b []byte) bool {
		return slices.ContainsFunc(bodies(t, s.dir), func(c []byte) bool { return bytes.Equal(b, c) })
	})
	if len(gone) == 0 {
		t.Fatal("nothing was erased")
	}

	// The file of keys goes: what is old is there, and opens to nobody.
	backUp(0, time.Nanosecond)
	dir, done, err := v.restore(t, s.dir, func(o *app.RestoreOrder) { o.At, o.AcceptLoss = old.ID, true })
	if err != nil || done.Keys.File == old.ID {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, blocks := states(t, dir); blocks[content.Held] == 0 {
		t.Errorf("what was not erased is gone too: %v", blocks)
	}
	wantNoTrace(t, dir, "s-1")

	// The old backup goes: nothing of it is left.
	last := backUp(time.Nanosecond, time.Nanosecond)
	repo, err := backup.OpenRepository(v.repo)
	if err != nil {
		t.Fatal(err)
	}
	m, err := repo.Newest()
	if err != nil {
		t.Fatal(err)
	}
	var named, there []string
	for _, p := range m.Parts {
		named = append(named, filepath.Join(v.repo, "objects", p.Object[:2], p.Object))
	}
	there, _ = filepath.Glob(filepath.Join(v.repo, "objects", "*", "*"))
	slices.Sort(named)
	if named = slices.Compact(named); !slices.Equal(named, there) {
		t.Errorf("parts that no backup names: %d named, %d there", len(named), len(there))
	}
	for _, pattern := range []string{"backups/*", "keys/*", "erasures/*"} {
		left, _ := filepath.Glob(filepath.Join(v.repo, pattern))
		for _, file := range left {
			if !strings.Contains(file, last.ID) {
				t.Errorf("%s is left", file)
			}
		}
	}
	for _, b := range oldBodies(t, v, s.dir, last.ID) {
		if slices.ContainsFunc(gone, func(g []byte) bool { return bytes.Equal(b, g) }) {
			t.Error("the newest backup has a block that was erased before")
		}
	}
}

// oldBodies restores a backup and lists the sealed bytes of its blocks.
func oldBodies(t *testing.T, v vault, from, id string) [][]byte {
	t.Helper()
	dir, _, err := v.restore(t, from, func(o *app.RestoreOrder) { o.At, o.AcceptLoss = id, true })
	if err != nil {
		t.Fatal(err)
	}
	return bodies(t, dir)
}

// TestRepositoryDamaged: whatever file is cut, emptied, removed or exchanged with another, verification or the restore says so, and
// names of files lead nowhere else.
func TestRepositoryDamaged(t *testing.T) {
	v := newVault(t)
	s := serve(t, capturing(t.TempDir()))
	post := func(session string) {
		t.Helper()
		if code := s.post(t, "", exportOf(session)); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	post("s-1")
	old := v.backup(t, s.dir)
	post("s-2")
	newest := v.backup(t, s.dir)
	pub := key(t, s.dir)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	repo, err := backup.OpenRepository(v.repo)
	if err != nil {
		t.Fatal(err)
	}
	m, err := repo.Newest()
	if err != nil {
		t.Fatal(err)
	}
	saved := []byte(m.Checkpoint)
	var files []string
	for _, p := range m.Parts {
		files = append(files, filepath.Join("objects", p.Object[:2], p.Object))
	}
	slices.Sort(files)
	files = append(slices.Compact(files), "backups/"+newest.ID+".json", "backups/"+newest.ID+".sig", "keys/"+newest.ID+".age")
	check := func(what string) {
		t.Helper()
		verdict, err := app.VerifyBackup(context.Background(), v.repo, []string{v.identity}, pub, saved)
		if err == nil && verdict.Verified && !slices.ContainsFunc(verdict.NotChecked, func(s string) bool { return strings.Contains(s, "newer ones were taken away") }) {
			t.Errorf("%s: %+v", what, verdict)
		}
	}
	for i, file := range files {
		path := filepath.Join(v.repo, file)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(v.repo, files[(i+1)%len(files)]))
		if strings.Contains(file, newest.ID) {
			other, err = os.ReadFile(filepath.Join(v.repo, strings.Replace(file, newest.ID, old.ID, 1)))
		}
		if err != nil {
			t.Fatal(err)
		}
		for what, b := range map[string][]byte{"cut": whole[:len(whole)/2], "empty": {}, "of another": other} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprint(file, " ", what))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		check(file + " removed")
		if err := os.Symlink("/etc/hostname", path); err != nil {
			t.Fatal(err)
		}
		check(file + " leads elsewhere")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{"../" + newest.ID, newest.ID + "/../" + old.ID, "/etc/hostname", "\x00"} {
		if _, err := repo.Find(at); err == nil {
			t.Errorf("found %q", at)
		}
	}
	verdict, err := app.VerifyBackup(context.Background(), v.repo, []string{v.identity}, pub, saved)
	if err != nil || !verdict.Verified {
		t.Errorf("put right again: %+v, %v", verdict, err)
	}
}
