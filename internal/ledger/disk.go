package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"
)

// disk is what the writer asks of the file system, so that tests can stop it between any two steps. Names are relative
// to the data directory, with slashes. It is safe for concurrent use.
type disk interface {
	mkdir(dir string) error                                 // makes one directory; fs.ErrExist where it is there
	write(name string, data []byte, perm fs.FileMode) error // creates or truncates, writes, and syncs the file itself
	rename(from, to string) error
	syncDir(dir string) error // makes the names in a directory durable
	removeAll(name string) error
}

// osDisk is a directory of the operating system's file system.
type osDisk string

func (d osDisk) file(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

func (d osDisk) mkdir(dir string) error { return os.Mkdir(d.file(dir), 0o700) }

func (d osDisk) write(name string, data []byte, perm fs.FileMode) (err error) {
	f, err := os.OpenFile(d.file(name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

func (d osDisk) rename(from, to string) error { return os.Rename(d.file(from), d.file(to)) }

func (d osDisk) syncDir(dir string) error { return syncDir(d.file(dir)) }

func (d osDisk) removeAll(name string) error { return os.RemoveAll(d.file(name)) }

// parallelWrites is how many files are written and synced at once: file systems commit the syncs that wait together.
const parallelWrites = 8

// folder writes files so that they can be made durable together. It is not safe for concurrent use.
type folder struct {
	disk
	root     string          // of the log within the data directory
	parallel int             // files written at once
	known    map[string]bool // directories that are there
	dirty    map[string]bool // directories with names that may not be durable
}

func newFolder(d disk, root string) *folder {
	return &folder{disk: d, root: root, parallel: parallelWrites, known: make(map[string]bool), dirty: make(map[string]bool)}
}

// put writes files and syncs each; their names are durable after settle. Doing it again is harmless.
func (f *folder) put(files []file) error {
	for _, file := range files {
		dir := path.Dir(path.Join(f.root, file.path))
		if err := f.ensure(dir); err != nil {
			return err
		}
		f.dirty[dir] = true
	}
	var g errgroup.Group
	g.SetLimit(f.parallel)
	for _, file := range files {
		g.Go(func() error { return f.putOne(path.Join(f.root, file.path), file) })
	}
	if err := g.Wait(); err != nil {
		clear(f.known) // somebody may have removed a directory
		return fmt.Errorf("write ledger: %w", err)
	}
	return nil
}

func (f *folder) putOne(name string, file file) error {
	if !file.whole {
		return f.write(name, file.data, 0o600)
	}
	temp := name + ".new"
	if err := f.write(temp, file.data, 0o600); err != nil {
		return err
	}
	return f.rename(temp, name)
}

// ensure makes a directory and those above it. One that was there before this process has a name that may not be
// durable either.
func (f *folder) ensure(dir string) error {
	if dir == "." || f.known[dir] {
		return nil
	}
	parent := path.Dir(dir)
	if err := f.ensure(parent); err != nil {
		return err
	}
	if err := f.mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write ledger: %w", err)
	}
	f.known[dir] = true
	f.dirty[parent] = true
	return nil
}

// settle makes the names of everything put so far durable.
func (f *folder) settle() error {
	dirs := make([]string, 0, len(f.dirty))
	for dir := range f.dirty {
		dirs = append(dirs, dir)
	}
	slices.Sort(dirs)
	for _, dir := range dirs {
		if err := f.syncDir(dir); err != nil {
			return fmt.Errorf("write ledger: sync directory: %w", err)
		}
		delete(f.dirty, dir)
	}
	return nil
}

// replace puts a file in the place of another in one step, durably.
func (f *folder) replace(name string, data []byte, perm fs.FileMode) error {
	if err := f.ensure(path.Dir(name)); err != nil {
		return err
	}
	temp := name + ".new"
	if err := f.write(temp, data, perm); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := f.rename(temp, name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	f.dirty[path.Dir(name)] = true
	return f.settle()
}
