package reviews

import (
	"fmt"
	"time"
)

// Week is a week as ISO 8601 counts them, in UTC: it begins on Monday, and week 1 holds the year's first Thursday.
type Week struct{ Year, Number int }

// WeekOf is the week of a time.
func WeekOf(t time.Time) Week {
	year, number := t.UTC().ISOWeek()
	return Week{year, number}
}

// ParseWeek reads a week as "2026-W47".
func ParseWeek(text string) (Week, error) {
	var w Week
	if n, err := fmt.Sscanf(text, "%4d-W%2d", &w.Year, &w.Number); n != 2 || err != nil || w.String() != text || w.Year < 1 || WeekOf(w.Begin()) != w {
		return Week{}, fmt.Errorf("%.20q is no week: write it as 2026-W47", text)
	}
	return w, nil
}

// String is the week as "2026-W47".
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// Begin is the first moment of the week.
func (w Week) Begin() time.Time {
	fourth := time.Date(w.Year, 1, 4, 0, 0, 0, 0, time.UTC) // is always in week 1
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7)
	return monday.AddDate(0, 0, 7*(w.Number-1))
}

// End is the first moment after the week.
func (w Week) End() time.Time { return w.Begin().AddDate(0, 0, 7) }

// Next is the week after.
func (w Week) Next() Week { return WeekOf(w.End()) }

// Previous is the week before.
func (w Week) Previous() Week { return WeekOf(w.Begin().AddDate(0, 0, -7)) }

// MarshalText writes the week as String does.
func (w Week) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads a week as ParseWeek does.
func (w *Week) UnmarshalText(b []byte) (err error) {
	*w, err = ParseWeek(string(b))
	return err
}
