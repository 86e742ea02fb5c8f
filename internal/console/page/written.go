package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Bounds of content on a page: what is shown at once, and what a fold holds behind it.
const (
	writtenFirst = 4_000   // characters
	writtenLines = 60      // line ends within those
	writtenMost  = 512_000 // bytes in all
)

// Written is a text as pages show content: a beginning, the rest of it folded, and how much was left out behind that.
type Written struct {
	First, Rest string
	RestBytes   int64
	Left        int64 // bytes
}

// NewWritten divides a text. A value that its source sent as a structure is indented where it is JSON.
func NewWritten(text []byte, structure bool) Written {
	var w Written
	if len(text) > writtenMost {
		cut := writtenMost
		for cut > writtenMost-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		w.Left = int64(len(text) - cut)
		text = text[:cut]
	} else if structure {
		var b bytes.Buffer
		if json.Indent(&b, text, "", "  ") == nil && b.Len() <= 2*writtenMost {
			text = b.Bytes()
		}
	}
	end := beginning(text)
	w.First, w.Rest, w.RestBytes = string(text[:end]), string(text[end:]), int64(len(text)-end)
	return w
}

// beginning is how many bytes are shown at once: whole lines where there are some. A short rest is not worth a fold.
func beginning(text []byte) int {
	at, lines, lastLine := 0, 0, 0
	for n := 0; at < len(text); n++ {
		r, size := utf8.DecodeRune(text[at:])
		at += size
		if r == '\n' {
			lines, lastLine = lines+1, at
		}
		if n+1 >= writtenFirst || lines >= writtenLines {
			break
		}
	}
	switch {
	case len(text)-at < writtenFirst/10 && lines < writtenLines:
		return len(text)
	case lastLine > at/2:
		return lastLine
	}
	return at
}

// Inert makes content safe to show as the content of a pre element: markup is escaped, line ends and tabs stand, any other
// character that would act or hide is shown as its code, as is a byte that is no UTF-8.
func Inert(s string) template.HTML {
	var b strings.Builder
	b.Grow(len(s) + len(s)/8 + 16)
	for at := 0; at < len(s); {
		r, size := utf8.DecodeRuneInString(s[at:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `<span class="code">%02X</span>`, s[at])
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == '\r' && strings.HasPrefix(s[at+1:], "\n"): // a line end of another system
		case !audit.Inert(r):
			fmt.Fprintf(&b, `<span class="code">U+%04X</span>`, r)
		case r < utf8.RuneSelf:
			b.WriteString(html.EscapeString(string(r)))
		default:
			b.WriteRune(r)
		}
		at += size
	}
	return template.HTML(b.String())
}
