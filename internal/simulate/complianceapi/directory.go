package complianceapi

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func directoryRoutes() []route {
	groups := page(500, 1000)
	groups.words = map[string]string{"name_prefix": ""}
	return []route{
		{method: "GET", path: "/organizations", name: "organizations", scope: scopeOrgData, serve: (*API).organizations, params: page(1000, 1000)},
		{method: "GET", path: "/organizations/{org}/users", name: "users", scope: scopeUserData, serve: (*API).users, params: page(500, 1000)},
		{method: "GET", path: "/organizations/{org}/roles", name: "roles", scope: scopeOrgData, serve: (*API).roles, params: page(500, 1000)},
		{method: "GET", path: "/organizations/{org}/roles/{id}", name: "role", scope: scopeOrgData, serve: (*API).role},
		{method: "GET", path: "/organizations/{org}/roles/{id}/permissions", name: "permissions", scope: scopeOrgData, serve: (*API).permissions, params: page(500, 1000)},
		{method: "GET", path: "/organizations/{org}/settings", name: "settings", scope: scopeOrgData, serve: (*API).settings},
		{method: "GET", path: "/groups", name: "groups", scope: scopeOrgData, serve: (*API).groups, params: groups},
		{method: "GET", path: "/groups/{id}", name: "group", scope: scopeOrgData, serve: (*API).group},
		{method: "GET", path: "/groups/{id}/members", name: "group members", scope: scopeUserData, serve: (*API).groupMembers, params: page(500, 1000)},
	}
}

// linked are the organisations below the parent that a key sees.
func (o org) linked() []org {
	if o == parent {
		return []org{claude, console}
	}
	return []org{o}
}

// organizations serves GET /organizations. Its next_page is left out at the end.
func (a *API) organizations(c *call) (*answer, *refusal) {
	var items []item
	for i, o := range c.key.org.linked() {
		org, at := a.org(o), a.opts.Since.AddDate(-1, -i, 0)
		items = append(items, item{at.UnixNano(), org.UUID, func() any { return map[string]string{"uuid": org.UUID, "name": org.Name, "created_at": offset(at)} }})
	}
	sortItems(items, false)
	t, bad := a.paged(c, "organizations", items, false, false)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(struct {
		Data []any   `json:"data"`
		More bool    `json:"has_more"`
		Next *string `json:"next_page,omitempty"`
	}{t.data(), t.more, t.next})
}

// named finds the organisation of a path.
func (a *API) named(c *call) (org, *refusal) {
	for _, o := range c.key.org.linked() {
		if a.org(o).UUID == c.vars["org"] {
			return o, nil
		}
	}
	return none, missing("The %q organization does not exist or the requester is not authorized to access it.", c.vars["org"])
}

// members are the accounts of an organisation at a time. Whoever left is gone at once.
func (a *API) members(o org, now time.Time) []*world.Account {
	var list []*world.Account
	for _, acc := range a.opts.World.Members(earlier(now, a.opts.Until)) {
		if acc.Service || o == console && acc.Role != "owner" && acc.Role != "admin" && acc.Role != "developer" && acc.Role != "billing" {
			continue
		}
		list = append(list, acc)
	}
	return list
}

// joined is when an account was made.
func (a *API) joined(acc *world.Account) time.Time {
	if !acc.Joined.IsZero() {
		return acc.Joined
	}
	return a.opts.Since.Truncate(24*time.Hour).AddDate(-1, 0, -a.dice.n(300, "joined", acc.User)).Add(time.Duration(a.dice.n(86400, "at", acc.User)) * time.Second)
}

// users serves GET /organizations/{org}/users.
func (a *API) users(c *call) (*answer, *refusal) {
	o, bad := a.named(c)
	if bad != nil {
		return nil, bad
	}
	a.estate.mu.Lock()
	defer a.estate.mu.Unlock()
	a.estate.upto(c.At)
	var items []item
	for _, acc := range a.members(o, c.At) {
		at, role := a.joined(acc), a.estate.role(acc, c.At)
		items = append(items, item{at.UnixNano(), acc.User, func() any {
			return map[string]string{"id": acc.User, "full_name": acc.Name, "email": acc.Email, "organization_role": role, "created_at": micros(at)}
		}})
	}
	return a.listPage(c, "users/"+a.org(o).UUID, items)
}

// roleNames are the custom roles. The world names the first.
func roleNames() []string {
	return []string{"organization_owner", "Compliance reader", "Connector steward", "Plugin curator"}
}

func (a *API) roleBody(name string) map[string]any {
	at := a.opts.Since.AddDate(0, -4, 0)
	return map[string]any{"id": a.roleID(name), "name": name, "description": "Role " + name, "created_at": bare(at), "updated_at": nil}
}

// roles serves GET /organizations/{org}/roles. The vendor does not state an order; here it is that of ids.
func (a *API) roles(c *call) (*answer, *refusal) {
	o, bad := a.named(c)
	if bad != nil {
		return nil, bad
	}
	var items []item
	if o == claude {
		for _, name := range roleNames() {
			items = append(items, item{0, a.roleID(name), func() any { return a.roleBody(name) }})
		}
	}
	return a.listPage(c, "roles/"+a.org(o).UUID, items)
}

func (a *API) roleOf(c *call) (string, *refusal) {
	o, bad := a.named(c)
	if bad != nil {
		return "", bad
	}
	i := slices.IndexFunc(roleNames(), func(name string) bool { return a.roleID(name) == c.vars["id"] })
	if o != claude || i < 0 {
		return "", missing("Role not found.")
	}
	return roleNames()[i], nil
}

// role serves GET /organizations/{org}/roles/{id}.
func (a *API) role(c *call) (*answer, *refusal) {
	name, bad := a.roleOf(c)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(a.roleBody(name))
}

// permissions serves GET /organizations/{org}/roles/{id}/permissions.
func (a *API) permissions(c *call) (*answer, *refusal) {
	name, bad := a.roleOf(c)
	if bad != nil {
		return nil, bad
	}
	var items []item
	for i, action := range []string{"members:view", "members:manage", "connectors:manage", "plugins:manage", "audit_logs:view", "billing:view"} {
		if name != "organization_owner" && a.dice.n(2, "permits", name, action) == 0 {
			continue
		}
		items = append(items, item{int64(i), action, func() any {
			return map[string]string{"action": action, "resource_id": a.org(claude).UUID, "resource_type": "organization"}
		}})
	}
	return a.listPage(c, "permissions/"+name, items)
}

// groupNames are the groups that members are in.
func (a *API) groupNames(now time.Time) []string {
	names := []string{"Claude pilots"}
	for _, acc := range a.members(claude, now) {
		names = append(names, acc.Groups...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (a *API) groupBody(name string) map[string]any {
	at := a.opts.Since.AddDate(0, -6, a.dice.n(90, "group", name))
	b := map[string]any{
		"id": a.groupID(name), "name": name, "description": "Group " + name, "source_type": "scim", "roles": nil, "created_at": bare(at), "updated_at": bare(at.Add(time.Hour)),
	}
	if !strings.HasPrefix(name, "nw-") {
		b["source_type"], b["updated_at"], b["roles"] = "direct", nil, []string{a.roleID("Plugin curator")}
	}
	return b
}

// groups serves GET /groups. The vendor does not state an order; here it is that of ids.
func (a *API) groups(c *call) (*answer, *refusal) {
	var items []item
	for _, name := range a.groupNames(c.At) {
		if strings.HasPrefix(name, c.query.words["name_prefix"]) {
			items = append(items, item{0, a.groupID(name), func() any { return a.groupBody(name) }})
		}
	}
	return a.listPage(c, "groups/"+c.query.words["name_prefix"], items)
}

func (a *API) groupOf(c *call) (string, *refusal) {
	for _, name := range a.groupNames(c.At) {
		if a.groupID(name) == c.vars["id"] {
			return name, nil
		}
	}
	return "", missing("Group not found.")
}

// group serves GET /groups/{id}.
func (a *API) group(c *call) (*answer, *refusal) {
	name, bad := a.groupOf(c)
	if bad != nil {
		return nil, bad
	}
	return jsonAnswer(a.groupBody(name))
}

// groupMembers serves GET /groups/{id}/members.
func (a *API) groupMembers(c *call) (*answer, *refusal) {
	name, bad := a.groupOf(c)
	if bad != nil {
		return nil, bad
	}
	var items []item
	for i, acc := range a.members(claude, c.At) {
		if !slices.Contains(acc.Groups, name) && (name != "Claude pilots" || i >= 5) {
			continue
		}
		at := a.joined(acc)
		items = append(items, item{0, acc.User, func() any {
			return map[string]any{"user_id": acc.User, "email": acc.Email, "created_at": bare(at), "updated_at": nil}
		}})
	}
	return a.listPage(c, "members/"+name, items)
}
