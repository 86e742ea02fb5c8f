package page

import (
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// MaxShown bounds, in characters, a recorded value on a page; the record's source form has it whole.
const MaxShown = 400

// Shown makes a recorded value safe to show as the content of an element: isolated from the reading direction around it,
// markup escaped, characters that would act or hide shown as their codes, cut at MaxShown.
func Shown(s string) template.HTML { return ShownUpTo(s, MaxShown) }

// ShownUpTo is Shown with a bound of its own, in characters.
func ShownUpTo(s string, most int) template.HTML {
	var b strings.Builder
	b.Grow(len(s) + len(s)/8 + 16)
	b.WriteString("<bdi>")
	rest := walk(s, most, func(r rune, code string) {
		if code != "" {
			b.WriteString(`<span class="code">` + code + `</span>`)
		} else if r < utf8.RuneSelf {
			b.WriteString(html.EscapeString(string(r)))
		} else {
			b.WriteRune(r)
		}
	})
	b.WriteString("</bdi>")
	if rest > 0 {
		b.WriteString(`<span class="cut" title="cut for display">… ` + Count(int64(len(s))) + " bytes</span>")
	}
	return template.HTML(b.String())
}

// Plain is Shown for places that hold text alone: attributes, titles.
func Plain(s string) string {
	var b strings.Builder
	rest := walk(s, MaxShown, func(r rune, code string) {
		if code != "" {
			b.WriteString("‹" + code + "›")
		} else {
			b.WriteRune(r)
		}
	})
	if rest > 0 {
		b.WriteString("…")
	}
	return b.String()
}

// walk calls emit for each of the first characters, with a code where it must not stand as it is, and returns how many
// bytes are left behind the bound.
func walk(s string, most int, emit func(r rune, code string)) (rest int) {
	at := 0
	for n := 0; at < len(s) && n < most; n++ {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			emit(r, fmt.Sprintf("%02X", s[at]))
		case r == '\n':
			emit(r, "↵")
		case r == '\t':
			emit(r, "⇥")
		case !audit.Inert(r):
			emit(r, fmt.Sprintf("U+%04X", r))
		default:
			emit(r, "")
		}
		at += size
	}
	return len(s) - at
}
