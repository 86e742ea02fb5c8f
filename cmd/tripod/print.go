package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/export"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/wording"
)

// plain makes recorded text safe to show on a terminal.
func plain(s string) string { return export.Plain(s) }

func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// recordLine is a record as one line for people.
func recordLine(i *reading.Item) string {
	if i.Tombstone != nil {
		return fmt.Sprintf("%-24s  %8d  %s", "-", i.Seq, "record "+string(i.Tombstone.Reason))
	}
	r := i.Record
	fields := []string{
		fmt.Sprintf("%s  %8d  %-14s %-15s %-8s %-22s", export.Stamp(r.Occurred), i.Seq, field(string(r.Surface)),
			field(string(r.Activity)), field(string(r.Outcome)), field(r.Type)),
	}
	fields = append(fields, field1(wording.Deed(r)))
	if name := accountName(&r.Account); name != "" {
		fields = append(fields, name)
	}
	if r.Keys.Session != "" {
		fields = append(fields, "session:"+field(r.Keys.Session))
	}
	if len(r.Flags) > 0 {
		fields = append(fields, "! "+plain(shorten(strings.Join(r.Flags, " "))))
	}
	return strings.TrimRight(strings.Join(fields, "  "), " ")
}

// accountName is the most telling identifier. What is proved stands by itself; what the client only says has "says:" before it.
func accountName(a *audit.Account) string {
	name, asserted := a.Telling()
	switch {
	case name == "":
		return ""
	case !asserted:
		return field(name)
	case a.Asserted.Telling() == "":
		return "device:" + field(name)
	}
	return "says:" + field(name)
}

// longestField is how many bytes of a value a line shows; records keep longer ones only where they are odd, and --json
// prints them whole.
const longestField = 512

func shorten(s string) string {
	if len(s) <= longestField {
		return s
	}
	return strings.ToValidUTF8(s[:longestField], "") + "…"
}

// field is one recorded value in a line of several: quoted where it could be taken for more than one.
func field(s string) string {
	s = shorten(s)
	if strings.ContainsFunc(s, unicode.IsSpace) || strings.HasPrefix(s, "!") {
		return strconv.Quote(s)
	}
	return plain(s)
}

// tellBehind says where a view has not come to the end of the journal.
func tellBehind(std streams, view string, at, last uint64) bool {
	if at >= last {
		return false
	}
	fmt.Fprintf(std.err, "tripod: the view of %s is %s behind the journal: while tripod serve runs it catches up by itself, else start it\n", view, plural(int64(last-at), "record", "records"))
	return true
}
