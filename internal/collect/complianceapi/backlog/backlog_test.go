package backlog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
)

var (
	noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	day  = 24 * time.Hour
)

// read tells a meter of a month that is read at a day and so many rows a step, newest first.
func read(m *backlog.Meter, steps int, rows int64, step time.Duration) (now time.Time) {
	now = noon
	for i := range steps + 1 {
		now = noon.Add(time.Duration(i) * step)
		m.Set(now, backlog.Progress{
			Behind: true, Rows: int64(i) * rows, Done: time.Duration(i) * day, Left: time.Duration(30-i) * day, From: noon.Add(-30 * day), At: noon.Add(-time.Duration(i) * day),
		})
	}
	return now
}

func TestEstimate(t *testing.T) {
	t.Parallel()
	f := func(name string, steps int, step, idle, want time.Duration) {
		t.Helper()
		var m backlog.Meter
		now := read(&m, steps, 10_000, step)
		if got := m.Progress(now.Add(idle)).ETA; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	f("nothing was read yet", 0, time.Second, 0, backlog.Unknown)
	f("not a week yet: it may have been a quiet one", 6, 5*time.Second, 0, backlog.Unknown)
	f("a week, measured too briefly", 7, 100*time.Millisecond, 0, backlog.Unknown)
	f("a week", 7, time.Second, 0, 23*time.Second)
	f("a week, and a moment ago", 7, time.Second, 5*time.Second, 23*time.Second)
	f("half", 15, 2*time.Second, 0, 30*time.Second)
	f("half, and no page for long", 15, 2*time.Second, 3*time.Minute, backlog.Unknown)
	f("a slow one", 15, 10*time.Minute, 0, 150*time.Minute)
}

// TestPaceIsOfLately: a reading that was slow once and is fast now is estimated by what it is now.
func TestPaceIsOfLately(t *testing.T) {
	t.Parallel()
	var m backlog.Meter
	now := read(&m, 10, 10_000, time.Minute)
	for i := 11; i <= 20; i++ {
		now = now.Add(30 * time.Second)
		m.Set(now, backlog.Progress{Behind: true, Rows: int64(i) * 10_000, Done: time.Duration(i) * day, Left: time.Duration(30-i) * day})
	}
	if got := m.Progress(now).ETA; got != 5*time.Minute {
		t.Errorf("%v, want 5m0s", got)
	}
}

func TestBursts(t *testing.T) {
	t.Parallel()
	var m backlog.Meter // a budget that returns each minute is spent within a second
	now := noon
	for i := range 15 {
		for k := range 10 {
			done := day*time.Duration(i) + day*time.Duration(k)/10
			now = noon.Add(time.Duration(i)*time.Minute + time.Duration(k)*100*time.Millisecond)
			m.Set(now, backlog.Progress{Behind: true, Rows: int64(done / time.Minute), Done: done, Left: 30*day - done})
		}
	}
	if got := m.Progress(now).ETA; got < 11*time.Minute || got > 16*time.Minute {
		t.Errorf("%v, want about a quarter of an hour", got)
	}
}

func TestEnd(t *testing.T) {
	t.Parallel()
	var m backlog.Meter
	now := read(&m, 30, 10_000, time.Second)
	m.Set(now, backlog.Progress{Rows: 300_000, Done: 30 * day})
	if p := m.Progress(now); p.Behind || p.ETA != 0 || p.Share() != 1 {
		t.Errorf("%+v", p)
	}
	m.Set(now, backlog.Progress{Behind: true, Rows: 1, Done: time.Hour, Left: 40 * day}) // an outage, later
	if p := m.Progress(now); p.ETA != backlog.Unknown || p.Rate != 0 {
		t.Errorf("the pace of another reading: %+v", p)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	var m backlog.Meter
	now := read(&m, 15, 123_456, 2*time.Second)
	if got, want := m.Progress(now).String(), "50 %, 1,851,840 activities, back to 2026-11-08 12:00, 61,728 a second, about 30 s left"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for eta, want := range map[time.Duration]string{backlog.Unknown: "time left unknown", 0: "about 1 s left", 100 * time.Second: "about 2 min left", 5 * time.Hour: "about 5 h left"} {
		if got := (backlog.Progress{ETA: eta}).String(); !strings.HasSuffix(got, want) {
			t.Errorf("%v: %s", eta, got)
		}
	}
}
