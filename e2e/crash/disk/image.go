package disk

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Nothing keeps only what was synced, Everything all that was ever written.
func Nothing() bool    { return false }
func Everything() bool { return true }

// Write writes what a power loss would leave into a directory, which it makes. keep is asked of every piece that was not
// synced, in an order that is the same each time.
func (d *Disk) Write(to string, keep func() bool) error {
	w := writer{keep: keep, files: make(map[*inode][]byte)}
	return w.dir(d.top, to)
}

// File reads what a power loss would leave of one file, of all that was not synced nothing; ok is false where nothing
// would.
func (d *Disk) File(path string) (data []byte, ok bool) {
	rel, err := filepath.Rel(d.root, path)
	if err != nil {
		return nil, false
	}
	at := d.top
	for _, p := range bytes.Split([]byte(rel), []byte("/")) {
		if at == nil || !at.isDir() {
			return nil, false
		}
		at = at.durable[string(p)]
	}
	if at == nil || at.isDir() {
		return nil, false
	}
	return at.data, true
}

type writer struct {
	keep  func() bool
	files map[*inode][]byte // a file may have two names
}

func (w *writer) dir(i *inode, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("write an image: %w", err)
	}
	names := maps.Clone(i.durable)
	for _, n := range i.names {
		if w.keep() {
			bind(names, n.name, n.to)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		path, found := filepath.Join(to, name), names[name]
		if found.isDir() {
			if err := w.dir(found, path); err != nil {
				return err
			}
			continue
		}
		if _, ok := w.files[found]; !ok {
			data := bytes.Clone(found.data)
			for k := range found.pending {
				data = found.pending[k].apply(data, w.keep)
			}
			w.files[found] = data
		}
		if err := os.WriteFile(path, w.files[found], 0o600); err != nil {
			return fmt.Errorf("write an image: %w", err)
		}
	}
	return nil
}
