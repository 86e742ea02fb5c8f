package correlate

import (
	"strconv"
	"strings"
)

// countsFromStart reports whether the client exports every event from its start on, so that a missing start is a gap. Before
// 2.1.161 Claude Code dropped early events. Desktop and Cowork name their own version as that of the service; the
// scope's is that of the Claude Code inside (https://code.claude.com/docs/en/monitoring-usage, "Service information").
func countsFromStart(service, version, scopeVersion string) bool {
	v := scopeVersion
	if v == "" && service == "claude-code" {
		v = version
	}
	return versionAtLeast(v, 2, 1, 161)
}

// versionAtLeast compares dotted numbers; what is no version is less than any.
func versionAtLeast(v string, least ...int) bool {
	v, _, _ = strings.Cut(v, "-")
	parts := strings.Split(v, ".")
	for i, want := range least {
		if i >= len(parts) {
			return false
		}
		got, err := strconv.Atoi(parts[i])
		if err != nil {
			return false
		}
		if got != want {
			return got > want
		}
	}
	return true
}
