package export

import (
	"encoding/csv"
	"io"
)

// Table writes a table for spreadsheets (RFC 4180), as CSV does for records: first the header, then each row that the
// function it returns is called with. No cell can be read as a formula, ends its line early or holds characters that do
// anything but show.
func Table(w io.Writer, header ...string) (row func(cells ...string) error, err error) {
	c := csv.NewWriter(w)
	row = func(cells ...string) error {
		safe := make([]string, len(cells))
		for i := range cells {
			safe[i] = defuse(cells[i])
		}
		if err := c.Write(safe); err != nil {
			return err
		}
		c.Flush()
		return c.Error()
	}
	return row, row(header...)
}
