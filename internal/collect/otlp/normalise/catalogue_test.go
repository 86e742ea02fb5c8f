package normalise_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// catalogue is what the vendor documents and others saw of the telemetry, as far as these tests need it.
type catalogue struct {
	Products map[string]product `json:"products"`
}

type product struct {
	Resource []attribute `json:"resource_attributes"`
	Standard []attribute `json:"standard_attributes"`
	Common   []attribute `json:"event_attributes"`
	Events   []entry     `json:"events"`
	Metrics  entries     `json:"metrics"`
	Spans    entries     `json:"spans"`
	Possible []string    `json:"events_possible"`
}

type entry struct {
	Name       string                          `json:"name"`
	Attributes []attribute                     `json:"attributes"`
	SpanEvents []struct{ Attributes []string } `json:"span_events"`
}

// entries is a list of them; some products have a remark in its place.
type entries []entry

func (e *entries) UnmarshalJSON(b []byte) error {
	if b[0] != '[' {
		return nil
	}
	return json.Unmarshal(b, (*[]entry)(e))
}

type attribute struct {
	Name       string `json:"name"`
	Redactable bool   `json:"redactable"`
}

func readCatalogue(t testing.TB) catalogue {
	t.Helper()
	var c catalogue
	if err := json.Unmarshal([]byte(read(t, testdata+"otel-events.json")), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Products["claude_code"].Events) != 28 || len(c.Products["cowork"].Events) != 10 || len(c.Products["claude_code"].Spans) == 0 {
		t.Fatalf("the catalogue has %d and %d events", len(c.Products["claude_code"].Events), len(c.Products["cowork"].Events))
	}
	return c
}

const canary = "canary-5f1d0c"

// kinds are the values an attribute is tried with: clients change kinds from version to version.
var kinds = map[string]string{
	"string": `{"stringValue":"` + canary + `"}`,
	"digits": `{"stringValue":"12"}`,
	"int":    `{"intValue":"12"}`,
	"double": `{"doubleValue":12.5}`,
	"bool":   `{"boolValue":true}`,
	"array":  `{"arrayValue":{"values":[{"stringValue":"` + canary + `"},{"intValue":1}]}}`,
	"map":    `{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"` + canary + `"}}]}}`,
	"bytes":  `{"bytesValue":"Y2FuYXJ5LTVmMWQwYw=="}`,
	"empty":  `{}`,
	"odd":    `{"doubleValue":{}}`,
}

// TestCatalogue builds every event and span with each of its attributes in each kind: nothing is lost, nothing is
// unclassified, and what a client may hide never shows in the record.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	services := map[string]string{"claude_code": "claude-code", "cowork": "cowork"}
	for key, p := range readCatalogue(t).Products {
		service, ok := services[key]
		if !ok {
			continue
		}
		for _, ev := range p.Events {
			for _, a := range slices.Concat(p.Resource, p.Standard, p.Common, ev.Attributes) {
				for kind, value := range kinds {
					if a.Name == "event.name" {
						continue
					}
					attrs := `{"key":"event.name","value":{"stringValue":"` + ev.Name + `"}},{"key":` + quote(a.Name) + `,"value":` + value + `}`
					body := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"` + service + `"}}]},` +
						`"scopeLogs":[{"scope":{"name":"com.anthropic.claude_code.events"},"logRecords":[{"timeUnixNano":"1795413000000000000",` +
						`"body":{"stringValue":"claude_code.` + ev.Name + `"},"attributes":[` + attrs + `]}]}]}]}`
					checkAttribute(t, export{ev.Name + " " + a.Name + " " + kind, "logs", wire.JSON, body}, a)
				}
			}
		}
		for _, sp := range p.Spans {
			for _, a := range slices.Concat(p.Standard, sp.Attributes) {
				for kind, value := range kinds {
					body := `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"` + service + `"}}]},` +
						`"scopeSpans":[{"scope":{"name":"com.anthropic.claude_code.tracing"},"spans":[{"name":"` + sp.Name + `",` +
						`"startTimeUnixNano":"1795413000000000000","attributes":[{"key":` + quote(a.Name) + `,"value":` + value + `}]}]}]}]}`
					checkAttribute(t, export{sp.Name + " " + a.Name + " " + kind, "traces", wire.JSON, body}, a)
				}
			}
		}
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func checkAttribute(t *testing.T, e export, a attribute) {
	t.Helper()
	d := drafts(t, e, origin)
	if len(d) != 1 {
		t.Fatalf("%s: %d records", e.name, len(d))
	}
	r := d[0].Record
	if r.Activity == audit.ActivityUnclassified || r.HasFlag(audit.FlagUnknownType) || r.Outcome == "" {
		t.Errorf("%s: activity %s, outcome %q, flags %q", e.name, r.Activity, r.Outcome, r.Flags)
	}
	if held(d[0])[a.Name] == 0 && a.Name != "service.name" {
		t.Errorf("%s: the attribute is lost", e.name)
	}
	if r.Surface == audit.SurfaceUnknown {
		t.Errorf("%s: surface unknown", e.name)
	}
	if line := string(r.AppendCanonical(nil)); audit.Dispose(a.Name) != audit.Keep && strings.Contains(line, canary) {
		t.Errorf("%s: the text is in the record: %s", e.name, line)
	}
}

// TestAllowList holds the allow list against the catalogue and against what real clients were seen to send.
func TestAllowList(t *testing.T) {
	t.Parallel()
	// Names of extensions and enumerations that a client hides by default but a record may show where it does not:
	// what was used, not what was said with it.
	names := []string{
		"agent.name", "agent_type", "category", "managed_settings.resolved_sha256", "managed_settings.settings_truncated", "marketplace.name",
		"mcp_server.name", "mcp_tool.name", "plugin.name", "plugin.version", "query_source", "server_name", "skill.name", "subagent_type",
		"vcs.ref.head.revision", "vcs.ref.head.type",
	}
	check := func(a attribute) {
		t.Helper()
		if a.Name == "*" || strings.HasPrefix(a.Name, "(") || strings.HasPrefix(a.Name, "<") {
			return // any custom key; what has no name yet; numbers named after others
		}
		switch d := audit.Dispose(a.Name); {
		case d == audit.Unlisted:
			t.Errorf("%s is not on the allow list", a.Name)
		case d == audit.Keep && a.Redactable && !slices.Contains(names, a.Name):
			t.Errorf("%s can be hidden by the client, yet stays in the record", a.Name)
		}
	}
	for _, p := range readCatalogue(t).Products {
		lists := [][]attribute{p.Resource, p.Standard, p.Common}
		for _, e := range slices.Concat(p.Events, p.Metrics, p.Spans) {
			lists = append(lists, e.Attributes)
			for _, x := range e.SpanEvents {
				for _, name := range x.Attributes {
					check(attribute{Name: name})
				}
			}
		}
		for _, a := range slices.Concat(lists...) {
			check(a)
		}
	}
	row := regexp.MustCompile(`(?m)^\| ([a-z][a-z0-9_.]+) \| (string|array)`)
	seen := row.FindAllStringSubmatch(read(t, testdata+"attributes.md"), -1)
	if len(seen) < 100 {
		t.Fatalf("read %d attributes of what clients were seen to send", len(seen))
	}
	for _, m := range seen {
		check(attribute{Name: m[1]})
	}
}
