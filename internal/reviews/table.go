package reviews

import (
	"cmp"
	"encoding/json"
	"io"
	"strconv"

	"github.com/tripod-audit/tripod/internal/export"
)

// CSV writes acts as a table for spreadsheets, with a header; see export.Table.
func CSV(w io.Writer) (func(*Look) error, error) {
	row, err := export.Table(w, "record", "at", "kind", "type", "outcome", "who", "token", "case", "purpose", "class", "grant", "page", "position", "session",
		"container", "query", "query_state")
	return func(l *Look) error {
		q := cmp.Or(l.Query, new(Query))
		position := ""
		if l.Position > 0 {
			position = strconv.FormatUint(l.Position, 10)
		}
		return row(strconv.FormatUint(l.Seq, 10), export.Stamp(l.At), string(l.Kind), l.Type, string(l.Outcome), l.Who, l.Token, l.Case, l.Purpose, string(l.Class), l.Grant,
			l.Page, position, l.Session, l.Container, q.Text, q.State)
	}, err
}

// ConsultationsCSV writes consultations as a table for spreadsheets, with a header.
func ConsultationsCSV(w io.Writer) (func(Consultation) error, error) {
	row, err := export.Table(w, "at", "access", "class", "purpose", "case_kind")
	return func(c Consultation) error {
		return row(export.Stamp(c.At), string(c.Access), string(c.Class), c.Purpose, c.CaseKind)
	}, err
}

// Lines writes each value as one JSON object a line.
func Lines[T any](w io.Writer) func(T) error {
	enc := json.NewEncoder(w)
	return func(v T) error { return enc.Encode(v) }
}
