package complianceapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The scopes.
const (
	scopeActivities = "read:compliance_activities"
	scopeUserData   = "read:compliance_user_data"
	scopeDelete     = "delete:compliance_user_data"
	scopeOrgData    = "read:compliance_org_data"
	scopeAudit      = "read:org_audit"
	scopeRetired    = "read:compliance_org_settings" // authorizes nothing since 2026-06-30
)

// KeyState is whether a key works.
type KeyState int

// The states.
const (
	Active KeyState = iota
	Disabled
	Expired
	Deleted
)

// Keys are the keys of the simulated organisations. They look made up and open nothing else.
type Keys struct {
	Read       string // reads everything of the parent organisation
	Read2      string // the same, for rotation
	Audit      string // the same by read:org_audit alone
	Delete     string // deletes, and cannot read
	Limited    string // reads the feed alone, and carries a retired scope
	Claude     string // reads everything of the claude.ai organisation, not of the parent
	Admin      string // an Admin API key of the linked Console organisation: its feed alone
	AdminEarly string // one from before recording was on: it lacks the scope
	Standalone string // an Admin API key of the standalone Console organisation
	Messages   string // a Claude API key: not accepted
}

// key is one key.
type key struct {
	secret, id, name string
	org              org
	scopes           []string
	admin            bool
	state            KeyState
}

func (k *key) has(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(k.scopes, s) })
}

// got is how an error lists the key's scopes.
func (k *key) got() []string {
	if k.admin {
		return append([]string{"api:admin"}, k.scopes...)
	}
	return k.scopes
}

func (c chance) keys() (Keys, []*key) {
	secret := func(prefix, name string) string { return fmt.Sprintf("%s-SIMULATED-%s-%016d", prefix, name, uint64(c)) }
	k := Keys{
		Read: secret("sk-ant-api01", "read"), Read2: secret("sk-ant-api01", "read2"), Audit: secret("sk-ant-api01", "audit"),
		Delete: secret("sk-ant-api01", "delete"), Limited: secret("sk-ant-api01", "limited"), Claude: secret("sk-ant-api01", "claude"),
		Admin: secret("sk-ant-admin01", "admin"), AdminEarly: secret("sk-ant-admin01", "early"),
		Standalone: secret("sk-ant-admin01", "standalone"), Messages: secret("sk-ant-api03", "messages"),
	}
	all := []string{scopeActivities, scopeUserData, scopeOrgData}
	list := []*key{
		{secret: k.Read, name: "Tripod read", org: parent, scopes: all},
		{secret: k.Read2, name: "Tripod read 2", org: parent, scopes: all},
		{secret: k.Audit, name: "Audit", org: parent, scopes: []string{scopeAudit}},
		{secret: k.Delete, name: "Tripod delete", org: parent, scopes: []string{scopeDelete}},
		{secret: k.Limited, name: "SIEM", org: parent, scopes: []string{scopeActivities, scopeRetired}},
		{secret: k.Claude, name: "Claude organization", org: claude, scopes: all},
		{secret: k.Admin, name: "Console admin", org: console, admin: true, scopes: []string{scopeActivities}},
		{secret: k.AdminEarly, name: "Console admin 2024", org: console, admin: true},
		{secret: k.Standalone, name: "Lab admin", org: standalone, admin: true, scopes: []string{scopeActivities}},
	}
	for _, key := range list {
		key.id = c.id("apikey_01", "key", key.name)
	}
	return k, list
}

// Keys are the keys that clients may use.
func (a *API) Keys() Keys { return a.keys }

// SetKey changes the state of a key; deleting one cannot be undone. It reports whether there is such a key.
func (a *API) SetKey(secret string, s KeyState) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.bySecret[secret]
	if k == nil || k.state == Deleted {
		return false
	}
	k.state = s
	return true
}

// KeyID is the vendor id of a key, as in api_key_id of a row; empty for an unknown one.
func (a *API) KeyID(secret string) string {
	if k := a.bySecret[secret]; k != nil {
		return k.id
	}
	return ""
}

// authenticate finds the key of a request.
func (a *API) authenticate(r *http.Request) (*key, *refusal) {
	secret := r.Header.Get("X-Api-Key")
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && secret == "" {
		secret = bearer
	}
	if !strings.HasPrefix(secret, "sk-ant-api01-") && !strings.HasPrefix(secret, "sk-ant-admin01-") {
		if a.opts.Wording == August {
			return nil, unauthenticated("The API key provided is invalid or has been revoked.")
		}
		if strings.HasSuffix(r.URL.Path, "/settings") {
			return nil, unauthenticated("API key is invalid.")
		}
		return nil, missing("Not found")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k := a.bySecret[secret]
	switch {
	case k != nil && k.state == Active:
		return k, nil
	case a.opts.Wording == August:
		return nil, unauthenticated("The API key provided is invalid or has been revoked.")
	case k != nil && k.state == Disabled:
		return nil, unauthenticated("API key has been deactivated.")
	case k != nil && k.state == Expired:
		return nil, unauthenticated("API key has expired.")
	}
	return nil, unauthenticated("API key is invalid.")
}

// listed is a key as the settings list it.
type listed struct {
	Type      string   `json:"type"`
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	Active    bool     `json:"is_active"`
	CreatedAt string   `json:"created_at"`
	CreatedBy *string  `json:"created_by_id"`
	ExpiresAt *string  `json:"expires_at"`
}

// listKeys are the parent's keys, oldest first.
func (a *API) listKeys() []listed {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []listed
	for i, k := range a.allKeys {
		if k.admin || k.state == Deleted {
			continue
		}
		l := listed{
			Type: "compliance_api_key", ID: k.id, Name: k.name, Scopes: k.scopes, Active: k.state == Active,
			CreatedAt: micros(a.opts.Since.Add(time.Duration(i-40) * 24 * time.Hour)),
		}
		if owner := a.owner(); owner != "" && i%3 > 0 {
			l.CreatedBy = &owner
		}
		list = append(list, l)
	}
	return list
}

// owner is the user id of the organisation's owner.
func (a *API) owner() string {
	for _, acc := range a.opts.World.Accounts {
		if acc.Role == "owner" {
			return acc.User
		}
	}
	return ""
}
