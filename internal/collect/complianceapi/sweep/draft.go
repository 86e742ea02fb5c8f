package sweep

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// maxValue bounds a piece of content in bytes; what is longer is cut.
const maxValue = 1 << 20

// Draft makes a draft of a change around a record that has its type and account. lead are attributes that stand before
// the fields, such as what the thing belongs to. Its id rests on what the record says, so that a repeat is recognised.
func (c *Change) Draft(rec *audit.Record, lead audit.Attrs) intake.Draft {
	rec.Surface, rec.Activity, rec.Outcome = audit.SurfaceUnknown, audit.ActivityState, audit.OutcomeSuccess
	rec.Occurred, rec.Observed = c.At.UTC(), c.At.UTC()
	d := intake.Draft{Record: rec, Forever: true}
	rec.Attributes = append(audit.Attrs{audit.TextAttr("change", c.What), audit.TextAttr("id", c.ID)}, lead...)
	for i := range c.Fields {
		f := &c.Fields[i]
		if f.Class == audit.ClassMetadata {
			rec.Attributes = append(rec.Attributes, audit.Attr{Name: bounded(rec, f.Name), Value: f.Value})
			continue
		}
		d.Pieces = append(d.Pieces, f.piece(rec))
	}
	if len(c.Names) > 0 {
		changed := make([]audit.Value, len(c.Names))
		for i, name := range c.Names {
			changed[i] = audit.String(name)
		}
		rec.Attributes = append(rec.Attributes, audit.Attr{Name: "changed", Value: audit.Array(changed...)})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Previous)) {
		rec.Attributes = append(rec.Attributes, audit.Attr{Name: "previous." + name, Value: c.Previous[name]})
	}
	if !c.Before.IsZero() {
		rec.Attributes = append(rec.Attributes, audit.TextAttr("last_sweep", c.Before.UTC().Format(time.RFC3339)))
	}
	d.Form = c.form(d.Pieces)
	return d
}

func (f *Field) piece(rec *audit.Record) intake.Piece {
	p := intake.Piece{Name: bounded(rec, f.Name), Class: f.Class, Kind: f.Kind, Value: f.Content, Bytes: len(f.Content)}
	if len(p.Value) > maxValue {
		p.Value, p.Truncated = p.Value[:maxValue], true
		rec.Flag(audit.FlagTruncated)
	}
	return p
}

// bounded cuts the name of a field that nobody knows.
func bounded(rec *audit.Record, name string) string {
	if len(name) <= audit.MaxName {
		return name
	}
	rec.Flag(audit.FlagTruncated)
	return strings.ToValidUTF8(name[:audit.MaxName], "")
}

// form is the source form: the thing, which record of it this is, and what it says. Times are not in it.
func (c *Change) form(pieces []intake.Piece) []byte {
	said := map[string]any{"list": c.List, "id": c.ID, "n": c.N, "change": c.What}
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Class == audit.ClassMetadata {
			said["is "+f.Name] = f.Value
		}
	}
	for i := range pieces {
		said["has "+pieces[i].Name] = pieces[i].Value
	}
	b, err := json.Marshal(said)
	if err != nil { // cannot be: these are texts, numbers and bytes
		return fmt.Append(nil, c.List, c.ID, c.N)
	}
	return b
}
