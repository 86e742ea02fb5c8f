package export

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Plain makes recorded text safe to show on a terminal or in a table: what would move the cursor, change colours, end the
// line or turn the reading direction is shown as its code, and so are bytes that are no UTF-8.
func Plain(s string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, acts) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case acts(r):
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// acts reports whether a character does something other than show itself.
func acts(r rune) bool { return !audit.Inert(r) }

// PlainLines is Plain for text of several lines.
func PlainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = Plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// defuse keeps a spreadsheet from running what was recorded: a cell that would be read as a formula starts with an
// apostrophe (https://owasp.org/www-community/attacks/CSV_Injection). Some programs drop blanks in front, and read the
// full-width forms as the others.
func defuse(cell string) string {
	if bare := strings.TrimLeftFunc(cell, blank); bare != "" && strings.ContainsAny(firstRune(bare), "=+-@＝＋－＠") || startsWithBreak(cell) {
		return "'" + Plain(cell)
	}
	return Plain(cell)
}

func startsWithBreak(s string) bool { return s != "" && strings.ContainsRune("\t\r\n", rune(s[0])) }

func firstRune(s string) string {
	_, size := utf8.DecodeRuneInString(s)
	return s[:size]
}

// blank is what a program may drop in front of a cell: space, and all that shows nothing.
func blank(r rune) bool { return unicode.IsSpace(r) || r != utf8.RuneError && acts(r) }
