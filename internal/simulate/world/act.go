package world

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Kind says what happened.
type Kind string

// What happens in a client, seen by the agent plane and, in part, by the others.
const (
	Start      Kind = "start"      // a client process starts; Process says how
	Stop       Kind = "stop"       // it ends in order; a killed or wiped one has none
	Connection Kind = "connection" // an MCP server connects, fails or goes
	Prompt     Kind = "prompt"
	Request    Kind = "request" // one request to the model that came to an end
	ToolCall   Kind = "tool_call"
	Agent      Kind = "agent" // a sub-agent has come back
	Hook       Kind = "hook"  // hooks ran for an event of the client
	Mode       Kind = "mode"  // the permission mode changed
	Skill      Kind = "skill"
	Compaction Kind = "compaction"
	Login      Kind = "login"
	Plugin     Kind = "plugin" // one was installed
)

// Change is everything seen by the control plane alone; Act.Control says what.
const Change Kind = "change"

// Act is one thing that happened, with its truth.
type Act struct {
	ID      string // the same in every run of a seed; unique in a world
	At      time.Time
	Kind    Kind
	Account *Account // who did it, in truth
	Device  *Device  // nil where none was involved
	Surface audit.Surface
	Keys    audit.Keys // what joins it to the records of every source; trace and span where the client traces
	Process *Process   // of what happened in a client; else nil

	// Seen are the sources whose reports of the act arrive. Missed are those that should have reported it and do not,
	// because of Incident.
	Seen, Missed []audit.Source
	Incident     Incident // "" on a normal day

	// One of them is set where the kind calls for it.
	Prompt     *PromptAct
	Request    *RequestAct
	Tool       *ToolAct
	Connection *ConnectionAct
	Agent      *AgentAct
	Hook       *HookAct
	Mode       *ModeAct
	Skill      *SkillAct
	Compaction *CompactionAct
	Plugin     *PluginAct
	Control    *ControlAct
}

// Process is one run of a client. Its session is that of each act: /clear begins another in the same process.
type Process struct {
	ID      string
	Account *Account // signed in, in truth
	Device  *Device
	Client  Client
	Start   time.Time
	Begin   string // "fresh", "resume", "continue"
	Project *Project
	// Claims is the account its telemetry names: another than Account where identity is forged.
	Claims  *Account
	Servers []*Server
	Plugins []PluginAct
	Hooks   []HookConfig
	// Managed are the sources of managed settings that are in force: "mdm", "remote", "file"; none without any.
	Managed []string
	// Key is the vendor id of the API key it uses, "" where the account is signed in. With a key a client knows no account.
	Key string
	// Interactive: a terminal or an editor; otherwise headless (-p, an SDK).
	Interactive bool
	Live        bool // happens while one looks on: its exports are sent at its own intervals
}

// HookConfig is a hook that an administrator or a user has set up.
type HookConfig struct {
	Event, Type, Source, Matcher string
}

// PromptAct is a prompt given to a client.
type PromptAct struct {
	Text          string
	Command       string // slash command, "" for none
	CommandSource string // "builtin", "custom", "mcp"
	Automatic     bool   // the client gave it to itself: a sub-agent's notification
}

// RequestAct is one request to the model. Act.At is when it ended.
type RequestAct struct {
	Model       string
	Source      string // query_source: "repl_main_thread", "sdk", "agent:…", "compact", …
	Effort      string
	Input       int64 // tokens
	Output      int64
	CacheRead   int64
	CacheCreate int64
	CostMicros  int64 // millionths of a US dollar
	Duration    time.Duration
	FirstToken  time.Duration
	Attempt     int    // of the last one, from 1
	Status      int    // HTTP status of a request that failed; 0 where it succeeded
	Error       string // what the client says of it
	Text        string // of the reply; "" where it consists of tool uses alone
	ToolUses    []string
	Stop        string // stop_reason: "end_turn", "tool_use", "refusal" …
	Withheld    *Withheld
	Consumed    string // tool use whose MCP result this request was the first to carry; "" for none
}

// Withheld is a tool call that the model asked for and the client never saw: on the way it was put into words, with which Text
// ends.
type Withheld struct {
	ToolUse, Name string
	Input         string // JSON object
	Says          string // in its place
}

// WithheldSays is what stands in the place of a call that the enterprise's gateway withholds, by its rule WithheldRule.
const (
	WithheldRule = "nw-no-remote-script"
	WithheldSays = "Not run: a script from the network must be read before it is run (rule nw-no-remote-script). Download it, look at it, or ask it-security@nordwald.example."
)

// ToolAct is one call of a tool: decided, and carried out unless it was refused. Act.At is when it was decided.
type ToolAct struct {
	Name     string // as the model calls it: "Bash", "Read", "mcp__SERVER__TOOL", "Task"
	Server   *Server
	MCPTool  string
	Input    string // JSON object
	Output   string // what the model is given
	Accepted bool
	By       string // decision source: "config", "hook", "user_permanent", "user_temporary", "user_abort", "user_reject"
	Success  bool
	ErrType  string // "ShellError" …
	Error    string
	Duration time.Duration // of the execution
	Waited   time.Duration // until it was decided
	Agent    string        // type of the sub-agent it starts, "" for none
}

// ConnectionAct is a change of an MCP server's connection. Act.At is when it was so; Duration is what it took to connect or to
// fail, and how long the connection stood where it was closed.
type ConnectionAct struct {
	Server   *Server
	Status   string // "connected", "failed", "disconnected"
	Duration time.Duration
	Code     string // error code of a failure
	Error    string
	// Changed names tools whose definitions differ from those of the connection before.
	Changed []string
}

// AgentAct is what is known of a sub-agent once it has come back. Act.Keys.ToolUse is the call that sent it, Keys.Agent its id.
type AgentAct struct {
	Type     string
	BuiltIn  bool
	Async    bool
	Tokens   int64
	ToolUses int
	Model    string
	Duration time.Duration
}

// HookAct is a run of the hooks for one event of the client. Act.At is when they were done.
type HookAct struct {
	Event, Name, Source string
	Count, Blocking     int
	Duration            time.Duration
}

// ModeAct is a change of the permission mode.
type ModeAct struct{ From, To, Trigger string }

// SkillAct is a skill that was used.
type SkillAct struct{ Name, Trigger, Source, Plugin, Marketplace string }

// CompactionAct is a compaction of the history. Act.At is when it was done.
type CompactionAct struct {
	Trigger   string // "auto", "manual"
	Success   bool
	Before    int64 // tokens
	After     int64
	Duration  time.Duration
	ErrorText string
}

// PluginAct is a plugin that was installed or loaded.
type PluginAct struct {
	Name, Version, Marketplace, Scope, EnabledVia string
	Official, HasHooks, HasMCP                    bool
}

// ControlAct is something the vendor's control plane shows.
type ControlAct struct {
	// Type is the vendor's name of the activity, as its Compliance API lists it.
	Type   string
	Target string   // e-mail or name of what was acted on
	Object string   // vendor id of it
	Names  []string // further e-mails: the invited
	Old    string
	New    string
	IP     string
	Agent  string // user agent
	Text   string // content, where there is some: a message, a title, a file name
	Client string // "web", "desktop", "ios"
	// Messages of a chat that was begun, in order; they follow within minutes.
	Messages []Message
}

// Message is one message of a chat.
type Message struct {
	ID   string // claude_chat_msg_…
	At   time.Time
	Role string // "user", "assistant"
	Text string
}
