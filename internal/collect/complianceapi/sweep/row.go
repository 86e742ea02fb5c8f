package sweep

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

// Spec is the allow list of a kind of rows: what becomes of each field the vendor's page names. Lists are names between
// spaces, in the order in which records tell them. What is on none is kept and makes no difference, since nobody knows
// whether it stands still: numbers and switches in the record, anything else beside it as text.
type Spec struct {
	Keep   string // stay in the record
	Times  string // likewise, told in one way whatever way they come in
	Carry  string // likewise, and make no difference
	Detail string // what people named
	Text   string // what people wrote
}

// Row reads a row: its fields, and those of them that are strings by name. ok is false where it is no JSON object.
func (s *Spec) Row(raw []byte) (list []Field, texts map[string]string, ok bool) {
	var row map[string]json.RawMessage
	if err := json.Unmarshal(raw, &row); err != nil || row == nil {
		return nil, nil, false
	}
	texts = make(map[string]string, len(row))
	add := func(name string, f Field) {
		f.Name = name
		list = append(list, f)
		delete(row, name)
	}
	for name, v := range row {
		var text string
		if err := json.Unmarshal(v, &text); err == nil {
			texts[name] = text
		}
	}
	for _, l := range []struct {
		names   string
		class   audit.Class
		differs bool
	}{{s.Keep, audit.ClassMetadata, true}, {s.Times, audit.ClassMetadata, true}, {s.Carry, audit.ClassMetadata, false}, {s.Detail, audit.ClassDetail, true}, {s.Text, audit.ClassText, true}} {
		for _, name := range strings.Fields(l.names) {
			v, there := row[name]
			if !there {
				continue
			}
			f := field(v, l.class)
			if at, ok := normalise.ParseTime(texts[name]); ok && l.names == s.Times {
				f.Value = audit.String(at.Format(time.RFC3339Nano))
			}
			f.Differs = l.differs
			add(name, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(row)) {
		if len(list) >= mostFields {
			break
		}
		add(name, field(row[name], audit.ClassText))
	}
	if len(row) > 0 {
		rest, err := json.Marshal(row)
		if err != nil { // cannot be: it was read as JSON
			return nil, nil, false
		}
		add("attributes", piece(rest, audit.KindMap, audit.ClassText))
	}
	return list, texts, true
}

// mostFields bounds the fields that stand one by one; further ones stand together.
const mostFields = 256

// mostItems bounds a list that stays in a record.
const mostItems = 64

// field makes a field of a value: what is allowed in the record and fits there, or else a piece beside it.
func field(raw json.RawMessage, class audit.Class) Field {
	var v audit.Value
	if err := json.Unmarshal(raw, &v); err != nil { // an object, a list of such, a number beyond all bounds
		return piece(raw, audit.KindMap, later(class, audit.ClassText))
	}
	switch {
	case v.Kind == audit.KindString && (class != audit.ClassMetadata || len(v.Str()) > audit.MaxKeptString) && v.Str() != "":
		return Field{Class: later(class, audit.ClassText), Kind: v.Kind, Content: []byte(v.Str())}
	case v.Kind == audit.KindArray && len(v.Items()) > 0 && (class != audit.ClassMetadata || !short(v.Items())):
		return piece(raw, v.Kind, later(class, audit.ClassText))
	}
	return Field{Value: v, Class: audit.ClassMetadata, Kind: v.Kind}
}

func piece(raw json.RawMessage, kind audit.Kind, class audit.Class) Field {
	return Field{Class: class, Kind: kind, Content: slices.Clone(raw)}
}

// later is the class of content of something that may not stay: one that was to stay is something else wearing its name.
func later(class, or audit.Class) audit.Class {
	if class == audit.ClassMetadata {
		return or
	}
	return class
}

func short(items []audit.Value) bool {
	return len(items) <= mostItems && !slices.ContainsFunc(items, func(v audit.Value) bool {
		return v.Kind == audit.KindArray || len(v.Str()) > audit.MaxKeptString
	})
}
