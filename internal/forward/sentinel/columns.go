package sentinel

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tripod-audit/tripod/internal/forward/post"
)

// reserved are columns that every table has, or that this sink writes, in small letters: names are told apart without regard
// to case (https://learn.microsoft.com/azure/azure-monitor/logs/log-standard-columns).
var reserved = map[string]bool{
	"id": true, "type": true, "timegenerated": true, "tenantid": true, "sourcesystem": true, "mg": true, "managementgroupname": true,
	"computer": true, "rawdata": true, "uniqueid": true, "title": true, "resourceid": true, "subscriptionid": true,
	"occurred": true, "origin": true, "tripod_id": true, "tripod_kind": true, "tripod_seq": true, "tripod_type": true,
}

// mostName is how long the name of a column may be, in bytes.
const mostName = 45

// column is what a field is called as a column: it begins with a letter, goes on with letters, digits and underscores, and is
// none of those that are reserved.
func column(field string) string {
	var b strings.Builder
	for i, c := range []byte(field) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		switch {
		case i == 0 && !letter:
			b.WriteString("f_")
			fallthrough
		case !letter && (c < '0' || c > '9'):
			b.WriteByte('_')
		default:
			b.WriteByte(c)
		}
	}
	name := b.String()
	if len(name) > mostName-len("_CF") {
		name = name[:mostName-len("_CF")]
	}
	if reserved[strings.ToLower(name)] {
		return name + "_CF"
	}
	return name
}

// appendFields writes a column for each top-level field of an object, each behind a comma, or says why it cannot.
func appendFields(b, object []byte) ([]byte, string) {
	d := jsontext.NewDecoder(bytes.NewReader(object))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return b, "it is not a JSON object"
	}
	names := map[string]bool{}
	for d.PeekKind() != '}' {
		t, err := d.ReadToken()
		if err != nil {
			return b, "it is not a JSON object"
		}
		field := t.String()
		value, err := d.ReadValue()
		if err != nil {
			return b, "it is not a JSON object"
		}
		if len(value) > mostColumn {
			return b, fmt.Sprintf("its column %s would have %d bytes, of which the workspace keeps 64 KB", column(field), len(value))
		}
		name := column(field)
		if names[strings.ToLower(name)] {
			return b, fmt.Sprintf("two of its fields would be the column %s", name)
		}
		names[strings.ToLower(name)] = true
		b = append(b, ',')
		b = post.AppendString(b, name)
		b = append(append(b, ':'), value...)
	}
	if _, err := d.ReadToken(); err != nil && err != io.EOF {
		return b, "it is not a JSON object"
	}
	return b, ""
}
