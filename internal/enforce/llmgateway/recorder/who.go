package recorder

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

// plain passes what programs give as names and ids; what people could have written is not kept in a record.
func plain(s string) string {
	if s == "" || len(s) > audit.MaxName {
		return ""
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte("_.-:/@+=[]", c) >= 0:
		default:
			return ""
		}
	}
	return s
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// learn fills in what all records of the exchange have in common; req is nil while the body is not known. Ids come from
// headers (https://code.claude.com/docs/en/llm-gateway-protocol), else from what the body asserts.
func (x *Exchange) learn(req *messages.Request) {
	h := x.o.Header
	var id messages.Identity
	var billing map[string]string
	model := ""
	if req != nil {
		id, billing, model = req.Identity, req.Billing, plain(req.Model)
	}
	request := x.base.Keys.Request
	x.base = audit.Record{
		Normaliser: Normaliser, Source: audit.SourceGatewayLLM, Surface: surfaceOf(x.o.Surface, h, billing), Account: x.o.Account, Model: model, IP: x.o.IP,
		Service: service(h.Get("User-Agent")),
		Keys: audit.Keys{
			Session:       first(plain(h.Get("X-Claude-Code-Session-Id")), plain(id.Session)),
			Prompt:        first(plain(h.Get("X-Claude-Code-Prompt-Id")), plain(billing["cc_prompt_id"])),
			ClientRequest: plain(h.Get("X-Client-Request-Id")),
			Agent:         plain(h.Get("X-Claude-Code-Agent-Id")),
			ParentAgent:   plain(h.Get("X-Claude-Code-Parent-Agent-Id")),
			Request:       request,
			Body:          x.id,
		},
	}
	if a := &x.base.Account; true {
		a.Proved.Credential = first(a.Proved.Credential, x.o.Credential)
		a.Asserted.Device = first(a.Asserted.Device, plain(id.Device))
		a.Asserted.UUID = first(a.Asserted.UUID, plain(id.Account))
	}
	x.base.Container = x.container(req)
	x.level = x.r.deps.Door.Level(&x.base, x.credential)
}

// container is what the content belongs to, within the credential and named as other sources name it: the session; without
// one the conversation, by what it began with; of what is neither, the device or the software.
func (x *Exchange) container(req *messages.Request) string {
	name := func(kind, id string) string { return kind + "/" + segment(x.credential) + "/" + segment(id) }
	if s := x.base.Keys.Session; s != "" {
		return name("session", s)
	}
	mac := hmac.New(sha256.New, x.r.deps.Key)
	began := false
	if req != nil {
		for i := range req.Blocks {
			if b := &req.Blocks[i]; b.Part == messages.Message && b.Message == 0 {
				mac.Write(b.Hash[:])
				began = true
			}
		}
	}
	switch device := x.base.Account.Asserted.Device; {
	case began:
		return name("conversation", hex.EncodeToString(mac.Sum(nil)[:12]))
	case device != "":
		return name("device", device)
	}
	return name("service", x.base.Service.Name)
}

// segment keeps a name from reaching beyond its place between slashes.
func segment(s string) string {
	switch {
	case s == "":
		return "-"
	case s == "-":
		return "%2D" // "-" stands for none
	case strings.ContainsAny(s, "/%"):
		return url.PathEscape(s)
	}
	return s
}

// service is the software that asked, as its user agent names it: claude-cli/2.1.330 (external, cli).
func service(agent string) audit.Service {
	product, _, _ := strings.Cut(agent, " ")
	name, version, _ := strings.Cut(product, "/")
	return audit.Service{Name: plain(name), Version: plain(version)}
}

// surfaceOf takes what the credential proves before what the request says.
func surfaceOf(proved audit.Surface, h http.Header, billing map[string]string) audit.Surface {
	if proved != "" {
		return proved
	}
	return surface(h, billing)
}

// surface tells the product by the entry point that Claude Code names, else by the user agent.
func surface(h http.Header, billing map[string]string) audit.Surface {
	entry := entrypoint(h, billing)
	switch {
	case strings.HasPrefix(entry, "claude-desktop"):
		return audit.SurfaceDesktop // its third-party mode says the same for chat, Cowork and code
	case entry == "local-agent":
		return audit.SurfaceCowork
	case strings.HasPrefix(entry, "remote"):
		return audit.SurfaceClaudeCodeWeb
	case entry == "cli", strings.HasPrefix(entry, "sdk-"), strings.HasPrefix(entry, "claude-"), entry == "mcp":
		return audit.SurfaceClaudeCode
	}
	agent := strings.ToLower(h.Get("User-Agent"))
	switch {
	case strings.HasPrefix(agent, "claude-cli/"), strings.HasPrefix(agent, "claude-code/"):
		return audit.SurfaceClaudeCode
	case strings.HasPrefix(agent, "anthropic/"), h.Get("X-Stainless-Lang") != "", h.Get("Anthropic-Version") != "":
		return audit.SurfaceAPI
	}
	return audit.SurfaceUnknown
}

// entrypoint is how Claude Code was started: told in the body, and in the comment of the user agent.
func entrypoint(h http.Header, billing map[string]string) string {
	if e := plain(billing["cc_entrypoint"]); e != "" {
		return e
	}
	_, comment, _ := strings.Cut(h.Get("User-Agent"), "(external, ")
	entry, _, ok := strings.Cut(comment, ")")
	if entry, _, _ = strings.Cut(entry, ","); ok {
		return plain(entry)
	}
	return ""
}

// splitMCP takes apart what clients call a tool of an MCP server: mcp__SERVER__TOOL.
func splitMCP(name string) (server, tool string) {
	if rest, ok := strings.CutPrefix(name, "mcp__"); ok {
		if server, tool, ok := strings.Cut(rest, "__"); ok && server != "" && tool != "" {
			return plain(server), plain(tool)
		}
	}
	return "", plain(name)
}
