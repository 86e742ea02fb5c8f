package ocsf

import (
	"github.com/tripod-audit/tripod/internal/audit"
)

func (e *event) metadata() {
	r := e.r
	e.open("metadata")
	e.str("version", e.version)
	e.eventID()
	e.str("event_code", r.Type)
	e.stamp("original_time", r.Occurred)
	e.milli("logged_time", r.Recorded)
	e.uint("sequence", e.seq)
	e.str("tenant_uid", tenant(r))
	e.str("correlation_uid", first(r.Keys.Session, r.Keys.Chat, r.Keys.Body, r.Keys.Trace))
	e.str("log_name", string(r.Source))
	e.str("log_provider", "Tripod")
	e.profiles()
	e.strings("labels", r.Flags)
	e.product()
	e.close()
}

// eventID names the event. A record that supersedes another has that one's id, so the position tells them apart.
func (e *event) eventID() {
	if !e.ownUID {
		e.str("uid", e.r.ID)
		return
	}
	e.name("uid")
	e.b = append(e.b, '"')
	e.b = appendEventID(e.b, e.seq, e.r.ID)
	e.b = append(e.b, '"')
	e.str("original_event_uid", e.r.ID)
}

// appendEventID writes position and id, without the id's quotes.
func appendEventID(b []byte, seq uint64, id string) []byte {
	b = appendUint(b, seq)
	b = append(b, '/')
	at := len(b)
	b = audit.AppendJSONString(b, id)
	return append(b[:at], b[at+1:len(b)-1]...)
}

// profiles names those whose attributes the event has.
func (e *event) profiles() {
	e.list("profiles")
	if !e.class.actor || e.hasDevice() {
		e.item("host")
	}
	if e.controlled() {
		e.item("security_control")
	}
	if e.aboutModel() {
		e.item("ai_operation")
	}
	e.closeAll()
}

func (e *event) product() {
	vendor, name, version := product(e.r)
	e.open("product")
	e.str("vendor_name", vendor)
	e.str("name", name)
	e.str("version", version)
	e.close()
}

// product is what reported a record.
func product(r *audit.Record) (vendor, name, version string) {
	switch r.Source {
	case audit.SourceComplianceActivity, audit.SourceComplianceSession, audit.SourceComplianceChat, audit.SourceComplianceDirectory,
		audit.SourceComplianceSettings:
		return "Anthropic", "Compliance API", ""
	case audit.SourceAuditExport:
		return "Anthropic", "Audit log export", ""
	case audit.SourceHookInference:
		return "Anthropic", "Inference hooks", ""
	case audit.SourceGatewayLLM, audit.SourceGatewayMCP, audit.SourceProxyEgress, audit.SourceTripod:
		return "Tripod", "Tripod", ""
	}
	version = r.Service.Version
	switch r.Service.Name {
	case "claude-code", "claude-code-desktop":
		return "Anthropic", "Claude Code", version
	case "cowork":
		return "Anthropic", "Claude Cowork", version
	case "claude-desktop":
		return "Anthropic", "Claude Desktop", version
	}
	return "", first(r.Service.Name, string(r.Source), unknownWord), version
}

// unknownWord stands where a class requires what a record does not tell.
const unknownWord = "unknown"
