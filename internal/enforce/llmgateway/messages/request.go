package messages

// Request is one body of POST /v1/messages (or count_tokens), as read.
type Request struct {
	Model    string
	Stream   bool
	Identity Identity
	// Billing is what Claude Code says of itself in the first system block: cc_version, cc_entrypoint, cc_prompt_id,
	// cc_prev_req, cc_is_subagent. nil without one.
	Billing map[string]string
	// Blocks are the system prompt, tool definitions, messages and other fields with strings, in the order of the body.
	Blocks []Block
	// Capabilities are what the request lets the vendor's servers do, sorted: "code_execution", "container", "files",
	// "mcp_servers", "web_fetch", "web_search".
	Capabilities []string
	Messages     int      // how many messages there are
	Digest       [32]byte // SHA-256 of the body
}

// Part is where in a request a block stands.
type Part uint8

// The parts of a request.
const (
	System  Part = iota + 1 // the system prompt
	Tools                   // a tool definition
	Message                 // a block of a message
	Field                   // any other top-level field that holds strings a model could read; Type is its name
)

// String names the part for records: "system", "tools", "message", "field".
func (p Part) String() string {
	switch p {
	case System:
		return "system"
	case Tools:
		return "tools"
	case Message:
		return "message"
	case Field:
		return "field"
	}
	return "unknown"
}

// Block is one block of a request: a system block, a tool definition, a content block of a message.
type Block struct {
	Part    Part
	Message int    // which message, from 0; -1 for other parts
	Index   int    // which block of its message or list, from 0; -1 for a field of the message that is no content
	Role    string // of the message as sent; "system" for the system prompt
	Type    string // "text", "tool_use" …; of a tool definition its type, "custom" without one; of a field its name
	// Start and End are its JSON in the body: body[Start:End].
	Start, End int
	// Hash is the SHA-256 of its JSON without cache_control, which moves from turn to turn. A text that stands as a bare
	// string has the hash of the text block that says the same.
	Hash  [32]byte
	Texts []Text  // the strings a model reads, in order; empty ones are left out
	Media []Media // images, documents and other base64, which is never a Text

	ID      string // of a tool call; of a tool result, that of the call it answers
	Tool    string // of a tool call or a tool definition
	Server  string // the MCP server of a call through the vendor's connector
	Input   []byte // of a tool call: its arguments as they stand in the body; nil without any
	IsError bool   // of a tool result

	Known bool // stood in the previous body of the conversation; only a Memory tells

	in0, in1 int // of Input in the body
	caps     capability
}

// Text is one string a model reads.
type Text struct {
	// What it is: the name it stands under ("text", "thinking", "content", "title", "url" …); "input" and "name" for values
	// and names in the arguments of a tool, "schema" in a tool's definition.
	What       string
	Value      string // decoded
	Start, End int    // of the JSON string in the body, quotes included
}

// Media is base64 data in a block.
type Media struct {
	Type       string   // as declared: "image/png", "application/pdf"
	Bytes      int      // decoded length
	Hash       [32]byte // SHA-256 of the decoded bytes; of the text itself where it is no base64
	Start, End int      // of the JSON string in the body
}

// capability is a set of what a request lets the vendor's servers do.
type capability uint8

const (
	capCodeExecution capability = 1 << iota
	capContainer
	capFiles
	capMCPServers
	capWebFetch
	capWebSearch
)

// capabilityNames in the order of the bits, which is the alphabet's.
var capabilityNames = [...]string{"code_execution", "container", "files", "mcp_servers", "web_fetch", "web_search"}

func (c capability) names() []string {
	var list []string
	for i, name := range capabilityNames {
		if c&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return list
}
