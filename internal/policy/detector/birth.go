package detector

import "strings"

// birth finds dates of birth: a date right after words that say so.
func birth(n *number) int {
	if !n.context.says(saysBirth) || n.context.gap > 24 || n.context.far {
		return 0
	}
	w := n.window
	switch g := n.groups; {
	case len(g) >= 3 && g[0].size == 4 && g[1].sep == g[2].sep && g[1].size == 2 && g[2].size == 2:
		d := n.digits
		if plausibleYear(value(d[:4])) && date(value(d[6:8]), value(d[4:6])) && !word(n.st.at(n.start+g[2].end)) || n.stamped(g[2].end) {
			return g[2].end
		}
	case len(g) >= 3 && g[0].size <= 2 && g[1].size <= 2 && g[2].size == 4 && g[1].sep == g[2].sep:
		a, b := value(n.digits[:g[0].size]), value(n.digits[g[0].size:g[0].size+g[1].size])
		year := value(n.digits[g[0].size+g[1].size : g[0].size+g[1].size+4])
		if plausibleYear(year) && (date(a, b) || date(b, a)) && !word(n.st.at(n.start+g[2].end)) {
			return g[2].end
		}
	case len(g) >= 1 && g[0].size <= 2:
		return written(w, g[0].end)
	}
	return 0
}

// stamped says whether a date of ISO 8601 is followed by a time.
func (n *number) stamped(end int) bool {
	d := n.digits
	return n.st.at(n.start+end) == 'T' && plausibleYear(value(d[:4])) && date(value(d[6:8]), value(d[4:6]))
}

func plausibleYear(y int) bool { return y >= 1900 && y <= 2030 }

// months are the beginnings of the names of months in several languages.
var months = []string{"jan", "feb", "fév", "mar", "mär", "apr", "avr", "abr", "may", "mai", "mag", "mei", "jun", "juin", "giu", "jul", "juil", "lug", "aug", "août", "ago",
	"sep", "set", "oct", "okt", "ott", "nov", "dec", "déc", "dez", "dic", "ene", "gen"}

// written is how long a date such as "12 March 1984", "12. März 1984" or "12, 1984" (after the month) is, 0 if it is none.
func written(w []byte, end int) int {
	i := end
	for i < len(w) && (w[i] == '.' || w[i] == ',' || w[i] == ' ' || w[i] == 's' || w[i] == 't' || w[i] == 'h' || w[i] == 'n' || w[i] == 'r' || w[i] == 'd') && i < end+4 {
		i++
	}
	begin := i
	for i < len(w) && (letter(w[i]) || w[i] >= 0x80) {
		i++
	}
	if i > begin && !isMonth(string(w[begin:i])) {
		return 0
	}
	for i < len(w) && (w[i] == ' ' || w[i] == '.' || w[i] == ',') {
		i++
	}
	if i+4 > len(w) || count(w[i:i+4], digit) != 4 || i+4 < len(w) && word(w[i+4]) {
		return 0
	}
	v := 0
	for _, c := range w[i : i+4] {
		v = v*10 + int(c-'0')
	}
	if !plausibleYear(v) {
		return 0
	}
	return i + 4
}

func isMonth(name string) bool {
	name = strings.ToLower(name)
	for _, m := range months {
		if strings.HasPrefix(name, m) {
			return true
		}
	}
	return false
}
