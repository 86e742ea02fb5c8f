package attack

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// words are what a test has every source say.
type words struct {
	content func(where string) string // in place of what people and models wrote or named
	name    func(where string) string // in place of names, ids and kinds, which records hold
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can be written
	}
	return string(b)
}

// feed delivers through OTLP, an audit log export and the gateway, and returns how many records those make at least.
func (s *served) feed(w words) {
	s.t.Helper()
	for path, body := range telemetry(w) {
		res, err := http.Post(s.addrs.OTLPHTTP+path, "application/json", strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		answer, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			s.t.Fatalf("%s: %d %s", path, res.StatusCode, answer)
		}
	}
	if _, err := app.Import(s.t.Context(), app.ImportOrder{Dir: s.cfg.Data, Name: w.content("csv.file") + ".csv"}, bytes.NewReader(auditLog(w))); err != nil {
		s.t.Fatal(err)
	}
	for _, stream := range []bool{false, true} {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.addrs.Gateway+"/v1/messages", strings.NewReader(request(w, stream)))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Api-Key", "sk-ant-api03-made-up")
		for _, name := range []string{"X-Claude-Code-Session-Id", "X-Claude-Code-Agent-Id", "User-Agent", "X-App", "X-Stainless-Os", "Anthropic-Beta"} {
			req.Header.Set(name, strings.Map(printable, w.name("gateway."+strings.ToLower(name))))
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			s.t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			s.t.Fatalf("the gateway: %d", res.StatusCode)
		}
	}
}

// printable leaves out what no header can hold.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// telemetry is one export of each signal, as Claude Code sends it.
func telemetry(w words) map[string]string {
	text := func(where string) string { return `{"stringValue":` + quoted(w.content("otel."+where)) + `}` }
	name := func(where string) string { return `{"stringValue":` + quoted(w.name("otel."+where)) + `}` }
	attr := func(key, value string) string { return `{"key":` + quoted(key) + `,"value":` + value + `}` }
	who := []string{attr("session.id", `{"stringValue":`+quoted(w.name("session"))+`}`), attr("user.id", name("user.id")), attr("user.email", name("user.email")),
		attr("user.account_uuid", name("account")), attr("organization.id", name("org")), attr("prompt.id", name("prompt.id")), attr("terminal.type", name("terminal"))}
	odd := []string{attr("tomorrow", text("tomorrow")), attr(w.name("otel.attribute"), text("unknown")), attr("list", `{"arrayValue":{"values":[`+text("array")+`]}}`),
		attr("map", `{"kvlistValue":{"values":[`+attr("k", text("map"))+`]}}`), attr("bytes", `{"bytesValue":"`+"emVicmFjb3JuLWJ5dGVz"+`"}`)}
	event := func(name string, attrs ...string) string {
		list := slices.Concat([]string{attr("event.name", `{"stringValue":"`+name+`"}`)}, who, attrs, odd)
		return `{"timeUnixNano":"1795412750802000000","body":{"stringValue":"claude_code.` + name + `"},"attributes":[` + strings.Join(list, ",") + `]}`
	}
	events := []string{
		event("user_prompt", attr("prompt", text("prompt")), attr("prompt_length", `{"intValue":7}`), attr("command_name", name("command_name")), attr("command_source", name("command_source"))),
		event("assistant_response", attr("response", text("response")), attr("model", name("model"))),
		event("api_request", attr("model", name("model")), attr("request_id", name("request_id")), attr("query_source", name("query_source"))),
		event("api_error", attr("model", name("model")), attr("error", text("error")), attr("status_code", name("status_code"))),
		event("api_request_body", attr("body", text("request_body")), attr("model", name("model"))),
		event("tool_decision", attr("tool_name", name("tool_name")), attr("decision", name("decision")), attr("source", name("source")), attr("tool_use_id", name("tool_use_id"))),
		event("tool_result", attr("tool_name", name("tool_name")), attr("tool_use_id", name("tool_use_id")), attr("success", `{"stringValue":"false"}`), attr("error", text("tool_error")),
			attr("tool_parameters", `{"stringValue":`+quoted(`{"bash_command":`+quoted(w.content("otel.bash_command"))+`,"mcp_server_name":`+quoted(w.name("otel.mcp_server"))+
				`,"mcp_tool_name":`+quoted(w.name("otel.mcp_tool"))+`,"file_path":`+quoted(w.content("otel.file_path"))+`}`)+`}`),
			attr("tool_input", text("tool_input")), attr("full_command", text("full_command"))),
		event("mcp_server_connection", attr("server_name", name("server_name")), attr("status", name("status")), attr("error", text("mcp_error"))),
		event("plugin_installed", attr("plugin.name", name("plugin")), attr("marketplace.name", name("marketplace"))),
		event("hook_execution_complete", attr("hook_event", name("hook_event")), attr("hook_name", name("hook_name")), attr("hook_definitions", text("hook_definitions"))),
		event("compaction", attr("trigger", name("trigger"))), event("permission_mode_changed", attr("from_mode", name("from")), attr("to_mode", name("to"))),
		`{"timeUnixNano":"1795412750802000000","eventName":` + quoted(w.name("otel.event_name")) + `,"severityText":` + quoted(w.name("otel.severity")) + `,"body":` + text("body") + `,"attributes":[` +
			strings.Join(append([]string{attr("event.name", name("event_name"))}, who...), ",") + `]}`,
		`{"timeUnixNano":"1795412750802000000","body":` + text("naked_body") + `}`,
	}
	all := strings.Join(slices.Concat(who, odd), ",")
	resource := `"resource":{"attributes":[` + strings.Join([]string{attr("service.name", `{"stringValue":"claude-code"}`), attr("service.version", name("version")),
		attr("host.arch", name("arch")), attr("os.type", name("os")), attr("team", text("resource")), attr("workspace.host_paths", `{"arrayValue":{"values":[`+text("host_paths")+`]}}`)}, ",") + `]}`
	scope := `"scope":{"name":"com.anthropic.claude_code.events","version":` + quoted(w.name("otel.scope_version")) + `,"attributes":[` + attr("s", text("scope")) + `]}`
	return map[string]string{
		"/v1/logs": `{"resourceLogs":[{` + resource + `,"scopeLogs":[{` + scope + `,"logRecords":[` + strings.Join(events, ",") + `]}]}]}`,
		"/v1/traces": `{"resourceSpans":[{` + resource + `,"scopeSpans":[{` + scope + `,"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":` + quoted(w.name("otel.span")) +
			`,"traceState":` + quoted(w.content("otel.trace_state")) + `,"status":{"code":2,"message":` + quoted(w.content("otel.status")) + `},"attributes":[` + all + `],"events":[{"name":` + quoted(w.name("otel.span_event")) +
			`,"attributes":[` + all + `]}],"links":[{"traceState":` + quoted(w.content("otel.link_state")) + `,"attributes":[` + all + `]}]}]}]}]}`,
		"/v1/metrics": `{"resourceMetrics":[{` + resource + `,"scopeMetrics":[{` + scope + `,"metrics":[{"name":` + quoted(w.name("otel.metric")) + `,"description":` + quoted(w.content("otel.description")) +
			`,"unit":` + quoted(w.name("otel.unit")) + `,"sum":{"dataPoints":[{"asInt":1,"attributes":[` + all + `],"exemplars":[{"asInt":1,"filteredAttributes":[` + all + `]}]}]}}]}]}]}`,
	}
}

// auditLog is an audit log export with something in every column.
func auditLog(w words) []byte {
	literal := func(s string) string { // as Python prints it
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`).Replace(s) + "'"
	}
	name, text := func(where string) string { return literal(w.name("csv." + where)) }, func(where string) string { return literal(w.content("csv." + where)) }
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	rows := [][]string{{"created_at", "actor_info", "event", "event_info", "entity_info", "ip_address", "device_id", "user_agent", "client_platform"}}
	for i, event := range []string{"conversation_renamed", "user_signed_in", w.name("csv.event"), "project_document_uploaded"} {
		rows = append(rows, []string{
			fmt.Sprintf("2026-11-20T08:00:%02dZ", i),
			`{'name': ` + name("actor") + `, 'uuid': ` + name("uuid") + `, 'metadata': {'email_address': ` + name("email") + `}}`, event,
			`{'new_name': ` + text("new_name") + `, 'filename': ` + text("filename") + `, ` + name("key") + `: ` + text("odd") + `}`,
			`{'type': 'chat_conversation', 'uuid': ` + name("entity") + `, 'name': ` + text("entity_name") + `}`,
			w.name("csv.ip"), w.name("csv.device"), w.name("csv.agent"), w.name("csv.platform"),
		})
	}
	if err := out.WriteAll(rows); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

// request is a Messages request with something in every kind of block.
func request(w words, stream bool) string {
	text := func(where string) string { return quoted(w.content("gateway." + where)) }
	name := func(where string) string { return quoted(w.name("gateway." + where)) }
	return `{"model":` + name("model") + `,"max_tokens":9,"stream":` + fmt.Sprint(stream) + `,"metadata":{"user_id":` + name("user_id") + `},
"system":[{"type":"text","text":` + text("system") + `}],
"tools":[{"name":` + name("tool") + `,"description":` + text("tool_description") + `,"input_schema":{"type":"object","properties":{` + text("property") + `:{"type":"string"}}}}],
"messages":[{"role":"user","content":[{"type":"text","text":` + text("prompt") + `},{"type":"document","title":` + text("document") + `,"source":{"type":"text","media_type":"text/plain","data":` + text("document_body") + `}}]},
{"role":"assistant","content":[{"type":"thinking","thinking":` + text("thinking") + `,"signature":"x"},{"type":"tool_use","id":` + name("tool_use") + `,"name":` + name("tool") + `,"input":{"command":` + text("command") + `}}]},
{"role":"user","content":[{"type":"tool_result","tool_use_id":` + name("tool_use") + `,"content":[{"type":"text","text":` + text("tool_result") + `}]},{"type":` + name("block") + `,"x":` + text("odd_block") + `}]}]}`
}

// model is an upstream of the gateway whose answers say what w says.
func model(w words) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := func(where string) string { return quoted(w.content("answer." + where)) }
		name := func(where string) string { return quoted(w.name("answer." + where)) }
		rw.Header().Set("Request-Id", strings.Map(printable, w.name("answer.request_id")))
		blocks := []string{`{"type":"text","text":` + text("text") + `}`, `{"type":"tool_use","id":` + name("tool_use") + `,"name":` + name("tool") + `,"input":{"command":` + text("command") + `}}`}
		if !bytes.Contains(body, []byte(`"stream":true`)) {
			rw.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(rw, `{"id":`+name("message")+`,"type":"message","role":"assistant","model":`+name("model")+`,"content":[`+strings.Join(blocks, ",")+
				`],"stop_reason":`+name("stop")+`,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`)
			return
		}
		rw.Header().Set("Content-Type", "text/event-stream")
		event := func(name, data string) { _, _ = io.WriteString(rw, "event: "+name+"\ndata: "+data+"\n\n") }
		event("message_start", `{"type":"message_start","message":{"id":`+name("message")+`,"type":"message","role":"assistant","model":`+name("model")+`,"content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}`)
		event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
		event("content_block_delta", `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":`+text("streamed")+`}}`)
		event("content_block_stop", `{"type":"content_block_stop","index":0}`)
		event("content_block_start", `{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":`+name("tool_use")+`,"name":`+name("tool")+`,"input":{}}}`)
		event("content_block_delta", `{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":`+quoted(`{"command":`+text("streamed_command")+`}`)+`}}`)
		event("content_block_stop", `{"type":"content_block_stop","index":1}`)
		event("message_delta", `{"type":"message_delta","delta":{"stop_reason":`+name("stop")+`},"usage":{"output_tokens":1}}`)
		event("message_stop", `{"type":"message_stop"}`)
	}
}

// contentFields are those of the Compliance API that hold what people and models wrote or named.
var contentFields = []string{"text", "title", "filename", "description", "instructions", "content_text", "data", "thinking", "command", "new_name", "old_name"}

// keptFields are what a client of the Compliance API pages and joins by.
var keptFields = []string{"id", "first_id", "last_id", "next_page", "type", "created_at", "updated_at", "deleted_at", "role", "md5", "provenance", "status", "product_surface"}

// vendor is a stand-in for the Compliance API whose answers say what w says, and the key it takes.
func vendor(t testing.TB, w words) (url, key string) {
	t.Helper()
	api, err := simulated.New(simulated.Options{World: world.New(world.Options{Seed: 11}), Seed: 11, Since: time.Now().Add(-10 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return upstream(t, func(rw http.ResponseWriter, r *http.Request) {
		said := httptest.NewRecorder()
		api.Handler().ServeHTTP(said, r)
		body := said.Body.Bytes()
		var v any
		if strings.Contains(said.Header().Get("Content-Type"), "json") && json.Unmarshal(body, &v) == nil && said.Code == http.StatusOK {
			body, err = json.Marshal(reworded(v, "", w))
			if err != nil {
				t.Error(err)
			}
			said.Header().Del("Content-Length")
		}
		for name, values := range said.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(said.Code)
		_, _ = rw.Write(body)
	}), api.Keys().Read
}

// titled are ids of what people give names to.
var titled = regexp.MustCompile(`^claude_(chat|proj|file|artifact)`)

// reworded says with other words what the vendor said, as far as nothing is paged or joined by it.
func reworded(v any, field string, w words) any {
	switch x := v.(type) {
	case map[string]any:
		id, _ := x["id"].(string)
		for name := range x {
			if _, is := x[name].(string); is && name == "name" && titled.MatchString(id) {
				x[name] = w.content("vendor.name of " + id)
				continue
			}
			x[name] = reworded(x[name], name, w)
		}
	case []any:
		for i := range x {
			x[i] = reworded(x[i], field, w)
		}
	case string:
		switch {
		case slices.Contains(keptFields, field) || strings.HasSuffix(field, "_id") || strings.HasSuffix(field, "_ids") || strings.HasSuffix(field, "_at") || strings.HasSuffix(field, "uuid"):
		case slices.Contains(contentFields, field):
			return w.content("vendor." + field)
		default:
			if said := w.name("vendor." + field); said != "" {
				return said
			}
		}
	}
	return v
}

// ofSource reports whether there is a record of each of some sources.
func ofSource(list []*audit.Record, sources ...audit.Source) bool {
	return !slices.ContainsFunc(sources, func(s audit.Source) bool {
		return !slices.ContainsFunc(list, func(r *audit.Record) bool { return r.Source == s })
	})
}
