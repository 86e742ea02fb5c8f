package fleet

import (
	"strconv"
	"strings"
)

// dialect is how a version of the client tells things. Where captures show a version, they decide; between them, the
// changelog and the pages at https://code.claude.com/docs/en/monitoring-usage do.
type dialect struct {
	sequence    bool // event.sequence
	promptID    bool // prompt.id
	headless    bool // tool_decision without a terminal too
	gated       bool // tool_parameters only with OTEL_LOG_TOOL_DETAILS, MCP tools by one name
	resultSize  bool // tool_result_size_bytes
	toolUse     bool // tool_use_id
	asText      bool // numbers of api_* as strings
	intDuration bool // tool_result.duration_ms as an integer, for a while
	requests    bool // request_id, speed, query_source on api_*
	responses   bool // assistant_response
	ids         bool // message.uuid, tool_source
	clientIDs   bool // client_request_id
	customKeys  bool // keys of OTEL_RESOURCE_ATTRIBUTES on every record
	attribution bool // mcp_server.name, mcp_tool.name on api_*
	times       bool // ttft_ms, newer attributes of spans
	start       bool // managed_settings_resolved
	promptText  bool // prompt_text
	outputs     bool // counters of hook outputs
	latest      bool // anthropic.provider, permission_mode, cache times, request_id of tools
	counted     bool // session.count without a terminal
	active      bool // active_time.total without a terminal
	chunked     bool // HTTP bodies without a length
	oldMetrics  bool // type before model on token.usage
	agent       string
}

// dialectOf reads a version; versions are three numbers.
func dialectOf(version string) dialect {
	v := number(version)
	since := func(least string) bool { return v >= number(least) }
	d := dialect{
		sequence: since("2.1.30"), promptID: since("2.1.45"), headless: since("2.1.47"), gated: since("2.1.85"), resultSize: since("2.0.0"),
		toolUse: since("2.1.119"), asText: !since("2.1.122"), intDuration: since("2.1.122") && !since("2.1.190"), requests: since("2.1.36"),
		responses: since("2.1.193"), ids: since("2.1.214"), clientIDs: since("2.1.240"), customKeys: since("2.1.161"), attribution: since("2.1.222"),
		times: since("2.1.268"), start: since("2.1.274"), promptText: since("2.1.287"), outputs: since("2.1.280"), latest: since("2.1.300"),
		active: since("2.1.214"), counted: since("2.1.47"), chunked: !since("2.1.212"), oldMetrics: !since("2.1.122"), agent: "OTel-OTLP-Exporter-JavaScript/0.208.0",
	}
	if !since("2.0.0") {
		d.agent = "OTel-OTLP-Exporter-JavaScript/0.200.0"
	}
	return d
}

// number orders versions: 2.1.330 is 2001330. What is no version counts as the newest.
func number(version string) int {
	n := 0
	parts := strings.SplitN(version, ".", 3)
	if len(parts) != 3 {
		return 1 << 40
	}
	for _, p := range parts {
		i, err := strconv.Atoi(p)
		if err != nil {
			return 1 << 40
		}
		n = n*1000 + i
	}
	return n
}
