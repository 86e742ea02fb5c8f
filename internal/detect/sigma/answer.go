package sigma

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// answer answers an atom, of the whole record once.
func (m *Matcher) answer(i, elem int32) bool {
	if elem >= 0 {
		return m.ask(&m.set.atoms[i], elem)
	}
	if m.answers[i]>>1 == m.round {
		return m.answers[i]&1 == 1
	}
	yes := m.ask(&m.set.atoms[i], -1)
	m.answers[i] = m.round << 1
	if yes {
		m.answers[i]++
	}
	return yes
}

func (m *Matcher) ask(a *atom, elem int32) bool {
	switch a.kind {
	case atomBefore:
		return m.Recorded() < a.until
	case atomCalendar:
		return m.set.calendars[a.calendar].Covers(time.UnixMilli(m.Time()).UTC())
	}
	null := a.kind == atomTest && a.test.op == testNull
	for i := m.first[a.slot]; i >= 0; i = m.values[i].next {
		v := &m.values[i]
		if elem >= 0 && v.elem != elem {
			continue
		}
		switch {
		case v.kind == valueNull:
			if a.kind == atomTest && a.test.op == testExists {
				return true
			}
		case null:
			return false
		case a.kind == atomOneOf:
			if a.texts[v.fold()] {
				return true
			}
		case a.other >= 0:
			if m.refers(a, v, elem) {
				return true
			}
		case a.test.holds(v, a.part):
			return true
		}
	}
	return null
}

// refers compares a value with those of another field.
func (m *Matcher) refers(a *atom, v *value, elem int32) bool {
	for i := m.first[a.other]; i >= 0; i = m.values[i].next {
		w := &m.values[i]
		if w.kind == valueNull || elem >= 0 && w.elem >= 0 && w.elem != elem {
			continue
		}
		t := test{op: a.test.op, cased: a.test.cased, text: w.text}
		if !t.cased {
			t.text = w.fold()
		}
		if t.op >= testLess && t.op <= testGreaterEqual {
			var ok bool
			if t.number, ok = number(w.text); !ok {
				continue
			}
		}
		if t.holds(v, "") {
			return true
		}
	}
	return false
}

// holds compares a value that is not null.
func (t *test) holds(v *value, part timePart) bool {
	switch t.op {
	case testExists, testAny:
		return true
	case testNumber, testLess, testLessEqual, testGreater, testGreaterEqual:
		return t.compares(v, part)
	case testRegexp:
		return t.re.MatchString(v.text)
	case testCIDR:
		a, err := netip.ParseAddr(v.text)
		return err == nil && t.net.Contains(a.Unmap().WithZone(""))
	}
	text := v.text
	if !t.cased {
		text = v.fold()
	}
	switch t.op {
	case testEqual:
		return text == t.text
	case testPrefix:
		return strings.HasPrefix(text, t.text)
	case testSuffix:
		return strings.HasSuffix(text, t.text)
	case testContains:
		return strings.Contains(text, t.text)
	case testGlob:
		return t.glob.matches(text)
	}
	return false
}

func (t *test) compares(v *value, part timePart) bool {
	var f float64
	var ok bool
	if part != "" {
		f, ok = part.of(v.text)
	} else {
		f, ok = number(v.text)
	}
	if !ok {
		return false
	}
	switch t.op {
	case testNumber:
		return f == t.number
	case testLess:
		return f < t.number
	case testLessEqual:
		return f <= t.number
	case testGreater:
		return f > t.number
	}
	return f >= t.number
}

// number reads a decimal number, and nothing else that strconv would take.
func number(s string) (float64, bool) {
	if s == "" || len(s) > 64 || strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }) >= 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// of takes a part out of a date, in UTC. A week is that of ISO 8601.
func (p timePart) of(s string) (float64, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	t = t.UTC()
	switch p {
	case "minute":
		return float64(t.Minute()), true
	case "hour":
		return float64(t.Hour()), true
	case "day":
		return float64(t.Day()), true
	case "week":
		_, w := t.ISOWeek()
		return float64(w), true
	case "month":
		return float64(t.Month()), true
	}
	return float64(t.Year()), true
}
