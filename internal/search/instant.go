package search

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// unit is the precision a time is written with.
type unit uint8

const (
	unitYear unit = iota
	unitMonth
	unitDay
	unitHour
	unitMinute
	unitSecond
	unitMilli
)

// period is a stretch of time named by its beginning: a year, a month … a millisecond.
type period struct {
	start int64 // Unix milliseconds
	unit  unit
}

func (p period) window() Window {
	t := time.UnixMilli(p.start).UTC()
	var end time.Time
	switch p.unit {
	case unitYear:
		end = t.AddDate(1, 0, 0)
	case unitMonth:
		end = t.AddDate(0, 1, 0)
	case unitDay:
		end = t.AddDate(0, 0, 1)
	case unitHour:
		end = t.Add(time.Hour)
	case unitMinute:
		end = t.Add(time.Minute)
	case unitSecond:
		end = t.Add(time.Second)
	default:
		end = t.Add(time.Millisecond)
	}
	return Window{p.start, end.UnixMilli()}
}

// layouts spell a UTC time with each unit; parsing takes the same forms.
var layouts = [...]string{
	unitYear: "2006", unitMonth: "2006-01", unitDay: "2006-01-02", unitHour: "2006-01-02T15", unitMinute: "2006-01-02T15:04",
	unitSecond: "2006-01-02T15:04:05", unitMilli: "2006-01-02T15:04:05.000",
}

func (p period) String() string { return time.UnixMilli(p.start).UTC().Format(layouts[p.unit]) }

func formatPeriods(list []period) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

// formatInstant spells an instant as shortly as a query takes it.
func formatInstant(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	u := unitMilli
	switch {
	case t.Nanosecond() != 0:
	case t.Second() != 0:
		u = unitSecond
	case t.Minute() != 0:
		u = unitMinute
	case t.Hour() != 0:
		u = unitHour
	default:
		u = unitDay
	}
	return t.Format(layouts[u])
}

func normalisePeriods(list []period) []period {
	slices.SortFunc(list, func(a, b period) int {
		if a.start != b.start {
			if a.start < b.start {
				return -1
			}
			return 1
		}
		return int(a.unit) - int(b.unit)
	})
	return slices.Compact(list)
}

const timeForms = "a date like 2026-11-03, 2026-11, 2026-11-03T10:30Z, -7d, today or yesterday"

// parseTime reads a time of a query: a UTC date or part of one, an RFC 3339 instant, or a time relative to now.
func parseTime(s string, now time.Time) (period, error) {
	if strings.HasPrefix(s, "-") || s == "now" || s == "today" || s == "yesterday" {
		return parseRelative(s, now)
	}
	p, err := parseAbsolute(s)
	if err != nil {
		return period{}, err
	}
	if y := time.UnixMilli(p.start).UTC().Year(); y < 1970 || y > 9998 {
		return period{}, fmt.Errorf("%q is outside the years 1970 to 9998", s)
	}
	return p, nil
}

func parseAbsolute(s string) (period, error) {
	for u, layout := range layouts[:unitSecond] {
		if t, err := time.Parse(layout, s); err == nil {
			return period{t.UnixMilli(), unit(u)}, nil
		}
	}
	text, u := s, unitSecond
	if strings.ContainsAny(s, ".,") {
		u = unitMilli // time.Parse takes a fraction after the seconds wherever the layout has none
	}
	if t, err := time.Parse(layouts[unitSecond], text); err == nil {
		return period{t.UnixMilli(), u}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return period{t.UnixMilli(), u}, nil
	}
	if t, err := time.Parse("2006-01-02T15:04Z07:00", text); err == nil {
		return period{t.UnixMilli(), unitMinute}, nil
	}
	return period{}, fmt.Errorf("%q is no time: want %s", s, timeForms)
}

func parseRelative(s string, now time.Time) (period, error) {
	if now.IsZero() {
		return period{}, fmt.Errorf("%q is relative and there is no present to count from: give a date", s)
	}
	now = now.UTC()
	day := now.Truncate(24 * time.Hour)
	switch s {
	case "now":
		return period{now.UnixMilli(), unitMilli}, nil
	case "today":
		return period{day.UnixMilli(), unitDay}, nil
	case "yesterday":
		return period{day.AddDate(0, 0, -1).UnixMilli(), unitDay}, nil
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	length, ok := units[s[len(s)-1]]
	if !ok || len(s) < 3 {
		return period{}, fmt.Errorf("%q is no time: want -30m, -12h, -7d or -4w", s)
	}
	n, err := strconv.ParseUint(s[1:len(s)-1], 10, 32)
	if err != nil || n > uint64(50*366*24*time.Hour/length) {
		return period{}, fmt.Errorf("%q is no time: want -30m, -12h, -7d or -4w, at most 50 years back", s)
	}
	t := now.Add(-time.Duration(n) * length)
	if t.Year() < 1970 {
		return period{}, fmt.Errorf("%q is before 1970", s)
	}
	return period{t.UnixMilli(), unitMilli}, nil
}

// computeWindows turns the bounds into windows: (union of at) within [after, before), without what -at names.
func (q *Query) computeWindows() []Window {
	if q.after == nil && q.before == nil && len(q.at) == 0 && len(q.notAt) == 0 {
		return nil
	}
	bound := Window{Beginning, End}
	if q.after != nil {
		bound.From = *q.after
	}
	if q.before != nil {
		bound.To = *q.before
	}
	windows := []Window{bound}
	if len(q.at) > 0 {
		windows = windows[:0]
		for _, p := range q.at {
			w := p.window()
			windows = append(windows, Window{max(w.From, bound.From), min(w.To, bound.To)})
		}
	}
	for _, p := range q.notAt {
		windows = without(windows, p.window())
	}
	return union(windows)
}

// without cuts one window out of others.
func without(list []Window, cut Window) []Window {
	var out []Window
	for _, w := range list {
		out = append(out, Window{w.From, min(w.To, cut.From)}, Window{max(w.From, cut.To), w.To})
	}
	return slices.DeleteFunc(out, func(w Window) bool { return w.From >= w.To })
}

// union sorts windows, joins those that touch and drops empty ones. It never returns nil.
func union(list []Window) []Window {
	list = slices.DeleteFunc(list, func(w Window) bool { return w.From >= w.To })
	slices.SortFunc(list, func(a, b Window) int {
		switch {
		case a.From < b.From:
			return -1
		case a.From > b.From:
			return 1
		}
		return 0
	})
	out := []Window{}
	for _, w := range list {
		if n := len(out); n > 0 && w.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, w.To)
			continue
		}
		out = append(out, w)
	}
	return out
}
