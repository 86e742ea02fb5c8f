package file

import (
	"strings"
	"time"
)

// ParseTime reads a time as the export writes them ("2025-09-28T02:45:39.374856Z"), or as Python prints them. One without a
// zone is taken for UTC, in which the export writes all.
func ParseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05"} {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		t = t.UTC()
		return t, t.Year() >= 1 && t.Year() <= 9999
	}
	return time.Time{}, false
}

// IsName reports whether s is a name as programs give them: short, of letters, digits, and few signs.
func IsName(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_.-:/", r)
	})
}

// Absent reports whether a cell says nothing: it is empty, None, or an empty dict.
func Absent(cell string) bool {
	switch cell {
	case "", "None", "{}", "null":
		return true
	}
	return false
}
