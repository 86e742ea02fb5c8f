package detector

import (
	"embed"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed destinations/*.yaml
var hostFiles embed.FS

// hostList is one kind of destination that is known by name: one file in destinations/.
type hostList struct {
	ID    string   `yaml:"id"`
	Title string   `yaml:"title"`
	Hosts []string `yaml:"hosts"` // names, which stand for what is below them too, and addresses
}

func loadHosts() ([]*hostList, error) {
	var lists []*hostList
	err := eachFile(hostFiles, "destinations", func(id string, text []byte) error {
		l := &hostList{}
		if err := yaml.UnmarshalWithOptions(text, l, yaml.Strict()); err != nil {
			return err
		}
		if l.ID != id || l.Title == "" || len(l.Hosts) == 0 {
			return fmt.Errorf("its id is %q: a list is named as its file, and has a title and hosts", l.ID)
		}
		for _, h := range l.Hosts {
			if h != strings.ToLower(h) || !strings.Contains(h, ".") {
				return fmt.Errorf("%q is no host in lower case", h)
			}
		}
		lists = append(lists, l)
		return nil
	})
	return lists, err
}

// judgeHost finds a host of a list, with what stands before it in the name.
func judgeHost(st *Stream, j job) {
	end := j.start + int(j.hit.length)
	if c := st.at(end); alnum(c) || c == '-' || c == '_' || c == '.' && alnum(st.at(end+1)) {
		return
	}
	start := j.start
	if c := st.at(start - 1); c == '.' {
		for start > j.start-100 && domainSet[st.at(start-1)] {
			start--
		}
		for start < j.start && !alnum(st.at(start)) {
			start++
		}
	} else if word(c) || c == '-' {
		return
	}
	st.found(FamilyDestination, st.set.hosts[j.hit.id].ID, start, end)
}

// judgeOnion finds addresses of the Tor network: 56 characters of base 32.
func judgeOnion(st *Stream, j job) {
	start := j.start
	for start > j.start-57 && (letter(st.at(start-1)) || st.at(start-1) >= '2' && st.at(start-1) <= '7') {
		start--
	}
	if j.start-start == 56 && !word(st.at(j.start+len(".onion"))) {
		st.found(FamilyDestination, "onion", start, j.start+len(".onion"))
	}
}

// commands are followed by a host they talk to.
var commands = []string{"curl ", "wget ", "ssh ", "scp ", "sftp ", "rsync ", "nc ", "ncat ", "netcat ", "telnet ", "ping ", "dig ", "nslookup ", "ftp "}

// judgeCommand finds the host in a command that talks to one, when it is no URL.
func judgeCommand(st *Stream, j job) {
	if !st.leftEdge(j.start, true) {
		return
	}
	window := st.text(j.start, j.end)
	for i := int(j.hit.length); i < len(window); {
		for i < len(window) && indexByte(" \t'\"`", window[i]) >= 0 {
			i++
		}
		begin := i
		for i < len(window) && indexByte(" \t'\"`|;&>", window[i]) < 0 {
			i++
		}
		if i == begin || i == len(window) && j.end == j.limit {
			return
		}
		word := window[begin:i]
		if word[0] == '-' || indexByte("/.~$", word[0]) >= 0 {
			continue
		}
		if strings.Contains(string(word), "://") {
			return
		}
		for k, c := range word {
			if c == '@' {
				begin += k + 1
				word = word[k+1:]
				break
			}
		}
		name := 0
		for name < len(word) && domainSet[word[name]] {
			name++
		}
		if n := domainLength(word[:name]); n == name && n > 0 {
			st.found(FamilyDestination, "host", j.start+begin, j.start+begin+n)
			return
		}
	}
}
