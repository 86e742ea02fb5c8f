package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/config"
)

const withAccess = `
listen: {console: "0.0.0.0:443"}
console:
  url: https://audit.example.com
  tls: {cert: tls.pem, key: tls.key}
access:
  oidc:
    name: Example
    issuer: https://idp.example.com/realms/staff
    client_id: tripod
    client_secret: {file: oidc.secret}
    scopes: [email, profile, groups]
    claims: {groups: realm_access.roles, manager: manager, unverified_email: true}
    acr: [phr, phrh]
  roles:
    - {group: tripod-admins, role: administrator}
    - {email: kim@example.com, role: privacy_officer}
    - {group: external-audit, role: auditor, until: 2027-03-31T00:00:00Z, cases: [C-2026-0007]}
  local:
    - {os_user: dana, email: dana@example.com, roles: [operator]}
  session: 4h
  step_up: 5m
  bootstrap: true
  tokens: {content: false, longest: 720h}
`

func TestAccess(t *testing.T) {
	c, err := config.Parse([]byte(withAccess))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	a := c.Access
	if a.Roles[2].Role != access.Auditor || !a.Roles[2].Until.Equal(time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)) || a.Session != 4*time.Hour ||
		a.OIDC.Claims.Groups != "realm_access.roles" || a.OIDC.ClientSecret.File != "oidc.secret" || !a.Bootstrap {
		t.Errorf("%+v", a)
	}
	next := c
	next.Access.OIDC.ClientID, next.Access.Roles = "other", nil
	if effective, restart := c.AfterReload(next); effective.Access.OIDC.ClientID != "tripod" || effective.Access.Roles != nil || strings.Join(restart, " ") != "access.oidc" {
		t.Errorf("%+v, %v", effective.Access, restart)
	}
}

func TestAccessRefused(t *testing.T) {
	f := func(old, with, want string) {
		t.Helper()
		if !strings.Contains(withAccess, old) {
			t.Fatalf("%q is not there to change", old)
		}
		c, err := config.Parse([]byte(strings.Replace(withAccess, old, with, 1)))
		if err == nil {
			err = c.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", with, err, want)
		}
	}
	f("  tls: {cert: tls.pem, key: tls.key}\n", "", "beyond loopback: set console.tls")
	f("  tls: {cert: tls.pem, key: tls.key}\n", "  tls: {cert: tls.pem}\n", "cert and key go together")
	f("  url: https://audit.example.com\n", "", "set console.url")
	f("https://audit.example.com", "http://audit.example.com", "want https")
	f("https://audit.example.com", "https://audit.example.com/tripod", "nothing behind it")
	f("https://idp.example.com/realms/staff", "http://idp.example.com", "want https")
	f("https://idp.example.com/realms/staff", "https://user:pass@idp.example.com", "want https://HOST")
	f("    client_id: tripod\n", "", "client_id")
	f("{file: oidc.secret}", "{file: a, env: B}", "one of file, env and command")
	f("role: administrator", "role: emperor", "is no role")
	f(", until: 2027-03-31T00:00:00Z", "", "set until")
	f("group: tripod-admins, ", "", "name a group or an address")
	f("roles: [operator]", "roles: []", "name at least one")
	f("session: 4h", "session: 9h", "between 1m and 8h")
	f("step_up: 5m", "step_up: 2h", "between 1m and 1h")
	f("longest: 720h", "longest: 10000h", "between 1h and a year")
	f("acr: [phr, phrh]", "algorithms: [HS256]", "HS256")
	f("acr: [phr, phrh]", "algorithms: [none]", "none")
	f("issuer:", "isuer:", "isuer")
	c, err := config.Parse([]byte("listen: {console: 0.0.0.0:8480}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "set access.oidc") {
		t.Errorf("beyond loopback without a provider: %v", err)
	}
}
