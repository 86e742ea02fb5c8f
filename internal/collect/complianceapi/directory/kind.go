package directory

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

// The kinds of what the directory holds. A record's type is "directory." and the kind.
const (
	kindOrganization = "organization"
	kindUser         = "user"
	kindRole         = "role"
	kindPermission   = "permission"
	kindGroup        = "group"
	kindMember       = "member"
)

// kind is how rows of a kind are read.
type kind struct {
	id   string // the fields that make the id, between spaces
	spec sweep.Spec
}

// kinds are those the vendor's page describes. Names that people gave are content, as in the feed; e-mail addresses of
// accounts are identifiers.
func kinds() map[string]kind {
	return map[string]kind{
		kindOrganization: {"uuid", sweep.Spec{Times: "created_at", Detail: "name"}},
		kindUser:         {"id", sweep.Spec{Keep: "email organization_role", Times: "created_at", Detail: "full_name"}},
		kindRole:         {"id", sweep.Spec{Times: "created_at updated_at", Detail: "name", Text: "description"}},
		kindPermission:   {"action resource_type resource_id", sweep.Spec{Keep: "action resource_type resource_id"}},
		kindGroup:        {"id", sweep.Spec{Keep: "source_type roles", Times: "created_at updated_at", Detail: "name", Text: "description"}},
		// A member's address is told with the account.
		kindMember: {"user_id", sweep.Spec{Carry: "email", Times: "created_at updated_at"}},
	}
}

// parse reads a row. There is nothing of a kind in it where the first part of its id is missing.
func (k kind) parse(raw []byte) (sweep.Thing, bool) {
	fields, texts, ok := k.spec.Row(raw)
	if !ok {
		return sweep.Thing{}, false
	}
	names := strings.Fields(k.id)
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = texts[name]
	}
	if len(parts[0]) == 0 || len(parts[0]) > audit.MaxKeptString {
		return sweep.Thing{}, false
	}
	t := sweep.Thing{ID: strings.Join(parts, " ")}
	for i := range fields { // the id stands in the record as such
		if len(names) == 1 && fields[i].Name == k.id {
			continue
		}
		t.Fields = append(t.Fields, fields[i])
	}
	return t, true
}
