package normalise

import (
	"math"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

func (m *maker) log(l *wire.Log) {
	m.forms = appendFormLog(m.forms, l)
	m.odd = l.Odd
	m.place(&m.own, l.Attrs, "", nil)
	m.logType(l)
	m.logTimes(l)
	m.rec.Keys.Trace, m.rec.Keys.Span = m.keep(l.Trace), m.keep(l.Span)
	if v, ok := m.get(eventSequence); ok {
		if n, ok := v.Int64(); ok {
			m.rec.Sequence = &n
		}
	}
	m.duration(durationMS, totalDurationMS)
	m.number("otlp.severity_number", int64(l.Severity))
	if l.SeverityText != "" && (l.Severity == 0 || !plainName(l.SeverityText)) { // "INFO" beside 9 says nothing more
		m.textPiece(&m.own, "severity_text", audit.ClassDetail, l.SeverityText)
	}
	m.number("otlp.dropped_attributes", int64(l.Dropped))
}

// logType finds the event's name and what it is, and puts a body that says more than the name beside the record.
func (m *maker) logType(l *wire.Log) {
	r := m.rec
	r.Type = m.str(eventName)
	if r.Type == "" && plainName(l.EventName) {
		r.Type = m.keep(l.EventName)
	} else if l.EventName != "" && l.EventName != r.Type {
		m.textPiece(&m.own, "event_name", audit.ClassDetail, l.EventName)
	}
	body := ""
	if l.Body.Kind == audit.KindString {
		body = l.Body.Str
	}
	if r.Type == "" {
		// Only a body that is the name of an event is taken for one: any other log's body is what somebody wrote.
		if _, known := events[strings.TrimPrefix(body, claudeCodePrefix)]; known ||
			strings.HasPrefix(body, claudeCodePrefix) && plainName(body) {
			r.Type = m.keep(body)
		}
	}
	if body != "" && strings.TrimPrefix(body, claudeCodePrefix) == strings.TrimPrefix(r.Type, claudeCodePrefix) {
		body = ""
	} else if body != "" || l.Body.Kind > audit.KindString {
		m.piece(&m.own, "", "body", &l.Body, audit.Text)
	}
	found, ok := m.event(r.Type)
	m.classify(found, ok)
	if r.Type == "" {
		r.Type = "log"
	}
}

// classify notes what the record is. What no mapping knows is kept all the same.
func (m *maker) classify(found mapping, ok bool) {
	if !ok {
		m.rec.Activity, m.rec.Outcome = audit.ActivityUnclassified, audit.OutcomeUnknown
		m.own.flag(audit.FlagUnknownType)
		return
	}
	m.rec.Activity, m.rec.Outcome = found.activity, found.outcome(m)
}

func (m *maker) logTimes(l *wire.Log) {
	m.rec.Observed = unixTime(l.Observed)
	if v, ok := m.get(eventTimestamp); ok {
		if t, err := time.Parse(time.RFC3339Nano, v.Str()); err == nil {
			m.occurred(t.UTC())
			return
		}
	}
	if t := unixTime(l.Time); !t.IsZero() {
		m.occurred(t)
		return
	}
	m.occurred(m.rec.Observed)
}

// unixTime reads nanoseconds since 1970; 0 and what no clock shows are no time.
func unixTime(ns uint64) time.Time {
	if ns == 0 || ns > math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, int64(ns)).UTC()
}

const (
	tooEarly = 366 * 24 * time.Hour
	tooLate  = 24 * time.Hour
)

// occurred notes when the record happened by the source's clock, or that the source does not say. A time that is outside
// the years 1 to 9999 once in UTC is none: no record can show it.
func (m *maker) occurred(t time.Time) {
	if y := t.UTC().Year(); t.IsZero() || y < 1 || y > 9999 {
		m.rec.Occurred = m.Received
		m.own.flag(audit.FlagNoTime)
		return
	}
	m.rec.Occurred = t
	if t.After(m.Received.Add(tooLate)) || t.Before(m.Received.Add(-tooEarly)) {
		m.own.flag(audit.FlagClockAbsurd)
	}
}

// duration reads the first of some attributes that holds milliseconds.
func (m *maker) duration(roles ...role) {
	for _, r := range roles {
		v, ok := m.get(r)
		if !ok {
			continue
		}
		if ms, ok := v.Float64(); ok && ms >= 0 && ms < float64(math.MaxInt64/time.Millisecond) {
			m.rec.Duration = int64(ms * float64(time.Millisecond))
			return
		}
	}
}

// number keeps a number the protocol carries outside attributes, where it says anything.
func (m *maker) number(name string, n int64) {
	if n != 0 {
		m.own.attrs = append(m.own.attrs, audit.Attr{Name: name, Value: audit.Int(n)})
	}
}
