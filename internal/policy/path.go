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

// pathMatches tells whether a path is meant by an entry of a list, without regard to case: a pattern without a slash means
// the last part of the path, one with a slash the whole; anything else means itself and all below it. What stands below ~
// is also meant by a relative path that ends in it, since nobody says from where it starts.
func pathMatches(entry, p string) bool {
	entry, p = strings.ToLower(entry), strings.ToLower(plainPath(p))
	if strings.ContainsAny(entry, "*?") {
		if strings.Contains(entry, "/") {
			return glob(entry, p)
		}
		return glob(entry, baseName(p))
	}
	if !strings.Contains(entry, "/") {
		return baseName(p) == entry
	}
	if under(entry, p) {
		return true
	}
	rest, ofHome := strings.CutPrefix(entry, "~/")
	return ofHome && !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "~") &&
		(under(rest, p) || strings.Contains("/"+p+"/", "/"+rest+"/"))
}

func under(dir, p string) bool {
	dir = strings.TrimSuffix(dir, "/")
	return p == dir || strings.HasPrefix(p, dir+"/")
}
