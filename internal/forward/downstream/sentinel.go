package downstream

import (
	"encoding/json"
	"fmt"
	"strings"
)

// columns are the columns of the table the events arrive in: the attributes an event has at its top, with the types of Log
// Analytics. A name that is reserved there (id, type) is none of them; of plain records those two are renamed.
var columns = []struct{ name, kind string }{
	{"activity_id", "int"}, {"activity_name", "string"}, {"category_uid", "int"}, {"category_name", "string"}, {"class_uid", "int"},
	{"class_name", "string"}, {"type_uid", "long"}, {"severity_id", "int"}, {"severity", "string"}, {"status_id", "int"}, {"status", "string"},
	{"status_detail", "string"}, {"time", "long"}, {"start_time", "long"}, {"end_time", "long"}, {"duration", "long"}, {"count", "int"},
	{"message", "string"}, {"is_alert", "boolean"}, {"raw_data", "string"}, {"metadata", "dynamic"}, {"actor", "dynamic"}, {"device", "dynamic"},
	{"src_endpoint", "dynamic"}, {"http_request", "dynamic"}, {"action_id", "int"}, {"action", "string"}, {"disposition_id", "int"},
	{"finding_info", "dynamic"}, {"user", "dynamic"}, {"service", "dynamic"}, {"entity", "dynamic"}, {"privileges", "dynamic"},
	{"resource", "dynamic"}, {"resources", "dynamic"}, {"group", "dynamic"}, {"web_resources", "dynamic"}, {"app", "dynamic"},
	{"api", "dynamic"}, {"scan", "dynamic"}, {"ai_model", "dynamic"}, {"message_context", "dynamic"}, {"unmapped", "dynamic"},
}

const (
	ocsfTransform   = "source | extend TimeGenerated = unixtime_milliseconds_todatetime(['time'])"
	recordTransform = "source | extend TimeGenerated = todatetime(occurred) | project-rename RecordId = id, RecordType = type"
)

type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// sentinel makes the part of a data collection rule that says what the columns are, and a parser for each schema.
func sentinel(t *tables) ([]File, error) {
	var in []column
	for _, c := range columns {
		in = append(in, column{c.name, c.kind})
	}
	record := []column{{"seq", "long"}, {"v", "int"}, {"id", "string"}, {"normaliser", "string"}, {"source", "string"}, {"surface", "string"}, {"activity", "string"},
		{"type", "string"}, {"outcome", "string"}, {"occurred", "string"}, {"observed", "string"}, {"recorded", "string"}, {"account", "dynamic"},
		{"keys", "dynamic"}, {"tool", "string"}, {"mcp", "string"}, {"model", "string"}, {"rule", "string"}, {"case", "string"}, {"ip", "string"},
		{"sequence", "long"}, {"duration_ns", "long"}, {"service", "dynamic"}, {"container", "string"}, {"resource", "dynamic"},
		{"attributes", "dynamic"}, {"parts", "dynamic"}, {"content", "dynamic"}, {"flags", "dynamic"}, {"supersedes", "string"}}
	rule, err := json.MarshalIndent(map[string]any{
		"streamDeclarations": map[string]any{"Custom-TripodOCSF": map[string]any{"columns": in}, "Custom-TripodRecord": map[string]any{"columns": record}},
		"dataFlows": []map[string]any{
			{"streams": []string{"Custom-TripodOCSF"}, "transformKql": ocsfTransform, "outputStream": "Custom-TripodOCSF_CL"},
			{"streams": []string{"Custom-TripodRecord"}, "transformKql": recordTransform, "outputStream": "Custom-TripodRecord_CL"},
		},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	files := []File{{"data-collection-rule.json", append(rule, '\n')}}
	for _, schema := range []struct{ name, version string }{{"Authentication", "0.1.3"}, {"AuditEvent", "0.1"}, {"UserManagement", "0.1.1"}} {
		files = append(files, File{"ASim" + schema.name + "Tripod.kql", []byte(parser(t, schema.name, schema.version))})
	}
	return files, nil
}

// only are the names a schema does not have, of those the table of fields gives.
var only = map[string]string{
	"Operation": "AuditEvent", "Object": "AuditEvent", "ObjectId": "AuditEvent", "OriginalObjectType": "AuditEvent",
	"TargetUserId": "Authentication UserManagement", "TargetUsername": "Authentication UserManagement",
	"GroupId": "UserManagement", "NewPropertyValue": "UserManagement",
}

// parser makes a function that shows the table as a schema has it.
func parser(t *tables, schema, version string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// %s\n// ASIM %s for events of Tripod. Save as the function ASim%sTripod.\n", made, schema, schema)
	b.WriteString("let kinds = datatable(class_uid:int, activity_id:int, EventType:string) [\n")
	for _, c := range t.classes {
		if c.schema == schema {
			fmt.Fprintf(&b, "    %d, %d, %q,\n", c.uid, c.activity, c.eventType)
		}
	}
	b.WriteString("];\nTripodOCSF_CL\n| lookup kind=inner kinds on class_uid, activity_id\n| extend\n")
	names, from := t.sources(func(f field) string { return f.asim })
	for _, name := range names {
		if list := only[name]; list != "" && !strings.Contains(" "+list+" ", " "+schema+" ") {
			continue
		}
		fmt.Fprintf(&b, "    %s = %s,\n", name, kql(from[name]))
	}
	if schema == "AuditEvent" {
		b.WriteString("    ObjectType = \"Other\",\n")
	}
	fmt.Fprintf(&b, `    EventCount = int(1),
    EventStartTime = TimeGenerated,
    EventEndTime = TimeGenerated,
    EventSchema = %q,
    EventSchemaVersion = %q,
    EventResult = case(status_id == 1, "Success", status_id == 2, "Failure", "NA"),
    EventSeverity = case(severity_id >= 4, "High", severity_id == 3, "Medium", severity_id == 2, "Low", "Informational"),
    Dvc = "Tripod"
| extend
    User = ActorUsername,
    ActorUserIdType = iff(isempty(ActorUserId), "", "Other"),
    ActorUsernameType = case(isempty(ActorUsername), "", ActorUsername has "@", "UPN", "Simple")
| project-away metadata, actor, src_endpoint, http_request, unmapped
`, schema, version)
	return b.String()
}

// kql takes the first of some places that is not empty.
func kql(places []string) string {
	var list []string
	for _, p := range places {
		list = append(list, "tostring("+p+")")
	}
	if len(list) == 1 {
		return list[0]
	}
	for i := range list[:len(list)-1] {
		list[i] = "iff(isnotempty(" + list[i] + "), " + list[i] + ", "
	}
	return strings.Join(list, "") + strings.Repeat(")", len(list)-1)
}
