package correlate

import (
	"strconv"
	"time"
)

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}

func sessionName(id string) string {
	if id == "" {
		return "a session without an id"
	}
	return "session " + id
}

// microTime is the time of µs since 1970; 0 is no time.
func microTime(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
