package disk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// TraceArgs are the arguments of strace whose output ParseTrace reads: every call that changes a disk or answers a
// client, of all threads, strings and paths in hex and whole, with the path or the peers of each descriptor.
func TraceArgs(output string) []string {
	return []string{
		"-f", "--seccomp-bpf", "-yy", "-xx", "-s", "33554432", "-o", output, "-e", "signal=none", "-e",
		"trace=open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,fsync,fdatasync,sync_file_range," +
			"lseek,ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,mkdir,mkdirat,close,dup,dup2,dup3",
	}
}

// Call is one system call. It began and ended at lines of the trace; another thread's calls may stand between.
type Call struct {
	Name         string
	Args         []Arg
	Ret          Arg
	Failed       bool
	Unfinished   bool // the process was killed in it: what it was to do may have been done
	Enter, Leave int  // Leave is 0 where it is unfinished
}

// Arg is one argument or the result.
type Arg struct {
	Text   string // "5", "O_RDWR|O_CREAT", "AT_FDCWD"
	Data   []byte // of a string
	String bool
	Path   string // of a descriptor: "/tmp/d/journal.db", "TCP:[127.0.0.1:1->127.0.0.1:2]"
}

// Int is a number.
func (a Arg) Int() (int64, error) { return strconv.ParseInt(a.Text, 0, 64) }

// File is the path a string names, absolute by the directory's descriptor that stands before it.
func (a Arg) File(at Arg) string {
	if path := string(a.Data); filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(at.Path, string(a.Data))
}

// ParseTrace reads the output of strace with TraceArgs.
func ParseTrace(r io.Reader) ([]Call, error) {
	var calls []Call
	open := make(map[string]*half)
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			c, err := parseLine(bytes.TrimRight(line, "\n"), n, open)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w: %.200s", n, err, line)
			}
			if c != nil {
				calls = append(calls, *c)
			}
		}
		if errors.Is(err, io.EOF) {
			for _, h := range open {
				if c, err := parseCall(append(h.text, ") = ?"...), h.enter, 0); err == nil {
					calls = append(calls, *c)
				}
			}
			return calls, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// half is a call that has begun.
type half struct {
	text  []byte
	enter int
}

func parseLine(line []byte, n int, open map[string]*half) (*Call, error) {
	pid, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return nil, errors.New("no process id")
	}
	rest = bytes.TrimLeft(rest, " ")
	switch {
	case bytes.HasPrefix(rest, []byte("+++")), bytes.HasPrefix(rest, []byte("---")), bytes.HasPrefix(rest, []byte("????")):
		return nil, nil
	case bytes.HasSuffix(rest, []byte(" <unfinished ...>")):
		open[string(pid)] = &half{bytes.TrimSuffix(rest, []byte(" <unfinished ...>")), n}
		return nil, nil
	case bytes.HasPrefix(rest, []byte("<... ")):
		h := open[string(pid)]
		_, after, ok := bytes.Cut(rest, []byte(" resumed>"))
		if h == nil || !ok {
			return nil, errors.New("what is resumed had not begun")
		}
		delete(open, string(pid))
		return parseCall(append(h.text, after...), h.enter, n)
	}
	return parseCall(rest, n, n)
}

func parseCall(text []byte, enter, leave int) (*Call, error) {
	name, rest, ok := bytes.Cut(text, []byte("("))
	if !ok {
		return nil, errors.New("no call")
	}
	p := parser{b: rest}
	c := &Call{Name: string(name), Enter: enter, Leave: leave}
	for !p.take(")") {
		left := len(p.b)
		a, err := p.arg()
		if err != nil {
			return nil, err
		}
		if len(p.b) == left && p.b[0] != ',' {
			return nil, errors.New("no argument")
		}
		c.Args = append(c.Args, a)
		p.take(",")
		p.spaces()
	}
	p.spaces()
	if !p.take("=") {
		return nil, errors.New("no result")
	}
	p.spaces()
	if p.take("?") {
		c.Unfinished, c.Leave = true, 0
		return c, nil
	}
	var err error
	if c.Ret, err = p.arg(); err != nil {
		return nil, err
	}
	c.Failed = strings.HasPrefix(c.Ret.Text, "-")
	return c, nil
}

// parser reads arguments.
type parser struct{ b []byte }

func (p *parser) take(s string) bool {
	ok := bytes.HasPrefix(p.b, []byte(s))
	if ok {
		p.b = p.b[len(s):]
	}
	return ok
}

func (p *parser) spaces() { p.b = bytes.TrimLeft(p.b, " ") }

func (p *parser) arg() (a Arg, err error) {
	switch {
	case len(p.b) == 0:
		return a, errors.New("arguments end early")
	case p.take(`"`):
		end := bytes.IndexByte(p.b, '"')
		if end < 0 {
			return a, errors.New("a string does not end")
		}
		a.String = true
		a.Data, err = unhex(p.b[:end])
		p.b = p.b[end+1:]
		if p.take("...") {
			return a, errors.New("a string is cut: raise -s")
		}
		return a, err
	case p.b[0] == '[' || p.b[0] == '{':
		a.Text = string(p.nested())
		return a, nil
	}
	end := bytes.IndexAny(p.b, ",)<= ")
	if end < 0 {
		end = len(p.b)
	}
	a.Text = string(p.b[:end])
	p.b = p.b[end:]
	if !p.take("<") {
		return a, nil
	}
	a.Path, err = p.descriptor()
	return a, err
}

// descriptor is what strace says between angle brackets: a path in hex, of a device with its numbers, of a file that is
// gone with a note; or the peers of a connection, <TCP:[a->b]>.
func (p *parser) descriptor() (string, error) {
	if bytes.HasPrefix(p.b, []byte(`\x`)) {
		n := 0
		for n < len(p.b) && p.b[n] != '<' && p.b[n] != '>' {
			n++
		}
		path, err := unhex(p.b[:n])
		p.b = p.b[n:]
		if end := bytes.IndexByte(p.b, '>'); err == nil && p.take("<") && end > 0 {
			p.b = p.b[end:]
		}
		if err == nil && !p.take(">") {
			err = errors.New("a descriptor's name does not end")
		}
		p.take("(deleted)")
		return string(path), err
	}
	stop := ">"
	if i := bytes.IndexAny(p.b, "[>"); i >= 0 && p.b[i] == '[' {
		stop = "]>"
	}
	end := bytes.Index(p.b, []byte(stop))
	if end < 0 {
		return "", errors.New("a descriptor's name does not end")
	}
	name := p.b[:end+len(stop)-1]
	p.b = p.b[end+len(stop):]
	return string(name), nil
}

// nested takes a list or a struct whole. Strings in it are in hex, so that no bracket in it belongs to one.
func (p *parser) nested() []byte {
	depth := 0
	for i, c := range p.b {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				text := p.b[:i+1]
				p.b = p.b[i+1:]
				return text
			}
		}
	}
	text := p.b
	p.b = nil
	return text
}

// unhex reads \x61\x62.
func unhex(b []byte) ([]byte, error) {
	if len(b)%4 != 0 {
		return nil, errors.New("a string is not in hex")
	}
	out := make([]byte, len(b)/4)
	for i := range out {
		hi, lo := nibble(b[4*i+2]), nibble(b[4*i+3])
		if b[4*i] != '\\' || b[4*i+1] != 'x' || hi > 15 || lo > 15 {
			return nil, errors.New("a string is not in hex")
		}
		out[i] = hi<<4 | lo
	}
	return out, nil
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	return 255
}
