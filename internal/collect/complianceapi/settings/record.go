package settings

import (
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Version names the form of the records. It changes whenever the same row would give another record.
const Version = "compliance.settings/2"

// Types of the records.
const (
	TypeValue = "settings.value"
	TypeKey   = "settings.api_key" // a Compliance Access Key
)

// Judged is what has become of a value that stands still and is judged otherwise than before.
const Judged = "judged"

// Draft makes a record of a change.
func (p *part) Draft(c sweep.Change) intake.Draft {
	rec := &audit.Record{Normaliser: Version, Source: audit.SourceComplianceSettings}
	rec.Account.Proved.Credential = p.credential
	switch c.Kind {
	case kindKey:
		rec.Type = TypeKey
		rec.Container = normalise.Container("organization", p.credential, "")
		return c.Draft(rec, nil)
	case kindValue:
		rec.Type = TypeValue
		return p.value(c, rec)
	}
	return intake.Draft{}
}

func (p *part) value(c sweep.Change, rec *audit.Record) intake.Draft {
	org := strings.Split(c.List, "/")[1]
	rec.Account.Proved.Org = org
	rec.Container = normalise.Container("organization", p.credential, org)
	lead := audit.Attrs{{Name: "organization_uuid", Value: audit.String(org)}, {Name: "setting", Value: audit.String(c.ID)}}
	switch c.What {
	case sweep.Changed:
		if !slices.Contains(c.Names, fieldValue) && !slices.Contains(c.Names, fieldType) {
			c.What = Judged
		} else if v, ok := c.Previous[fieldValue]; ok {
			lead = append(lead, audit.Attr{Name: "previous", Value: v})
		}
	case sweep.Removed: // what it was; nothing is judged any more
		for _, f := range c.Fields {
			if f.Name == fieldValue {
				lead = append(lead, audit.Attr{Name: "previous", Value: f.Value})
			}
		}
		c.Fields = nil
	}
	c.Names, c.Previous = nil, nil
	return c.Draft(rec, lead)
}
