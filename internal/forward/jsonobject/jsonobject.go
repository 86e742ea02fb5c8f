// Package jsonobject writes JSON objects field by field into a byte slice, as the formats of what leaves need it.
//
// It promises: what it writes is valid JSON where Open and Close, List and CloseList pair, strings as audit records have
// them. It holds nothing durable. A Writer is not safe for concurrent use.
package jsonobject

import (
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Writer writes JSON field by field; empty texts leave nothing behind.
type Writer struct{ B []byte }

// Name begins a field.
func (w *Writer) Name(name string) {
	w.comma()
	w.B = append(w.B, '"')
	w.B = append(w.B, name...)
	w.B = append(w.B, '"', ':')
}

// comma parts what follows from what stands before it.
func (w *Writer) comma() {
	if c := w.B[len(w.B)-1]; c != '{' && c != '[' {
		w.B = append(w.B, ',')
	}
}

// Str writes a string; an empty one leaves nothing behind.
func (w *Writer) Str(name, v string) {
	if v != "" {
		w.Name(name)
		w.B = audit.AppendJSONString(w.B, v)
	}
}

// Quoted writes a field whose name is a text like any other.
func (w *Writer) Quoted(name, v string) {
	w.comma()
	w.B = audit.AppendJSONString(w.B, name)
	w.B = append(w.B, ':')
	w.B = audit.AppendJSONString(w.B, v)
}

// Value writes an attribute under a name that is a text like any other.
func (w *Writer) Value(name string, v audit.Value) {
	w.comma()
	w.B = audit.AppendJSONString(w.B, name)
	w.B = append(w.B, ':')
	w.B = v.AppendJSON(w.B)
}

// Truth writes true or false.
func (w *Writer) Truth(name string, v bool) {
	w.Name(name)
	w.B = strconv.AppendBool(w.B, v)
}

// Int writes a whole number.
func (w *Writer) Int(name string, v int64) {
	w.Name(name)
	w.B = strconv.AppendInt(w.B, v, 10)
}

// Uint writes a whole number that is never negative.
func (w *Writer) Uint(name string, v uint64) {
	w.Name(name)
	w.B = strconv.AppendUint(w.B, v, 10)
}

// Open begins an object.
func (w *Writer) Open(name string) {
	w.Name(name)
	w.B = append(w.B, '{')
}

// List begins a list.
func (w *Writer) List(name string) {
	w.Name(name)
	w.B = append(w.B, '[')
}

// Element begins an object of a list.
func (w *Writer) Element() {
	w.comma()
	w.B = append(w.B, '{')
}

// Position writes a number of a list.
func (w *Writer) Position(n uint64) {
	w.comma()
	w.B = strconv.AppendUint(w.B, n, 10)
}

// Item writes a string of a list.
func (w *Writer) Item(v string) {
	w.comma()
	w.B = audit.AppendJSONString(w.B, v)
}

// Close ends an object.
func (w *Writer) Close() { w.B = append(w.B, '}') }

// CloseList ends a list.
func (w *Writer) CloseList() { w.B = append(w.B, ']') }

// Strings writes a list of strings; an empty list leaves nothing behind.
func (w *Writer) Strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.List(name)
	for _, s := range list {
		w.Item(s)
	}
	w.CloseList()
}

// Milli writes a time in milliseconds since 1970; a time that is none leaves nothing behind.
func (w *Writer) Milli(name string, t time.Time) {
	if !t.IsZero() {
		w.Int(name, t.UnixMilli())
	}
}

// Stamp writes a time as records do.
func (w *Writer) Stamp(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.Name(name)
	w.B = append(w.B, '"')
	w.B = t.UTC().AppendFormat(w.B, time.RFC3339Nano)
	w.B = append(w.B, '"')
}
