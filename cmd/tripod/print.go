package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/journal"
)

// plain makes recorded text safe to show on a terminal: what would move the cursor, change colours or turn the reading
// direction is shown as its code.
func plain(s string) string {
	clean := func(r rune) bool {
		return unicode.IsPrint(r) && !unicode.Is(unicode.Bidi_Control, r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if clean(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// recordJSON is a record as lists and exports print it: its stored bytes with the position in front.
func recordJSON(s *journal.Stored) json.RawMessage {
	b := append([]byte(`{"seq":`), strconv.FormatUint(s.Seq, 10)...)
	if t := s.Tombstone; t != nil {
		b = fmt.Appendf(b, `,"tombstone":%q,"commitment":%q}`, t.Reason, t.Commitment)
		return b
	}
	return append(append(b, ','), s.Bytes[1:]...)
}

// recordLine is a record as one line for people.
func recordLine(s *journal.Stored) (string, error) {
	if s.Tombstone != nil {
		return fmt.Sprintf("%-24s  %8d  %s", "-", s.Seq, "record "+string(s.Tombstone.Reason)), nil
	}
	r, err := s.Record()
	if err != nil {
		return "", err
	}
	fields := []string{
		fmt.Sprintf("%s  %8d  %-14s %-15s %-8s %-22s", stamp(r.Occurred), s.Seq, field(string(r.Surface)), r.Activity, r.Outcome, field(r.Type)),
	}
	for _, f := range []struct{ name, value string }{{"", toolName(r)}, {"model:", r.Model}} {
		if f.value != "" {
			fields = append(fields, f.name+field(f.value))
		}
	}
	if name := accountName(&r.Account); name != "" {
		fields = append(fields, name)
	}
	if r.Keys.Session != "" {
		fields = append(fields, "session:"+field(r.Keys.Session))
	}
	if len(r.Flags) > 0 {
		fields = append(fields, "! "+strings.Join(r.Flags, " "))
	}
	return strings.TrimRight(strings.Join(fields, "  "), " "), nil
}

func toolName(r *audit.Record) string {
	if r.MCP != "" && r.Tool != "" {
		return r.MCP + "/" + r.Tool
	}
	return r.Tool + r.MCP
}

// accountName is the most telling identifier. What is proved stands by itself; what the client only says has "says:" before it.
func accountName(a *audit.Account) string {
	if v := mostTelling(&a.Proved); v != "" {
		return field(v)
	}
	if v := mostTelling(&a.Asserted); v != "" {
		return "says:" + field(v)
	}
	if a.Asserted.Device != "" {
		return "device:" + field(a.Asserted.Device)
	}
	return ""
}

func mostTelling(id *audit.Identity) string {
	return first(id.Email, id.User, id.UUID, id.Subject, id.Service, id.Key, id.OSUser)
}

// field is one recorded value in a line of several: quoted where it could be taken for more than one.
func field(s string) string {
	if strings.ContainsFunc(s, unicode.IsSpace) || strings.HasPrefix(s, "!") {
		return strconv.Quote(s)
	}
	return plain(s)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// plainLines is plain for text of several lines.
func plainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}
