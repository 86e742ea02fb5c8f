// Package world is one simulated enterprise: a hospital group with a bank's paperwork, its accounts, devices, projects and
// what they do with Claude, in a normal week and when things go wrong.
//
// It promises: everything is a pure function of the options and of the stretch of time asked for. The same seed gives the
// same accounts, ids, acts and texts to the byte, on every machine, and each stretch of time gives the same acts whatever was
// asked for before. Every act carries its truth: who, what, which keys, which sources report it and which should have. The
// enterprise, its people and its secrets are invented. A World does no input or output, never changes once made and is safe
// for concurrent use.
package world

// Incident is something that goes wrong in a week. Each happens once a week, at a weekday and time of its own.
type Incident string

// The incidents.
const (
	SSOOff             Incident = "sso_off"             // single sign-on is turned off at night
	BulkInvite         Incident = "bulk_invite"         // many invitations in a few minutes
	ExportOffHours     Incident = "export_off_hours"    // data export outside its window
	RoleEscalation     Incident = "role_escalation"     // an account makes another an owner
	ToolChanged        Incident = "tool_changed"        // the definition of an MCP tool changes between two connections
	Injection          Incident = "injection"           // a tool result tells the model to send data out, and an outbound tool is called
	Silenced           Incident = "silenced"            // a laptop's log exporter is cut off for a while; its metrics and spans go on
	MismatchedIdentity Incident = "mismatched_identity" // telemetry names another account than the credential proves
	LostBatches        Incident = "lost_batches"        // some exports of a client never arrive
	WipedLaptop        Incident = "wiped_laptop"        // a process ends without a word and the device never returns
	KeyElsewhere       Incident = "key_elsewhere"       // an API key is used from an unknown address
	DeniedTool         Incident = "denied_tool"         // a tool call is refused by a hook of the enterprise
)
