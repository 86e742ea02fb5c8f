package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// handOverDir is where hand-overs from one signing key to the next are kept, each a file, in order.
const handOverDir = "ledger/handover"

// HandOvers reads the hand-overs of a data directory, oldest first; see tiles.HandOver.
func HandOvers(dir string) ([]string, error) {
	path := filepath.Join(dir, filepath.FromSlash(handOverDir))
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read hand-overs of the ledger's key: %w", err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	var list []string
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".note" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read hand-overs of the ledger's key: %w", err)
		}
		list = append(list, string(b))
	}
	return list, nil
}

// handOverFile is the place of the nth hand-over, from 0 on.
func handOverFile(n int) string { return fmt.Sprintf("%s/%06d.note", handOverDir, n+1) }
