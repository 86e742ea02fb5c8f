package normalise

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
)

// identity is what two exports say in the same way of one row, and no two rows in common: when, what, who, on what, with
// which details, from where. The names of people and things are left out, since the vendor may tell them as they are at the
// time of the export; so are columns that nobody knows, which a later export may have and an earlier one not.
func identity(o Origin, r *file.Row, c *cells) []byte {
	actor := c.actor.id
	if actor == "" {
		actor = c.actor.email
	}
	if actor == "" {
		actor = spelled(c.actor.value, r.Actor)
	}
	entity := c.entityType + "\x00" + c.entityUUID
	if c.entityType == "" && c.entityUUID == "" {
		entity = spelled(c.entity, r.EntityInfo)
	}
	at := r.CreatedAt
	if !c.at.IsZero() {
		at = c.at.Format(time.RFC3339Nano)
	}
	var b []byte
	for _, s := range []string{"audit_export/row/v1", o.Org, at, r.Event, actor, entity, spelled(c.info, r.EventInfo), known(r.IP), known(r.Device)} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

// spelled is a cell independent of how its literal is spelled, or the cell itself where it is none.
func spelled(v parsed, cell string) string {
	switch {
	case file.Absent(cell):
		return ""
	case !v.exact:
		return strings.TrimSpace(cell)
	}
	return string(v.AppendJSON(nil))
}

func known(cell string) string {
	if file.Absent(cell) {
		return ""
	}
	return cell
}
