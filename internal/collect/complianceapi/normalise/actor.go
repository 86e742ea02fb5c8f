package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Where the feed names an actor's identifier. What stands in the account is not said again as an attribute.
//
// The vendor's word counts as proved: its sign-in, its keys and its directory checked a credential before it wrote the
// activity, and no client can write one. The exception is who has not signed in yet, whose e-mail address is as good as
// what was typed. See docs/decisions/0011-the-vendors-word.md.
func (m *maker) actor() {
	a := m.row.get("actor")
	id := &m.rec.Account.Proved
	id.Credential = m.o.Credential
	id.Org = first(m.row.text("organization_uuid"), m.row.text("organization_id"))
	if a.kind != audit.KindMap {
		if a.kind != audit.KindEmpty {
			m.place("actor", "actor", &a)
		}
		return
	}
	for i := range a.fields {
		f := &a.fields[i]
		if !m.identify(f.name, &f.value) {
			m.place("actor."+f.name, "actor."+f.name, &f.value)
		}
	}
	if kind := a.text("type"); kind == "anthropic_actor" || kind == "system_actor" {
		id.Service = first(id.Service, "anthropic")
	}
}

// identify puts an identifier where it belongs, and reports whether nothing of it is left to say.
func (m *maker) identify(name string, v *value) (whole bool) {
	if v.kind != audit.KindString || v.str == "" || len(v.str) > audit.MaxKeptString {
		return false
	}
	proved, asserted := &m.rec.Account.Proved, &m.rec.Account.Asserted
	switch name {
	case "user_id":
		proved.User = v.str
	case "email_address":
		proved.Email = strings.ToLower(v.str)
		return proved.Email == v.str
	case "unauthenticated_email_address":
		asserted.Email = strings.ToLower(v.str)
		return asserted.Email == v.str
	case "api_key_id", "admin_api_key_id":
		proved.Key = v.str
	case "service_account_id":
		proved.Service = v.str
	case "service":
		proved.Service = v.str
		return false // "anthropic" stands there too where the feed names none
	case "directory_id":
		proved.Service = v.str
		return false // a directory, said by its attribute
	case "subject":
		proved.Subject = v.str
		return false // of whatever issuer stands beside it
	case "external_client_id":
		proved.Device = v.str
	case "ip_address":
		m.rec.IP = v.str
	default:
		return false
	}
	return true
}
