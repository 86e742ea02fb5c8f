package capture

import (
	"encoding/json"
	"slices"
	"strconv"
)

// closeUp renumbers event.sequence so that it counts without gaps, as the client did: the captures leave out records
// that repeat one another (plugin_loaded comes once a plugin). Each scenario is one process, so there is one count.
func (s Scenario) closeUp() {
	var seen []int64
	s.eachSequence(func(n int64) int64 {
		seen = append(seen, n)
		return n
	})
	slices.Sort(seen)
	seen = slices.Compact(seen)
	s.eachSequence(func(n int64) int64 {
		rank, _ := slices.BinarySearch(seen, n)
		return int64(rank)
	})
}

// eachSequence replaces every event.sequence of the scenario by what f makes of it, in its own JSON form.
func (s Scenario) eachSequence(f func(int64) int64) {
	for _, e := range s.Exports {
		for _, r := range list(e.Body, "resourceLogs") {
			for _, sc := range list(r, "scopeLogs") {
				for _, rec := range list(sc, "logRecords") {
					replaceSequence(rec, f)
				}
			}
		}
	}
}

func replaceSequence(record any, f func(int64) int64) {
	for _, a := range list(record, "attributes") {
		m, _ := a.(map[string]any)
		value, _ := m["value"].(map[string]any)
		if m["key"] != "event.sequence" {
			continue
		}
		switch n := value["intValue"].(type) {
		case json.Number:
			if i, err := n.Int64(); err == nil {
				value["intValue"] = json.Number(strconv.FormatInt(f(i), 10))
			}
		case string:
			if i, err := strconv.ParseInt(n, 10, 64); err == nil {
				value["intValue"] = strconv.FormatInt(f(i), 10)
			}
		}
	}
}
