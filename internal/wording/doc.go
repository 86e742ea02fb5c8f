// Package wording puts a record into one plain sentence: "dana@example.com turned single sign-on off".
//
// Sentences are made from data: a template for the types that have one (activity.go, administration.go, client.go …), a
// grammar over the names of all others (grammar.go), the bare words of the name where neither applies. They name what the
// record itself carries: identifiers, roles, settings, names of tools; never content, which no record holds. They say what
// was recorded about an account, never what a person did.
//
// Names in a sentence are as the source sent them, shortened: who prints one on a terminal or page must make it inert, as
// any recorded text. Everything here is a pure function of the record, holds no state and is safe for concurrent use; the
// wording may change between versions, so nothing may parse it.
package wording

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Sentence says who did what. Who only a client names is said to be asserted.
func Sentence(r *audit.Record) string {
	p := phraseOf(r)
	name, asserted := r.Account.Telling()
	if name == "" {
		return capital(p.alone()) + ending(r, p)
	}
	if name = cut(name); asserted {
		name += " (asserted)"
	}
	if p.stands() {
		return name + ": " + p.alone() + ending(r, p)
	}
	return name + " " + p.active() + ending(r, p)
}

// Deed says what was done, for where the account stands beside it: "Turned single sign-on off".
func Deed(r *audit.Record) string {
	p := phraseOf(r)
	return capital(p.active()) + ending(r, p)
}

// ending says that it came to nothing, where the phrase itself does not.
func ending(r *audit.Record, p phrase) string {
	switch {
	case p.ends:
		return ""
	case r.Outcome == audit.OutcomeDenied:
		return ", which was denied"
	case r.Outcome == audit.OutcomeFailure:
		return ", which failed"
	}
	return ""
}

// capital begins a sentence. What begins with a name keeps it as it is.
func capital(s string) string {
	c, n := utf8.DecodeRuneInString(s)
	if word, _, _ := strings.Cut(s, " "); strings.ContainsAny(word, "@_./0123456789") {
		return s
	}
	return string(unicode.ToUpper(c)) + s[n:]
}

// longest is how many bytes of a recorded name a sentence shows.
const longest = 80

func cut(s string) string {
	if len(s) <= longest {
		return s
	}
	n := longest
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
