package detector

import (
	"bytes"
	"slices"
	"strings"
)

var (
	domainSet = setOf("a-zA-Z0-9.-")
	localSet  = setOf("a-zA-Z0-9._%+-")
)

// notDomains are endings of files that look like an address when an at sign stands before them: logo@2x.png.
var notDomains = []string{"png", "jpg", "jpeg", "gif", "svg", "webp", "js", "mjs", "ts", "tsx", "jsx", "css", "scss", "html", "json", "md", "py", "go", "rs",
	"java", "class", "yml", "yaml", "xml", "txt", "pdf", "zip", "tgz", "service", "local", "localhost", "internal", "lan", "example", "test", "invalid"}

// email opens the window after an at sign.
func (st *Stream) email(at int) {
	if !localSet[st.at(at-1)] {
		return
	}
	st.open(job{judge: judgeEmail, set: domainSet, start: at, end: at + 1, limit: at + 255})
}

func judgeEmail(st *Stream, j job) {
	domain := st.text(j.start+1, j.end)
	n := domainLength(domain)
	if n == 0 {
		return
	}
	start := j.start
	for start > j.start-64 && localSet[st.at(start-1)] {
		start--
	}
	for start < j.start && !alnum(st.at(start)) {
		start++ // a sign before the address is none of it
	}
	local := st.text(start, j.start)
	if len(local) == 0 || local[len(local)-1] == '.' || bytes.Contains(local, []byte("..")) || notMail(st, local, start, j.start+1+n) {
		return
	}
	st.found(FamilyPersonal, "email", start, j.start+1+n)
}

// domainLength is how many bytes at the beginning are a host name with a top-level domain of letters, 0 if none are.
func domainLength(b []byte) int {
	b = bytes.TrimRight(b, ".-")
	labels := bytes.Split(b, []byte("."))
	last := labels[len(labels)-1]
	if len(labels) < 2 || len(last) < 2 || len(last) > 24 || count(last, letter) != len(last) && !bytes.HasPrefix(last, []byte("xn--")) {
		return 0
	}
	if slices.Contains(notDomains, strings.ToLower(string(last))) {
		return 0
	}
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return 0
		}
	}
	return len(b)
}

// notMail tells addresses of machines and documentation apart: git@host:path, user:password@host, domains reserved for examples.
func notMail(st *Stream, local []byte, start, end int) bool {
	domain := strings.ToLower(string(st.text(start+len(local)+1, end)))
	for _, d := range []string{"example.com", "example.org", "example.net", "example.edu"} {
		if domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	switch strings.ToLower(string(local)) {
	case "git", "noreply", "no-reply", "donotreply":
		return true
	}
	if st.at(end) == ':' && st.at(end+1) > ' ' && !digit(st.at(end+1)) {
		return true // scp: user@host:path
	}
	before := st.text(start-48, start)
	for _, command := range []string{"ssh ", "scp ", "sftp ", "rsync "} {
		if bytes.Contains(before, []byte(command)) {
			return true // user@host
		}
	}
	for i := start - 1; i > start-100 && st.at(i) > ' '; i-- {
		if st.at(i) == '/' && st.at(i-1) == '/' && st.at(i-2) == ':' {
			return true
		}
	}
	return false
}
