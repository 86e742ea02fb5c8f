package main

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/reading"
)

func hostile() []string {
	return []string{
		"\x1b[2J\x1b]0;title\x07", "\u009b31m", "\x9b31m", "\u202egnp.exe", "two\nlines", "with space\u2028and more", "! flag", "\xff\xfe", "\x7f\x00",
		strings.Repeat("x", 1<<20), strings.Repeat("é", 1<<19),
	}
}

func acts(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) })
}

// TestSessionIsInert: whatever records and discrepancies hold, each line does nothing but show, and there are no others.
func TestSessionIsInert(t *testing.T) {
	t.Parallel()
	activities := append(audit.Activities(), audit.Activity("odd"))
	for _, v := range hostile() {
		s := &reading.Session{ID: v, Discrepancies: []correlate.Discrepancy{
			{ID: "a", Kind: correlate.KindSequenceGap, State: correlate.StateOpen, Statement: v, Count: 3, FirstSeq: 1, LastSeq: 2, Credential: v},
			{ID: "b", Kind: correlate.Kind("odd"), State: correlate.StateOpen, Statement: v, Credential: v, Details: correlate.Details{ToolUses: []string{v}}},
		}}
		id := audit.Identity{Email: v, User: v, Device: v, Credential: v}
		attrs := audit.Attrs{{Name: "source", Value: audit.String(v)}, {Name: "error_type", Value: audit.String(v)},
			{Name: "hook_name", Value: audit.String(v)}, {Name: "to_mode", Value: audit.String(v)}, {Name: "agent_type", Value: audit.String(v)}}
		for i, activity := range activities {
			for j, outcome := range []audit.Outcome{audit.OutcomeDenied, audit.OutcomeFailure, audit.Outcome(v)} {
				s.Items = append(s.Items, reading.Item{Seq: uint64(3*i + j + 1), Record: &audit.Record{
					Source: audit.SourceOTelLog, Surface: audit.Surface(v), Activity: activity, Type: v, Outcome: outcome, Rule: v,
					Occurred: time.Unix(int64(i), 0), Recorded: time.Unix(int64(i), 0), Tool: v, MCP: v, Model: v, Attributes: attrs,
					Account: audit.Account{Asserted: id, Proved: id}, Service: audit.Service{Name: v, Version: v},
					Keys: audit.Keys{Session: v, Prompt: v, ToolUse: v, Agent: []string{"", v}[j%2]},
				}})
			}
		}
		var b strings.Builder
		if err := printSession(&b, s); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if want := 40 + 3*len(s.Items); len(lines) > want {
			t.Errorf("%.20q makes %d lines, more than %d", v, len(lines), want)
		}
		for _, line := range lines {
			if acts(line) {
				t.Errorf("%.20q acts: %.200q", v, line)
			}
			if len(line) > 20_000 {
				t.Errorf("%.20q makes a line of %d bytes", v, len(line))
			}
		}
	}
}

// TestSessionShowsGapInPlace: what did not come stands between what came before and after it.
func TestSessionShowsGapInPlace(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 17, 9, 0, 0, 0, time.UTC)
	item := func(seq uint64, prompt string, after time.Duration) reading.Item {
		return reading.Item{Seq: seq, Record: &audit.Record{Source: audit.SourceOTelLog, Activity: audit.ActivityPrompt, Type: "user_prompt",
			Occurred: at.Add(after), Recorded: at.Add(after), Keys: audit.Keys{Session: "s", Prompt: prompt}}}
	}
	s := &reading.Session{ID: "s", Items: []reading.Item{item(1, "p-1", 0), item(2, "p-2", time.Hour)}, Discrepancies: []correlate.Discrepancy{{
		ID: "d", Kind: correlate.KindSequenceGap, State: correlate.StateOpen, Statement: "31 records were expected", Count: 31, FirstSeq: 1, LastSeq: 2,
		From: at, To: at.Add(time.Hour), Details: correlate.Details{Missing: []correlate.Range{{First: 44, Last: 74}}}}}}
	var b strings.Builder
	if err := printSession(&b, s); err != nil {
		t.Fatal(err)
	}
	rest := b.String()
	for _, want := range []string{"session s\n", "happened    2 prompts\n", "\nprompt 1  2026-11-17 09:00:00", "  09:00:00.000  prompt",
		"\n~ expected, not received: 31 events, 44–74, between 2026-11-17 09:00:00 and 2026-11-17 10:00:00\n", "\nprompt 2  ",
		"\ndiscrepancies\n  sequence_gap: 31 records were expected (open)\n"} {
		_, behind, ok := strings.Cut(rest, want)
		if !ok {
			t.Fatalf("%q does not follow in\n%s", want, b.String())
		}
		rest = behind
	}
}

// TestDiscrepancyLineIsInert: one line that does nothing but show.
func TestDiscrepancyLineIsInert(t *testing.T) {
	t.Parallel()
	for _, v := range hostile() {
		line := discrepancyLine(&correlate.Discrepancy{Kind: correlate.Kind(v), Severity: correlate.Severity(v), Statement: v, Credential: v, Session: v,
			Account: &correlate.Account{Email: v, Device: v}, Details: correlate.Details{Proved: &correlate.Account{Email: v}}})
		if acts(line) || len(line) > 20_000 {
			t.Errorf("%.20q acts or is long: %.200q", v, line)
		}
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	f := func(want string, list ...uint64) {
		t.Helper()
		if got := ranges(list); got != want {
			t.Errorf("%d: %q, want %q", list, got, want)
		}
	}
	f("")
	f("7", 7)
	f("1–3, 7", 7, 2, 3, 1, 3)
	f("1, 3, 5, 7, 9, 11, 13, 15, 17, 19, … 23", 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23)
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", 1234567: "1,234,567", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestRecordLineIsInert: whatever a field holds, a record is one line that does nothing but show.
func TestRecordLineIsInert(t *testing.T) {
	t.Parallel()
	for _, v := range hostile() {
		id := audit.Identity{Email: v, User: v, Device: v}
		for _, account := range []audit.Account{{Asserted: id}, {Proved: id}, {Asserted: audit.Identity{Device: v}}} {
			line := recordLine(&reading.Item{Seq: 1, Record: &audit.Record{
				Source: audit.Source(v), Surface: audit.Surface(v), Activity: audit.Activity(v), Type: v, Outcome: audit.Outcome(v), Occurred: time.Unix(0, 0),
				Tool: v, MCP: v, Model: v, IP: v, Account: account, Keys: audit.Keys{Session: v}, Flags: []string{v},
			}})
			if acts(line) {
				t.Errorf("%.20q acts: %.200q", v, line)
			}
			if len(line) > 10_000 {
				t.Errorf("%.20q makes a line of %d bytes", v, len(line))
			}
		}
	}
}
