package signin

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// given is what the configuration gives somebody.
type given struct {
	roles []access.Role
	cases []string  // nil: no bound
	until time.Time // when the first of the roles ends; zero: none does
}

func (g *given) add(role access.Role, until, now time.Time) bool {
	if !until.IsZero() && !now.Before(until) {
		return false
	}
	if !slices.Contains(g.roles, role) {
		g.roles = append(g.roles, role)
	}
	if !until.IsZero() && (g.until.IsZero() || until.Before(g.until)) {
		g.until = until
	}
	return true
}

// rolesOf is what the mapping gives somebody of the identity provider.
func (c Config) rolesOf(p *access.Person, now time.Time) given {
	var g given
	free := false
	for _, m := range c.Roles {
		fits := m.Group != "" && slices.Contains(p.Groups, m.Group) || m.Email != "" && strings.EqualFold(m.Email, p.Email)
		if !fits || !g.add(m.Role, m.Until, now) {
			continue
		}
		g.cases, free = append(g.cases, m.Cases...), free || len(m.Cases) == 0
	}
	if free {
		g.cases = nil
	}
	return g
}

// local finds somebody by login name.
func (c Config) local(login string) (Local, bool) {
	i := slices.IndexFunc(c.Local, func(l Local) bool { return l.OSUser == login })
	if i < 0 {
		return Local{}, false
	}
	return c.Local[i], true
}

func (c Config) localRoles(login string, now time.Time) given {
	var g given
	l, ok := c.local(login)
	if !ok {
		return g
	}
	for _, r := range l.Roles {
		g.add(r, l.Until, now)
	}
	if len(l.Cases) > 0 {
		g.cases = slices.Clone(l.Cases)
	}
	return g
}

func loginOf(subject string) string {
	login, _ := strings.CutPrefix(subject, "os:")
	return login
}
