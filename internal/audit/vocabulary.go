package audit

// Source says who reported a record. The set is open: an unknown source is kept as it is.
type Source string

// The sources Tripod knows.
const (
	SourceComplianceActivity  Source = "compliance.activity"
	SourceComplianceSession   Source = "compliance.session"
	SourceComplianceChat      Source = "compliance.chat"
	SourceComplianceDirectory Source = "compliance.directory"
	SourceComplianceSettings  Source = "compliance.settings"
	SourceAuditExport         Source = "audit_export"
	SourceOTelLog             Source = "otel.log"
	SourceOTelMetric          Source = "otel.metric"
	SourceOTelSpan            Source = "otel.span"
	SourceHookClient          Source = "hook.client"
	SourceHookInference       Source = "hook.inference"
	SourceGatewayLLM          Source = "gateway.llm"
	SourceGatewayMCP          Source = "gateway.mcp"
	SourceProxyEgress         Source = "proxy.egress"
	SourceTranscript          Source = "transcript"
	SourceTripod              Source = "tripod"
)

// Sources lists the sources Tripod knows, in the order of their planes.
func Sources() []Source {
	return []Source{
		SourceComplianceActivity, SourceComplianceSession, SourceComplianceChat, SourceComplianceDirectory, SourceComplianceSettings, SourceAuditExport,
		SourceOTelLog, SourceOTelSpan, SourceOTelMetric, SourceHookClient, SourceTranscript,
		SourceGatewayLLM, SourceGatewayMCP, SourceProxyEgress, SourceHookInference, SourceTripod,
	}
}

// Plane is where a source stands: what the control plane, the agent and the network each see is different,
// and no plane is trusted alone.
type Plane string

// The planes. PlaneOwn is Tripod's own: its acts are evidence about Tripod, not about the enterprise.
const (
	PlaneControl Plane = "control"
	PlaneAgent   Plane = "agent"
	PlaneNetwork Plane = "network"
	PlaneOwn     Plane = "own"
)

// Plane tells which plane the source belongs to; an unknown source belongs to none and yields "".
func (s Source) Plane() Plane {
	switch s {
	case SourceComplianceActivity, SourceComplianceSession, SourceComplianceChat, SourceComplianceDirectory,
		SourceComplianceSettings, SourceAuditExport:
		return PlaneControl
	case SourceOTelLog, SourceOTelMetric, SourceOTelSpan, SourceHookClient, SourceTranscript:
		return PlaneAgent
	case SourceHookInference, SourceGatewayLLM, SourceGatewayMCP, SourceProxyEgress:
		return PlaneNetwork
	case SourceTripod:
		return PlaneOwn
	}
	return ""
}

// Surface is the product used. The set is open: unknown values pass through.
type Surface string

// The surfaces Tripod knows.
const (
	SurfaceChat          Surface = "chat"
	SurfaceCowork        Surface = "cowork"
	SurfaceCoworkRemote  Surface = "cowork_remote"
	SurfaceClaudeCode    Surface = "claude_code"
	SurfaceClaudeCodeWeb Surface = "claude_code_web"
	SurfaceDesktop       Surface = "desktop"
	SurfaceOffice        Surface = "office"
	SurfaceChrome        Surface = "chrome"
	SurfaceAPI           Surface = "api"
	SurfaceConsole       Surface = "console"
	SurfaceTripod        Surface = "tripod"
	SurfaceUnknown       Surface = "unknown"
)

// Surfaces lists those Tripod knows.
func Surfaces() []Surface {
	return []Surface{
		SurfaceChat, SurfaceCowork, SurfaceCoworkRemote, SurfaceClaudeCode, SurfaceClaudeCodeWeb, SurfaceDesktop, SurfaceOffice, SurfaceChrome,
		SurfaceAPI, SurfaceConsole, SurfaceTripod, SurfaceUnknown,
	}
}

// Activity is what was done, in one small closed vocabulary; the source's own name stands beside it in Record.Type.
type Activity string

// The activities. What no mapping knows is Unclassified: kept and counted, never dropped.
const (
	ActivitySignIn        Activity = "sign_in"
	ActivitySignOut       Activity = "sign_out"
	ActivityPrompt        Activity = "prompt"
	ActivityResponse      Activity = "response"
	ActivityModelRequest  Activity = "model_request"
	ActivityToolDecision  Activity = "tool_decision"
	ActivityToolCall      Activity = "tool_call"
	ActivityToolResult    Activity = "tool_result"
	ActivityAgentRun      Activity = "agent_run"
	ActivityHookRun       Activity = "hook_run"
	ActivityConnection    Activity = "connection"
	ActivityExtension     Activity = "extension"
	ActivityFileRead      Activity = "file_read"
	ActivityFileWrite     Activity = "file_write"
	ActivityEgress        Activity = "egress"
	ActivityCreate        Activity = "create"
	ActivityView          Activity = "view"
	ActivityUpdate        Activity = "update"
	ActivityDelete        Activity = "delete"
	ActivityShare         Activity = "share"
	ActivityExport        Activity = "export"
	ActivitySettingChange Activity = "setting_change"
	ActivityAdminChange   Activity = "admin_change"
	ActivityUsage         Activity = "usage"
	ActivityFeedback      Activity = "feedback"
	ActivityError         Activity = "error"
	ActivityOperation     Activity = "operation" // Tripod's own starts, stops and maintenance
	ActivityErasure       Activity = "erasure"   // Tripod destroying content or a record, by order
	ActivityState         Activity = "state"     // what a source shows to be so, and nobody's act: a snapshot that differs from the one before
	ActivityUnclassified  Activity = "unclassified"
)

// Activities lists the whole vocabulary in the order documents show it.
func Activities() []Activity {
	return []Activity{
		ActivitySignIn, ActivitySignOut, ActivityPrompt, ActivityResponse, ActivityModelRequest, ActivityToolDecision,
		ActivityToolCall, ActivityToolResult, ActivityAgentRun, ActivityHookRun, ActivityConnection, ActivityExtension,
		ActivityFileRead, ActivityFileWrite, ActivityEgress, ActivityCreate, ActivityView, ActivityUpdate, ActivityDelete,
		ActivityShare, ActivityExport, ActivitySettingChange, ActivityAdminChange, ActivityUsage, ActivityFeedback,
		ActivityError, ActivityOperation, ActivityErasure, ActivityState, ActivityUnclassified,
	}
}

// Outcome is how it ended, as far as the source tells.
type Outcome string

// The outcomes.
const (
	OutcomeSuccess Outcome = "success"
	OutcomeFailure Outcome = "failure"
	OutcomeDenied  Outcome = "denied"
	OutcomeUnknown Outcome = "unknown"
)

// Class says how sensitive a piece of content is. The order is metadata < detail < text.
type Class string

// The classes. Metadata is what a record itself may hold; Detail is what people named (titles, paths, commands, URLs,
// tool arguments); Text is what people and models wrote (prompts, replies, outputs, bodies) and whatever is unknown.
const (
	ClassMetadata Class = "metadata"
	ClassDetail   Class = "detail"
	ClassText     Class = "text"
)

// Allows reports whether a capture level of c keeps content of class want.
func (c Class) Allows(want Class) bool { return c.rank() >= want.rank() }

func (c Class) rank() int {
	switch c {
	case ClassText:
		return 2
	case ClassDetail:
		return 1
	}
	return 0
}

// Flags a way in may put on a record, so that a reader sees what is odd about it without opening anything.
const (
	// FlagIdentityMismatch: the identity the client asserts differs from the one its credential proves.
	FlagIdentityMismatch = "identity_mismatch"
	// FlagIdentityConflict: resource and record assert different values for one identifier.
	FlagIdentityConflict = "identity_conflict"
	// FlagClockAbsurd: the source's clock is more than a day ahead of, or a year behind, the receiver's.
	FlagClockAbsurd = "clock_absurd"
	// FlagNoTime: the source gave no usable time; Occurred is the receive time.
	FlagNoTime = "no_time"
	// FlagUnknownType: no mapping knows this type.
	FlagUnknownType = "unknown_type"
	// FlagTruncated: something exceeded a bound and was cut.
	FlagTruncated = "truncated"
	// FlagDuplicateAttribute: one attribute name came twice; the later one is kept with a suffix.
	FlagDuplicateAttribute = "duplicate_attribute"
	// FlagMalformed: a value could not be read as what it was sent as; what could be read is kept.
	FlagMalformed = "malformed"
	// FlagInvalidText: bytes that are no UTF-8 were replaced.
	FlagInvalidText = "invalid_text"
	// FlagFromHistory: the source did not see it happen; a later request tells of it.
	FlagFromHistory = "from_history"
)

// Flags lists them all in the order documents show them.
func Flags() []string {
	return []string{
		FlagIdentityMismatch, FlagIdentityConflict, FlagClockAbsurd, FlagNoTime, FlagUnknownType, FlagTruncated, FlagDuplicateAttribute,
		FlagMalformed, FlagInvalidText, FlagFromHistory,
	}
}
