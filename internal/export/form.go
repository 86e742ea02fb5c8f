package export

import (
	"cmp"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/reading"
)

// Form is how an export writes its records: it writes what comes first, and returns what writes one record.
type Form func(w io.Writer) (record func(*reading.Item) error, err error)

var _, _ Form = NDJSON, CSV

// NDJSON writes one JSON object a line: reading.Item.JSON.
func NDJSON(w io.Writer) (func(*reading.Item) error, error) {
	return func(i *reading.Item) error {
		_, err := w.Write(append(i.JSON(), '\n'))
		return err
	}, nil
}

func columns() []string {
	return []string{
		"seq", "occurred", "recorded", "source", "surface", "activity", "type", "outcome", "tool", "mcp", "model", "user_asserted", "user_proved",
		"credential", "device", "org", "ip", "session", "prompt", "request", "tool_use", "flags",
	}
}

// CSV writes a table for spreadsheets (RFC 4180), with a header; no cell can be read as a formula, ends its line early or
// holds characters that do anything but show. Tombstones have no row.
func CSV(w io.Writer) (func(*reading.Item) error, error) {
	c := csv.NewWriter(w)
	write := func(row []string) error {
		if err := c.Write(row); err != nil {
			return err
		}
		c.Flush()
		return c.Error()
	}
	return func(i *reading.Item) error {
		if i.Record == nil {
			return nil
		}
		return write(cells(i))
	}, write(columns())
}

func cells(i *reading.Item) []string {
	r := i.Record
	a, p := &r.Account.Asserted, &r.Account.Proved
	row := []string{
		strconv.FormatUint(i.Seq, 10), Stamp(r.Occurred), Stamp(r.Recorded), string(r.Source), string(r.Surface), string(r.Activity), r.Type,
		string(r.Outcome), r.Tool, r.MCP, r.Model, cmp.Or(a.Email, a.User, a.UUID, a.Subject), cmp.Or(p.Email, p.User, p.UUID, p.Subject, p.Service),
		p.Credential, a.Device, a.Org, r.IP, r.Keys.Session, r.Keys.Prompt, r.Keys.Request, r.Keys.ToolUse, strings.Join(r.Flags, " "),
	}
	for i := range row {
		row[i] = defuse(row[i])
	}
	return row
}

// Stamp is a time as lists and tables show it: UTC, to the millisecond, "-" for none.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
