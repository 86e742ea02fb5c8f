package page

import (
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Target is what one of Tripod's own acts concerned, as far as its record says: the page that somebody opened, and what that
// page is about.
type Target struct {
	Text string // "record 57", "session 0f…", "health"; "" for none
	URL  string // of the same, "" for none
}

// TargetOf reads the target of an own act; the zero Target for a record of any other source.
func TargetOf(r *audit.Record) Target {
	if r.Source != audit.SourceTripod {
		return Target{}
	}
	text := func(name string) string {
		v, _ := r.Attributes.Get(name)
		return v.Text()
	}
	name := text("tripod.page")
	if at := text("position"); at != "" {
		if seq, err := strconv.ParseUint(at, 10, 63); err == nil && seq > 0 {
			part := map[string]string{"record.source": ", its source form", "record.proof": ", its proof", "record.content": ", its content"}[name]
			return Target{"record " + at + part, RecordURL(seq)}
		}
	}
	if id := text("session.id"); id != "" && name == "session" {
		return Target{"session " + id, SessionURL(id)}
	}
	pages := map[string]string{"overview": "/", "activity": "/activity", "organisation": "/organisation", "cases": "/cases", "health": "/health", "lifecycle": "/lifecycle", "reviews": "/reviews", "capture": "/settings/capture"}
	return Target{name, pages[name]}
}
