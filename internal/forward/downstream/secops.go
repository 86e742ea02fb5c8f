package downstream

import (
	"encoding/json"
	"strings"
)

// secops makes the mapping a parser of Google SecOps is written from: one table of event types, one of fields.
func secops(t *tables) ([]File, error) {
	type eventType struct {
		Class    int    `json:"class_uid"`
		Activity int    `json:"activity_id"`
		Type     string `json:"event_type"`
	}
	type place struct {
		OCSF   string `json:"ocsf"`
		UDM    string `json:"udm"`
		Repeat bool   `json:"repeated,omitempty"`
	}
	doc := struct {
		Made       string      `json:"made"`
		Time       string      `json:"timestamp"`
		EventTypes []eventType `json:"event_types"`
		Fields     []place     `json:"fields"`
		Rest       string      `json:"rest"`
	}{Made: made, Time: "metadata.event_timestamp = time, milliseconds since 1970", Rest: "unmapped, to additional.fields by its own names"}
	for _, c := range t.classes {
		doc.EventTypes = append(doc.EventTypes, eventType{c.uid, c.activity, c.udm})
	}
	for _, f := range t.fields {
		if f.udm != none {
			doc.Fields = append(doc.Fields, place{f.ocsf, f.udm, repeated[f.udm[strings.LastIndexByte(f.udm, '.')+1:]]})
		}
	}
	b, err := json.MarshalIndent(doc, "", "  ")
	return []File{{"udm.json", append(b, '\n')}}, err
}

// repeated are the last names of fields that are lists in the model.
var repeated = map[string]bool{"ip": true, "email_addresses": true}
