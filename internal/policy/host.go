package policy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// mostHosts is how many destinations of one event are looked at. One with more is not judged wholly, so that nobody hides
// one behind many.
const mostHosts = 4096

// hosts gathers the destinations that are named in arguments and text, each once, as browsers and tools would read them:
// lower case, without user, port and trailing dots, numbers of any form as addresses.
type hosts struct {
	list []string
	seen map[string]bool
	over bool // there were more
}

func (h *hosts) add(name string) {
	name = plainHost(name)
	if name == "" || h.seen[name] {
		return
	}
	if len(h.list) == mostHosts {
		h.over = true
		return
	}
	if h.seen == nil {
		h.seen = map[string]bool{}
	}
	h.seen[name] = true
	h.list = append(h.list, name)
}

// hostNames are names of arguments whose whole value may be a host.
func hostNames() []string {
	return []string{"url", "uri", "href", "host", "hostname", "domain", "server", "endpoint", "address", "origin", "webhook", "webhook_url", "remote", "target_url", "base_url"}
}

// arguments takes the destinations in a tool call's arguments, a shell command included.
func (h *hosts) arguments(args map[string]any, command string) {
	walk(args, func(name, s string) {
		h.text(s)
		if slices.Contains(hostNames(), strings.ToLower(name)) && !strings.Contains(s, "://") {
			h.bare(s)
		}
	})
	h.command(command)
}

// text takes what stands after "://" and what looks like user@host:path.
func (h *hosts) text(s string) {
	for rest := s; ; {
		i := strings.Index(rest, "://")
		if i < 0 {
			break
		}
		rest = rest[i+len("://"):]
		h.add(authority(rest))
	}
	for rest := s; ; {
		i := strings.IndexByte(rest, '@')
		if i < 0 {
			break
		}
		before := i > 0 && (isWord(rest[i-1]) || rest[i-1] == '.')
		rest = rest[i+1:]
		name := authority(rest)
		if host, path, is := strings.Cut(name, ":"); before && is && path != "" && strings.Contains(host, ".") {
			h.add(host)
		}
	}
}

// bare takes a whole value that is a host, perhaps with port and path.
func (h *hosts) bare(s string) {
	if name := authority(strings.TrimPrefix(strings.TrimSpace(s), "//")); looksLikeHost(plainHost(name)) {
		h.add(name)
	}
}

// reaching are commands whose words may be hosts.
func reaching() []string {
	return []string{"curl", "wget", "nc", "ncat", "netcat", "socat", "telnet", "ssh", "scp", "sftp", "rsync", "ftp", "ping", "dig", "nslookup", "host",
		"http", "https", "xh", "aria2c", "invoke-webrequest", "iwr", "invoke-restmethod", "irm", "test-netconnection", "openssl"}
}

// command takes the words of commands that reach out.
func (h *hosts) command(s string) {
	for s != "" {
		i := strings.IndexAny(s, ";|&\n()")
		part := s
		if i < 0 {
			s = ""
		} else {
			part, s = s[:i], s[i+1:]
		}
		words := strings.Fields(part)
		if !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(reaching(), strings.ToLower(baseName(w))) }) {
			h.devices(words)
			continue
		}
		for _, w := range words {
			if strings.Contains(w, "://") || strings.HasPrefix(w, "-") {
				continue
			}
			h.bare(w[strings.LastIndexByte(w, '@')+1:])
		}
		h.devices(words)
	}
}

// devices takes hosts of the shell's own connections: /dev/tcp/HOST/PORT.
func (h *hosts) devices(words []string) {
	for _, w := range words {
		for _, device := range []string{"/dev/tcp/", "/dev/udp/"} {
			if _, rest, is := strings.Cut(w, device); is {
				h.add(authority(rest))
			}
		}
	}
}

// authority is what stands before the path of a URL whose scheme is cut off.
func authority(s string) string {
	if end := strings.IndexAny(s, "/?#\\ \t\r\n\"'`<>(){}|;,"); end >= 0 {
		s = s[:end]
	}
	return s
}

// plainHost is a host as tools read it, or "" where it is none.
func plainHost(s string) string {
	s = s[strings.LastIndexByte(s, '@')+1:]
	if rest, is := strings.CutPrefix(s, "["); is {
		s, _, _ = strings.Cut(rest, "]")
		if addr, err := netip.ParseAddr(s); err == nil {
			return addr.Unmap().WithZone("").String()
		}
		return ""
	}
	s, _, _ = strings.Cut(s, ":")
	s = strings.Map(plainRune, s)
	s = strings.Trim(s, ".")
	if len(s) > 253 {
		return ""
	}
	if addr, is := numericHost(s); is {
		return addr
	}
	return s
}

// plainRune folds what browsers fold: case, full-width letters and the other full stops.
func plainRune(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r + 'a' - 'A'
	case r == '。' || r == '．' || r == '｡':
		return '.'
	case '！' <= r && r <= '～':
		return plainRune(r - '！' + '!')
	case r == '\u00ad' || r == '\u200b' || r == '\u2060' || r == '\ufeff':
		return -1
	}
	return r
}

// numericHost reads the forms of an IPv4 address that tools take: 169.254.169.254, 2852039166, 0xA9FEA9FE, 0251.0376.0251.0376.
func numericHost(s string) (string, bool) {
	parts := strings.Split(s, ".")
	if s == "" || len(parts) > 4 {
		return "", false
	}
	var value uint64
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 0, 32) // 0x and 0 as in C
		if err != nil || strings.ContainsAny(p, "_obOB") {
			return "", false
		}
		if last := i == len(parts)-1; last {
			if n >= 1<<(8*(5-len(parts))) {
				return "", false
			}
			value = value<<(8*(5-len(parts))) | n
		} else if n > 255 {
			return "", false
		} else {
			value = value<<8 | n
		}
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}).String(), true
}

// looksLikeHost tells a host from a file or a word: an address, localhost, or a name whose last part has letters only.
func looksLikeHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil || s == "localhost" {
		return true
	}
	i := strings.LastIndexByte(s, '.')
	if i <= 0 || len(s)-i-1 < 2 {
		return false
	}
	for _, r := range s {
		if r < 0x80 && r != '.' && !isWord(byte(r)) {
			return false
		}
	}
	return strings.HasPrefix(s[i+1:], "xn--") || !strings.ContainsAny(s[i+1:], "0123456789_-")
}

// hostSet answers whether a host is on a list. An entry is a name, which stands for itself and all below it, or a network.
type hostSet struct {
	names    map[string]bool
	prefixes []netip.Prefix
}

func newHostSet(entries []string) *hostSet {
	s := &hostSet{names: map[string]bool{}}
	for _, e := range entries {
		if p, err := netip.ParsePrefix(e); err == nil {
			s.prefixes = append(s.prefixes, p)
			continue
		}
		if addr, err := netip.ParseAddr(e); err == nil { // of version 6 too, whose colons are no port
			s.names[addr.Unmap().String()] = true
			continue
		}
		s.names[plainHost(strings.TrimPrefix(e, "*."))] = true
	}
	return s
}

func (s *hostSet) has(host string) bool {
	host = plainHost6(host)
	if addr, err := netip.ParseAddr(host); err == nil {
		return s.names[host] || slices.ContainsFunc(s.prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
	for name := host; name != ""; {
		if s.names[name] {
			return true
		}
		_, name, _ = strings.Cut(name, ".")
	}
	return false
}

// plainHost6 is plainHost for one that may be an address of version 6 without brackets, as hosts lists them.
func plainHost6(s string) string {
	if addr, err := netip.ParseAddr(s); err == nil {
		return addr.Unmap().WithZone("").String()
	}
	return plainHost(s)
}
