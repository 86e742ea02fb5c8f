package organisation

import (
	"bytes"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// glance is what is read of every record, without decoding it: most records only say that an account was there.
type glance struct {
	source    audit.Source
	typ       []byte
	created   bool   // the activity is "create"
	at        int64  // when it occurred, in µs; when it was recorded where the source's clock is absurd
	account   []byte // the JSON object, nil for none
	container []byte // as JSON writes it, without quotes; nil for none
}

// look reads a record's canonical bytes, whose fields come in a fixed order. It reports false for what it cannot read: such
// a record is passed over, verify reports it.
func look(b []byte) (g glance, ok bool) {
	var occurred, recorded []byte
	w := walker{rest: b}
	if !w.open() {
		return g, false
	}
	for {
		name, value, more := w.field()
		if !more {
			break
		}
		switch string(name) {
		case "source":
			g.source = audit.Source(unquoted(value))
		case "activity":
			g.created = string(unquoted(value)) == string(audit.ActivityCreate)
		case "type":
			g.typ = unquoted(value)
		case "occurred":
			occurred = unquoted(value)
		case "recorded":
			recorded = unquoted(value)
		case "account":
			g.account = value
		case "container":
			g.container = unquoted(value)
		case "resource", "attributes", "parts", "content", "flags": // behind what is wanted
			w.rest = nil
		}
	}
	if bytes.Contains(b, absurd) {
		occurred = recorded
	}
	at, err := time.Parse(time.RFC3339Nano, string(occurred))
	g.at = at.UnixMicro()
	return g, err == nil && g.source != "" && len(g.typ) > 0
}

var absurd = []byte(`"` + audit.FlagClockAbsurd + `"`)

func unquoted(v []byte) []byte {
	if len(v) < 2 || v[0] != '"' {
		return nil
	}
	return v[1 : len(v)-1]
}

// walker goes over the fields of a JSON object as Tripod writes them: without blanks.
type walker struct{ rest []byte }

func (w *walker) open() bool {
	if len(w.rest) < 2 || w.rest[0] != '{' {
		return false
	}
	w.rest = w.rest[1:]
	return true
}

// field is the next field, its value as it stands; more is false at the end, or where the object is cut.
func (w *walker) field() (name, value []byte, more bool) {
	if len(w.rest) > 0 && w.rest[0] == ',' {
		w.rest = w.rest[1:]
	}
	if len(w.rest) == 0 || w.rest[0] != '"' {
		return nil, nil, false
	}
	n := text(w.rest)
	if n <= 0 || n >= len(w.rest) || w.rest[n] != ':' {
		return nil, nil, false
	}
	name, w.rest = w.rest[1:n-1], w.rest[n+1:]
	end := length(w.rest)
	if end <= 0 {
		return nil, nil, false
	}
	value, w.rest = w.rest[:end], w.rest[end:]
	return name, value, true
}

// text is how long the string at the beginning is, with its quotes; 0 where it does not end.
func text(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// length is how long the value at the beginning is; 0 where it does not end.
func length(b []byte) int {
	if len(b) > 0 && b[0] == '"' {
		return text(b)
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := text(b[i:])
			if n == 0 {
				return 0
			}
			i += n - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i
			}
			if depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return 0
}
