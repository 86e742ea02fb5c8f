package sigma

import "strings"

// Wildcards in a pattern, as runes that stand in no YAML text.
const (
	anyText rune = -1 // *
	anyChar rune = -2 // ?
)

// pattern is a text with wildcards.
type pattern []rune

// parsePattern reads Sigma's escapes: a backslash makes a wildcard or a backslash behind it plain, and is plain itself before
// anything else.
func parsePattern(s string) pattern {
	runes := []rune(s)
	p := make(pattern, 0, len(runes))
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case r == '\\' && i+1 < len(runes) && strings.ContainsRune(`\*?`, runes[i+1]):
			i++
			p = append(p, runes[i])
		case r == '*':
			if len(p) == 0 || p[len(p)-1] != anyText {
				p = append(p, anyText)
			}
		case r == '?':
			p = append(p, anyChar)
		default:
			p = append(p, r)
		}
	}
	return p
}

// plain is the text of a pattern without wildcards.
func (p pattern) plain() (string, bool) {
	for _, r := range p {
		if r < 0 {
			return "", false
		}
	}
	return string(p), true
}

// open puts a wildcard before or behind.
func (p pattern) open(before, behind bool) pattern {
	q := make(pattern, 0, len(p)+2)
	if before && (len(p) == 0 || p[0] != anyText) {
		q = append(q, anyText)
	}
	q = append(q, p...)
	if behind && (len(q) == 0 || q[len(q)-1] != anyText) {
		q = append(q, anyText)
	}
	return q
}

// test is the comparison that a pattern stands for.
func (p pattern) test(cased bool) test {
	t := test{cased: cased}
	inner := p
	before := len(inner) > 0 && inner[0] == anyText
	if before {
		inner = inner[1:]
	}
	behind := len(inner) > 0 && inner[len(inner)-1] == anyText
	if behind {
		inner = inner[:len(inner)-1]
	}
	text, plain := inner.plain()
	if !cased {
		text = strings.ToLower(text)
	}
	t.text = text
	switch {
	case !plain:
		t.op, t.text, t.glob = testGlob, "", p.folded(cased)
	case before && text == "":
		t.op = testAny
	case before && behind:
		t.op = testContains
	case before:
		t.op = testSuffix
	case behind:
		t.op = testPrefix
	default:
		t.op = testEqual
	}
	return t
}

func (p pattern) folded(cased bool) pattern {
	if cased {
		return p
	}
	q := make(pattern, 0, len(p))
	for _, r := range p {
		if r < 0 {
			q = append(q, r)
			continue
		}
		q = append(q, []rune(strings.ToLower(string(r)))...)
	}
	return q
}

// matches reports whether a whole text fits the pattern, in time of at most their lengths multiplied.
func (p pattern) matches(s string) bool {
	text := []rune(s)
	i, j := 0, 0
	star, from := -1, 0
	for i < len(text) {
		switch {
		case j < len(p) && (p[j] == anyChar || p[j] == text[i]):
			i++
			j++
		case j < len(p) && p[j] == anyText:
			star, from = j, i
			j++
		case star >= 0:
			from++
			i, j = from, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j] == anyText {
		j++
	}
	return j == len(p)
}

// literal is the longest plain part of a pattern.
func (p pattern) literal() string {
	var best, now []rune
	for _, r := range p {
		if r < 0 {
			now = nil
			continue
		}
		if now = append(now, r); len(now) > len(best) {
			best = now
		}
	}
	return string(best)
}
