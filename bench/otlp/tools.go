package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// cut is where the client cuts each value inside tool_input, in characters.
const cut = 512

type call struct {
	tool       string
	source     string
	parameters string // JSON, empty where the tool has none
	input      string // JSON
	output     int    // bytes that the tool returned
}

// toolCall queues decision, result and hooks of one call. One in twenty is
// refused and one in fifteen fails.
func (s *session) toolCall() {
	c := s.newCall()
	id, request := "toolu_01"+base58(s.rng, 22), s.request
	denied, failed := s.rng.IntN(20) == 0, s.rng.IntN(15) == 0
	s.add("tool_decision", func(a pcommon.Map) {
		a.PutStr("decision", either(denied, "reject", "accept"))
		a.PutStr("source", either(denied, "user_reject", "config"))
		a.PutStr("tool_name", c.tool)
		a.PutStr("tool_use_id", id)
		a.PutStr("tool_source", c.source)
		if c.parameters != "" {
			a.PutStr("tool_parameters", c.parameters)
		}
		a.PutStr("permission_mode", "default")
		a.PutStr("request_id", request)
	})
	if denied {
		return
	}
	if s.rng.IntN(4) == 0 {
		s.hooks("PreToolUse", "PreToolUse:"+c.tool)
	}
	ms := strconv.Itoa(4 + s.rng.IntN(9000))
	s.add("tool_result", func(a pcommon.Map) {
		a.PutStr("tool_name", c.tool)
		a.PutStr("tool_use_id", id)
		a.PutStr("success", either(failed, "false", "true"))
		a.PutStr("duration_ms", ms)
		if failed {
			a.PutStr("error_type", either(c.source == "mcp", "McpToolCallError", "ShellError"))
			a.PutStr("error", "Shell command failed")
		}
		if c.parameters != "" {
			a.PutStr("tool_parameters", c.parameters)
		}
		a.PutStr("tool_input", c.input)
		a.PutStr("tool_input_size_bytes", strconv.Itoa(len(c.input)))
		if !failed {
			a.PutStr("tool_result_size_bytes", strconv.Itoa(c.output))
		}
		if c.source == "mcp" {
			a.PutStr("mcp_server_scope", "user")
		}
		a.PutStr("request_id", request)
	})
	if s.rng.IntN(4) == 0 {
		s.hooks("PostToolUse", "PostToolUse:"+c.tool)
	}
}

func (s *session) newCall() call {
	c := call{source: "builtin", output: 10 + s.rng.IntN(30000)}
	switch n := s.rng.IntN(100); {
	case n < 40:
		command, what := s.command(), "Check "+s.phrase(4)
		c.tool = "Bash"
		word, _, _ := strings.Cut(command, " ")
		c.parameters = object("bash_command", word, "full_command", command, "description", what)
		c.input = object("command", clip(command), "description", what)
	case n < 66:
		c.tool = "Read"
		c.input = object("file_path", s.path())
	case n < 76:
		c.tool = "Edit"
		c.input = object("file_path", s.path(), "old_string", clip(s.code()), "new_string", clip(s.code()))
	case n < 80:
		c.tool = "Write"
		c.input = object("file_path", s.path(), "content", clip(s.code()+s.code()))
	case n < 93:
		c.tool = "Grep"
		c.input = object("pattern", pick(s.rng, words)+"_"+s.hex(4), "path", s.repo, "output_mode", "content")
	default:
		c.tool, c.source = "mcp_tool", "mcp"
		c.parameters = object("mcp_server_name", "tracker", "mcp_tool_name", "search_issues")
		c.input = object("query", s.phrase(5), "project", pick(s.rng, words))
	}
	return c
}

// command gives a shell command as a model writes it, hardly ever the same
// twice.
func (s *session) command() string {
	w := func() string { return pick(s.rng, words) }
	switch s.rng.IntN(8) {
	case 0:
		return fmt.Sprintf("cd %s && go test ./internal/%s/... -run Test%s_%s -count=1 2>&1 | tail -40", s.repo, w(), w(), s.hex(4))
	case 1:
		return fmt.Sprintf("git -C %s log --oneline --since=2.weeks -- services/%s/%s.go | head -%d", s.repo, w(), w(), 5+s.rng.IntN(60))
	case 2:
		return fmt.Sprintf("rg -n --type go 'func \\(%c \\*%s\\) %s' %s/services | head -50", 'a'+rune(s.rng.IntN(26)), w(), w(), s.repo)
	case 3:
		return fmt.Sprintf("kubectl -n %s get pods -l app=%s-%s -o wide --sort-by=.status.startTime", w(), w(), s.hex(6))
	case 4:
		return fmt.Sprintf("npm run build --workspace=@example/%s -- --mode production --out-dir dist/%s 2>&1 | tail -n 60", w(), s.hex(8))
	case 5:
		return fmt.Sprintf("curl -sS -H 'Accept: application/json' 'https://%s.example.com/api/v2/%s?cursor=%s' | jq '.items[] | {id, state, owner}'", w(), w(), s.hex(24))
	case 6:
		return fmt.Sprintf("cat > %s <<'EOF'\n%s\nEOF\npython3 scripts/%s.py --env staging --table %s --dry-run", s.path(), s.code(), w(), w())
	default:
		return fmt.Sprintf("cd %s && git add -A && git commit -q -m '%s' && git push origin HEAD:refs/heads/%s/%s", s.repo, s.phrase(7), w(), s.hex(5))
	}
}

func (s *session) path() string {
	return s.repo + "/internal/" + pick(s.rng, words) + "/" + pick(s.rng, words) + "_" + s.hex(3) + ".go"
}

func (s *session) phrase(n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = pick(s.rng, words)
	}
	return strings.Join(parts, " ")
}

// code gives a few lines that look like source text, up to some 300
// characters.
func (s *session) code() string {
	var b strings.Builder
	for range 1 + s.rng.IntN(4) {
		fmt.Fprintf(&b, "\tif err := s.%s(ctx, %s, %q); err != nil {\n", pick(s.rng, words), pick(s.rng, words), s.hex(6))
	}
	return b.String()
}

func clip(s string) string { return s[:min(len(s), cut)] }

func object(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteByte(",{"[b2i(i == 0)])
		k, _ := json.Marshal(pairs[i])
		v, _ := json.Marshal(pairs[i+1])
		b.Write(k)
		b.WriteByte(':')
		b.Write(v)
	}
	return b.String() + "}"
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func either(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func pick(rng *rand.Rand, from []string) string { return from[rng.IntN(len(from))] }

var (
	terminals = []string{"xterm-256color", "vscode", "iTerm.app", "tmux", "WarpTerminal"}
	words     = strings.Fields(`account adjust ledger batch billing branch broker budget cache candidate
		capture carrier claim client cluster column commit config cursor customer daemon decode deploy digest
		dispatch domain driver encode engine entry export factor fetch filter fixture flush forward gateway
		header history import index intake invoice issuer journal kernel latency layout loader locker mapper
		margin matcher merge meter mirror module monitor notice object offset order origin packet parser
		partner payout period planner policy portal prefix pricing probe profile queue quota reader rebate
		reconcile record refund region registry release render report request reserve resolver result retry
		router sample scanner schedule schema scope sender server settle shard signal snapshot source stage
		statement storage stream summary supplier switch tenant ticket token tracker transfer trigger update
		upload usage validate vendor verify version voucher wallet warehouse watch webhook worker writer`)
)
