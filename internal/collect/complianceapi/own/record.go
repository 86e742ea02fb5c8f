package own

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Records of what Tripod itself does with the API, so that the feed's own compliance_api_accessed can be reconciled.
const (
	TypeRun      = "tripod.compliance.run"      // a run begins, or ends in an orderly way
	TypeKey      = "tripod.compliance.key"      // a key was taken into use
	TypeRequests = "tripod.compliance.requests" // requests that were sent, with their numbers and ids
)

// States of a run.
const (
	stateBegan = "began"
	stateEnded = "ended"
)

func began(l *Log) intake.Act {
	return intake.Act{Type: TypeRun, Attributes: audit.Attrs{
		audit.TextAttr("run", l.run), audit.TextAttr("state", stateBegan), audit.TextAttr("host", l.cfg.Host), audit.TextAttr("version", l.cfg.Version), audit.CountAttr("most_unrecorded", MostUnrecorded),
	}}
}

func ended(l *Log, last int64) intake.Act {
	return intake.Act{Type: TypeRun, Attributes: audit.Attrs{
		audit.TextAttr("run", l.run), audit.TextAttr("state", stateEnded), audit.TextAttr("host", l.cfg.Host), audit.CountAttr("calls", last),
	}}
}

func key(l *Log, u api.KeyUse) intake.Act {
	return intake.Act{Type: TypeKey, Attributes: audit.Attrs{
		audit.TextAttr("run", l.run), audit.TextAttr("kind", u.Kind), audit.CountAttr("place", int64(u.Place)), audit.CountAttr("of", int64(u.Of)), audit.TextAttr("host", l.cfg.Host),
	}}
}

// requests records calls. Its lists have one place a call, in the order in which answers came: numbers, ids (empty where
// no answer came), statuses (0) and the server's own time of the answer, in seconds since 1970 (0).
func requests(l *Log, made []api.Call) intake.Act {
	var ids, numbers, statuses, dates []audit.Value
	refused, unanswered := int64(0), int64(0)
	for _, m := range made {
		date := int64(0)
		if !m.Date.IsZero() {
			date = m.Date.Unix()
		}
		ids, numbers = append(ids, audit.String(m.RequestID)), append(numbers, audit.Int(m.Name.Number))
		statuses, dates = append(statuses, audit.Int(int64(m.Status))), append(dates, audit.Int(date))
		switch {
		case m.Status == 0:
			unanswered++
		case m.Status != 200:
			refused++
		}
	}
	return intake.Act{Type: TypeRequests, Attributes: audit.Attrs{
		audit.TextAttr("run", l.run), audit.TextAttr("host", l.cfg.Host), audit.TextAttr("from", stamp(made[0].At)), audit.TextAttr("to", stamp(made[len(made)-1].At)),
		audit.CountAttr("requests", int64(len(made))), audit.CountAttr("refused", refused), audit.CountAttr("unanswered", unanswered),
		{Name: "calls", Value: audit.Array(numbers...)}, {Name: "request_ids", Value: audit.Array(ids...)},
		{Name: "statuses", Value: audit.Array(statuses...)}, {Name: "dates", Value: audit.Array(dates...)},
	}}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
