package ocsf

import (
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// writer writes JSON field by field; empty texts leave nothing behind.
type writer struct{ b []byte }

// name begins a field.
func (w *writer) name(name string) {
	w.comma()
	w.b = append(w.b, '"')
	w.b = append(w.b, name...)
	w.b = append(w.b, '"', ':')
}

// comma parts what follows from what stands before it.
func (w *writer) comma() {
	if c := w.b[len(w.b)-1]; c != '{' && c != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) str(name, v string) {
	if v != "" {
		w.name(name)
		w.b = audit.AppendJSONString(w.b, v)
	}
}

// quoted writes a field whose name is a text like any other.
func (w *writer) quoted(name, v string) {
	w.comma()
	w.b = audit.AppendJSONString(w.b, name)
	w.b = append(w.b, ':')
	w.b = audit.AppendJSONString(w.b, v)
}

func (w *writer) truth(name string, v bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, v)
}

func (w *writer) int(name string, v int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *writer) uint(name string, v uint64) {
	w.name(name)
	w.b = strconv.AppendUint(w.b, v, 10)
}

func (w *writer) open(name string) {
	w.name(name)
	w.b = append(w.b, '{')
}

func (w *writer) list(name string) {
	w.name(name)
	w.b = append(w.b, '[')
}

// element begins an object of a list.
func (w *writer) element() {
	w.comma()
	w.b = append(w.b, '{')
}

func (w *writer) item(v string) {
	w.comma()
	w.b = audit.AppendJSONString(w.b, v)
}

func (w *writer) close()    { w.b = append(w.b, '}') }
func (w *writer) closeAll() { w.b = append(w.b, ']') } // of a list

func (w *writer) strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	w.list(name)
	for _, s := range list {
		w.item(s)
	}
	w.closeAll()
}

// milli writes a time in milliseconds since 1970; a time that is none leaves nothing behind.
func (w *writer) milli(name string, t time.Time) {
	if !t.IsZero() {
		w.int(name, t.UnixMilli())
	}
}

// stamp writes a time as records do.
func (w *writer) stamp(name string, t time.Time) {
	if t.IsZero() {
		return
	}
	w.name(name)
	w.b = append(w.b, '"')
	w.b = t.UTC().AppendFormat(w.b, time.RFC3339Nano)
	w.b = append(w.b, '"')
}
