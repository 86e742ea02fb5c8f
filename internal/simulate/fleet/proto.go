package fleet

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// The wire form of protobuf, as far as OTLP needs it
// (https://github.com/open-telemetry/opentelemetry-proto/tree/main/opentelemetry/proto). Writing it by hand costs a tenth of
// what building the library's structures does, and a fleet that is to outrun a receiver must be cheap.

const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

func appendTag(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field<<3|wire))
}

func appendFixed(b []byte, field int, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(appendTag(b, field, wireFixed8), v)
}

func appendTime(b []byte, field int, t time.Time) []byte {
	return appendFixed(b, field, uint64(t.UnixNano()))
}

func appendVarint(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(appendTag(b, field, wireVarint), v)
}

// appendText writes a string; what is not UTF-8 becomes U+FFFD, as the client's encoder writes it.
func appendText(b []byte, field int, s string) []byte {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(replaceHalves(s), "\uFFFD")
	}
	b = binary.AppendUvarint(appendTag(b, field, wireBytes), uint64(len(s)))
	return append(b, s...)
}

func appendHex(b []byte, field int, s string) []byte {
	if s == "" {
		return b
	}
	b = binary.AppendUvarint(appendTag(b, field, wireBytes), uint64(len(s)/2))
	b, err := hex.AppendDecode(b, []byte(s))
	if err != nil {
		return b // ids are hexadecimal: made here or by the world
	}
	return b
}

// appendMessage writes what f appends as one message. Its length stands in front in as few bytes as it needs.
func appendMessage(b []byte, field int, f func([]byte) []byte) []byte {
	b = appendTag(b, field, wireBytes)
	at := len(b)
	b = f(append(b, 0))
	n := len(b) - at - 1
	if n < 0x80 {
		b[at] = byte(n)
		return b
	}
	var head [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(head[:], uint64(n))
	b = append(b, head[1:k]...) // room
	copy(b[at+k:], b[at+1:at+1+n])
	copy(b[at:], head[:k])
	return b
}

func appendAttributes(b []byte, field int, list attributes) []byte {
	for i := range list {
		a := &list[i]
		b = appendMessage(b, field, func(b []byte) []byte {
			return appendMessage(appendText(b, 1, a.key), 2, func(b []byte) []byte { return appendValue(b, a) })
		})
	}
	return b
}

func appendValue(b []byte, a *attribute) []byte {
	switch a.kind {
	case kindString:
		return appendText(b, 1, a.text)
	case kindBool:
		return appendVarint(b, 2, uint64(a.int))
	case kindEmptyDouble:
		return appendFixed(b, 4, math.Float64bits(math.NaN()))
	case kindInt, kindQuotedInt:
		return appendVarint(b, 3, uint64(a.int))
	case kindDouble:
		return appendFixed(b, 4, math.Float64bits(a.real))
	case kindStrings:
		return appendMessage(b, 5, func(b []byte) []byte {
			for _, s := range a.list {
				b = appendMessage(b, 1, func(b []byte) []byte { return appendText(b, 1, s) })
			}
			return b
		})
	}
	return b
}

// appendGroup writes the frame that all three signals share: resource, scope and what of records f appends.
func appendGroup(b []byte, r *resource, s scope, f func([]byte) []byte) []byte {
	return appendMessage(b, 1, func(b []byte) []byte {
		b = appendMessage(b, 1, func(b []byte) []byte { return appendAttributes(b, 1, r.attrs) })
		return appendMessage(b, 2, func(b []byte) []byte {
			b = appendMessage(b, 1, func(b []byte) []byte { return appendText(appendText(b, 1, s.name), 2, s.version) })
			return f(b)
		})
	})
}

func protoLogs(b []byte, r *resource, s scope, list []*logRecord) []byte {
	return appendGroup(b, r, s, func(b []byte) []byte {
		for _, l := range list {
			b = appendMessage(b, 2, func(b []byte) []byte { return appendLog(b, l) })
		}
		return b
	})
}

func appendLog(b []byte, l *logRecord) []byte {
	b = appendTime(b, 1, l.at)
	b = appendMessage(b, 5, func(b []byte) []byte { return appendText(b, 1, l.body) })
	b = appendAttributes(b, 6, l.attrs)
	if l.trace != "" {
		b = binary.LittleEndian.AppendUint32(appendTag(b, 8, wireFixed4), 1)
		b = appendHex(appendHex(b, 9, l.trace), 10, l.span)
	}
	return appendTime(b, 11, l.at)
}

func protoSpans(b []byte, r *resource, s scope, list []*spanRecord) []byte {
	return appendGroup(b, r, s, func(b []byte) []byte {
		for _, sp := range list {
			b = appendMessage(b, 2, func(b []byte) []byte { return appendSpan(b, sp) })
		}
		return b
	})
}

func appendSpan(b []byte, s *spanRecord) []byte {
	b = appendHex(appendHex(appendHex(b, 1, s.trace), 2, s.id), 4, s.parent)
	b = appendVarint(appendText(b, 5, s.name), 6, 1)
	b = appendTime(appendTime(b, 7, s.start), 8, s.end)
	b = appendAttributes(b, 9, s.attrs)
	for i := range s.events {
		e := &s.events[i]
		b = appendMessage(b, 11, func(b []byte) []byte {
			return appendAttributes(appendText(appendTime(b, 1, e.at), 2, e.name), 3, e.attrs)
		})
	}
	b = appendMessage(b, 15, func(b []byte) []byte {
		if s.failed {
			b = appendVarint(appendText(b, 2, s.message), 3, 2)
		}
		return b
	})
	return binary.LittleEndian.AppendUint32(appendTag(b, 16, wireFixed4), spanFlags)
}

// protoMetrics writes one group for each collection.
func protoMetrics(b []byte, r *resource, s scope, list [][]metric) []byte {
	for _, collected := range list {
		b = appendGroup(b, r, s, func(b []byte) []byte {
			for i := range collected {
				b = appendMessage(b, 2, func(b []byte) []byte { return appendMetric(b, &collected[i]) })
			}
			return b
		})
	}
	return b
}

func appendMetric(b []byte, m *metric) []byte {
	b = appendText(appendText(b, 1, m.name), 2, m.description)
	if m.unit != "" {
		b = appendText(b, 3, m.unit)
	}
	return appendMessage(b, 7, func(b []byte) []byte {
		for i := range m.points {
			p := &m.points[i]
			b = appendMessage(b, 1, func(b []byte) []byte {
				b = appendTime(appendTime(b, 2, p.start), 3, p.time)
				return appendAttributes(appendFixed(b, 4, math.Float64bits(p.value)), 7, p.attrs)
			})
		}
		return appendVarint(appendVarint(b, 2, 1), 3, 1)
	})
}
