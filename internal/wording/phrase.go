package wording

import "strings"

// phrase is what a record says, ready to be put together with or without who did it.
type phrase struct {
	verb   string // in the past: "turned"
	object string // "single sign-on"; "" where the verb is used without one
	rest   string // "off"
	plural bool   // of the object
	clause string // a whole clause of its own, which names no account: "a directory resync failed"
	ends   bool   // it says how it ended
}

// parse reads a template:
//
//	verb|object|rest   what an account did: "turned|single sign-on|off"; the object begins with * where it is plural
//	verb               without an object: "signed out"
//	=clause            what happened, whoever is named beside it: "=a directory resync failed"
//	!…                 the same, saying itself how it ended
//
// with {name|name} for the first of these values that the record has (see fill), and […] for a part that is left out where
// none of its values is there.
func parse(template string, v values) phrase {
	template, ends := strings.CutPrefix(template, "!")
	p := phrase{ends: ends}
	if clause, ok := strings.CutPrefix(template, "="); ok {
		p.clause = fill(clause, v)
		return p
	}
	// Filled piece by piece: a recorded name must not be taken for a part of the template.
	verb, rest, _ := cutOutside(template)
	object, rest, _ := cutOutside(rest)
	object, p.plural = strings.CutPrefix(object, "*")
	p.verb, p.object, p.rest = fill(verb, v), fill(object, v), fill(rest, v)
	return p
}

// cutOutside cuts at the first | that stands in no braces.
func cutOutside(s string) (before, after string, found bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '|':
			if depth == 0 {
				return s[:i], s[i+1:], true
			}
		}
	}
	return s, "", false
}

// stands reports whether the phrase is a clause of its own.
func (p phrase) stands() bool { return p.clause != "" }

// active is the phrase behind a subject.
func (p phrase) active() string {
	if p.stands() {
		return p.clause
	}
	return spaced(p.verb, p.object, p.rest)
}

// alone is the phrase where no account is named.
func (p phrase) alone() string {
	switch {
	case p.stands():
		return p.clause
	case p.object == "":
		return spaced("an account", p.verb, p.rest)
	}
	be := "was"
	if p.plural {
		be = "were"
	}
	return spaced(p.object, be, participle(p.verb), p.rest)
}

// participle is the passive form of a verb in the past.
func participle(verb string) string {
	first, rest, more := strings.Cut(verb, " ")
	if more {
		rest = " " + rest
	}
	switch first {
	case "failed": // "failed to open" → "not opened"
		if to, ok := strings.CutPrefix(rest, " to "); ok {
			return "not " + participle(past(to))
		}
	case "gave":
		first = "given"
	case "took":
		first = "taken"
	case "saw":
		first = "seen"
	case "withdrew":
		first = "withdrawn"
	case "began":
		first = "begun"
	case "wrote":
		first = "written"
	case "ran":
		first = "run"
	case "chose":
		first = "chosen"
	}
	return first + rest
}

// past is the past of the few verbs that are used as infinitives.
func past(verb string) string {
	switch {
	case verb == "open", verb == "end":
		return verb + "ed"
	case strings.HasSuffix(verb, "e"):
		return verb + "d"
	case strings.HasSuffix(verb, "y"):
		return strings.TrimSuffix(verb, "y") + "ied"
	}
	return verb + "ed"
}

func spaced(words ...string) string {
	var b strings.Builder
	for _, w := range words {
		if w == "" {
			continue
		}
		if b.Len() > 0 && w[0] != ',' && w[0] != ':' {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}
