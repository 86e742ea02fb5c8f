package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Block is how much of a write reaches the disk at once, in bytes.
const Block = 4096

// Disk is a directory, as the program sees it and as a power loss would leave it.
type Disk struct {
	// Ignore makes syncs of some paths have no effect, to see that a test notices; may be nil.
	Ignore func(path string) bool

	root    string
	top     *inode
	fds     map[int64]*handle
	calls   map[*Call]*handle // of calls under way
	marks   map[*Call]int     // changes made before a sync began
	changes int               // made so far
}

// New makes an empty disk that is mounted at a path; nothing outside is modelled.
func New(root string) *Disk {
	return &Disk{
		root: filepath.Clean(root), top: newDir(), fds: make(map[int64]*handle),
		calls: make(map[*Call]*handle), marks: make(map[*Call]int),
	}
}

// inode is a file or a directory. Names refer to it; it lives as long as one may.
type inode struct {
	now     map[string]*inode // of a directory: what the program sees
	durable map[string]*inode // and what is safe
	names   []naming          // and what came since

	data    []byte   // of a file: what is safe
	pending []change // and what came since, in order
	size    int64    // what the program sees
}

func newDir() *inode { return &inode{now: make(map[string]*inode), durable: make(map[string]*inode)} }

func (i *inode) isDir() bool { return i.now != nil }

// naming is a change of a name; to is nil where the name was removed.
type naming struct {
	name   string
	to     *inode
	number int
}

// change is a write, or, without data, a change of the length.
type change struct {
	at     int64 // or the new length
	data   []byte
	number int
}

// handle is an open file.
type handle struct {
	inode  *inode
	path   string
	offset int64
	append bool
}

// Restart closes all files, as the end of the process does. Nothing is synced by it, and nothing lost.
func (d *Disk) Restart() { clear(d.fds); clear(d.calls); clear(d.marks) }

// Event is the beginning or the end of a call.
type Event struct {
	Call *Call
	End  bool
}

// Events lists beginnings and ends in the order of the trace.
func Events(calls []Call) []Event {
	list := make([]Event, 0, 2*len(calls))
	for i := range calls {
		list = append(list, Event{&calls[i], false})
		if !calls[i].Unfinished {
			list = append(list, Event{&calls[i], true})
		}
	}
	slices.SortStableFunc(list, func(a, b Event) int { return a.line() - b.line() })
	return list
}

func (e Event) line() int {
	if e.End {
		return e.Call.Leave
	}
	return e.Call.Enter
}

// Apply replays an event.
func (d *Disk) Apply(e Event) error {
	if e.Call.Failed {
		return nil
	}
	var err error
	if e.End {
		err = d.end(e.Call)
	} else {
		err = d.begin(e.Call)
	}
	if err != nil {
		return fmt.Errorf("replay %s at line %d: %w", e.Call.Name, e.line(), err)
	}
	return nil
}

// begin resolves the descriptor: by the time another thread's line shows the end, its number may have been reused.
func (d *Disk) begin(c *Call) error {
	if len(c.Args) == 0 {
		return nil
	}
	fd, err := c.Args[0].Int()
	if err != nil || c.Args[0].String { // not a descriptor
		return nil
	}
	h := d.fds[fd]
	switch {
	case c.Name == "close":
		delete(d.fds, fd)
		return nil
	case h != nil:
		d.calls[c] = h
		d.marks[c] = d.changes
	case d.inside(c.Args[0].Path):
		return fmt.Errorf("descriptor %d is %s, which was not seen opened", fd, c.Args[0].Path)
	}
	return nil
}

func (d *Disk) inside(path string) bool {
	return (path == d.root || strings.HasPrefix(path, d.root+"/")) && !leftOut(path)
}

// leftOut: mapped, and no recovery reads it.
func leftOut(path string) bool { return strings.HasSuffix(path, "-shm") }

func (d *Disk) end(c *Call) error {
	h := d.calls[c]
	delete(d.calls, c)
	switch c.Name {
	case "open", "openat", "creat":
		return d.open(c)
	case "mkdir", "mkdirat", "unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2", "link", "linkat":
		return d.rename(c)
	case "dup", "dup2", "dup3":
		fd, err := c.Ret.Int()
		if h != nil {
			d.fds[fd] = h
		}
		return err
	case "truncate", "symlink", "symlinkat":
		for _, a := range c.Args {
			if a.String && d.inside(string(a.Data)) {
				return errors.New("the model does not know this call")
			}
		}
		return nil
	case "close", "sync_file_range":
		return nil
	}
	if h == nil {
		return nil
	}
	return d.change(c, h)
}

// change is a call on an open file.
func (d *Disk) change(c *Call, h *handle) error {
	n, err := c.Ret.Int()
	if err != nil {
		return err
	}
	switch c.Name {
	case "fsync", "fdatasync":
		d.sync(h, d.marks[c])
		delete(d.marks, c)
		return nil
	case "lseek":
		h.offset = n
		return nil
	case "write":
		if h.append {
			h.offset = h.inode.size
		}
		d.write(h.inode, h.offset, c.Args[1].Data[:n])
		h.offset += n
		return nil
	case "pwrite64":
		at, err := c.Args[3].Int()
		if err != nil {
			return err
		}
		d.write(h.inode, at, c.Args[1].Data[:n])
		return nil
	case "ftruncate":
		size, err := c.Args[1].Int()
		if err != nil {
			return err
		}
		d.changes++
		h.inode.pending = append(h.inode.pending, change{at: size, number: d.changes})
		h.inode.size = size
		return nil
	}
	return fmt.Errorf("the model does not know this call on %s", h.path)
}

func (d *Disk) write(i *inode, at int64, data []byte) {
	if len(data) == 0 {
		return
	}
	d.changes++
	i.pending = append(i.pending, change{at: at, data: data, number: d.changes})
	i.size = max(i.size, at+int64(len(data)))
}

// sync makes durable what had ended when the sync began.
func (d *Disk) sync(h *handle, mark int) {
	if d.Ignore != nil && d.Ignore(h.path) {
		return
	}
	i := h.inode
	if i.isDir() {
		n := 0
		for n < len(i.names) && i.names[n].number <= mark {
			bind(i.durable, i.names[n].name, i.names[n].to)
			n++
		}
		i.names = i.names[n:]
		return
	}
	n := 0
	for n < len(i.pending) && i.pending[n].number <= mark {
		i.data = i.pending[n].apply(i.data, func() bool { return true })
		n++
	}
	i.pending = i.pending[n:]
}

func bind(names map[string]*inode, name string, to *inode) {
	if to == nil {
		delete(names, name)
	} else {
		names[name] = to
	}
}

// apply carries a change out as far as keep says, block by block.
func (c *change) apply(data []byte, keep func() bool) []byte {
	if c.data == nil {
		if keep() {
			data = resize(data, c.at)
		}
		return data
	}
	for done := int64(0); done < int64(len(c.data)); {
		at := c.at + done
		n := min(Block-at%Block, int64(len(c.data))-done)
		if keep() {
			if int64(len(data)) < at+n {
				data = resize(data, at+n)
			}
			copy(data[at:], c.data[done:done+n])
		}
		done += n
	}
	return data
}

func resize(data []byte, size int64) []byte {
	if int64(len(data)) >= size {
		return data[:size:size] // what is cut off reads as zeros should the file grow again
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// lookup finds a path below the root: the directory that holds it, its name there, and what it is, if anything.
func (d *Disk) lookup(path string) (dir *inode, name string, found *inode, err error) {
	rel, err := filepath.Rel(d.root, filepath.Clean(path))
	if err != nil {
		return nil, "", nil, err
	}
	if rel == "." {
		return nil, ".", d.top, nil
	}
	parts := strings.Split(rel, "/")
	dir = d.top
	for _, p := range parts[:len(parts)-1] {
		if dir = dir.now[p]; dir == nil || !dir.isDir() {
			return nil, "", nil, fmt.Errorf("%s: there is no directory %s", path, p)
		}
	}
	name = parts[len(parts)-1]
	return dir, name, dir.now[name], nil
}

func (d *Disk) open(c *Call) error {
	fd, err := c.Ret.Int()
	if err != nil {
		return err
	}
	delete(d.fds, fd)
	path, flags := c.Args[0].File(Arg{}), c.Args[len(c.Args)-1].Text
	switch c.Name {
	case "openat":
		path, flags = c.Args[1].File(c.Args[0]), c.Args[2].Text
	case "open":
		flags = c.Args[1].Text
	case "creat":
		flags = "O_CREAT|O_TRUNC"
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%s is relative, and to what is not known", path)
	}
	if !d.inside(path) {
		return nil
	}
	dir, name, found, err := d.lookup(path)
	if err != nil {
		return err
	}
	has := func(flag string) bool { return slices.Contains(strings.Split(flags, "|"), flag) }
	switch {
	case found == nil && !has("O_CREAT"):
		return fmt.Errorf("%s was opened and is not there", path)
	case found == nil:
		found = new(inode)
		d.name(dir, name, found)
	case has("O_TRUNC"):
		d.changes++
		found.pending = append(found.pending, change{number: d.changes})
		found.size = 0
	}
	d.fds[fd] = &handle{inode: found, path: path, append: has("O_APPEND")}
	return nil
}

// name changes what a name in a directory stands for; nil removes it.
func (d *Disk) name(dir *inode, name string, to *inode) {
	d.changes++
	bind(dir.now, name, to)
	dir.names = append(dir.names, naming{name, to, d.changes})
}

// rename is every call that changes names.
func (d *Disk) rename(c *Call) error {
	var paths []string
	at := Arg{Path: "/"} // a relative path without a directory fails below
	for _, a := range c.Args {
		if a.String {
			paths = append(paths, a.File(at))
		} else {
			at = a
		}
	}
	if len(paths) == 0 {
		return errors.New("it names nothing")
	}
	inside := 0
	for _, p := range paths {
		if d.inside(p) {
			inside++
		}
	}
	switch {
	case inside == 0:
		return nil
	case inside < len(paths):
		return errors.New("it reaches beyond the directory")
	}
	dir, name, found, err := d.lookup(paths[0])
	if err != nil {
		return err
	}
	switch {
	case dir == nil:
		return errors.New("it changes the root")
	case strings.HasPrefix(c.Name, "mkdir"):
		d.name(dir, name, newDir())
		return nil
	case strings.HasPrefix(c.Name, "unlink"), c.Name == "rmdir":
		if found != nil { // else a socket
			d.name(dir, name, nil)
		}
		return nil
	case found == nil:
		return fmt.Errorf("there is no %s", paths[0])
	}
	toDir, toName, _, err := d.lookup(paths[1])
	if err != nil {
		return err
	}
	d.name(toDir, toName, found)
	if strings.HasPrefix(c.Name, "rename") {
		d.name(dir, name, nil)
	}
	return nil
}
