package fleet

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// JSON as opentelemetry-js writes it (https://github.com/open-telemetry/opentelemetry-js/tree/main/experimental/packages/otlp-transformer):
// integers of attributes are bare numbers, times are strings, enumerations are numbers, and members come in its order.

func jsonString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if half, ok := halfAt(s[i:]); ok {
				b = append(b, '\\', 'u', digits[half>>12&15], digits[half>>8&15], digits[half>>4&15], digits[half&15])
				n = 3
			} else {
				b = utf8.AppendRune(b, r)
			}
			i += n
			continue
		}
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c == '\b':
			b = append(b, '\\', 'b')
		case c == '\f':
			b = append(b, '\\', 'f')
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
		i++
	}
	return append(b, '"')
}

// jsonNumber writes a number as JavaScript does.
func jsonNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

func jsonNanos(b []byte, name string, t time.Time) []byte {
	b = append(append(b, '"'), name...)
	b = append(b, `":"`...)
	return append(strconv.AppendInt(b, t.UnixNano(), 10), '"')
}

func jsonAttributes(b []byte, list attributes) []byte {
	b = append(b, `"attributes":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"key":`...)
		b = append(jsonString(b, list[i].key), `,"value":{`...)
		b = append(jsonValue(b, &list[i]), `}}`...)
	}
	return append(b, ']')
}

func jsonValue(b []byte, a *attribute) []byte {
	switch a.kind {
	case kindString:
		return jsonString(append(b, `"stringValue":`...), a.text)
	case kindBool:
		return strconv.AppendBool(append(b, `"boolValue":`...), a.int != 0)
	case kindInt:
		return strconv.AppendInt(append(b, `"intValue":`...), a.int, 10)
	case kindQuotedInt:
		return append(strconv.AppendInt(append(b, `"intValue":"`...), a.int, 10), '"')
	case kindEmptyDouble:
		return append(b, `"doubleValue":{}`...)
	case kindDouble:
		return jsonNumber(append(b, `"doubleValue":`...), a.real)
	case kindStrings:
		b = append(b, `"arrayValue":{"values":[`...)
		for i, s := range a.list {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(jsonString(append(b, `{"stringValue":`...), s), '}')
		}
		return append(b, "]}"...)
	}
	return b
}

// jsonGroup opens the frame that all three signals share; the records of the scope and groupEnd follow.
func jsonGroup(b []byte, signal signal, r *resource, s scope) []byte {
	b = append(b, `{"resource":{`...)
	b = append(jsonAttributes(b, r.attrs), `,"droppedAttributesCount":0},"scope`...)
	b = append(append(b, signal.title()...), `":[{"scope":{"name":`...)
	b = jsonString(append(jsonString(b, s.name), `,"version":`...), s.version)
	b = append(append(b, `},"`...), signal.records()...)
	return append(b, `":[`...)
}

const groupEnd = `]}]}`

func jsonOpen(b []byte, signal signal) []byte {
	return append(append(append(b, `{"resource`...), signal.title()...), `":[`...)
}

func jsonLogs(b []byte, r *resource, s scope, list []*logRecord) []byte {
	b = jsonGroup(jsonOpen(b, logs), logs, r, s)
	for i, l := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsonNanos(append(b, '{'), "timeUnixNano", l.at), ',')
		b = append(jsonNanos(b, "observedTimeUnixNano", l.at), `,"body":{"stringValue":`...)
		b = append(jsonString(b, l.body), `},`...)
		b = append(jsonAttributes(b, l.attrs), `,"droppedAttributesCount":0`...)
		if l.trace != "" {
			b = jsonString(append(b, `,"flags":1,"traceId":`...), l.trace)
			b = jsonString(append(b, `,"spanId":`...), l.span)
		}
		b = append(b, '}')
	}
	return append(b, groupEnd+`]}`...)
}

func jsonSpans(b []byte, r *resource, s scope, list []*spanRecord) []byte {
	b = jsonGroup(jsonOpen(b, traces), traces, r, s)
	for i, sp := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsonSpan(append(b, '{'), sp), '}')
	}
	return append(b, groupEnd+`]}`...)
}

func jsonSpan(b []byte, s *spanRecord) []byte {
	b = jsonString(append(b, `"traceId":`...), s.trace)
	b = jsonString(append(b, `,"spanId":`...), s.id)
	if s.parent != "" {
		b = jsonString(append(b, `,"parentSpanId":`...), s.parent)
	}
	b = append(jsonString(append(b, `,"name":`...), s.name), `,"kind":1,`...)
	b = append(jsonNanos(b, "startTimeUnixNano", s.start), ',')
	b = append(jsonNanos(b, "endTimeUnixNano", s.end), ',')
	b = append(jsonAttributes(b, s.attrs), `,"droppedAttributesCount":0,"events":[`...)
	for i := range s.events {
		e := &s.events[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsonAttributes(append(b, '{'), e.attrs), `,"name":`...)
		b = append(jsonString(b, e.name), ',')
		b = append(jsonNanos(b, "timeUnixNano", e.at), `,"droppedAttributesCount":0}`...)
	}
	b = append(b, `],"droppedEventsCount":0,"status":{"code":`...)
	if s.failed {
		b = jsonString(append(b, `2,"message":`...), s.message)
	} else {
		b = append(b, '0')
	}
	b = append(b, `},"links":[],"droppedLinksCount":0,"flags":`...)
	return strconv.AppendInt(b, spanFlags, 10)
}

// jsonMetrics writes one group for each collection.
func jsonMetrics(b []byte, r *resource, s scope, list [][]metric) []byte {
	b = jsonOpen(b, metrics)
	for i, collected := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonGroup(b, metrics, r, s)
		for k := range collected {
			if k > 0 {
				b = append(b, ',')
			}
			b = jsonMetric(b, &collected[k])
		}
		b = append(b, groupEnd...)
	}
	return append(b, `]}`...)
}

func jsonMetric(b []byte, m *metric) []byte {
	b = jsonString(append(b, `{"name":`...), m.name)
	b = jsonString(append(b, `,"description":`...), m.description)
	b = jsonString(append(b, `,"unit":`...), m.unit)
	b = append(b, `,"sum":{"aggregationTemporality":1,"isMonotonic":true,"dataPoints":[`...)
	for i := range m.points {
		p := &m.points[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(jsonAttributes(append(b, '{'), p.attrs), ',')
		b = append(jsonNanos(b, "startTimeUnixNano", p.start), ',')
		b = append(jsonNanos(b, "timeUnixNano", p.time), `,"asDouble":`...)
		b = append(jsonNumber(b, p.value), '}')
	}
	return append(b, `]}}`...)
}
