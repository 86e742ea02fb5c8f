package sigma

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// trie knows which members of a record go into which slots.
type trie struct {
	kids  map[string]*trie
	slots []Ref
	names bool // below stand a source's own names: positions of lists in them are not part of the name
}

func (t *trie) add(path []string, r Ref) {
	for i, name := range path {
		if t.kids == nil {
			t.kids = map[string]*trie{}
		}
		next := t.kids[name]
		if next == nil {
			next = &trie{}
			t.kids[name] = next
		}
		if name == "attributes" || name == "resource" && i == 0 {
			next.names = true
		}
		t = next
	}
	t.slots = append(t.slots, r)
}

// find is the part for a member, and the position in a list that its name told, else -1. "updates.0.type" is found as
// that, else as "updates.type".
func (t *trie) find(name string) (*trie, int32) {
	if t == nil {
		return nil, -1
	}
	if k := t.kids[name]; k != nil || !t.names || strings.IndexByte(name, '.') < 0 {
		return k, -1
	}
	var b [128]byte
	short, elem := withoutPositions(b[:0], name)
	if elem < 0 {
		return nil, -1
	}
	return t.kids[string(short)], elem
}

// withoutPositions drops the parts of a name that are numbers; the first of them is the element.
func withoutPositions(b []byte, name string) ([]byte, int32) {
	elem := int32(-1)
	for start := 0; start <= len(name); {
		end := start + strings.IndexByte(name[start:], '.')
		if end < start {
			end = len(name)
		}
		if n, ok := position(name[start:end]); ok && start > 0 {
			if elem < 0 {
				elem = n
			}
		} else {
			if start > 0 {
				b = append(b, '.')
			}
			b = append(b, name[start:end]...)
		}
		start = end + 1
	}
	return b, elem
}

func position(s string) (n int32, ok bool) {
	if s == "" || len(s) > 6 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int32(c-'0')
	}
	return n, true
}

var errForm = errors.New("not the canonical form of a record")

// read goes over the bytes of a record once and keeps the values of the slots.
func (m *Matcher) read(canonical []byte) error {
	m.text, m.at = string(canonical), 0 // one copy, which all values share
	if err := m.object(m.set.root, -1, 0); err != nil {
		return fmt.Errorf("read record at byte %d: %w", m.at, err)
	}
	if m.at != len(m.text) {
		return fmt.Errorf("read record: %w: %d bytes too many", errForm, len(m.text)-m.at)
	}
	return nil
}

func (m *Matcher) eat(c byte) bool {
	if m.at < len(m.text) && m.text[m.at] == c {
		m.at++
		return true
	}
	return false
}

func (m *Matcher) object(t *trie, elem int32, depth int) error {
	if depth > deepest || !m.eat('{') {
		return errForm
	}
	if m.eat('}') {
		return nil
	}
	for {
		name, err := m.str()
		if err != nil || !m.eat(':') {
			return errForm
		}
		next, at := t.find(name)
		if at < 0 {
			at = elem
		}
		if err := m.value(next, at, depth+1); err != nil {
			return err
		}
		if m.eat('}') {
			return nil
		}
		if !m.eat(',') {
			return errForm
		}
	}
}

func (m *Matcher) array(t *trie, elem int32, depth int) error {
	m.at++
	if m.eat(']') {
		return nil
	}
	for i := int32(0); ; i++ {
		at := elem
		if at < 0 {
			at = i
		}
		if err := m.value(t, at, depth); err != nil {
			return err
		}
		if m.eat(']') {
			return nil
		}
		if !m.eat(',') {
			return errForm
		}
	}
}

// value reads a value into the slots of t, which may be nil.
func (m *Matcher) value(t *trie, elem int32, depth int) error {
	if t == nil && m.set.words < 0 {
		return m.skip()
	}
	if m.at >= len(m.text) || depth > deepest {
		return errForm
	}
	switch m.text[m.at] {
	case '{':
		return m.object(t, elem, depth)
	case '[':
		return m.array(t, elem, depth+1)
	case '"':
		s, err := m.str()
		if err == nil {
			m.keep(t, value{text: s, kind: valueText, elem: elem})
		}
		return err
	}
	start := m.at
	for m.at < len(m.text) && !strings.ContainsRune(",}]", rune(m.text[m.at])) {
		m.at++
	}
	v := value{text: m.text[start:m.at], kind: valueNumber, elem: elem}
	switch v.text {
	case "":
		return errForm
	case "true", "false":
		v.kind = valueBool
	case "null":
		v.kind = valueNull
	}
	m.keep(t, v)
	return nil
}

func (m *Matcher) keep(t *trie, v value) {
	if t != nil {
		for _, r := range t.slots {
			m.put(r, v)
		}
	}
	if m.set.words >= 0 && v.kind != valueNull {
		m.put(m.set.words, v)
	}
}

// str reads a string.
func (m *Matcher) str() (string, error) {
	start := m.at
	if err := m.skipString(); err != nil {
		return "", err
	}
	s := m.text[start+1 : m.at-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var plain string
	if err := json.Unmarshal([]byte(m.text[start:m.at]), &plain); err != nil {
		return "", errForm
	}
	return plain, nil
}

func (m *Matcher) skipString() error {
	if m.at >= len(m.text) || m.text[m.at] != '"' {
		return errForm
	}
	for i := m.at + 1; i < len(m.text); {
		n := strings.IndexByte(m.text[i:], '"')
		if n < 0 {
			break
		}
		end := i + n
		back := 0 // backslashes before the quote
		for j := end - 1; j > m.at && m.text[j] == '\\'; j-- {
			back++
		}
		if back%2 == 0 {
			m.at = end + 1
			return nil
		}
		i = end + 1
	}
	return errForm
}

// skip passes over a value.
func (m *Matcher) skip() error {
	for depth := 0; m.at < len(m.text); {
		switch m.text[m.at] {
		case '"':
			if err := m.skipString(); err != nil {
				return err
			}
			if depth == 0 {
				return nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return nil
			}
			if depth--; depth == 0 {
				m.at++
				return nil
			}
		case ',':
			if depth == 0 {
				return nil
			}
		}
		m.at++
	}
	return errForm
}
