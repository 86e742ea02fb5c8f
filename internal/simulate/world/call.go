package world

import (
	"bytes"
	"encoding/json"
	"strings"
)

// call is one tool call as the stories write it: texts with words to fill in.
type call struct {
	tool   string // "Bash", "Read", …; "mcp" for one of a server
	server string
	name   string // tool of the server
	input  any    // struct or raw JSON
	output string
	err    string // it fails, and why
	slow   bool
	agent  *errand
	reject string // who refuses it: "user_reject", "user_abort", "hook", "config"
	by     string // who accepts it, where the story depends on it
}

// errand is what a sub-agent is sent for.
type errand struct {
	kind string
	ask  string
	do   [][]call
	say  string
}

type bashInput struct {
	Command     string `json:"command"`
	Description string `json:"description,omitempty"`
}

type fileInput struct {
	Path string `json:"file_path"`
}

type editInput struct {
	Path string `json:"file_path"`
	Old  string `json:"old_string"`
	New  string `json:"new_string"`
}

type writeInput struct {
	Path    string `json:"file_path"`
	Content string `json:"content"`
}

type grepInput struct {
	Pattern string `json:"pattern"`
	Path    string `json:"path,omitempty"`
}

type fetchInput struct {
	URL    string `json:"url"`
	Prompt string `json:"prompt"`
}

type agentInput struct {
	Description string `json:"description"`
	Prompt      string `json:"prompt"`
	Type        string `json:"subagent_type"`
}

type skillInput struct {
	Skill string `json:"skill"`
}

func sh(command, output string) call {
	return call{tool: "Bash", input: bashInput{command, describe(command)}, output: output}
}

// describe is what the model says a command is for.
func describe(command string) string {
	words := strings.Fields(command)
	for len(words) > 1 && strings.Contains(words[0], "=") {
		words = words[1:]
	}
	return "Run " + strings.Join(words[:min(2, len(words))], " ")
}

func slowly(c call) call { c.slow = true; return c }

func fails(command, output string) call {
	return call{tool: "Bash", input: bashInput{command, describe(command)}, err: output}
}

func read(path string) call {
	return readOf(path, "1\t# "+path+"\n2\n3\t[[m]] bytes in all")
}

func readOf(path, output string) call {
	return call{tool: "Read", input: fileInput{path}, output: output}
}

func edit(path, before, after string) call {
	return call{tool: "Edit", input: editInput{path, before, after}, output: "The file " + path + " has been updated."}
}

func create(path, content string) call {
	return call{tool: "Write", input: writeInput{path, content}, output: "File created successfully at: " + path}
}

func grep(pattern, path, output string) call {
	return call{tool: "Grep", input: grepInput{pattern, path}, output: output}
}

func fetch(url, prompt, output string) call {
	return call{tool: "WebFetch", input: fetchInput{url, prompt}, output: output}
}

func mcp(server, name, input, output string) call {
	return call{tool: "mcp", server: server, name: name, input: json.RawMessage(input), output: output}
}

func sub(kind, ask, say string, do ...[]call) call {
	return call{tool: "Agent", agent: &errand{kind: kind, ask: ask, do: do, say: say}}
}

func also(calls ...call) []call { return calls }

// encode writes a tool's input as the model would.
func encode(v any) string {
	if raw, ok := v.(json.RawMessage); ok {
		return string(raw)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "{}" // cannot happen: the inputs are structs of strings
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
