package tiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Entries is the level of entry bundles.
const Entries = -1

const (
	checkpointName    = "checkpoint"
	maxCheckpointSize = 64 << 10
)

// Folder is a tiled log in a directory of the file system.
type Folder string

// ReadCheckpoint reads the signed checkpoint as it stands; an error that is fs.ErrNotExist where there is none.
func (f Folder) ReadCheckpoint() ([]byte, error) {
	b, err := readBounded(filepath.Join(string(f), checkpointName), maxCheckpointSize, nil)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	return b, nil
}

// Hashes reads the first w hashes of a tile.
func (f Folder) Hashes(level int, n int64, w int) ([]tlog.Hash, error) {
	b, err := f.Read(level, n, w, nil)
	if err != nil {
		return nil, err
	}
	return ParseTile(b, w)
}

// Commitments reads the first w entries of a bundle; those before the first malformed one come with the error.
func (f Folder) Commitments(n int64, w int) ([]audit.Commitment, error) {
	b, err := f.Read(Entries, n, w, nil)
	if err != nil {
		return nil, err
	}
	list, err := ParseBundle(b, w)
	if err != nil {
		return list, fmt.Errorf("%s: %w", Path(Entries, n, w), err)
	}
	return list, nil
}

// Read reads the bytes of the first w items of a tile or, at level Entries, of a bundle of commitments, into buf if it is
// large enough. Where a partial tile is gone its full one stands in: its first items are the same.
func (f Folder) Read(level int, n int64, w int, buf []byte) ([]byte, error) {
	item := tlog.HashSize
	if level == Entries {
		item = EntrySize
	}
	if w < 1 || w > Width {
		return nil, fmt.Errorf("read tile: width %d is not one of 1 to %d", w, Width)
	}
	name := Path(level, n, w)
	b, err := readBounded(f.file(name), w*item, buf)
	if errors.Is(err, fs.ErrNotExist) && w < Width {
		name = Path(level, n, Width)
		full, fullErr := readBounded(f.file(name), Width*item, buf)
		if fullErr == nil && len(full) == Width*item {
			return full[:w*item], nil
		}
		if fullErr == nil {
			return nil, fmt.Errorf("read %s: %d bytes, want %d", name, len(full), Width*item)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read tile: %w", err)
	}
	if len(b) != w*item {
		return nil, fmt.Errorf("read %s: %d bytes, want %d", name, len(b), w*item)
	}
	return b, nil
}

func (f Folder) file(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// Size is how many leaves the entry bundles and tiles of level 0 in the folder hold, whatever the checkpoint says: the
// greater of the two. After a crash it is beyond the checkpoint.
func (f Folder) Size() (uint64, error) {
	var size uint64
	for _, level := range []string{"0", "entries"} {
		n, err := f.lastIn(filepath.Join(string(f), "tile", level), 0)
		if err != nil {
			return 0, fmt.Errorf("look for the ledger's last tile: %w", err)
		}
		size = max(size, n)
	}
	return size, nil
}

// lastIn goes down the right edge of a level's directories; prefix is the tile number the path so far spells.
func (f Folder) lastIn(dir string, prefix uint64) (uint64, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var size, below uint64
	deeper := ""
	for _, e := range list {
		name, nested := strings.CutPrefix(e.Name(), "x")
		name, partial := strings.CutSuffix(name, ".p")
		d, err := strconv.ParseUint(name, 10, 10)
		if err != nil || len(name) != 3 {
			continue
		}
		switch n := prefix*1000 + d; {
		case nested && (deeper == "" || n > below):
			deeper, below = e.Name(), n
		case partial:
			w, err := widest(filepath.Join(dir, e.Name()))
			if err != nil {
				return 0, err
			}
			if w > 0 {
				size = max(size, n*Width+w)
			}
		case !nested:
			size = max(size, (n+1)*Width)
		}
	}
	if deeper == "" {
		return size, nil
	}
	n, err := f.lastIn(filepath.Join(dir, deeper), below)
	return max(size, n), err
}

// widest is the greatest width among the partial tiles of one directory.
func widest(dir string) (uint64, error) {
	list, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	var w uint64
	for _, e := range list {
		if n, err := strconv.ParseUint(e.Name(), 10, 8); err == nil {
			w = max(w, n)
		}
	}
	return w, nil
}

// Widths lists the partial widths present of one tile, ascending.
func (f Folder) Widths(level int, n int64) ([]int, error) {
	list, err := os.ReadDir(f.file(Path(level, n, Width)) + ".p")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list partial tiles: %w", err)
	}
	var widths []int
	for _, e := range list {
		if w, err := strconv.ParseUint(e.Name(), 10, 8); err == nil && w > 0 {
			widths = append(widths, int(w))
		}
	}
	slices.Sort(widths)
	return widths, nil
}

// Height implements tlog.TileReader.
func (f Folder) Height() int { return Height }

// ReadTiles implements tlog.TileReader. What it returns is not checked against anything.
func (f Folder) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(list))
	for i, t := range list {
		b, err := f.Read(t.L, t.N, t.W, nil)
		if err != nil {
			return nil, err
		}
		data[i] = b
	}
	return data, nil
}

// SaveTiles implements tlog.TileReader and does nothing.
func (f Folder) SaveTiles([]tlog.Tile, [][]byte) {}

// readBounded reads a file of at most limit bytes; a longer one yields limit+1 bytes, for the caller to refuse.
func readBounded(name string, limit int, b []byte) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if cap(b) <= limit {
		b = make([]byte, limit+1)
	}
	n, err := io.ReadFull(file, b[:limit+1])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
