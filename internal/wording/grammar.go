package wording

import (
	"strings"
)

// verbs are the participles that end names of types, with the verb that stands for them; "=" before it makes a clause of
// what stands before: "org_directory_resync_failed", "a directory resync failed".
var verbs = map[string]string{
	"accepted": "accepted", "accessed": "opened", "activated": "activated", "added": "added", "approved": "approved",
	"archived": "archived", "assigned": "assigned", "attempted": "attempted", "blocked": "blocked", "bound": "attached",
	"cancelled": "cancelled", "changed": "changed", "claimed": "claimed", "cleared": "cleared", "completed": "=was completed",
	"configured": "configured", "connected": "connected", "created": "created", "deactivated": "deactivated", "deleted": "deleted",
	"delegated": "delegated", "denied": "denied", "disabled": "disabled", "disconnected": "disconnected", "dismissed": "dismissed",
	"downloaded": "downloaded", "duplicated": "copied", "enabled": "enabled", "enrolled": "enrolled", "exchanged": "exchanged",
	"expired": "=expired", "exported": "exported", "failed": "=failed", "generated": "generated", "granted": "granted",
	"imported": "imported", "initiated": "started", "invited": "invited", "joined": "joined", "linked": "linked", "listed": "listed",
	"locked": "locked", "minted": "issued", "modified": "changed", "moved": "moved", "paused": "paused", "performed": "performed",
	"promoted": "promoted", "provisioned": "provisioned", "published": "published", "purchased": "purchased",
	"recorded": "recorded", "redacted": "redacted", "regenerated": "regenerated", "rejected": "rejected", "removed": "removed",
	"renamed": "renamed", "replaced": "replaced", "reported": "reported", "requested": "requested", "reset": "reset",
	"resolved": "resolved", "restored": "restored", "resumed": "resumed", "retained": "retained", "revealed": "revealed",
	"revoked": "revoked", "rotated": "rotated", "scheduled": "scheduled", "sent": "sent", "set": "set", "shared": "shared",
	"started": "started", "stopped": "stopped", "submitted": "submitted", "succeeded": "=succeeded", "suspended": "suspended",
	"transferred": "transferred", "triggered": "triggered", "tripped": "=tripped", "unarchived": "unarchived",
	"unassigned": "unassigned", "unblocked": "unblocked", "unbound": "detached", "unlinked": "unlinked", "unlocked": "unlocked",
	"unpaused": "resumed", "unpublished": "unpublished", "unshared": "unshared", "updated": "changed", "upgraded": "upgraded",
	"uploaded": "uploaded", "validated": "validated", "verified": "verified", "viewed": "loaded",
}

// grammar words a name that ends with a participle: "claude_project_archived" as "archived a project".
func grammar(typ string, v values) (phrase, bool) {
	i := strings.LastIndexByte(typ, '_')
	if i <= 0 {
		return phrase{}, false
	}
	verb, ok := verbs[typ[i+1:]]
	if !ok {
		return phrase{}, false
	}
	noun, plural := nounOf(typ[:i])
	if noun == "" {
		return phrase{}, false
	}
	noun += mention(v)
	if clause, ok := strings.CutPrefix(verb, "="); ok {
		if plural {
			clause = strings.Replace(clause, "was ", "were ", 1)
		}
		return phrase{clause: noun + " " + clause, ends: true}, true
	}
	return phrase{verb: verb, object: noun, plural: plural}, true
}

// products are beginnings of names that say to which product a thing belongs, the longest first.
var products = []struct{ prefix, before, behind string }{
	{"claude_code_", "Claude Code ", ""},
	{"claude_", "", ""},
	{"platform_", "", " on the Claude Platform"},
	{"ccr_", "Claude Code cloud ", ""},
	{"rbac_", "custom ", ""},
	{"org_", "", ""},
}

// nounOf makes a noun with its article of a name.
func nounOf(name string) (noun string, plural bool) {
	before, behind := "", ""
	for _, p := range products {
		if rest, ok := strings.CutPrefix(name, p.prefix); ok {
			name, before, behind = rest, p.before, p.behind
			break
		}
	}
	noun = before + words(name)
	last := noun[strings.LastIndexByte(noun, ' ')+1:]
	switch {
	case last == "settings" || last == "config" || last == "mappings":
		return "the " + noun + behind, last != "config"
	case mass[last]:
		return noun + behind, false
	case strings.HasSuffix(last, "s") && !strings.HasSuffix(last, "ss"):
		return noun + behind, true
	}
	return article(noun) + " " + noun + behind, false
}

// mass are nouns without an article.
var mass = map[string]bool{
	"access": true, "discoverability": true, "egress": true, "memory": true, "sharing": true, "retention": true, "billing": true, "": true,
}

// article is a or an, by how the next word is spoken.
func article(noun string) string {
	word, _, _ := strings.Cut(noun, " ")
	for _, spoken := range []string{"use", "usage", "uni", "one"} {
		if strings.HasPrefix(strings.ToLower(word), spoken) {
			return "a"
		}
	}
	first := word[:1]
	if len(word) > 1 && word == strings.ToUpper(word) && word != "SCIM" && word != "HIPAA" { // spelt letter by letter
		if strings.Contains("AEFHILMNORSX", first) {
			return "an"
		}
		return "a"
	}
	if strings.Contains("aeiouAEIOU", first) {
		return "an"
	}
	return "a"
}

// spelt are words that names write in their own way.
var spelt = map[string]string{
	"ai": "AI", "anthropic": "Anthropic", "api": "API", "aws": "AWS", "baa": "BAA", "ccr": "Claude Code cloud", "claude": "Claude", "cli": "CLI", "cmek": "CMEK", "cowork": "Cowork",
	"csv": "CSV", "gdrive": "Google Drive", "ghe": "GitHub Enterprise", "github": "GitHub", "gitlab": "GitLab", "hipaa": "HIPAA", "id": "ID",
	"ids": "IDs", "idp": "identity provider", "ip": "IP", "jwt": "JWT", "lti": "LTI", "mcp": "MCP", "mfa": "MFA", "oauth": "OAuth", "oidc": "OIDC",
	"org": "organisation", "organization": "organisation", "otlp": "OTLP", "pubsec": "public-sector", "rbac": "role", "saml": "SAML",
	"scim": "SCIM", "slack": "Slack", "ssh": "SSH", "sso": "SSO", "ui": "UI", "uri": "URI", "url": "URL", "vcs": "version control",
	"webauthn": "WebAuthn",
}

// words turns a name of the vendor's into words.
func words(name string) string {
	if name == "" {
		return ""
	}
	parts := strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == '.' || c == ' ' || c == '-' })
	for i, p := range parts {
		if s, ok := spelt[p]; ok {
			parts[i] = s
		}
	}
	return strings.ReplaceAll(strings.Join(parts, " "), "Claude code", "Claude Code")
}

// mentioned are the attributes that name what a type without a template is about, the most telling first.
var mentioned = []string{
	"mcp_server_name", "plugin_name", "user_email", "invitee_email", "invited_email", "mcp_directory_server_name", "tool_name", "~updates.0.type",
	"~updated_fields", "event_info.email_address", "entity_info.metadata.email_address",
}

// mention names what a type is about.
func mention(v values) string {
	for _, name := range mentioned {
		if s := v.get(name); s != "" {
			return " (" + s + ")"
		}
	}
	return ""
}
