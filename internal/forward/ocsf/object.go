package ocsf

import (
	"github.com/tripod-audit/tripod/internal/audit"
)

// object writes what the class says the act was done to.
func (e *event) object() {
	switch e.class.uid {
	case detectionFinding:
		e.findingInfo()
	case accountChange, userInventory:
		e.user()
	case authentication:
		e.account("user", e.who)
		e.Open("service")
		_, name, _ := product(e.r)
		if e.r.Source == audit.SourceComplianceActivity || e.r.Source == audit.SourceAuditExport {
			name = "Claude"
		}
		e.Str("name", name)
		e.Close()
	case entityManagement:
		e.entity()
	case userAccess:
		e.user()
		e.privileges()
		e.resource()
	case groupManagement:
		e.group("group")
		if e.activity > 2 {
			e.member()
		}
		e.privileges()
		e.resource()
	case resourcesInventory:
		e.named("resources")
	case webResourcesActivity:
		e.named("web_resources")
	case applicationLifecycle:
		e.Open("app")
		e.identifiers()
		e.Str("version", e.value(roleVersion))
		e.Close()
	case apiActivity:
		e.api()
	case scanActivity:
		e.Open("scan")
		e.Str("uid", e.value(roleUID))
		e.Str("name", e.rule.object)
		e.Int("type_id", other)
		e.Str("type", e.rule.object)
		e.Close()
	}
}

// identifiers writes uid and name; the words of the table stand in where there is neither.
func (e *event) identifiers() {
	uid, name := e.value(roleUID), e.value(roleName)
	if uid == "" && name == "" {
		name = first(e.rule.object, unknownWord)
	}
	e.Str("uid", uid)
	e.Str("name", name)
}

// named writes the one thing of a list of resources.
func (e *event) named(list string) {
	e.List(list)
	e.Element()
	e.Str("type", e.rule.object)
	e.identifiers()
	if e.class.uid == resourcesInventory && e.who.Telling() != "" {
		e.account("owner", e.who)
	}
	e.Close()
	e.CloseList()
}

// user writes the account that was acted upon: who acted, or another.
func (e *event) user() {
	if e.names(roleUser, "actor") {
		e.account("user", e.who)
		return
	}
	e.other("user", 1)
}

// member is who entered or left a group.
func (e *event) member() {
	if e.value(roleUser) != "" {
		e.other("user", 1)
	}
}

// other writes an account that attributes name.
func (e *event) other(name string, typ int64) {
	uid, email := e.value(roleUser), e.value(roleEmail)
	e.Open(name)
	if uid != email {
		e.Str("uid", uid)
	}
	if uid == "" || uid == email {
		e.Str("name", first(email, unknownWord))
	}
	e.email(email)
	if e.rule.object == "service account" {
		typ = 4
	}
	e.Int("type_id", typ)
	e.Close()
}

func (e *event) privileges() {
	var list []string
	if p := e.value(rolePrivileges); p != "" {
		list = []string{p}
	} else if e.class.uid == userAccess {
		list = []string{unknownWord}
	}
	e.Strings("privileges", list)
}

// resource is what a right was given for.
func (e *event) resource() {
	uid := e.value(roleResource)
	if uid == "" {
		return
	}
	e.Open("resource")
	e.Str("uid", uid)
	e.Str("type", e.rule.object)
	e.Close()
}

func (e *event) group(name string) {
	uid := first(e.value(roleGroup), e.value(roleUser))
	e.Open(name)
	e.Str("uid", uid)
	if uid == "" {
		e.Str("name", unknownWord)
	}
	e.Close()
}

// entity writes what was managed. The kinds the schema has a number for have an object of their own as well.
func (e *event) entity() {
	e.Open("entity")
	uid, name := e.value(roleUID), e.value(roleName)
	switch {
	case len(e.rule.from[roleUser]) > 0:
		e.entityType(2)
		e.user()
	case len(e.rule.from[roleGroup]) > 0:
		e.entityType(3)
		e.group("group")
	case len(e.rule.from[roleOrg]) > 0:
		e.entityType(4)
		e.organisation()
	case e.rule.object == "policy":
		e.entityType(5)
		e.Open("policy")
		e.identifiers()
		e.Close()
	case e.rule.object == "device":
		e.entityType(1)
		e.Open("device")
		e.identifiers()
		e.Int("type_id", 0)
		e.Close()
	default:
		e.entityType(other)
		if e.rule.object == "setting" {
			e.organisation()
		}
		if uid == "" && name == "" {
			name = first(e.rule.object, unknownWord)
		}
	}
	e.Str("uid", uid)
	e.Str("name", name)
	e.Close()
}

func (e *event) entityType(id int64) {
	e.Int("type_id", id)
	e.Str("type", e.rule.object)
}

func (e *event) organisation() {
	e.Open("org")
	uid := tenant(e.r)
	e.Str("uid", uid)
	if uid == "" {
		e.Str("name", unknownWord)
	}
	e.Close()
}

// api writes a call, of the API or of a tool.
func (e *event) api() {
	r := e.r
	e.Open("api")
	operation, service := r.Type, ""
	switch r.Activity {
	case audit.ActivityToolCall, audit.ActivityToolResult, audit.ActivityToolDecision:
		operation, service = first(r.Tool, r.Type), r.MCP
	default:
		if route := first(e.text("url"), e.text("url.route"), e.text("route")); route != "" {
			operation = route
			if verb := first(e.text("request_method"), e.text("method")); verb != "" {
				operation = verb + " " + route
			}
		}
	}
	e.Str("operation", first(operation, unknownWord))
	if name := first(service, e.rule.object); name != "" {
		e.Open("service")
		e.Str("name", name)
		e.Close()
	}
	if id := first(r.Keys.Request, r.Keys.ClientRequest, r.Keys.ToolUse, e.value(roleUID)); id != "" {
		e.Open("request")
		e.Str("uid", id)
		e.Close()
	}
	e.response()
	e.Close()
}

func (e *event) response() {
	v, ok := e.r.Attributes.Get("status_code")
	if !ok {
		v, ok = e.r.Attributes.Get("status")
	}
	code, whole := v.Int64()
	if !ok || !whole {
		return
	}
	e.Open("response")
	e.Int("code", code)
	e.Close()
}

// findingInfo writes a verdict of a policy, or another conclusion that is on record.
func (e *event) findingInfo() {
	e.Open("finding_info")
	e.Str("uid", first(e.value(roleUID), e.r.ID, e.r.Type, unknownWord))
	e.Str("title", first(e.value(roleTitle), e.rule.object))
	if e.r.Rule != "" {
		e.Open("analytic")
		e.Str("uid", e.r.Rule)
		e.Int("type_id", 1)
		e.Str("type", "Rule")
		e.Str("version", e.text("rule_set"))
		e.Close()
	}
	e.Close()
}

// controlled reports whether something that can stop an act has judged it.
func (e *event) controlled() bool {
	return e.r.Outcome == audit.OutcomeDenied || e.class.finding && e.text("effect") != ""
}

// control writes what was done about the act.
func (e *event) control() {
	if !e.controlled() {
		return
	}
	action, name, disposition := int64(2), "Denied", int64(2)
	if e.r.Outcome != audit.OutcomeDenied {
		switch e.text("effect") {
		case "redact":
			action, name, disposition = 4, "Modified", 11
		case "allow":
			action, name, disposition = 1, "Allowed", 1
		default:
			action, name, disposition = 3, "Observed", 17
		}
	}
	e.Int("action_id", action)
	e.Str("action", name)
	e.Int("disposition_id", disposition)
}
