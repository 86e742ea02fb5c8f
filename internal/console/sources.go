package console

import "github.com/tripod-audit/tripod/internal/audit"

// knownSource is a source of the vocabulary, in words for people.
type knownSource struct {
	source audit.Source
	what   string
}

// knownSources lists the vocabulary in the order of its planes.
func knownSources() (list []knownSource) {
	what := map[audit.Source]string{
		audit.SourceComplianceActivity:  "activity feed of the Compliance API",
		audit.SourceComplianceSession:   "sessions of the Compliance API",
		audit.SourceComplianceChat:      "chats of the Compliance API",
		audit.SourceComplianceDirectory: "accounts and groups of the Compliance API",
		audit.SourceComplianceSettings:  "organisation settings of the Compliance API",
		audit.SourceAuditExport:         "audit log exported from the admin console",
		audit.SourceOTelLog:             "events of Claude Code and Cowork by OpenTelemetry",
		audit.SourceOTelSpan:            "traces of Claude Code by OpenTelemetry",
		audit.SourceOTelMetric:          "metrics of Claude Code by OpenTelemetry",
		audit.SourceHookClient:          "hooks of Claude Code",
		audit.SourceTranscript:          "transcripts on the device",
		audit.SourceGatewayLLM:          "what passes the LLM gateway",
		audit.SourceGatewayMCP:          "what passes the MCP gateway",
		audit.SourceProxyEgress:         "what leaves through the egress proxy",
		audit.SourceHookInference:       "inference hooks",
		audit.SourceTripod:              "Tripod's own acts",
	}
	for _, s := range audit.Sources() {
		list = append(list, knownSource{s, what[s]})
	}
	return list
}
