package sigma

import (
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// A field of a rule is a path of a record as docs/record.md has it, or a joined one. docs/sigma.md lists them all; a test holds
// it against this file.

// Field is a field that a rule can name.
type Field struct {
	Name    string // attributes.NAME stands for any name
	Kind    string // "text", "number", "time", "list"
	Meaning string // of joined fields
}

// pathKinds are the fixed paths of a record and what they hold.
func pathKinds() map[string]string {
	m := map[string]string{
		"v": "number", "occurred": "time", "observed": "time", "recorded": "time", "sequence": "number", "duration_ns": "number", "flags": "list",
		"parts.start": "time", "parts.time": "time", "parts.value": "number", "content.bytes": "number", "content.truncated": "text",
	}
	add := func(prefix, names string) {
		for _, n := range strings.Fields(names) {
			if m[prefix+n] == "" {
				m[prefix+n] = "text"
			}
		}
	}
	add("", "id normaliser source surface activity type outcome tool mcp model rule case ip container supersedes")
	add("service.", "name version scope scope_version")
	for _, who := range []string{"account.asserted.", "account.proved."} {
		add(who, "user uuid email subject org key service device os_user credential")
		m[who+"groups"] = "list"
	}
	add("keys.", keyNames)
	add("parts.", "kind name unit form trace span")
	add("content.", "name class kind address withheld")
	return m
}

const keyNames = "session prompt request client_request tool_use message chat project agent parent_agent workflow body trace span parent_span"

// open are the paths below which a source's own names stand.
var open = []string{"attributes.", "resource.", "parts.attributes."}

// joined are fields that read more than one path, or compute.
func joined() map[string]joinedField {
	who := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, "account.proved."+n, "account.asserted."+n)
		}
		return paths
	}
	m := map[string]joinedField{
		"user":       {who("email", "user", "uuid", "subject", "os_user", "service"), "any identifier of a person or service, as `user:` in a query"},
		"email":      {who("email"), "an e-mail address, proved or asserted"},
		"device":     {who("device"), "a device, proved or asserted"},
		"key":        {who("key", "credential"), "an API key id or the credential that delivered the record, as `key:` in a query"},
		"org":        {who("org"), "an organisation, proved or asserted"},
		"groups":     {who("groups"), "a group the source names"},
		"credential": {who("credential"), "the credential that delivered the record"},
		"account":    {nil, "the one identifier the account is known by best: what is proved before what is asserted, an address before an id"},
		"plane":      {nil, "the plane of the source: `control`, `agent`, `network`, `own`"},
		"network":    {nil, "the network of `ip`: /24 of IPv4, /48 of IPv6"},
	}
	for _, k := range strings.Fields("session prompt tool_use message chat project trace") {
		m[k] = joinedField{[]string{"keys." + k}, "`keys." + k + "`"}
	}
	m["request"] = joinedField{[]string{"keys.request", "keys.client_request"}, "the API's or the client's id of a request"}
	m["agent"] = joinedField{[]string{"keys.agent", "keys.parent_agent"}, "a sub-agent or the one that started it"}
	return m
}

type joinedField struct {
	paths   []string // nil: computed
	meaning string
}

// Fields lists all fields a rule can name.
func Fields() []Field {
	var list []Field
	for name, kind := range pathKinds() {
		list = append(list, Field{Name: name, Kind: kind})
	}
	for _, prefix := range open {
		list = append(list, Field{Name: prefix + "NAME", Kind: "text"})
	}
	for name, j := range joined() {
		list = append(list, Field{Name: name, Kind: "text", Meaning: j.meaning})
	}
	slices.SortFunc(list, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// resolve finds what a field reads: paths, each a list of names, or a computed field by its name.
func resolve(field string) (paths [][]string, computed, problem string) {
	field = strings.ReplaceAll(field, "[]", "")
	for _, prefix := range open {
		if name, ok := strings.CutPrefix(field, prefix); ok && name != "" {
			return [][]string{append(strings.Split(strings.TrimSuffix(prefix, "."), "."), name)}, "", ""
		}
	}
	if j, ok := joined()[field]; ok {
		if j.paths == nil {
			return nil, field, ""
		}
		for _, p := range j.paths {
			paths = append(paths, strings.Split(p, "."))
		}
		return paths, "", ""
	}
	if pathKinds()[field] != "" {
		return [][]string{strings.Split(field, ".")}, "", ""
	}
	problem = "records have no field " + quoted(field) + ": docs/sigma.md lists them"
	if near := nearest(field); near != "" {
		problem = "records have no field " + quoted(field) + ": did you mean " + near + "? docs/sigma.md lists them"
	}
	return nil, "", problem
}

func quoted(s string) string { return `"` + s + `"` }

// nearest is the known field most like a wrong one: the same last name, or an attribute.
func nearest(field string) string {
	lower := strings.ToLower(field)
	var found []string
	for _, f := range Fields() {
		if f.Name == lower || strings.HasSuffix(f.Name, "."+lower) || strings.TrimSuffix(f.Name, "s") == strings.TrimSuffix(lower, "s") {
			found = append(found, f.Name)
		}
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) })
		return found[0]
	}
	if !strings.ContainsAny(field, " ") {
		return "attributes." + field
	}
	return ""
}

// contentOf is the class of content that the text of a field belongs to, where it never stays in a record; else "".
func contentOf(field string) audit.Class {
	for _, prefix := range open {
		if name, ok := strings.CutPrefix(field, prefix); ok {
			if d := audit.Dispose(name); d == audit.Detail || d == audit.Text {
				return d.Class()
			}
		}
	}
	return ""
}

// leftOut reports whether records leave a field out where it is empty, so that empty and missing are one.
func leftOut(field string) bool {
	for _, prefix := range open {
		if strings.HasPrefix(field, prefix) {
			return false
		}
	}
	return true
}

// products are the values of logsource.product.
func products() []string { return []string{"claude", "tripod"} }

// services are the values of logsource.service: the sources, and their families.
func services() []string {
	list := []string{"compliance", "otel", "hook", "gateway"}
	for _, s := range audit.Sources() {
		list = append(list, string(s))
	}
	return list
}

// categories are the values of logsource.category: the activities.
func categories() []string {
	var list []string
	for _, a := range audit.Activities() {
		list = append(list, string(a))
	}
	return list
}

// search is what a log source demands of a record: nothing, or fields to be equal.
func (l LogSource) search() *search {
	all := &search{op: opAnd}
	equal := func(field string, not bool, values ...string) {
		m := &match{field: field, not: not}
		for _, v := range values {
			m.tests = append(m.tests, []test{{op: testEqual, text: v}})
		}
		all.kids = append(all.kids, &search{op: opMatch, match: m})
	}
	switch {
	case l.Product == "tripod":
		equal("source", false, string(audit.SourceTripod))
	case l.Product == "claude" && l.Service == "":
		equal("source", true, string(audit.SourceTripod))
	}
	if l.Service != "" {
		equal("source", false, sourcesOf(l.Service)...)
	}
	if l.Category != "" {
		equal("activity", false, l.Category)
	}
	return all
}

// sourcesOf lists the sources of a service, which may be a family.
func sourcesOf(service string) []string {
	list := []string{}
	for _, s := range audit.Sources() {
		if string(s) == service || strings.HasPrefix(string(s), service+".") {
			list = append(list, string(s))
		}
	}
	return list
}

// within reports whether every record of l is one of outer, as far as their keys tell.
func (l LogSource) within(outer LogSource) bool {
	is := func(outer, inner string) bool { return outer == "" || outer == inner }
	service := is(outer.Service, l.Service) || strings.HasPrefix(l.Service, outer.Service+".")
	return is(outer.Category, l.Category) && is(outer.Product, l.Product) && service
}
