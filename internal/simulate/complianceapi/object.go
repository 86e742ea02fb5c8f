package complianceapi

import (
	"encoding/json"
	"strconv"
)

// object is a JSON object under construction, its members in the order given. It is how rows of the feed are written: a
// million of them are too many for reflection.
type object []byte

func (o *object) name(name string) {
	if len(*o) == 0 {
		*o = append(*o, '{')
	} else {
		*o = append(*o, ',')
	}
	*o = appendText(*o, name)
	*o = append(*o, ':')
}

func (o *object) text(name, value string) {
	o.name(name)
	*o = appendText(*o, value)
}

// textOrNull writes "" as null.
func (o *object) textOrNull(name, value string) {
	if value == "" {
		o.raw(name, "null")
		return
	}
	o.text(name, value)
}

func (o *object) number(name string, value int64) {
	o.name(name)
	*o = strconv.AppendInt(*o, value, 10)
}

func (o *object) raw(name, value string) {
	o.name(name)
	*o = append(*o, value...)
}

func (o *object) value(name string, v any) {
	o.name(name)
	*o = appendValue(*o, v)
}

func (o *object) end() []byte {
	if len(*o) == 0 {
		return []byte("{}")
	}
	return append(*o, '}')
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			return appendValue(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendValue appends any JSON value; json.RawMessage as it is.
func appendValue(b []byte, v any) []byte {
	enc, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...) // of strings, numbers, lists and maps: cannot be
	}
	return append(b, enc...)
}
