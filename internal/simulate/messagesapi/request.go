package messagesapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// request is what the stand-in reads of a Messages API request; unknown fields pass.
type request struct {
	Model     string    `json:"model"`
	MaxTokens int       `json:"max_tokens"`
	Stream    bool      `json:"stream"`
	Messages  []message `json:"messages"`
	Tools     []struct {
		Name string `json:"name"`
	} `json:"tools"`

	raw []byte // the body it was read from
}

type message struct {
	Role    string `json:"role"`
	Content blocks `json:"content"`
}

type block struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// blocks is a content list; a bare string stands for one text block.
type blocks []block

func (b *blocks) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte(`"`)) {
		var s string
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("decode content: %w", err)
		}
		*b = blocks{{Type: "text", Text: s}}
		return nil
	}
	var list []block
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("decode content: %w", err)
	}
	*b = list
	return nil
}

// decode reads a request and refuses what the API refuses.
func decode(body []byte) (*request, error) {
	var req request
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, errors.New("the request body is not valid JSON of a Messages API request")
	}
	if req.Model == "" {
		return nil, errors.New("model: Field required")
	}
	if len(req.Messages) == 0 {
		return nil, errors.New("messages: at least one message is required")
	}
	for i, m := range req.Messages {
		switch m.Role {
		case "user", "assistant", "system":
		default:
			return nil, fmt.Errorf("messages.%d.role: Input should be 'user', 'assistant' or 'system'", i)
		}
	}
	return &req, nil
}

// marker is where a prompt names its script.
type marker struct {
	name string            // of the script; empty where there is none
	args map[string]string // what fills the braces
	turn int               // assistant turns since the prompt
	text string            // the marker as it stands
}

var markerPattern = regexp.MustCompile(`\[\[s:([a-z0-9_-]+)((?:\s+[a-z]+=[^\s\[\]]+)*)\s*\]\]`)

// find looks for the last prompt with a marker. Only text that stands in user messages counts: a tool's input or output
// may carry the marker of another conversation. A request without tools is one of the client's side errands
// (a title, a summary) that repeats the prompt, and follows no script.
func find(req *request) marker {
	var found marker
	for _, m := range req.Messages {
		if m.Role == "assistant" {
			found.turn++
		}
		if m.Role != "user" {
			continue
		}
		for _, b := range m.Content {
			if b.Type != "text" {
				continue
			}
			all := markerPattern.FindAllStringSubmatch(b.Text, -1)
			if len(all) == 0 {
				continue
			}
			last := all[len(all)-1]
			found = marker{name: last[1], args: fields(last[2]), text: last[0]}
		}
	}
	if len(req.Tools) == 0 {
		return marker{}
	}
	return found
}

func fields(s string) map[string]string {
	args := map[string]string{}
	for f := range strings.FieldsSeq(s) {
		name, value, _ := strings.Cut(f, "=")
		args[name] = value
	}
	return args
}

// declares reports whether the request offers the tool.
func (r *request) declares(tool string) bool {
	for _, t := range r.Tools {
		if t.Name == tool {
			return true
		}
	}
	return false
}
