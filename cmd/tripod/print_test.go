package main

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
)

// TestRecordLineIsInert: whatever a field holds, a record is one line that does nothing but show.
func TestRecordLineIsInert(t *testing.T) {
	t.Parallel()
	for _, v := range []string{
		"\x1b[2J\x1b]0;title\x07", "\u009b31m", "\x9b31m", "\u202egnp.exe", "two\nlines", "with space\u2028and more", "! flag", "\xff\xfe", "\x7f\x00",
		strings.Repeat("x", 1<<20), strings.Repeat("é", 1<<19),
	} {
		id := audit.Identity{Email: v, User: v, Device: v}
		for _, account := range []audit.Account{{Asserted: id}, {Proved: id}, {Asserted: audit.Identity{Device: v}}} {
			line := recordLine(&reading.Item{Seq: 1, Record: &audit.Record{
				Source: audit.Source(v), Surface: audit.Surface(v), Activity: audit.Activity(v), Type: v, Outcome: audit.Outcome(v), Occurred: time.Unix(0, 0),
				Tool: v, MCP: v, Model: v, IP: v, Account: account, Keys: audit.Keys{Session: v}, Flags: []string{v},
			}})
			if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("%.20q acts: %.200q", v, line)
			}
			if len(line) > 10_000 {
				t.Errorf("%.20q makes a line of %d bytes", v, len(line))
			}
		}
	}
}
