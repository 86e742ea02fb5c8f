//go:build unix

package app

import (
	"fmt"
	"syscall"
)

// freeSpace is how many bytes an ordinary process may still write below a directory.
func freeSpace(dir string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("read free space: %w", err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}
