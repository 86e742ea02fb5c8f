package timeline_test

import (
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/timeline"
)

func instants(seconds ...float64) []time.Time {
	var list []time.Time
	for _, s := range seconds {
		list = append(list, noon.Add(time.Duration(s*float64(time.Second))))
	}
	return list
}

func TestAxis(t *testing.T) {
	t.Parallel()
	f := func(breaks int, seconds ...float64) *timeline.Axis {
		t.Helper()
		a := timeline.NewAxis(instants(seconds...))
		if len(a.Breaks) != breaks {
			t.Errorf("%v: %d breaks, want %d", seconds, len(a.Breaks), breaks)
		}
		before := -1.0
		slices.Sort(seconds)
		for _, at := range instants(seconds...) {
			if x := a.At(at); x < before || x > 1.000001 {
				t.Errorf("%v: %s is at %f, behind %f", seconds, at, x, before)
			} else {
				before = x
			}
		}
		return a
	}
	f(0)
	f(0, 5)
	f(0, 0, 86400) // two instants: there is nothing else to show
	f(0, 0, 1, 2, 3, 100, 101, 102, 103, 25, 50, 75)
	a := f(1, 0, 1, 2, 3, 7200, 7201, 7202)
	if w := a.Breaks[0].To - a.Breaks[0].From; w < 0.02 || w > 0.05 {
		t.Errorf("a break %f wide", w)
	}
	if x := a.At(noon.Add(7200 * time.Second)); x < 0.5 || x > 0.7 {
		t.Errorf("what follows a break is at %f", x)
	}
	regular := make([]float64, 200)
	for i := range regular {
		regular[i] = float64(180 * i)
	}
	f(0, regular...)
	week := f(3, 0, 60, 120, 200_000, 200_060, 400_000, 400_070, 600_000, 600_010)
	for _, tick := range week.Ticks(8) {
		for _, b := range week.Breaks {
			if tick.Time.After(b.Start) && tick.Time.Before(b.End) {
				t.Errorf("a tick within a break: %s", tick.Time)
			}
		}
	}
	if n := len(week.Ticks(8)); n < 3 || n > 16 {
		t.Errorf("%d ticks", n)
	}
}
