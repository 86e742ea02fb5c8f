// Package file reads the CSV file that claude.ai's audit log export gives, as the vendor writes it and as it arrives:
// with any order of columns, columns nobody knows, broken quoting, and cells that are Python literals.
//
// Sources: https://support.claude.com/en/articles/9970975-access-audit-logs for the columns; the form of the cells is as
// public tools found it (https://github.com/aberoham/claude-compliance-api).
//
// It promises: a line that cannot be read is named and the rest is read; nothing is evaluated; memory is bounded by one
// row, whatever the file's length. Rows come in the file's order. It holds nothing durable. A Reader belongs to one
// goroutine; functions are safe for concurrent use.
package file

import "fmt"

// What one row may take.
const (
	MaxRow    = 1 << 20 // bytes
	mostLines = 64      // lines, where quoted cells hold line breaks
	mostCells = 256
)

// Row is one row of the export. Cells are as in the file, quotes undone, spaces around them removed; one that is not
// there is empty.
type Row struct {
	Line       int // of the file, from 1; where the row begins
	CreatedAt  string
	Actor      string // actor_info
	Event      string
	EventInfo  string
	EntityInfo string
	IP         string
	Device     string // device_id
	UserAgent  string
	Platform   string // client_platform
	Others     []Cell // of columns that nobody knows, in the file's order; empty ones are left out
	Raw        string // the row as it stands in the file, without the line's end

	Repaired    bool // it does not split as CSV does, and was split as it seems to be meant
	InvalidText bool // bytes that are no UTF-8 were replaced
}

// Cell is one cell of a column that nobody knows.
type Cell struct{ Name, Value string }

// LineError names a line that could not be read. Reading goes on behind it.
type LineError struct {
	Line int
	Why  string
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Why) }
