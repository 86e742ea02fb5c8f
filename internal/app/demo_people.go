package app

import (
	"context"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// DemoPerson is somebody of the demo's enterprise with a link into the console.
type DemoPerson struct {
	Login, Name, Role string
	Link              string // works once, for 15 minutes
}

// The people of the demo's enterprise who work with its Tripod, by login name.
const (
	demoAdministrator = "marit"
	demoOfficer       = "helene"
	demoCounsel       = "friederike"
	demoAnalyst       = "leonie"
	demoAuditor       = "ruth"
	demoOperator      = "tobias"
)

// demoAudit is how long the demo's auditor may look.
const demoAudit = 10 * 24 * time.Hour

// demoLocal lets the people of a demo sign in by links: who runs it, first, with enough roles to see everything, and one for
// each role. Who runs it under the login of one of them is not listed twice.
func demoLocal(w *world.World) []signin.Local {
	login := osIdentity().OSUser
	list := []signin.Local{{
		OSUser: login, Email: login + "@" + w.Org.Domain, // one who is proved to have none decides nothing as a second person
		Roles: []access.Role{access.Administrator, access.PrivacyOfficer, access.Counsel, access.Analyst},
	}}
	for _, p := range []struct {
		login string
		role  access.Role
	}{
		{demoAdministrator, access.Administrator}, {demoOfficer, access.PrivacyOfficer}, {demoCounsel, access.Counsel},
		{demoAnalyst, access.Analyst}, {demoAuditor, access.Auditor}, {demoOperator, access.Operator},
	} {
		l := signin.Local{OSUser: p.login, Email: p.login + "@" + w.Org.Domain, Roles: []access.Role{p.role}}
		if a := w.Account(l.Email); a != nil {
			l.Name = a.Name
		}
		if p.role == access.Auditor {
			l.Until = time.Now().Add(demoAudit)
		}
		if l.OSUser == login {
			list[0].Name = l.Name
			continue
		}
		list = append(list, l)
	}
	return list
}

// demoPerson is one of a demo's people, as they sign in.
func (a *App) demoPerson(login string) (*access.Person, error) {
	p, err := a.signIn.Local(login)
	if err != nil {
		return nil, fmt.Errorf("%s of the demo: %w", login, err)
	}
	return &p, nil
}

// demoPeople makes a link for each of a demo's people but who runs it.
func (a *App) demoPeople(ctx context.Context) []DemoPerson {
	var list []DemoPerson
	for _, l := range a.cfg.Access.Local[1:] {
		if link := a.linkFor(ctx, l.OSUser); link != "" {
			list = append(list, DemoPerson{Login: l.OSUser, Name: l.Name, Role: l.Roles[0].Words(), Link: link})
		}
	}
	return list
}
