package policy

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// pathNames are names of arguments that hold a path.
func pathNames() []string {
	return []string{"file_path", "path", "notebook_path", "file", "filename", "file_name", "filepath", "directory", "dir", "cwd", "source", "destination", "target", "paths", "files"}
}

// mostPaths is how many paths of one event are looked at.
const mostPaths = 4096

// pathsOf are the paths in a tool call: arguments that name one, and every word of a shell command, since any may.
// It reports false where there were more than are looked at.
func pathsOf(args map[string]any, command string) ([]string, bool) {
	var list []string
	walk(args, func(name, s string) {
		if s != "" && slices.Contains(pathNames(), strings.ToLower(name)) {
			list = append(list, plainPath(s))
		}
	})
	for _, w := range strings.FieldsFunc(command, func(r rune) bool { return strings.ContainsRune(" \t\r\n;|&<>()=,`", r) }) {
		if w = strings.TrimLeft(w, "@"); w != "" && !strings.HasPrefix(w, "-") && !strings.Contains(w, "://") {
			list = append(list, plainPath(w))
		}
	}
	if len(list) > mostPaths {
		return list[:mostPaths], false
	}
	return list, true
}

var home = regexp.MustCompile(`(?i)^(?:/home/[^/]+|/users/[^/]+|/root|[a-z]:/users/[^/]+|/[a-z]/users/[^/]+|\$\{?home\}?|%userprofile%|%homepath%|\$env:userprofile)(/|$)`)

// plainPath is a path in one form for all systems: slashes, no dots to step over, ~ for anybody's home.
func plainPath(s string) string {
	s = path.Clean(strings.ReplaceAll(strings.TrimPrefix(s, "file://"), `\`, "/"))
	if m := home.FindStringSubmatchIndex(s); m != nil {
		s = "~" + s[m[2]:]
	}
	return s
}

func baseName(p string) string {
	p = strings.ReplaceAll(p, `\`, "/")
	return p[strings.LastIndexByte(p, '/')+1:]
}

// pathSet answers whether a path is on a list, without regard to case. An entry with * or ? and without a slash is a pattern
// of the last part of the path, one with a slash of the whole; an entry without either is the last part itself; any other is
// itself and all below it. What stands below ~ is also meant by a relative path that ends in it, since nobody says from
// where it starts.
type pathSet []pathEntry

type pathEntry struct {
	text   string // in lower case
	ofHome string // what follows ~/
	glob   bool
	slash  bool
}

func newPathSet(entries []string) pathSet {
	set := pathSet{}
	for _, e := range entries {
		e = strings.ToLower(e)
		entry := pathEntry{text: strings.TrimSuffix(e, "/"), glob: strings.ContainsAny(e, "*?"), slash: strings.Contains(e, "/")}
		entry.ofHome, _ = strings.CutPrefix(entry.text, "~/")
		if entry.ofHome == entry.text {
			entry.ofHome = ""
		}
		set = append(set, entry)
	}
	return set
}

func (s pathSet) has(p string) bool {
	p = strings.ToLower(plainPath(p))
	base := baseName(p)
	relative := !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~")
	return slices.ContainsFunc(s, func(e pathEntry) bool {
		switch {
		case e.glob && e.slash:
			return glob(e.text, p)
		case e.glob:
			return glob(e.text, base)
		case !e.slash:
			return base == e.text
		}
		return under(e.text, p) || relative && e.ofHome != "" && segments(p, e.ofHome)
	})
}

// segments reports whether whole parts of the path are the given ones.
func segments(p, parts string) bool {
	for rest := p; ; {
		i := strings.Index(rest, parts)
		if i < 0 {
			return false
		}
		at := len(p) - len(rest) + i
		end := at + len(parts)
		if (at == 0 || p[at-1] == '/') && (end == len(p) || p[end] == '/') {
			return true
		}
		rest = rest[i+1:]
	}
}

func under(dir, p string) bool {
	dir = strings.TrimSuffix(dir, "/")
	return strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}
