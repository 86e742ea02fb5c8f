package fleet

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// identity is what a process says of itself on every record.
type identity struct {
	resource resource
	before   attributes // of a record, up to user.id
	after    attributes // between session.id and terminal.type, terminal.type included
	paths    []string   // folders connected to Cowork
}

const (
	logScope   = "com.anthropic.claude_code.events"
	meterScope = "com.anthropic.claude_code"
	traceScope = "com.anthropic.claude_code.tracing"
)

func identify(p *world.Process, org *world.Org, d dialect) identity {
	var id identity
	dev := p.Device
	var custom attributes
	if p.Client.Gates.ResourceTeam && p.Account.Team != "" {
		custom.str("department", strings.ReplaceAll(p.Account.Team, " ", "-")) // OTEL_RESOURCE_ATTRIBUTES takes no blanks
		custom.str("cost_center", "cc-"+digest(4, p.Account.Team))
	}
	var r attributes
	service, version := "claude-code", p.Client.Version
	if p.Client.Product == world.Cowork {
		service, version = "cowork", p.Client.Desktop
		r.str("claude.deployment_mode", "1p")
	}
	r.str("host.arch", dev.Arch)
	r.str("os.type", dev.OSType)
	r.str("os.version", dev.OS)
	if p.Client.Product == world.Cowork {
		r.str("process.owner", dev.OSUser)
	}
	r.str("service.name", service)
	r.str("service.version", version)
	id.resource.attrs = append(append(attributes{}, custom...), r...)
	switch {
	case p.Client.Product == world.Cowork:
		id.before = append(id.before, id.resource.attrs...) // all of them, on every record
		if p.Project != nil && p.Project.Path != "" {
			id.paths = []string{p.Project.Path}
		}
	case d.customKeys:
		id.before = append(id.before, custom...)
	}
	id.before.str("user.id", dev.ID)
	if a := p.Claims; p.Key == "" && a != nil {
		id.after.some("organization.id", org.UUID)
		id.after.some("user.email", a.Email)
		id.after.some("user.account_uuid", a.UUID)
		id.after.some("user.account_id", a.User)
	}
	if d.latest {
		id.after.str("anthropic.provider", "firstParty")
		id.after.bool("anthropic.custom_base_url", dev.Gateway)
	}
	id.after.some("terminal.type", p.Client.Terminal)
	return id
}

// standard are the attributes every record of a session begins with. room is how many will follow.
func (id *identity) standard(session string, room int) attributes {
	a := make(attributes, 0, len(id.before)+1+len(id.after)+room)
	a = append(a, id.before...)
	a.str("session.id", session)
	return append(a, id.after...)
}

// onPoints are the attributes every point of a metric begins with: an administrator can keep the account out.
func (id *identity) onPoints(session string, account bool, room int) attributes {
	a := id.standard(session, room)
	if account {
		return a
	}
	kept := a[:0]
	for _, x := range a {
		if x.key != "user.account_uuid" && x.key != "user.account_id" {
			kept = append(kept, x)
		}
	}
	return kept
}
