package normalise

import (
	_ "embed"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

//go:embed events.tsv
var eventTable string

// mapping is what an event of the export is taken for.
type mapping struct {
	activity audit.Activity
	outcome  audit.Outcome // toldByField where a key of event_info tells
	surface  audit.Surface
	api      audit.Value // its counterparts among the activities of the Compliance API, an array; empty where there is none
}

// toldByField stands for an outcome that event_info's is_successful tells.
const toldByField audit.Outcome = "is_successful"

// events maps every event name that was known when the table was made.
var events = parseEvents(eventTable)

func parseEvents(table string) map[string]mapping {
	m := make(map[string]mapping)
	for line := range strings.Lines(table) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 6 {
			continue
		}
		found := mapping{activity: audit.Activity(f[1]), outcome: audit.Outcome(f[2]), surface: audit.Surface(f[3])}
		if f[4] != "-" {
			var list []audit.Value
			for _, name := range strings.Split(f[4], ",") {
				list = append(list, audit.String(name))
			}
			found.api = audit.Array(list...)
		}
		m[f[0]] = found
	}
	return m
}
