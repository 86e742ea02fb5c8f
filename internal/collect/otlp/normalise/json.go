package normalise

import (
	"encoding/base64"
	"math"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// appendJSON writes a value as JSON: maps keep their order, bytes are base64, numbers JSON has no form for are null.
func appendJSON(b []byte, v *wire.Value) []byte {
	switch v.Kind {
	case audit.KindString:
		return appendJSONString(b, v.Str)
	case audit.KindBool:
		return strconv.AppendBool(b, v.Num == 1)
	case audit.KindInt:
		return strconv.AppendInt(b, int64(v.Num), 10)
	case audit.KindDouble:
		if f := math.Float64frombits(v.Num); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(b, f, 'g', -1, 64)
		}
	case audit.KindBytes:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), []byte(v.Str)), '"')
	case audit.KindArray:
		b = append(b, '[')
		for i := range v.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, &v.Items()[i])
		}
		return append(b, ']')
	case audit.KindMap:
		b = append(b, '{')
		for i := range v.Fields() {
			if i > 0 {
				b = append(b, ',')
			}
			f := &v.Fields()[i]
			b = append(appendJSONString(b, f.Name), ':')
			b = appendJSON(b, &f.Value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

const hexDigits = "0123456789abcdef"

// appendJSONString writes valid UTF-8 with the fewest escapes.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(b, '"')
}

// appendJSONNumbers writes attributes that hold numbers, truth values and lists of them as one JSON object; numbers JSON has
// no form for are null.
func appendJSONNumbers(b []byte, attrs audit.Attrs) []byte {
	b = append(b, '{')
	for i := range attrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSONString(b, attrs[i].Name), ':')
		b = appendJSONNumber(b, attrs[i].Value)
	}
	return append(b, '}')
}

func appendJSONNumber(b []byte, v audit.Value) []byte {
	if v.Kind == audit.KindArray {
		b = append(b, '[')
		for i, item := range v.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSONNumber(b, item)
		}
		return append(b, ']')
	}
	if f, ok := v.Float64(); ok && (math.IsNaN(f) || math.IsInf(f, 0)) {
		return append(b, "null"...)
	}
	return append(b, v.Text()...)
}
