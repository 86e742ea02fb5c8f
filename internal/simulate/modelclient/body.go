package modelclient

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// What a client says besides what was asked. The real texts are longer, and not ours to repeat.
const (
	reminder    = "<system-reminder>\nAs you answer the user's questions, you can use the project's own instructions.\n</system-reminder>"
	headOfCLI   = "You are Claude Code, Anthropic's official CLI for Claude."
	headOfSDK   = "You are a Claude agent, built on Anthropic's Claude Agent SDK."
	instruction = "\nYou are an agent working with the user toward their goals, in the files and with the tools of the environment. Be concise; verify before you claim."
	subAgent    = "You are an agent for Claude Code. Do what was asked, nothing more, and report what matters."
)

// ephemeral marks how far a prompt is to be cached.
var ephemeral = json.RawMessage(`{"type":"ephemeral"}`)

func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return json.RawMessage("null") // cannot happen: all of it are strings, numbers and objects of them
	}
	return bytes.TrimSpace(b.Bytes())
}

type textBlock struct {
	Type  string          `json:"type"`
	Text  string          `json:"text"`
	Cache json.RawMessage `json:"cache_control,omitempty"`
}

func text(s string) json.RawMessage { return encode(textBlock{Type: "text", Text: s}) }

// use is what the model asked for, as the client repeats it.
func use(call *world.Act) json.RawMessage {
	return encode(struct {
		Type  string          `json:"type"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	}{"tool_use", call.Keys.ToolUse, call.Tool.Name, encode(object(call.Tool.Input))})
}

// result is what the model is told of a call.
func result(call *world.Act) json.RawMessage {
	return encode(struct {
		Use     string `json:"tool_use_id"`
		Type    string `json:"type"`
		Content string `json:"content"`
		IsError bool   `json:"is_error"`
	}{call.Keys.ToolUse, "tool_result", call.Tool.Output, !call.Tool.Success})
}

// object decodes a tool's input.
func object(input string) map[string]any {
	var v map[string]any
	if json.Unmarshal([]byte(input), &v) != nil || v == nil {
		v = map[string]any{}
	}
	return v
}

// cached puts the mark on a block.
func cached(block json.RawMessage) json.RawMessage {
	return slices.Concat(bytes.TrimSuffix(block, []byte("}")), []byte(`,"cache_control":`), ephemeral, []byte("}"))
}

// wireMessage is a message as it is sent.
type wireMessage struct {
	Role         string          `json:"role"`
	Content      any             `json:"content"`
	OutputConfig json.RawMessage `json:"output_config,omitempty"`
}

type body struct {
	Model        string          `json:"model"`
	MaxTokens    int             `json:"max_tokens"`
	Messages     []wireMessage   `json:"messages"`
	System       []textBlock     `json:"system,omitempty"`
	Tools        []tool          `json:"tools,omitempty"`
	Metadata     *metadata       `json:"metadata,omitempty"`
	Thinking     json.RawMessage `json:"thinking,omitempty"`
	Context      json.RawMessage `json:"context_management,omitempty"`
	OutputConfig json.RawMessage `json:"output_config,omitempty"`
	Temperature  *int            `json:"temperature,omitempty"`
	Stream       bool            `json:"stream"`
}

type metadata struct {
	User string `json:"user_id"`
}

// body is the request's body.
func (e *exchange) body() []byte {
	r, p := e.act.Request, e.act.Process
	b := body{Model: r.Model, MaxTokens: 128000, Stream: true}
	if e.errand != "" {
		b.MaxTokens, b.Messages = 512, []wireMessage{{Role: "user", Content: e.errand}}
	} else {
		b.Messages = e.messages()
		b.Tools = e.tools()
	}
	if p == nil {
		return encode(b)
	}
	b.System, b.Metadata = e.system(), &metadata{e.user()}
	switch f := formOf(p.Client.Version); {
	case f.system && e.errand == "":
		b.Thinking = json.RawMessage(`{"type":"adaptive","display":"omitted"}`)
		b.Context = json.RawMessage(`{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]}`)
		b.OutputConfig = effort(r)
	default:
		one := 1
		b.Temperature = &one
		b.MaxTokens = min(b.MaxTokens, 32000)
	}
	return encode(b)
}

func effort(r *world.RequestAct) json.RawMessage {
	return encode(map[string]string{"effort": cmp.Or(r.Effort, "medium")})
}

// messages are the conversation, its last block marked, with the environment as a message of the system's where the client does so.
func (e *exchange) messages() []wireMessage {
	form := formOf(e.act.Process.Client.Version)
	environment := "# Environment\nYou have been invoked in the following environment:\n - Primary working directory: " + e.act.Process.Project.Path +
		"\n - Git branch: " + e.act.Process.Project.Branch + "\n - Platform: " + e.act.Process.Device.OSType
	var out []wireMessage
	for i, m := range e.said.messages {
		last := i == len(e.said.messages)-1
		blocks := m.blocks
		if last && !(i == 0 && form.system) {
			blocks = slices.Clone(blocks)
			blocks[len(blocks)-1] = cached(blocks[len(blocks)-1])
		}
		out = append(out, wireMessage{Role: m.role, Content: blocks})
		if i == 0 && form.system {
			w := wireMessage{Role: "system", Content: environment, OutputConfig: effort(e.act.Request)}
			if last {
				w.Content = []json.RawMessage{cached(text(environment))}
			}
			out = append(out, w)
		}
	}
	return out
}

// system is the system prompt: the line that says whose request it is, the head, the instructions.
func (e *exchange) system() []textBlock {
	p := e.act.Process
	head, entry := headOfSDK, "sdk-cli"
	if p.Interactive {
		head, entry = headOfCLI, "cli"
	}
	rest := instruction
	if e.said.agent != "" {
		rest = subAgent
	}
	list := []textBlock{{Type: "text", Text: head, Cache: ephemeral}, {Type: "text", Text: rest, Cache: ephemeral}}
	if e.errand != "" {
		list = []textBlock{{Type: "text", Text: "Generate a title. Answer with JSON alone."}}
	}
	if formOf(p.Client.Version).billing {
		line := "x-anthropic-billing-header: cc_version=" + p.Client.Version + "." + digest(3, p.ID) + "; cc_entrypoint=" + entry + ";"
		if e.said.agent != "" {
			line += " cc_is_subagent=true;"
		}
		list = append([]textBlock{{Type: "text", Text: line}}, list...)
	}
	return list
}

// user is metadata.user_id, in the form of the client's version.
func (e *exchange) user() string {
	p := e.act.Process
	account := p.Claims.UUID
	if p.Key != "" {
		account = ""
	}
	if !formOf(p.Client.Version).session {
		return "user_" + p.Device.ID + "_account_" + account + "_session_" + e.act.Keys.Session
	}
	return string(encode(struct {
		Device  string `json:"device_id"`
		Account string `json:"account_uuid"`
		Session string `json:"session_id"`
	}{p.Device.ID, account, e.act.Keys.Session}))
}

// digest makes a fixed name of some length from others.
func digest(n int, of ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\x00")))
	return hex.EncodeToString(sum[:])[:n]
}

func cmpStrings(a, b string) int { return strings.Compare(a, b) }
