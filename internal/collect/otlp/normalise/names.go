package normalise

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// nameInfo is what is known of one attribute name.
type nameInfo struct {
	name  string // cut at audit.MaxName
	cut   bool
	disp  audit.Disposition
	role  role
	seen  uint64 // the list in which it was last seen
	times int    // how often it was seen in that list
}

// names remembers attribute names from export to export, so that each is looked up once: clients send the same few
// dozen again and again.
type names struct {
	known map[string]*nameInfo
	list  uint64 // number of the current list of attributes
}

const mostNames = 4096 // remembered; names are the client's to choose

func newNames() *names { return &names{known: make(map[string]*nameInfo)} }

func (n *names) trim() {
	if len(n.known) > mostNames {
		clear(n.known)
	}
}

func (n *names) info(name string) *nameInfo {
	if i, ok := n.known[name]; ok {
		return i
	}
	i := &nameInfo{name: strings.Clone(name), disp: audit.Dispose(name), role: roles[name]}
	if len(name) > audit.MaxName {
		i.name, i.cut = strings.Clone(cutText(name, audit.MaxName)), true
	}
	if len(name) <= audit.MaxName {
		n.known[i.name] = i
	}
	return i
}

// use tells under which name the attribute stands in the current list: one that comes again gets a suffix.
func (n *names) use(i *nameInfo) (name string, again bool) {
	if i.seen != n.list {
		i.seen, i.times = n.list, 1
		return i.name, false
	}
	i.times++
	return i.name + "#" + strconv.Itoa(i.times), true
}

// cutText cuts valid UTF-8 to at most n bytes, never inside a character.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// plainName reports whether a name is one that programs give: short, without spaces, of letters, digits and a few
// signs. What people write is longer or has spaces, and has no place in a record.
func plainName(s string) bool {
	if s == "" || len(s) > audit.MaxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '_', c == '.', c == '-', c == ':', c == '/', c == '@':
		default:
			return false
		}
	}
	return true
}

// name keeps a name the protocol carries outside attributes; one that is not plain becomes a piece.
func (m *maker) name(l *list, as, s string) string {
	if plainName(s) {
		return m.keep(s)
	}
	if s != "" {
		m.textPiece(l, as, audit.ClassDetail, s)
	}
	return ""
}
