package journal

import (
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A journal on a file system that nobody can write to, as evidence is kept, is read as it lies there.
func TestReadOnlyMedium(t *testing.T) {
	t.Parallel()
	dir, err := mountSmall(t, 4<<20)
	if err != nil {
		t.Skipf("no file system to make read-only (needs root and mount): %v", err)
	}
	j, stop := start(t, dir, Options{})
	mustAppend(t, j, entries(1, 50)...)
	stop()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("cannot make it read-only: %v", err)
	}
	if diff := cmp.Diff(numbers(1, 50), contents(t, openTestReader(t, dir))); diff != "" {
		t.Error(diff)
	}
}
