package console_test

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// captured reads the records that the real client's exports become, as drafts at the door: their content has the length it
// had and nothing of what it said. They are moved so that the first occurred at start.
func captured(t testing.TB, name string, start time.Time) []intake.Draft {
	t.Helper()
	b, err := os.ReadFile("../collect/otlp/testdata/golden/" + name + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var list []intake.Draft
	var shift time.Duration
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		r, err := audit.Decode(lines.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if list == nil {
			shift = start.Sub(r.Occurred)
		}
		r.Occurred = r.Occurred.Add(shift)
		if !r.Observed.IsZero() {
			r.Observed = r.Observed.Add(shift)
		}
		d := intake.Draft{Record: r, Form: bytes.Clone(lines.Bytes())}
		for _, c := range r.Content {
			p := intake.Piece{Name: c.Name, Class: c.Class, Kind: audit.KindString, Bytes: c.Bytes, Withheld: c.Withheld, Truncated: c.Truncated}
			if c.Withheld == "" {
				p.Value = []byte(strings.Repeat("x", c.Bytes))
			}
			d.Pieces = append(d.Pieces, p)
		}
		r.Content = nil
		list = append(list, d)
	}
	return list
}
