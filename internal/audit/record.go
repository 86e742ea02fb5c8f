// Package audit defines the record, the one thing everything else in Tripod collects, proves, searches and forwards,
// and the words it is made of.
//
// It promises: the canonical bytes of a record are a pure function of its fields and never change for a schema
// version; bytes of every older version can be read for ever. It holds no state, so everything here is safe for
// concurrent use. It imports the standard library only.
package audit

import "time"

// SchemaVersion is the version of the record's canonical form this build writes. docs/record.md describes it.
const SchemaVersion = 1

// Record is one audit record: an account did something, somewhere, at a time, and one source reported it. It holds no
// content; Content refers to it. The position in the journal is not part of a record.
type Record struct {
	Version    int      `json:"v"`
	ID         string   `json:"id"`         // the vendor's id, or a keyed digest of the source form (see intake)
	Normaliser string   `json:"normaliser"` // what made the record out of the source form, with its version
	Source     Source   `json:"source"`
	Surface    Surface  `json:"surface"`
	Activity   Activity `json:"activity"`
	Type       string   `json:"type"` // the source's own name, verbatim
	Outcome    Outcome  `json:"outcome"`

	Occurred time.Time `json:"occurred"` // the source's clock
	Observed time.Time `json:"observed"` // when the source saw or sent it, by its clock; zero if it does not say
	Recorded time.Time `json:"recorded"` // when it entered the journal, by ours

	Account Account `json:"account"`
	Keys    Keys    `json:"keys"`

	Tool  string `json:"tool,omitempty"`
	MCP   string `json:"mcp,omitempty"` // MCP server
	Model string `json:"model,omitempty"`
	Rule  string `json:"rule,omitempty"` // policy or detection rule that made a verdict
	Case  string `json:"case,omitempty"` // case under which one of Tripod's own acts was done
	IP    string `json:"ip,omitempty"`   // network address the record came from, as the receiver or the vendor saw it

	Sequence *int64  `json:"sequence,omitempty"`    // the source's own counter (event.sequence: per process, from 0)
	Duration int64   `json:"duration_ns,omitempty"` // how long it took, in nanoseconds, where the source measures it
	Service  Service `json:"service"`

	Container  string    `json:"container,omitempty"` // what its content belongs to and is encrypted under
	Resource   Attrs     `json:"resource,omitempty"`
	Attributes Attrs     `json:"attributes,omitempty"`
	Parts      []Part    `json:"parts,omitempty"`
	Content    []Content `json:"content,omitempty"`
	Flags      []string  `json:"flags,omitempty"`
	Supersedes string    `json:"supersedes,omitempty"` // "seq:N" of the record with the same vendor id and another body
}

// Account is who acted, as far as it is known. What a client says of itself and what a credential proves stand apart.
type Account struct {
	Asserted Identity `json:"asserted"`
	Proved   Identity `json:"proved"`
}

// Identity is a set of identifiers of one account. It is never "the person".
type Identity struct {
	User       string   `json:"user,omitempty"`       // vendor user id (user_…)
	UUID       string   `json:"uuid,omitempty"`       // vendor account UUID
	Email      string   `json:"email,omitempty"`      // lower-cased
	Subject    string   `json:"subject,omitempty"`    // subject at the customer's identity provider
	Org        string   `json:"org,omitempty"`        // vendor organisation id
	Key        string   `json:"key,omitempty"`        // API key id, never the key
	Service    string   `json:"service,omitempty"`    // service account or automation
	Device     string   `json:"device,omitempty"`     // installation or device id
	OSUser     string   `json:"os_user,omitempty"`    // login name on the device
	Groups     []string `json:"groups,omitempty"`     // groups the source names
	Credential string   `json:"credential,omitempty"` // name of the credential that delivered the record
}

// Keys are the identifiers by which records of different sources are joined.
type Keys struct {
	Session       string `json:"session,omitempty"`
	Prompt        string `json:"prompt,omitempty"`
	Request       string `json:"request,omitempty"`        // the API's request id (req_…)
	ClientRequest string `json:"client_request,omitempty"` // the client's own id of a request
	ToolUse       string `json:"tool_use,omitempty"`
	Message       string `json:"message,omitempty"`
	Chat          string `json:"chat,omitempty"`
	Project       string `json:"project,omitempty"`
	Agent         string `json:"agent,omitempty"`        // sub-agent id
	ParentAgent   string `json:"parent_agent,omitempty"` // the agent that started it
	Workflow      string `json:"workflow,omitempty"`
	Body          string `json:"body,omitempty"` // joins a raw request body to its response body
	Trace         string `json:"trace,omitempty"`
	Span          string `json:"span,omitempty"`
	ParentSpan    string `json:"parent_span,omitempty"`
}

// Service is the software that reported, as it names itself.
type Service struct {
	Name         string `json:"name,omitempty"`
	Version      string `json:"version,omitempty"`
	Scope        string `json:"scope,omitempty"`
	ScopeVersion string `json:"scope_version,omitempty"`
}

// Part is something inside a record that is no act of its own: a metric's data point, an event or a link of a span.
type Part struct {
	Kind       string    `json:"kind"` // "point", "event", "link"
	Name       string    `json:"name,omitempty"`
	Start      time.Time `json:"start"`
	Time       time.Time `json:"time"`
	Value      Value     `json:"value"`
	Unit       string    `json:"unit,omitempty"`
	Form       string    `json:"form,omitempty"` // of a point: "sum/delta", "sum/cumulative", "gauge", "histogram/delta" …
	Trace      string    `json:"trace,omitempty"`
	Span       string    `json:"span,omitempty"`
	Attributes Attrs     `json:"attributes,omitempty"`
}

// Content refers to one piece of content that was kept out of the record, or says why it is not held.
type Content struct {
	Name  string `json:"name"` // the attribute it came from; "resource.NAME", "parts[N].NAME", "body" where it is not the record's own
	Class Class  `json:"class"`
	Kind  string `json:"kind"`  // kind of the value as the source sent it
	Bytes int    `json:"bytes"` // length of the plaintext in bytes
	// Address names the block in the content store. It commits to the plaintext and can be opened for this block alone.
	Address string `json:"address,omitempty"`
	// Withheld says why there is no block: WithheldPolicy or WithheldSource. Distinct from empty.
	Withheld string `json:"withheld,omitempty"`
	// Truncated: the plaintext was cut at a bound of ours; Bytes is the length before the cut.
	Truncated bool `json:"truncated,omitempty"`
}

// Why content is not held.
const (
	WithheldPolicy = "policy" // the capture policy keeps less than this class here
	WithheldSource = "source" // the source was configured to hide it and sent a placeholder
)

// HasFlag reports whether the record carries the flag.
func (r *Record) HasFlag(flag string) bool {
	for _, f := range r.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// Flag puts a flag on the record, once.
func (r *Record) Flag(flag string) {
	if !r.HasFlag(flag) {
		r.Flags = append(r.Flags, flag)
	}
}
