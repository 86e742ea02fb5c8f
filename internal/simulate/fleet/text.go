package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// redacted stands where a client may not tell a prompt or a reply.
const redacted = "<REDACTED>"

const (
	contentLimit = 61440 // UTF-16 units of a content attribute, marker included
	contentMark  = "\n\n[TRUNCATED - Content exceeds 60KB limit]"
	valueLimit   = 512  // UTF-16 units of one value of tool_input
	inputLimit   = 4096 // of all of tool_input
)

// units counts what JavaScript calls the length of a string.
func units(s string) int64 {
	n := 0
	for i := range len(s) { // continuation bytes count for nothing, four-byte forms for two
		switch c := s[i]; {
		case c < 0x80 || c >= 0xC0:
			n++
			if c >= 0xF0 {
				n++
			}
		}
	}
	return int64(n)
}

// firstUnits is the beginning of a text as JavaScript slices it: half a surrogate pair may stand at the end. Such a half is
// kept in the three bytes that UTF-8 would give it, were it allowed there.
func firstUnits(s string, most int) string {
	n := 0
	for i := 0; i < len(s); {
		if n == most {
			return s[:i]
		}
		if _, ok := halfAt(s[i:]); ok {
			n, i = n+1, i+3
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += utf16.RuneLen(r)
		if n > most {
			high, _ := utf16.EncodeRune(r)
			return s[:i] + string([]byte{0xE0 | byte(high>>12), 0x80 | byte(high>>6&0x3F), 0x80 | byte(high&0x3F)})
		}
		i += size
	}
	return s
}

// halfAt is the half of a surrogate pair at the beginning of s.
func halfAt(s string) (uint16, bool) {
	if len(s) < 3 || s[0] != 0xED || s[1] < 0xA0 || s[1] > 0xBF || s[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | uint16(s[1]&0x3F)<<6 | uint16(s[2]&0x3F), true
}

// replaceHalves puts U+FFFD for each half.
func replaceHalves(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if _, ok := halfAt(s[i:]); ok {
			b.WriteRune(utf8.RuneError)
			i += 3
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// content is a text as it stands in a content attribute.
func content(s string) string {
	if len(s) <= contentLimit || units(s) <= contentLimit {
		return s
	}
	return firstUnits(s, contentLimit-len(contentMark)) + contentMark
}

// shown is a text where its gate is open.
func shown(open bool, s string) string {
	if !open {
		return redacted
	}
	return content(s)
}

// toolInput is a tool's input as it stands in tool_input: long values are cut, and so is the whole.
func toolInput(input string) string {
	if len(input) <= valueLimit {
		return input
	}
	input = strings.ToValidUTF8(input, string(utf8.RuneError)) // a client's strings have no broken bytes to count
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(input), &members) != nil {
		return firstUnits(input, inputLimit)
	}
	out := append(make([]byte, 0, len(input)), '{')
	for _, key := range memberNames(input) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(jsonString(out, key), ':')
		var text string
		if v := members[key]; json.Unmarshal(v, &text) != nil || units(text) <= valueLimit {
			out = append(out, v...)
		} else {
			out = jsonString(out, firstUnits(text, valueLimit)+"…["+strconv.FormatInt(units(text), 10)+" chars]")
		}
	}
	return firstUnits(string(append(out, '}')), inputLimit)
}

// memberNames are the names of a JSON object's members in their order.
func memberNames(object string) []string {
	dec := json.NewDecoder(strings.NewReader(object))
	if _, err := dec.Token(); err != nil {
		return nil
	}
	var names []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return names
		}
		var skipped json.RawMessage
		if dec.Decode(&skipped) != nil {
			return names
		}
		if s, ok := name.(string); ok {
			names = append(names, s)
		}
	}
	return names
}

// member is a text of a tool's input, "" where it has none of the name.
func member(input, name string) string {
	var members map[string]any
	if json.Unmarshal([]byte(input), &members) != nil {
		return ""
	}
	s, _ := members[name].(string)
	return s
}

// firstWord is the program a command line runs.
func firstWord(command string) string {
	for w := range strings.FieldsSeq(command) {
		if !strings.Contains(w, "=") || strings.HasPrefix(w, "-") {
			return w
		}
	}
	return ""
}

var commandClasses = map[string]string{
	"cat": "file_read", "head": "file_read", "tail": "file_read", "less": "file_read", "wc": "file_read",
	"ls": "file_search", "find": "file_search", "grep": "file_search", "rg": "file_search", "fd": "file_search",
	"git": "vcs", "gh": "vcs", "curl": "network", "wget": "network", "ssh": "network", "scp": "network", "dig": "network",
	"echo": "shell_builtin", "cd": "shell_builtin", "export": "shell_builtin", "printf": "shell_builtin", "test": "shell_builtin",
	"npm": "package_manager", "pip": "package_manager", "uv": "package_manager", "cargo": "package_manager", "apt": "package_manager",
	"go": "build_test", "make": "build_test", "pytest": "build_test", "mvn": "build_test",
}

// commandClass is the client's bash_command_class of a program.
func commandClass(program string) string {
	if c := commandClasses[program]; c != "" {
		return c
	}
	return "other"
}

var languages = map[string]string{
	"go": "Go", "py": "Python", "ts": "TypeScript", "tsx": "TypeScript", "js": "JavaScript", "java": "Java", "sql": "SQL", "md": "Markdown",
	"yaml": "YAML", "yml": "YAML", "json": "JSON", "sh": "Bash", "r": "R", "R": "R", "tf": "HCL", "html": "HTML", "css": "CSS", "rs": "Rust", "cs": "C#",
}

// language is what the client takes a file to be written in.
func language(path string) string {
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		if l := languages[path[i+1:]]; l != "" {
			return l
		}
	}
	return "Plain text"
}

// digest is hexadecimal digits that stand for what the parts name, the same in every run: ids that the world does not tell.
func digest(n int, parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))[:n]
}

// uuid is digest in the form of a UUID, version 4.
func uuid(parts ...string) string {
	h := digest(32, parts...)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
