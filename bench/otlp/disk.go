package main

import (
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
)

// diskUsage gives the bytes that each file under dir takes on disk, by its
// first path element, and their sum.
func diskUsage(dir string) (sum int64, by map[string]int64, err error) {
	by = map[string]int64{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(rel, string(filepath.Separator))
		by[top] += st.Blocks * 512
		sum += st.Blocks * 512
		return nil
	})
	return sum, by, err
}
