package app_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
)

// small mounts a file system of a size that goes away with the test, and returns what makes it larger.
func small(t *testing.T, size int) (dir string, grow func()) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, func() {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBackupAndRestoreFull: a full disk leaves no backup that counts and no directory that looks restored; with room, the next try
// is whole.
func TestBackupAndRestoreFull(t *testing.T) {
	volume, growVolume := small(t, 16<<10)
	disk, growDisk := small(t, 64<<10)
	v := newVault(t)
	v.repo = filepath.Join(volume, "repo")
	s := serve(t, capturing(t.TempDir()))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatal(code)
	}
	_, err := app.Backup(context.Background(), s.dir, app.BackupOrder{Repository: v.repo, Recipients: []string{v.recipient}})
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Fatalf("backup to a full volume: %v", err)
	}
	if _, err := app.VerifyBackup(context.Background(), v.repo, nil, "", nil); err == nil {
		t.Error("a backup that was cut short counts")
	}
	growVolume()
	v.backup(t, s.dir)
	verdict, err := app.VerifyBackup(context.Background(), v.repo, []string{v.identity}, key(t, s.dir), nil)
	if err != nil || !verdict.Verified {
		t.Errorf("%+v, %v", verdict, err)
	}

	to := func(o *app.RestoreOrder) { o.Dir = filepath.Join(disk, "restored") }
	if _, _, err := v.restore(t, s.dir, to); err == nil || !strings.Contains(err.Error(), "full") && !strings.Contains(err.Error(), "no space left") {
		t.Errorf("restore to a full disk: %v", err)
	}
	if left, _ := os.ReadDir(disk); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	growDisk()
	dir, _, err := v.restore(t, s.dir, to)
	if err != nil {
		t.Fatal(err)
	}
	wantVerified(t, dir, key(t, s.dir), nil)
}
