package settings

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/settings/baseline"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/sweep"
)

// Fields of a value in its record.
const (
	fieldType     = "value_type" // the vendor's
	fieldValue    = "value"
	fieldRule     = "baseline"
	fieldExpected = "expected"
	fieldDrift    = "drift"
	fieldSeverity = "severity"
	fieldReason   = "reason"
)

// plain are the settings whose values are identifiers or words of the vendor's, though their type does not say so.
const plain = " claude_code_default_worker_environment_id claude_code_default_worker_pool_id disabled_admin_request_types sso_provisioning_mode "

// values reads the rows of an organisation. whole is false where one could not be read.
func (p *part) values(org string, rows []json.RawMessage) (things []sweep.Thing, whole bool) {
	whole = true
	for _, raw := range rows {
		var row struct {
			Name  string          `json:"name"`
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(raw, &row); err != nil || row.Name == "" || len(row.Name) > audit.MaxKeptString || strings.Contains(row.Name, "/") {
			whole = false
			continue
		}
		if len(row.Value) == 0 {
			row.Value = json.RawMessage("null")
		}
		value, told := tell(row.Name, row.Type, row.Value)
		t := sweep.Thing{ID: row.Name, Fields: []sweep.Field{value}}
		if row.Type != "" && len(row.Type) <= audit.MaxKeptString {
			t.Fields = append(t.Fields, keep(fieldType, audit.String(row.Type)))
		}
		if v, ok := p.baseline.Judge(org, row.Name, row.Value, told); ok {
			t.Fields = append(t.Fields, judged(v)...)
		}
		things = append(things, t)
	}
	return things, whole
}

func keep(name string, v audit.Value) sweep.Field {
	return sweep.Field{Name: name, Value: v, Class: audit.ClassMetadata, Differs: true}
}

func judged(v baseline.Verdict) []sweep.Field {
	return []sweep.Field{
		keep(fieldExpected, audit.String(bounded(v.Expected))), keep(fieldDrift, audit.Bool(v.Drift)), keep(fieldRule, audit.String(bounded(v.Rule))),
		keep(fieldSeverity, audit.String(v.Severity)), keep(fieldReason, audit.String(bounded(v.Reason))),
	}
}

// tell makes the field of a value and its text, which is what a baseline compares. What is neither a switch, a number nor
// a word of the vendor's is content: domains and ranges of addresses as what people named, anything unknown as text.
func tell(name, kind string, value json.RawMessage) (sweep.Field, string) {
	told, scalar := text(kind, value)
	word := strings.Contains(plain, " "+name+" ") || kind == "provisioning_mode" || kind == "data_retention"
	if scalar || word && len(told) <= audit.MaxKeptString {
		return keep(fieldValue, audit.String(told)), told
	}
	f := sweep.Field{Name: fieldValue, Class: audit.ClassText, Kind: audit.KindString, Content: []byte(told), Differs: true}
	if kind == "string_list" {
		f.Class, f.Kind = audit.ClassDetail, audit.KindArray
	} else if len(value) > 0 && value[0] != '"' {
		f.Kind = audit.KindMap
	}
	return f, told
}

// text is a value as text: a string as it is, periods of retention in words, anything else as JSON. scalar is true of
// what no person wrote: switches, numbers and null.
func text(kind string, value json.RawMessage) (told string, scalar bool) {
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return string(value), false
	}
	switch v := v.(type) {
	case nil, bool, float64:
		return string(value), len(value) <= audit.MaxKeptString
	case string:
		return v, false
	case map[string]any:
		if words, ok := retention(value); kind == "data_retention" && ok {
			return words, false
		}
	}
	b, err := json.Marshal(v) // the same whatever white space and order it came in
	if err != nil {
		return string(value), false
	}
	return string(b), false
}

// retention tells periods in words: "chat: 24 months, project: indefinite".
func retention(value json.RawMessage) (string, bool) {
	var periods map[string]struct {
		Type      string `json:"type"`
		Timescale string `json:"timescale"`
		Duration  int64  `json:"duration"`
	}
	if err := json.Unmarshal(value, &periods); err != nil || len(periods) == 0 {
		return "", false
	}
	var words []string
	for _, of := range slices.Sorted(maps.Keys(periods)) {
		switch p := periods[of]; {
		case p.Type == "indefinite":
			words = append(words, of+": indefinite")
		case p.Type == "fixed" && p.Timescale != "":
			words = append(words, of+": "+strconv.FormatInt(p.Duration, 10)+" "+strings.TrimSuffix(p.Timescale, "s")+map[bool]string{true: "", false: "s"}[p.Duration == 1])
		default:
			return "", false
		}
	}
	return strings.Join(words, ", "), true
}

// bounded keeps what a baseline says short enough for a record.
func bounded(s string) string {
	if len(s) <= audit.MaxKeptString {
		return s
	}
	return strings.ToValidUTF8(s[:audit.MaxKeptString-3], "") + "…"
}

// keysOf reads the Compliance Access Keys.
func keysOf(rows []json.RawMessage) (things []sweep.Thing, whole bool) {
	spec := sweep.Spec{Keep: "type scopes is_active created_by_id", Times: "created_at expires_at", Detail: "name"}
	whole = true
	for _, raw := range rows {
		fields, texts, ok := spec.Row(raw)
		if id := texts["id"]; ok && id != "" && len(id) <= audit.MaxKeptString {
			fields = slices.DeleteFunc(fields, func(f sweep.Field) bool { return f.Name == "id" })
			things = append(things, sweep.Thing{ID: id, Fields: fields})
			continue
		}
		whole = false
	}
	return things, whole
}
