// Package backlog measures how far the reading of the past is: of history before the first run, or of an outage.
//
// It promises an estimate of what is left only where there is something to estimate from: enough of the past was read to
// know how busy it is, at a pace measured lately. It keeps nothing on disk and has no say in what is read, or in which
// order. A Meter is safe for concurrent use; a Progress is a value.
package backlog

import (
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Progress is how far the reading of the past is.
type Progress struct {
	Rows   int64         `json:"rows"`            // activities read of it, those read before included
	At     time.Time     `json:"at,omitzero"`     // what is newer than this was read; zero before the first page
	From   time.Time     `json:"from"`            // what is older than this is not asked for
	Done   time.Duration `json:"done"`            // of the feed's time, read
	Left   time.Duration `json:"left"`            // of the feed's time, to be read
	Rate   float64       `json:"rate"`            // activities a second lately; 0 is unknown
	ETA    time.Duration `json:"eta"`             // until nothing is left, at this rate; Unknown where that would be a guess
	Behind bool          `json:"behind,omitzero"` // there is something left
}

// Unknown is the ETA of which nothing honest can be said.
const Unknown time.Duration = -1

// Share is how much of the past's time was read, 0 to 1.
func (p Progress) Share() float64 {
	if p.Done+p.Left <= 0 {
		return 1
	}
	return p.Done.Seconds() / (p.Done + p.Left).Seconds()
}

// String says it in one line.
func (p Progress) String() string {
	s := fmt.Sprintf("%d %%, %s activities", int(100*p.Share()), grouped(p.Rows))
	if !p.At.IsZero() {
		s += ", back to " + p.At.UTC().Format("2006-01-02 15:04")
	}
	if p.Rate > 0 {
		s += fmt.Sprintf(", %s a second", grouped(int64(p.Rate)))
	}
	if p.ETA == Unknown {
		return s + ", time left unknown"
	}
	return s + ", about " + about(p.ETA) + " left"
}

// about rounds to what an estimate is worth.
func about(d time.Duration) string {
	switch {
	case d < 90*time.Second:
		return strconv.Itoa(max(1, int(d.Round(time.Second).Seconds()))) + " s"
	case d < 90*time.Minute:
		return strconv.Itoa(int(d.Round(time.Minute).Minutes())) + " min"
	}
	return strconv.Itoa(int(d.Round(time.Hour).Hours())) + " h"
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Meter turns what was read into a Progress.
type Meter struct {
	mu      sync.Mutex
	p       Progress // guarded by mu; without Rate and ETA
	samples []sample // guarded by mu; oldest first
}

type sample struct {
	at   time.Time
	rows int64
}

const (
	window    = 2 * time.Minute // over which the pace is measured: the request budget returns every minute
	shortest  = 5 * time.Second // of a measurement
	mostMarks = 128             // samples; there are at most a few a second
)

// Set tells how far the reading is now. Rows and Done grow from one call to the next while Behind.
func (m *Meter) Set(now time.Time, p Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	begins, moved := !m.p.Behind || p.Rows < m.p.Rows, p.Rows != m.p.Rows
	m.p = p
	switch n := len(m.samples); {
	case begins || !p.Behind:
		m.samples = m.samples[:0]
	case !moved: // nor are pauses before the first page its pace
		return
	case n > 1 && now.Sub(m.samples[n-2].at) < window/mostMarks:
		m.samples[n-1] = sample{now, p.Rows} // so close to the one before that one of them is enough
	default:
		m.samples = append(m.samples, sample{now, p.Rows})
	}
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
}

// Progress is how far the reading is; Behind is false where nothing is left to read.
func (m *Meter) Progress(now time.Time) Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.p
	if !p.Behind {
		p.Left, p.ETA = 0, 0
		return p
	}
	p.ETA = Unknown
	if n := len(m.samples); n > 1 {
		first, last := m.samples[0], m.samples[n-1]
		if took := last.at.Sub(first.at); took >= shortest && now.Sub(last.at) < window {
			p.Rate = float64(last.rows-first.rows) / took.Seconds()
		}
	}
	if p.Rate > 0 && p.Rows > 0 && p.Done >= enough(p.Done+p.Left) {
		left := float64(p.Rows) / p.Done.Seconds() * p.Left.Seconds()
		p.ETA = time.Duration(left / p.Rate * float64(time.Second))
	}
	return p
}

// enough is how much of the past must have been read before its business stands for that of the rest: a week has quiet
// days, a day has a night.
func enough(total time.Duration) time.Duration {
	const day = 24 * time.Hour
	switch {
	case total > 14*day:
		return 7 * day
	case total > 2*day:
		return day
	}
	return total / 10
}
