package detector

import (
	"bytes"
	"strings"
)

// assignWords are names under which secrets are kept. What is assigned to them is judged by how it looks.
var assignWords = []string{"password", "passwd", "passphrase", "passwort", "kennwort", "contraseña", "mot de passe", "pwd", "secret", "token", "api_key", "apikey", "api-key", "api key",
	"access_key", "accesskey", "auth_key", "authkey", "encryption_key", "signing_key", "private_key", "privatekey", "credential", "pass"}

// assignSet is all of a line.
var assignSet = func() *byteSet {
	var s byteSet
	for c := range s {
		s[c] = c >= ' ' || c == '\t'
	}
	return &s
}()

const assignLongest = 320

// assign opens a window at a name under which a secret may be kept.
func (st *Stream) assign(start, end int) {
	st.open(job{judge: judgeAssign, set: assignSet, start: start, end: end, limit: start + assignLongest, hit: hit{length: uint16(end - start)}})
}

// judgeAssign reads "name = value" in the many ways it is written.
func judgeAssign(st *Stream, j job) {
	window := st.text(j.start, j.end)
	i := int(j.hit.length)
	for i < len(window) && i < 64 && (word(window[i]) || window[i] == '-' || window[i] == '.') {
		i++
	}
	begin := j.start
	for begin > j.start-32 && (word(st.at(begin-1)) || st.at(begin-1) == '-' || st.at(begin-1) == '.') {
		begin--
	}
	name := strings.ToLower(string(st.text(begin, j.start+i)))
	flag := strings.HasPrefix(name, "--") || st.at(begin-1) == '-'
	i, kind := assignment(window, i, flag)
	if i < 0 {
		return
	}
	from, to, quoted := assigned(window, i)
	value := window[from:to]
	if to-from < 4 || kind == prose && !quoted && bytes.IndexByte(value, '.') > 0 {
		return
	}
	secret := secretName(name)
	if name == "pass" && !quoted && window[from-1] != '=' {
		return // "PASS: TestOfSomething"
	}
	switch {
	case len(value) > 200, to == len(window) && len(window) == assignLongest, placeholder(value):
		return
	case isPassword(name):
		if !password(value, quoted || kind == prose) || kind == prose && !dense(value) {
			return
		}
		if !st.taken(st.set.ruled, begin, j.start+from, j.start+to) {
			st.found(FamilyCredential, "password", j.start+from, j.start+to)
		}
	case secret:
		if opaque(value) && !st.taken(st.set.ruled, begin, j.start+from, j.start+to) {
			st.found(FamilyCredential, "secret", j.start+from, j.start+to)
		}
	}
}

// form is how a value is given to a name.
type form uint8

const (
	operator form = iota // name = value
	prose                // "the password is value"
)

// assignment steps over what stands between name and value and says where the value begins, -1 if nothing is assigned.
func assignment(w []byte, i int, flag bool) (int, form) {
	i = skip(w, i, `"'`+"`"+`]\`, 3)
	before := i
	i = skip(w, i, " \t", 24)
	rest := w[i:]
	for _, op := range []string{":=", "=>", "==", "=", ":", ">"} {
		if !bytes.HasPrefix(rest, []byte(op)) {
			continue
		}
		if op == "==" || op == ">" && i != before || op == ":" && bytes.HasPrefix(rest, []byte("::")) {
			return -1, operator
		}
		if op == "=" && bytes.HasPrefix(rest, []byte("=~")) {
			return -1, operator
		}
		return skip(w, i+len(op), " \t", 4), operator
	}
	for _, verb := range []string{"is ", "ist ", "est ", "es ", "was "} {
		if i > before && bytes.HasPrefix(rest, []byte(verb)) {
			at := skip(w, i+len(verb), " ", 2)
			return at, prose
		}
	}
	if flag && i > before {
		return i, operator
	}
	return -1, operator
}

func skip(w []byte, i int, of string, most int) int {
	for end := i + most; i < len(w) && i < end && indexByte(of, w[i]) >= 0; i++ {
	}
	return i
}

// assigned is where the value begins and ends, without its quotes.
func assigned(w []byte, i int) (from, to int, quoted bool) {
	for i < len(w) && (w[i] == '\\' || (w[i] == 'b' || w[i] == 'f' || w[i] == 'r') && i+1 < len(w) && (w[i+1] == '"' || w[i+1] == '\'')) {
		i++
	}
	if i < len(w) && (w[i] == '"' || w[i] == '\'' || w[i] == '`') {
		end := bytes.IndexByte(w[i+1:], w[i])
		if end < 0 {
			return i, i, true
		}
		return i + 1, i + 1 + len(bytes.TrimRight(w[i+1:i+1+end], `\`)), true
	}
	to = i
	for to < len(w) && w[to] > ' ' && indexByte(`,;"'<>)]}`+"`", w[to]) < 0 {
		to++
	}
	for to > i && (w[to-1] == '.' || w[to-1] == '\\') {
		to--
	}
	return i, to, false
}

func isPassword(name string) bool {
	for _, w := range []string{"password", "passwd", "passphrase", "passwort", "kennwort", "contraseña", "mot de passe", "pwd"} {
		if i := strings.LastIndex(name, w); i >= 0 {
			return !notSecret(name[i+len(w):]) && !strings.Contains(name[:i], "public")
		}
	}
	return strings.HasSuffix(name, "_pass") || name == "pass" || strings.HasSuffix(name, "dbpass") || strings.HasSuffix(name, "-pass")
}

func secretName(name string) bool {
	for _, w := range assignWords {
		if w == "pass" {
			continue
		}
		if i := strings.LastIndex(name, w); i >= 0 {
			before := name[:i]
			for _, no := range []string{"public", "page", "next", "continuation", "csrf", "xsrf", "cache", "cursor", "sync", "max", "num", "pagination", "resume", "idempotency", "device", "push", "cancellation"} {
				if strings.Contains(before, no) {
					return false
				}
			}
			return !notSecret(name[i+len(w):])
		}
	}
	return false
}

// notSecret says whether what follows in a name makes it that of something about a secret.
func notSecret(suffix string) bool {
	suffix = strings.Trim(suffix, "_-.")
	if suffix == "s" {
		return true
	}
	for _, no := range []string{"id", "hash", "count", "length", "len", "type", "name", "file", "path", "url", "uri", "expir", "ttl", "field", "policy", "reset", "hint", "ize", "izer", "ise", "isation", "ization",
		"limit", "usage", "arn", "version", "ref", "label", "prefix", "regex", "pattern", "digest", "sha", "format", "endpoint", "index", "max", "min", "error", "input", "confirm", "column", "s_", "less"} {
		if strings.HasPrefix(suffix, no) {
			return true
		}
	}
	return false
}

// opaque says whether a value looks like a key: long, random, of the characters keys are made of.
func opaque(v []byte) bool {
	if len(v) < 16 || uuid(v) {
		return false
	}
	for _, c := range v {
		if !alnum(c) && indexByte("_-+/=.~:!@#$%^&*", c) < 0 {
			return false
		}
	}
	if reference(v) || bytes.HasPrefix(v, []byte("arn:")) || bytes.HasPrefix(v, []byte("sha256")) || bytes.Contains(v, []byte("://")) {
		return false
	}
	digits, letters := count(v, digit), count(v, letter)
	if digits < 1 || digits < 2 && !mixed(v) || letters < 3 || transitions(v) < 5 {
		return false
	}
	return entropy(v) >= 3.1
}

// password says whether a value can be a password that stands there itself, rather than a word, a reference or a piece of code.
func password(v []byte, quoted bool) bool {
	if len(v) < 6 || len(v) > 100 || placeholder(v) || reference(v) || bytes.Contains(v, []byte("://")) {
		return false
	}
	if bytes.IndexByte(v, ' ') >= 0 || !quoted && member(v) {
		return false
	}
	letters, digits := count(v, letter), count(v, digit)
	signs := len(v) - letters - digits
	switch {
	case letters == 0 && signs == 0: // a number
		return quoted && digits >= 6 && digits <= 16 && !sequence(v)
	case letters == len(v): // a word
		return false
	case quoted:
		return digits > 0 && letters > 0 || signs > 0 && signs < len(v)/2 && !wordy(v)
	}
	return transitions(v) >= 3 || signs > 0 && digits > 0 && !wordy(v)
}

// dense says whether a value looks like a password even in the middle of a sentence.
func dense(v []byte) bool {
	digits, letters := count(v, digit), count(v, letter)
	return digits > 0 && (transitions(v) >= 2 || letters > 0 && digits+letters < len(v) && !wordy(v))
}

// reference says whether a value names a secret that is kept elsewhere, or is an expression of a program.
func reference(v []byte) bool {
	text := string(v)
	if strings.ContainsAny(text, "(){}[]<>|") || strings.ContainsAny(text[:1], "$%@&*.,/\\?:;=!#+") && (len(text) < 8 || count(v[1:], word) == len(v)-1) || strings.Contains(text, "$(") || strings.Contains(text, "${") {
		return true
	}
	low := strings.ToLower(text)
	for _, p := range []string{"process.env", "os.environ", "env.", "config.", "settings.", "self.", "this.", "secrets.", "var.", "local.", "data.", "params.", "args.", "req.", "request.", "user.", "values.",
		"getenv", "vault:", "arn:", "ref:", "file:", "ssm:", "op://", "env:", "secret/", "null", "none", "true", "false", "undefined", "string", "password", "passwd", "secret", "token", "/run/", "/etc/", "/var/", "./", "../", "~/"} {
		if strings.HasPrefix(low, p) && (p[len(p)-1] < 'a' || len(low) < len(p)+4) {
			return true
		}
	}
	return false
}

// member says whether a value is a member of something in a program: names with dots between them.
func member(v []byte) bool {
	parts := bytes.Split(v, []byte("."))
	for _, p := range parts {
		if len(p) == 0 || digit(p[0]) || count(p, word) != len(p) {
			return false
		}
	}
	return len(parts) > 1
}

// wordy says whether a value is words joined by signs, as identifiers, file names and sentences are.
func wordy(v []byte) bool {
	for _, part := range bytes.FieldsFunc(v, func(c rune) bool { return c < 0x80 && indexByte("_-./: ", byte(c)) >= 0 }) {
		if count(part, letter) != len(part) && count(part, digit) != len(part) {
			return false
		}
	}
	return true
}

// transitions counts how often letters and digits, or cases inside a word, change: random text changes often.
func transitions(v []byte) int {
	n := 0
	class := func(c byte) int {
		switch {
		case digit(c):
			return 1
		case c >= 'A' && c <= 'Z':
			return 2
		case c >= 'a' && c <= 'z':
			return 3
		}
		return 0
	}
	for i := 1; i < len(v); i++ {
		a, b := class(v[i-1]), class(v[i])
		if a != b && !(a == 2 && b == 3) && a != 0 && b != 0 {
			n++
		}
	}
	return n
}

// sequence says whether digits only count up or repeat: 123456, 000000.
func sequence(v []byte) bool {
	for i := 2; i < len(v); i++ {
		if v[i]-v[i-1] != v[1]-v[0] {
			return false
		}
	}
	return true
}
