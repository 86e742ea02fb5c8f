package policy

import (
	"cel.dev/cel-go/cel"

	"github.com/tripod-audit/tripod/internal/audit"
)

// variable is a name that conditions may read.
type variable struct {
	name string
	typ  *cel.Type
	doc  string
	get  func(*facts) any
}

// found is a kind of thing the detectors found, and how often.
type found struct {
	Detector string `cel:"detector"`
	Kind     string `cel:"kind"`
	Count    int64  `cel:"count"`
}

// textType is the type of text: opaque, so that it is asked and never copied.
func textType() *cel.Type { return cel.OpaqueType("text") }

// variables lists all that conditions may read, in the order documents show them.
func variables() []variable {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	all := []variable{
		{"point", text, "where it is judged", func(f *facts) any { return string(f.event.Point) }},
		{"source", text, "which way in judges", func(f *facts) any { return string(f.event.Source) }},
		{"surface", text, "the product used", func(f *facts) any { return string(f.event.Surface) }},
		{"model", text, "the model that is asked or answers", func(f *facts) any { return f.event.Model }},
		{"kind", text, "the kind of block", func(f *facts) any { return f.event.Kind }},
		{"session", text, "the session, as the client tells it", func(f *facts) any { return f.event.Keys.Session }},
		{"at", cel.TimestampType, "when", func(f *facts) any { return f.event.At }},
		{"partial", cel.BoolType, "the text is a part of more than is read", func(f *facts) any { return f.event.Partial }},
		{"capabilities", list, "what the vendor's own servers may do", func(f *facts) any { return f.event.Capabilities }},
		{"marks", list, "what rules noted of the session before", func(f *facts) any { return f.marks }},
		{"tool", text, "the tool alone, without its server", func(f *facts) any { return f.tool.name }},
		{"mcp", text, "the tool's MCP server", func(f *facts) any { return f.tool.server }},
		{"args", cel.MapType(text, cel.DynType), "the arguments of a tool call", func(f *facts) any { return f.args }},
		{"command", text, "the shell command in the arguments, made plain", func(f *facts) any { return f.shell() }},
		{"paths", list, "paths in arguments and command, ~ for any home", func(f *facts) any { return f.pathList() }},
		{"hosts", list, "destinations in arguments, or in the text", func(f *facts) any { return f.hostList() }},
		{"findings", cel.ListType(cel.ObjectType("finding")), "what the detectors found: detector, kind, count", func(f *facts) any { return f.foundList() }},
		{"text", textType(), "the text: text.has('word'), text.finds('pattern')", func(f *facts) any { return opaque(f.text) }},
		{"ui.kind", text, "browser or computer, where a tool drives one", func(f *facts) any { return f.screen().kind }},
		{"ui.action", text, "navigate, click, type, key, scroll, screenshot, read, script, upload, open, wait or another", func(f *facts) any { return f.screen().action }},
		{"ui.url", text, "the page it goes to", func(f *facts) any { return f.screen().url }},
		{"ui.host", text, "its host", func(f *facts) any { return plainHost(f.screen().host()) }},
		{"ui.text", text, "what is typed, pressed or run", func(f *facts) any { return f.screen().text }},
		{"ui.app", text, "the application it opens", func(f *facts) any { return f.screen().app }},
		{"ui.x", cel.IntType, "where on the screen, -1 nowhere", func(f *facts) any { return f.screen().x }},
		{"ui.y", cel.IntType, "where on the screen, -1 nowhere", func(f *facts) any { return f.screen().y }},
	}
	for _, who := range []struct {
		name, doc string
		of        func(*facts) *audit.Identity
	}{
		{"account.asserted.", "as the client tells", func(f *facts) *audit.Identity { return &f.event.Account.Asserted }},
		{"account.proved.", "as a credential proves", func(f *facts) *audit.Identity { return &f.event.Account.Proved }},
	} {
		for _, id := range []struct {
			name string
			of   func(*audit.Identity) string
		}{
			{"user", func(id *audit.Identity) string { return id.User }}, {"uuid", func(id *audit.Identity) string { return id.UUID }},
			{"email", func(id *audit.Identity) string { return id.Email }}, {"subject", func(id *audit.Identity) string { return id.Subject }},
			{"org", func(id *audit.Identity) string { return id.Org }}, {"key", func(id *audit.Identity) string { return id.Key }},
			{"service", func(id *audit.Identity) string { return id.Service }}, {"device", func(id *audit.Identity) string { return id.Device }},
			{"os_user", func(id *audit.Identity) string { return id.OSUser }}, {"credential", func(id *audit.Identity) string { return id.Credential }},
		} {
			all = append(all, variable{who.name + id.name, text, who.doc, func(f *facts) any { return id.of(who.of(f)) }})
		}
		all = append(all, variable{who.name + "groups", list, who.doc, func(f *facts) any { return who.of(f).Groups }})
	}
	return all
}
