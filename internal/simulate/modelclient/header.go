package modelclient

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/secret"
)

// form is what requests of a client's version look like, as far as captures show it: from 1.0.128, 2.1.197 and 2.1.330.
type form struct {
	session bool // names its session in a header, and in JSON in metadata
	billing bool // begins its system prompt with a line of its own
	system  bool // tells of the environment in a message of the system's
}

func formOf(version string) form {
	return form{session: newer(version, 2, 1, 0), billing: newer(version, 2, 1, 0), system: newer(version, 2, 1, 300)}
}

// newer reports whether a version is at least another.
func newer(version string, least ...int) bool {
	for i, part := range strings.SplitN(version, ".", 3) {
		n, err := strconv.Atoi(part)
		if err != nil || i >= len(least) || n != least[i] {
			return err == nil && i < len(least) && n > least[i]
		}
	}
	return true
}

const (
	betas      = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,per-turn-control-2026-07-01,mid-conversation-tool-changes-2026-07-01,thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20,effort-2025-11-24"
	olderBetas = "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14"
)

// header is the request's header, but for what carries the caller's token.
func (e *exchange) header() http.Header {
	h := http.Header{}
	set := func(pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
	}
	set("Accept", "application/json", "Accept-Encoding", "gzip, deflate, br, zstd", "Content-Type", "application/json", "Anthropic-Version", "2023-06-01",
		"X-Stainless-Retry-Count", strconv.Itoa(e.try), "X-Stainless-Timeout", "600")
	e.authorize(h)
	p := e.act.Process
	if p == nil { // a program of somebody's own
		set("User-Agent", "Anthropic/Python 0.75.0", "X-Stainless-Lang", "python", "X-Stainless-Os", "Linux", "X-Stainless-Arch", "x64",
			"X-Stainless-Runtime", "CPython", "X-Stainless-Runtime-Version", "3.12.8", "X-Stainless-Package-Version", "0.75.0")
		return h
	}
	entry := "sdk-cli"
	if p.Interactive {
		entry = "cli"
	}
	set("User-Agent", "claude-cli/"+p.Client.Version+" (external, "+entry+")", "X-App", "cli", "Anthropic-Dangerous-Direct-Browser-Access", "true",
		"Anthropic-Beta", betas, "X-Stainless-Lang", "js", "X-Stainless-Runtime", "node", "X-Stainless-Runtime-Version", "v26.12.1",
		"X-Stainless-Package-Version", "0.128.0", "X-Stainless-Os", map[string]string{"darwin": "MacOS", "windows": "Windows"}[p.Device.OSType],
		"X-Stainless-Arch", map[string]string{"arm64": "arm64"}[p.Device.Arch])
	if h.Get("X-Stainless-Os") == "" {
		set("X-Stainless-Os", "Linux")
	}
	if h.Get("X-Stainless-Arch") == "" {
		set("X-Stainless-Arch", "x64")
	}
	f := formOf(p.Client.Version)
	if !f.session {
		set("Anthropic-Beta", olderBetas, "X-Stainless-Package-Version", "0.60.0", "X-Stainless-Runtime-Version", "v20.20.2", "X-Stainless-Helper-Method", "stream",
			"Accept-Language", "*", "Sec-Fetch-Mode", "cors")
		return h
	}
	set("X-Claude-Code-Session-Id", e.act.Keys.Session)
	if e.said.agent != "" {
		set("X-Claude-Code-Agent-Id", e.said.agent)
	}
	if e.said.parent != "" {
		set("X-Claude-Code-Parent-Agent-Id", e.said.parent)
	}
	if f.system && p.Interactive && e.act.Keys.Prompt != "" {
		class, wide := "main", "main"
		if e.said.agent != "" {
			class, wide = "subagent", "blocking-subagent"
		}
		set("X-Claude-Code-Prompt-Id", e.act.Keys.Prompt, "X-Claude-Code-Request-Class", class, "X-Claude-1p-Request-Class", wide)
	}
	return h
}

// authorize sends what the client authenticates with to the vendor: the account's sign-in, or an automation's key. Both are
// made up and open nothing.
func (e *exchange) authorize(h http.Header) {
	a := e.act.Account
	if a.Key != "" {
		h.Set("X-Api-Key", "sk-ant-api03-"+digest(48, "key", a.Key))
		return
	}
	h.Set("Authorization", "Bearer sk-ant-oat01-"+digest(48, "sign-in", a.Email))
	if beta := h.Get("Anthropic-Beta"); beta != "" {
		h.Set("Anthropic-Beta", beta+",oauth-2025-04-20")
	}
}

// present sends the token that the gateway asks for.
func present(h http.Header, name string, token secret.String) {
	if name != "" && !token.IsZero() {
		h.Set(name, token.Reveal())
	}
}
