// Package normalise turns rows of the audit log export into drafts of audit records, one a row.
//
// It promises: nothing a row says is lost, except where the capture policy keeps less; the row as it stands in the file
// goes beside its record as content of class text. Only texts on an allow list stay in the record. An event nobody knows
// is kept, unclassified. Who acted is asserted: a file proves nothing. The same row gives the same draft, whatever the
// order of the file's columns. It holds nothing durable, and everything here is safe for concurrent use.
//
// Source: https://support.claude.com/en/articles/9970975-access-audit-logs.
package normalise

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Version names this normaliser in the records it makes. It changes whenever the same row would give another record.
const Version = "audit_export/1"

// Origin is what all rows of one import share.
type Origin struct {
	Org      string    // vendor organisation id, "" where the importer named none: the file does not say
	Received time.Time // when it was imported
}

// Draft is a record before it enters the journal.
type Draft struct {
	Record *audit.Record
	Pieces []Piece
	// Identity is by what a row is recognised: the same for the same act in every export it is in. Rows of one log that are
	// equal by it are told apart by how many came before.
	Identity []byte
}

// Piece is one piece of content that a draft's record refers to. Its fields are those of intake.Piece.
type Piece struct {
	Name      string
	Class     audit.Class
	Kind      audit.Kind
	Value     []byte
	Bytes     int
	Truncated bool
}
