package ocsf

import (
	"github.com/tripod-audit/tripod/internal/audit"
)

func (e *event) metadata() {
	r := e.r
	e.Open("metadata")
	e.Str("version", e.version)
	e.eventID()
	e.Str("event_code", r.Type)
	e.Stamp("original_time", r.Occurred)
	e.Milli("logged_time", r.Recorded)
	e.Uint("sequence", e.seq)
	e.Str("tenant_uid", tenant(r))
	e.Str("correlation_uid", first(r.Keys.Session, r.Keys.Chat, r.Keys.Body, r.Keys.Trace))
	e.Str("log_name", string(r.Source))
	e.Str("log_provider", "Tripod")
	e.profiles()
	e.Strings("labels", r.Flags)
	e.product()
	e.Close()
}

// eventID names the event. A record that supersedes another has that one's id, so the position tells them apart.
func (e *event) eventID() {
	if !e.ownUID {
		e.Str("uid", e.r.ID)
		return
	}
	e.Name("uid")
	e.B = append(e.B, '"')
	e.B = appendEventID(e.B, e.seq, e.r.ID)
	e.B = append(e.B, '"')
	e.Str("original_event_uid", e.r.ID)
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
	host := e.hasDevice() || e.hasActor() && !e.class.actor
	control, model := e.controlled(), e.aboutModel()
	if !host && !control && !model {
		return
	}
	e.List("profiles")
	if host {
		e.Item("host")
	}
	if control {
		e.Item("security_control")
	}
	if model {
		e.Item("ai_operation")
	}
	e.CloseList()
}

func (e *event) product() {
	vendor, name, version := product(e.r)
	e.Open("product")
	e.Str("vendor_name", vendor)
	e.Str("name", name)
	e.Str("version", version)
	e.Close()
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
