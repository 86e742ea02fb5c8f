package downstream

import (
	"fmt"
	"strings"
)

// taxonomy maps the fields rules are written in, which are those of docs/record.md, to places of an OCSF event and of an
// ECS document. What is not named goes by its prefix.
var taxonomy = []struct {
	field string
	ocsf  []string
	ecs   []string
}{
	{"type", []string{"metadata.event_code"}, []string{"event.action"}},
	{"id", []string{"metadata.uid"}, []string{"event.id"}},
	{"seq", []string{"metadata.sequence"}, []string{"event.sequence"}},
	{"source", []string{"metadata.log_name"}, []string{"event.provider"}},
	{"occurred", []string{"metadata.original_time"}, []string{"@timestamp"}},
	{"flags", []string{"metadata.labels"}, []string{"tags"}},
	{"ip", []string{"src_endpoint.ip", "unmapped.tripod.ip"}, []string{"source.address"}},
	{"observed", nil, nil}, {"recorded", nil, nil}, {"surface", nil, nil}, {"activity", nil, nil}, {"outcome", nil, nil}, {"tool", nil, nil},
	{"mcp", nil, nil}, {"model", nil, nil}, {"rule", nil, nil}, {"case", nil, nil}, {"container", nil, nil}, {"sequence", nil, nil},
	{"duration_ns", nil, nil}, {"normaliser", nil, nil}, {"supersedes", nil, nil}, {"v", nil, nil},
}

// prefixes are objects of a record; each name in one follows it.
var prefixes = []string{"account.", "keys.", "service.", "resource.", "parts.", "content."}

// pysigma makes a pipeline for each backend: OCSF events in Splunk and Sentinel, ECS documents in Elasticsearch.
func pysigma(*tables) ([]File, error) {
	ocsf := func(name string) []string { return []string{"unmapped.tripod." + name} }
	ecs := func(name string) []string { return []string{"tripod." + name} }
	return []File{
		{"tripod-splunk.yml", pipeline("Tripod's OCSF events in Splunk", "splunk", func(i int) []string { return taxonomy[i].ocsf }, ocsf, "unmapped.", "sourcetype", "tripod:ocsf")},
		{"tripod-sentinel.yml", pipeline("Tripod's OCSF events in Microsoft Sentinel", "kusto", func(i int) []string { return taxonomy[i].ocsf }, ocsf, "unmapped.", "metadata.log_provider", "Tripod")},
		{"tripod-elasticsearch.yml", pipeline("Tripod's ECS documents in Elasticsearch", "lucene", func(i int) []string { return taxonomy[i].ecs }, ecs, "tripod.attributes.", "event.module", "tripod")},
	}, nil
}

func pipeline(name, backend string, named func(int) []string, rest func(string) []string, attributes, field, value string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n# A processing pipeline of pySigma, for rules in the fields of docs/record.md: sigma convert -t %s -p FILE RULES\nname: %q\npriority: 20\ntransformations:\n", made, backend, name)
	b.WriteString("  - id: tripod_fields\n    type: field_name_mapping\n    mapping:\n")
	for i, f := range taxonomy {
		to := named(i)
		if to == nil {
			to = rest(f.field)
		}
		if len(to) == 1 {
			fmt.Fprintf(&b, "      %s: %q\n", f.field, to[0])
			continue
		}
		fmt.Fprintf(&b, "      %s:\n", f.field)
		for _, place := range to {
			fmt.Fprintf(&b, "        - %q\n", place)
		}
	}
	b.WriteString("  - id: tripod_objects\n    type: field_name_prefix_mapping\n    mapping:\n")
	fmt.Fprintf(&b, "      attributes.: %q\n", attributes)
	for _, p := range prefixes {
		fmt.Fprintf(&b, "      %s: %q\n", p, rest(p)[0])
	}
	fmt.Fprintf(&b, "  - id: tripod_only\n    type: add_condition\n    conditions:\n      %s: %q\n", field, value)
	return []byte(b.String())
}
