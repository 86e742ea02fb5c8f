package complianceapi

import (
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// org is an organisation of the simulated tenants.
type org int

const (
	none       org = iota // of rows that belong to none: sign-in, sign-out, calls of this API
	parent                // owns claude and console
	claude                // the claude.ai organisation: the enterprise of the world
	console               // its Claude Console organisation
	standalone            // a Console organisation without a parent: a tenant of its own
)

// orgs are the ids of the organisations.
func (a *API) org(o org) world.Org {
	switch o {
	case claude:
		return *a.opts.Org
	case parent, console, standalone:
		name := map[org]string{parent: "Holding", console: "Console", standalone: "Lab"}[o]
		return world.Org{Name: a.opts.Org.Name + " " + name, ID: a.dice.id("org_01", name), UUID: a.dice.uuid("org", name), Domain: a.opts.Org.Domain}
	}
	return world.Org{}
}

// tenant is the UUID of the organisation whose budget and cursors a key of an organisation uses.
func (a *API) tenant(o org) string {
	if o == standalone {
		return a.org(standalone).UUID
	}
	return a.org(parent).UUID
}

// sees reports whether a key of one organisation is shown what belongs to another.
func (o org) sees(of org) bool {
	switch o {
	case parent:
		return of != standalone
	case standalone:
		return of == standalone
	}
	return of == o
}

// orgOf is the organisation an activity type belongs to.
func orgOf(kind string) org {
	switch {
	case strings.HasPrefix(kind, "sso_login_"), strings.HasPrefix(kind, "magic_link_"), strings.HasPrefix(kind, "social_login_"), strings.HasPrefix(kind, "phone_code_"),
		kind == "user_logged_out", kind == "compliance_api_accessed", kind == "anonymous_mobile_login_attempted", kind == "session_revoked":
		return none
	case strings.HasPrefix(kind, "platform_"):
		return console
	}
	return claude
}

// match is the organisations that organization_ids[] names; nil where it names none of them.
func (a *API) match(ids []string) map[org]bool {
	named := map[org]bool{}
	for _, o := range []org{parent, claude, console, standalone} {
		for _, id := range ids {
			if org := a.org(o); id == org.ID || id == org.UUID {
				named[o] = true
			}
		}
	}
	return named
}

// The vendor writes times in several ways; see https://platform.claude.com/docs/en/api/compliance.
func micros(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
func offset(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }
func bare(t time.Time) string   { return t.UTC().Format("2006-01-02T15:04:05.000000") }
func brief(t time.Time) string  { return t.UTC().Format("2006-01-02T15:04:05.999999Z") }
