package world

import (
	"time"
	_ "time/tzdata" // the same zones on every machine
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// The enterprise lasts from First, a Monday, until Last. Outside nothing happens but what [World.Live] is asked for.
var (
	First = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)
	Last  = time.Date(2033, 1, 3, 0, 0, 0, 0, time.UTC)
)

// monday is the beginning of the week that holds t, in UTC.
func monday(t time.Time) time.Time {
	t = midnight(t)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}

func midnight(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// local is the clock time on the day of date in an account's zone.
func local(date time.Time, zone *time.Location, clock time.Duration) time.Time {
	y, m, d := date.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, zone).Add(clock).UTC()
}

func isWeekend(date time.Time) bool {
	return date.Weekday() == time.Saturday || date.Weekday() == time.Sunday
}

// present reports whether an account belongs to the enterprise throughout a stretch of time.
func (a *Account) present(from, to time.Time) bool {
	return (a.Joined.IsZero() || !from.Before(a.Joined)) && (a.Left.IsZero() || !to.After(a.Left))
}

// zone is a time zone by name, read once.
func (w *World) zone(name string) *time.Location {
	if l := w.zones[name]; l != nil {
		return l
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		l = time.UTC // cannot happen: the zones are linked in
	}
	w.zones[name] = l
	return l
}
