package directory

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Version names the form of the records. It changes whenever the same row would give another record.
const Version = "compliance.directory/1"

// Draft makes a record of a change. Its account is the one it is about, proved by the vendor's word.
func (p *part) Draft(c sweep.Change) intake.Draft {
	id := audit.Identity{Credential: p.credential}
	rec := &audit.Record{Normaliser: Version, Source: audit.SourceComplianceDirectory, Type: "directory." + c.Kind}
	container, holder := "organization", ""
	var lead audit.Attrs
	say := func(name, value string) {
		lead = append(lead, audit.Attr{Name: name, Value: audit.String(value)})
	}
	path := strings.Split(c.List, "/")
	switch {
	case c.Kind == kindOrganization:
		id.Org = c.ID
	case path[0] == kindOrganization:
		id.Org = path[1]
	}
	if id.Org != "" {
		say("organization_uuid", id.Org)
		holder = id.Org
	}
	switch c.Kind {
	case kindPermission:
		say("role_id", path[3])
	case kindUser:
		id.User = c.ID
	case kindMember:
		id.User = c.ID
		say("group_id", path[1])
		say("user_id", c.ID)
		c.ID = path[1] + " " + c.ID
	}
	if id.User != "" {
		container, holder = "account", id.User
		for i := range c.Fields {
			if c.Fields[i].Name == "email" {
				id.Email = strings.ToLower(c.Fields[i].Value.Str())
			}
		}
	}
	rec.Account.Proved = id
	rec.Container = normalise.Container(container, p.credential, holder)
	return c.Draft(rec, lead)
}
