package sigma

import (
	"strings"
	"time"
)

// tripod reads what the key `tripod` adds.
func (p *parsing) tripod(into *Tripod) func(*entry) {
	return func(e *entry) {
		into.at = map[string]place{}
		read := map[string]func(*entry){
			"why": p.str(&into.Why), "benign": p.list(&into.Benign), "respond": p.list(&into.Respond), "sources": p.list(&into.Sources),
			"controls": p.list(&into.Controls), "group": p.list(&into.Group), "sentence": p.str(&into.Sentence),
			"inside": p.list(&into.Inside), "outside": p.list(&into.Outside), "exceptions": p.exceptions(&into.Exceptions),
			"known": p.flag(&into.Known), "warmup": p.timespan(&into.Warmup),
		}
		for name, fn := range read {
			read[name] = func(e *entry) {
				into.at[name] = e.value.at()
				fn(e)
			}
		}
		p.fields(e.value, "tripod", read)
	}
}

// exceptions reads maps that each have a reason, an end, and a detection or one selection under `when`.
func (p *parsing) exceptions(into *[]Exception) func(*entry) {
	return func(e *entry) {
		if e.value.kind != kindList {
			p.errorf(e.value.at(), "exceptions must be a list, it is %s", e.value.kind)
			return
		}
		for _, item := range e.value.items {
			x := Exception{at: item.at()}
			var until string
			p.fields(item, "an exception", map[string]func(*entry){
				"reason": p.str(&x.Reason), "until": p.date(&until),
				"when": func(e *entry) {
					if e.value.kind == kindMap && e.value.get("condition") != nil {
						x.detection = p.detection(e.value, nil)
						return
					}
					whole := &node{kind: kindMap, line: e.line, col: e.col, entries: []entry{
						{key: "when", line: e.line, col: e.col, value: e.value},
						{key: "condition", line: e.line, col: e.col, value: &node{kind: kindString, text: "when", line: e.line, col: e.col}},
					}}
					x.detection = p.detection(whole, nil)
				},
			})
			x.Until, _ = time.Parse(time.DateOnly, until)
			if strings.TrimSpace(x.Reason) == "" || until == "" || item.get("when") == nil {
				p.errorf(item.at(), "an exception needs a reason, a date until which it holds, and what it is about (when)")
			}
			*into = append(*into, x)
		}
	}
}

// timespan reads a number with its unit: 90s, 15m, 24h, 30d.
func (p *parsing) timespan(into *time.Duration) func(*entry) {
	return func(e *entry) {
		d, ok := parseTimespan(e.value.text)
		if !e.value.scalar() || !ok {
			p.errorf(e.value.at(), "%s is %q: it must be a whole number above 0 with s, m, h or d, at most 366d", e.key, e.value.text)
			return
		}
		*into = d
	}
}

func parseTimespan(s string) (time.Duration, bool) {
	if len(s) < 2 {
		return 0, false
	}
	unit, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[len(s)-1]]
	if !ok {
		return 0, false
	}
	var n time.Duration
	for _, c := range []byte(s[:len(s)-1]) {
		if c < '0' || c > '9' || n > 1e9 {
			return 0, false
		}
		n = n*10 + time.Duration(c-'0')
	}
	const longest = 366 * 24 * time.Hour
	if n == 0 || n > longest/unit {
		return 0, false
	}
	return n * unit, true
}
