package detector

import "bytes"

// urlSet is what a URL may be made of, as text has them: without quotes, brackets of markup and blanks.
var urlSet = setOf("a-zA-Z0-9._~:/?#@!$&'()*+,;=%[]|-")

const urlLongest = 2048

// url opens the window after "://".
func (st *Stream) url(colon int) {
	if letter(st.at(colon - 1)) {
		st.open(job{judge: judgeURL, set: urlSet, start: colon, limit: colon + urlLongest})
	}
}

// judgeURL finds a URL, and the password in it.
func judgeURL(st *Stream, j job) {
	start := j.start
	for start > j.start-12 && (alnum(st.at(start-1)) || st.at(start-1) == '+') {
		start--
	}
	for start < j.start && !letter(st.at(start)) {
		start++
	}
	window := st.text(j.start, j.end)
	rest := window[len("://"):]
	authority, _, _ := bytes.Cut(rest, []byte("/"))
	if i := bytes.IndexAny(authority, "?#"); i >= 0 && bytes.IndexByte(authority, '@') < i {
		authority = authority[:i] // else a password with a sign that should have been encoded
	}
	host := authority
	if at := bytes.LastIndexByte(authority, '@'); at >= 0 {
		host = authority[at+1:]
		st.userinfo(j.start+len("://"), authority[:at])
	}
	end := trimURL(window)
	if end <= len("://") || len(host) == 0 || !alnum(host[0]) && host[0] != '[' || local(host) {
		return
	}
	switch string(bytes.ToLower(st.text(start, j.start))) {
	case "file", "data", "javascript", "about", "chrome", "vscode":
		return
	}
	st.found(FamilyDestination, "url", start, j.start+end)
}

// userinfo finds the password of "name:password@" in a URL.
func (st *Stream) userinfo(start int, info []byte) {
	name, secret, ok := bytes.Cut(info, []byte(":"))
	if !ok || len(name) > 128 || len(secret) < 4 || len(secret) > 256 || placeholder(secret) || reference(secret) {
		return
	}
	switch string(bytes.ToLower(secret)) {
	case "password", "pass", "passwd", "secret", "pwd", "token", "user", "postgres", "root", "guest", "x-oauth-basic":
		return
	}
	from := start + len(name) + 1
	if !st.taken(st.set.certain, from-len(name)-1, from, from+len(secret)) {
		st.found(FamilyCredential, "url_password", from, from+len(secret))
	}
}

// trimURL leaves out the punctuation of the sentence a URL stands in, and a bracket that was not opened in it.
func trimURL(w []byte) int {
	end := len(w)
	for end > 0 {
		switch c := w[end-1]; {
		case indexByte(".,;:!?'|*", c) >= 0:
		case c == ')' && bytes.Count(w[:end], []byte("(")) < bytes.Count(w[:end], []byte(")")):
		case c == ']' && bytes.Count(w[:end], []byte("[")) < bytes.Count(w[:end], []byte("]")):
		default:
			return end
		}
		end--
	}
	return end
}

// local says whether a host is this machine, which is no destination.
func local(host []byte) bool {
	host = bytes.ToLower(host)
	return bytes.HasPrefix(host, []byte("localhost")) || bytes.HasPrefix(host, []byte("127.")) || bytes.HasPrefix(host, []byte("[::1]")) || bytes.HasPrefix(host, []byte("0.0.0.0"))
}

// address finds IPv4 addresses of other machines; numbers of versions look the same.
func (n *number) address() int {
	if len(n.groups) < 4 || n.groups[3].sep != '.' || n.groups[1].sep != '.' || n.groups[2].sep != '.' {
		return 0
	}
	at, end := 0, n.groups[3].end
	for i, g := range n.groups[:4] {
		v := value(n.digits[at : at+min(g.size, 4)])
		if g.size > 3 || v > 255 || g.size > 1 && n.digits[at] == 0 {
			return 0
		}
		if i == 0 && (v == 0 || v == 127 || v >= 224) {
			return 0
		}
		at += g.size
	}
	next := n.st.at(n.start + end)
	if word(next) || (next == '.' || next == '-') && alnum(n.st.at(n.start+end+1)) || n.versioned() {
		return 0
	}
	return end
}

// versioned says whether what stands before a number makes it that of a version.
func (n *number) versioned() bool {
	switch n.st.at(n.start - 1) {
	case '^', '~', '>', '<':
		return true
	case '=':
		return indexByte("=<>~!", n.st.at(n.start-2)) >= 0
	case '@':
		return letter(n.st.at(n.start-2)) && n.value(0) < 100
	}
	return n.context.says(saysNothing)
}

// value is the first group as a number.
func (n *number) value(i int) int { return value(n.digits[:min(n.groups[i].size, 6)]) }
