package world

import "time"

// Account is one account of the enterprise, or of its automation.
type Account struct {
	Name    string // as the directory shows it
	Email   string
	User    string // vendor id, user_01…
	UUID    string // vendor account UUID
	Role    string // in the vendor's organisation: "owner", "admin", "billing", "developer", "claude_code_user", "user"
	Team    string
	Groups  []string // of the identity provider
	Country string   // ISO 3166-1 alpha-2
	Zone    *time.Location
	Joined  time.Time // zero: before the world begins
	Left    time.Time // zero: still there
	Service bool      // an automation, not a human being's account
	Key     string    // vendor id of the API key an automation uses; "" for an account that signs in
	Devices []*Device
}

// Device is a machine on which clients run.
type Device struct {
	Name    string // host name
	ID      string // the installation's user.id: 64 hex
	OSType  string // "darwin", "linux", "windows", as OpenTelemetry spells it
	OS      string // version of the operating system
	Arch    string
	OSUser  string
	IP      string // address of the office or home it connects from
	Client  Client // the client installed on it
	Gateway bool   // its model traffic passes the enterprise's LLM gateway
	Owner   *Account
}

// Product is a client program that emits telemetry.
type Product string

// The products.
const (
	ClaudeCode Product = "claude-code"
	Cowork     Product = "cowork"
)

// Client is an installed client and how its administrator configured its telemetry.
type Client struct {
	Product  Product
	Version  string        // of Claude Code, within Cowork too: "2.1.330", "1.0.128"
	Desktop  string        // of the Claude Desktop app around it, "1.22209.3"; Cowork only
	Protocol string        // "http/protobuf", "http/json", "grpc"
	Gates    Gates         // what it may tell
	Interval time.Duration // of its log exporter; metrics follow once a minute
	Traces   bool          // the tracing beta is on
	Terminal string        // terminal.type: "vscode", "iTerm.app", "xterm-256color" …
}

// Gates are the switches that let a client tell content.
type Gates struct {
	Prompts      bool // OTEL_LOG_USER_PROMPTS
	Responses    bool // OTEL_LOG_ASSISTANT_RESPONSES
	ToolDetails  bool // OTEL_LOG_TOOL_DETAILS
	ToolContent  bool // OTEL_LOG_TOOL_CONTENT
	RawBodies    bool // OTEL_LOG_RAW_API_BODIES
	AccountUUID  bool // OTEL_METRICS_INCLUDE_ACCOUNT_UUID and its like
	ResourceTeam bool // OTEL_RESOURCE_ATTRIBUTES names team and cost centre
}

// Server is an MCP server or a connector of the organisation.
type Server struct {
	Name      string
	Transport string // "stdio", "http", "sse"
	Scope     string // "user", "project", "local", "dynamic"
	URL       string // of a remote one
	Tools     []MCPTool
}

// MCPTool is a tool a server offers.
type MCPTool struct {
	Name        string
	Description string
	Outbound    bool // sends data out of the enterprise
	Writes      bool
}

// Project is a repository or a matter people work on.
type Project struct {
	Name   string
	ID     string // vendor id of the chat project, claude_proj_…; "" for a repository alone
	Path   string // working directory on a device
	Branch string
	Team   string
}

// Org is the enterprise as the vendor knows it.
type Org struct {
	Name   string
	ID     string // org_…
	UUID   string
	Domain string
}
