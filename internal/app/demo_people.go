package app

import (
	"context"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// DemoPerson is somebody of the demo's enterprise with a link into the console.
type DemoPerson struct {
	Name, Role string
	Link       string // works once, for 15 minutes
}

// demoLocal lets the people of a demo sign in by links: each role's own, and who runs the demo with enough roles to see
// everything.
func demoLocal(w *world.World) []signin.Local {
	staff := newDemoStaff(w)
	list := []signin.Local{{OSUser: osIdentity().OSUser, Roles: []access.Role{access.Administrator, access.PrivacyOfficer, access.Counsel, access.Analyst}}}
	for _, p := range []*access.Person{staff.officer, staff.counsel, staff.analyst,
		{Subject: "os:omar", Name: "Omar", Email: "omar@" + w.Org.Domain, Roles: []access.Role{access.Operator}}} {
		if login := strings.TrimPrefix(p.Subject, "os:"); login != list[0].OSUser {
			list = append(list, signin.Local{OSUser: login, Email: p.Email, Name: p.Name, Roles: p.Roles})
		}
	}
	return list
}

// demoPeople makes a link for each of a demo's people but who runs it.
func (a *App) demoPeople(ctx context.Context) []DemoPerson {
	var list []DemoPerson
	for _, l := range a.cfg.Access.Local[1:] {
		if link := a.linkFor(ctx, l.OSUser); link != "" {
			list = append(list, DemoPerson{Name: l.Name, Role: l.Roles[0].Words(), Link: link})
		}
	}
	return list
}
