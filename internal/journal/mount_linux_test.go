package journal

import (
	"fmt"
	"syscall"
	"testing"
)

// mountSmall makes a file system of the given size that goes away with the test.
func mountSmall(tb testing.TB, size int) (dir string, err error) {
	tb.Helper()
	dir = tb.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return "", err
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			tb.Error(err)
		}
	})
	return dir, nil
}
