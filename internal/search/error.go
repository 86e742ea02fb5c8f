package search

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// QueryError says what is wrong with a query and where.
type QueryError struct {
	Query   string
	Offset  int // of the first wrong byte
	Length  int // bytes that are wrong, at least 1 in the drawing
	Message string
}

// Error is one line; the position counts characters from 1.
func (e *QueryError) Error() string {
	return fmt.Sprintf("query, character %d: %s", utf8.RuneCountInString(e.Query[:e.Offset])+1, e.Message)
}

// Caret draws the query and, on a second line, carets under what is wrong.
func (e *QueryError) Caret() string {
	line := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, e.Query)
	end := min(e.Offset+e.Length, len(e.Query))
	marks := max(1, utf8.RuneCountInString(e.Query[e.Offset:end]))
	return line + "\n" + strings.Repeat(" ", utf8.RuneCountInString(e.Query[:e.Offset])) + strings.Repeat("^", marks)
}
