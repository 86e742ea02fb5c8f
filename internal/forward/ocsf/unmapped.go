package ocsf

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// own is the name under unmapped of what is Tripod's own.
const own = "tripod"

// unmapped writes the attributes under their source's names, and the record's own fields that have no place elsewhere.
//
// Attributes stand here whether or not a place of the schema repeats them: what is searched for by the source's name is
// then found in one place, in every class. The feed's actor is an object, as it is in the feed.
func (e *event) unmapped() {
	e.Open("unmapped")
	nested := e.r.Source == audit.SourceComplianceActivity
	feed := 0
	for i := range e.r.Attributes {
		a := &e.r.Attributes[i]
		if nested && strings.HasPrefix(a.Name, actorPrefix) {
			feed++
			continue
		}
		e.plain(a, a.Name)
	}
	if feed > 0 {
		e.Open("actor")
		for i := range e.r.Attributes {
			if a := &e.r.Attributes[i]; strings.HasPrefix(a.Name, actorPrefix) {
				e.plain(a, a.Name[len(actorPrefix):])
			}
		}
		e.Close()
	}
	rest := *e.r
	rest.ID, rest.Source, rest.Type, rest.Occurred, rest.Flags = "", "", "", time.Time{}, nil
	if e.class.source && rest.IP == e.src.ip {
		rest.IP = ""
	}
	rest.Attributes = e.reserved()
	e.Name(own)
	e.B = rest.AppendCanonical(e.B)
	e.Close()
}

const actorPrefix = "actor."

func (e *event) plain(a *audit.Attr, name string) {
	if a.Name == own || a.Name == "actor" && e.r.Source == audit.SourceComplianceActivity {
		return // see reserved
	}
	e.Value(name, a.Value)
}

// reserved are attributes whose names stand for something else under unmapped.
func (e *event) reserved() audit.Attrs {
	var list audit.Attrs
	for _, a := range e.r.Attributes {
		if a.Name == own || a.Name == "actor" && e.r.Source == audit.SourceComplianceActivity {
			list = append(list, a)
		}
	}
	return list
}
