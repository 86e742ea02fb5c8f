package auditexport

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Tripod's own acts around an import.
const (
	ActStart = "tripod.import.start"
	ActEnd   = "tripod.import"
)

const mostName = 4096 // bytes of a file's name

// begin records that an import begins, by whose order, and whose logs are here from now on.
func (x *Importer) begin(ctx context.Context, o Order, orgs []byte) (uint64, error) {
	act := intake.Act{Type: ActStart, Activity: audit.ActivityOperation, Account: o.By, Attributes: about(o), Pieces: named(o)}
	seq, err := x.door.Record(ctx, act, map[string][]byte{cursorOrgs: orgs})
	if err != nil {
		return 0, fmt.Errorf("record %s: %w", ActStart, err)
	}
	return seq, nil
}

// end records how an import ended.
func (x *Importer) end(ctx context.Context, o Order, r *Result, failure error) error {
	act := intake.Act{Type: ActEnd, Activity: audit.ActivityOperation, Account: o.By, Attributes: about(o), Pieces: named(o)}
	add := func(name string, v audit.Value) {
		act.Attributes = append(act.Attributes, audit.Attr{Name: name, Value: v})
	}
	if r.SHA256 != "" {
		add("import.sha256", audit.String(r.SHA256))
	}
	for _, n := range []struct {
		name string
		n    int64
	}{
		{"import.bytes", r.Bytes}, {"import.rows", int64(r.Rows)}, {"import.new", int64(r.New)}, {"import.known", int64(r.Known)},
		{"import.unreadable", int64(r.Unreadable)}, {"import.malformed", int64(r.Malformed)}, {"import.unclassified", int64(r.Unclassified)},
		{"import.start", int64(r.Start)},
	} {
		add(n.name, audit.Int(n.n))
	}
	if !r.First.IsZero() {
		add("import.first", audit.String(r.First.Format(time.RFC3339Nano)))
		add("import.last", audit.String(r.Last.Format(time.RFC3339Nano)))
	}
	if failure != nil {
		act.Outcome = audit.OutcomeFailure
		act.Pieces = append(act.Pieces, piece("import.error", failure.Error()))
	}
	seq, err := x.door.Record(ctx, act, nil)
	if err != nil {
		return fmt.Errorf("record %s: %w", ActEnd, err)
	}
	r.Record = seq
	return nil
}

func about(o Order) audit.Attrs {
	attrs := audit.Attrs{{Name: "import.source", Value: audit.String(string(audit.SourceAuditExport))}}
	if o.Org != "" {
		attrs = append(attrs, audit.Attr{Name: "import.org", Value: audit.String(o.Org)})
	}
	return attrs
}

// named is the file's name, which people gave: content.
func named(o Order) []intake.Piece {
	if o.Name == "" {
		return nil
	}
	return []intake.Piece{piece("import.file", o.Name)}
}

func piece(name, value string) intake.Piece {
	value = strings.ToValidUTF8(value, "\ufffd")
	p := intake.Piece{Name: name, Class: audit.ClassDetail, Kind: audit.KindString, Bytes: len(value)}
	if len(value) > mostName {
		value, p.Truncated = strings.ToValidUTF8(value[:mostName], ""), true
	}
	p.Value = []byte(value)
	return p
}
