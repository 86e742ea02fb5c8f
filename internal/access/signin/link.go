package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// invitation is a link that nobody has used yet.
type invitation struct {
	code  digest
	who   access.Person
	until time.Time
	round int // of Service, when it was made
}

// Local is who a login name of this machine is: somebody of the configuration, else the bootstrap administrator, while
// there is one, where the name is that of who owns the data directory, of root, or not known to the operating system, since
// only those reach the socket. The error wraps ErrOver, or access.ErrForbidden.
func (s *Service) Local(login string) (access.Person, error) {
	now := s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.cfg.local(login); ok && login != "" {
		g := s.cfg.localRoles(login, now)
		if len(g.roles) == 0 {
			return access.Person{}, fmt.Errorf("%w: the time of %s under access.local has run out", access.ErrForbidden, login)
		}
		return access.Person{Subject: "os:" + login, Email: strings.ToLower(l.Email), Name: l.Name, Groups: l.Groups, Roles: g.roles, Cases: g.cases, Via: access.ViaLocal, Since: now}, nil
	}
	if login != "" && login != "root" && login != s.deps.Owner {
		return access.Person{}, fmt.Errorf("%w: %s is not under access.local", access.ErrForbidden, login)
	}
	if s.isOver() {
		return access.Person{}, ErrOver
	}
	if login == "" {
		login = s.deps.Owner
	}
	return access.Person{Subject: "os:" + login, Roles: []access.Role{access.Administrator}, Via: access.ViaLocal, Since: now}, nil
}

// Link makes a code by which who, somebody Local found, signs in with a browser, once and within 15 minutes.
func (s *Service) Link(_ context.Context, who access.Person) (code string, err error) {
	login, ok := strings.CutPrefix(who.Subject, "os:")
	if !ok || who.Via != access.ViaLocal {
		return "", fmt.Errorf("%w: links are for people of this machine", access.ErrForbidden)
	}
	if who, err = s.Local(login); err != nil { // as it is now, whatever the caller holds
		return "", err
	}
	code = newSecret()
	now := s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = slices.DeleteFunc(s.links, func(l invitation) bool { return !now.Before(l.until) })
	if len(s.links) >= maxLinks {
		s.links = slices.Delete(s.links, 0, 1)
	}
	s.links = append(s.links, invitation{code: digestOf(code), who: who, until: now.Add(linkLife), round: s.round})
	return code, nil
}

// isBootstrap reports whether somebody is here as the bootstrap administrator. s.mu is held.
func (s *Service) isBootstrap(who access.Person) bool {
	_, ok := s.cfg.local(loginOf(who.Subject))
	return who.Via == access.ViaLocal && !ok
}

// Redeem signs the browser in that brings the code of a link. The link is used up, unless its use could not be recorded.
func (s *Service) Redeem(ctx context.Context, code string, from From) (secret string, sess *Session, err error) {
	link, ok := s.takeLink(code)
	if !ok {
		return "", nil, s.fail(ctx, "GET /enter", "link", from, ErrNobody)
	}
	who, err := s.Local(loginOf(link.who.Subject)) // as it is now: roles may have gone since the link was made
	if err != nil {
		return "", nil, err
	}
	who.Since = link.who.Since
	now := s.clock.now()
	s.mu.Lock()
	bootstrap := s.isBootstrap(who)
	until := now.Add(s.cfg.Session)
	if g := s.cfg.localRoles(loginOf(link.who.Subject), now); !g.until.IsZero() && g.until.Before(until) {
		until = g.until
	}
	s.mu.Unlock()
	sess = &Session{Person: who, Began: now, Until: until, From: from, bootstrap: bootstrap}
	secret, err = s.admit(ctx, link.round, sess)
	if errors.Is(err, ErrUnrecorded) {
		s.putBack(link)
	}
	if err != nil {
		return "", nil, err
	}
	return secret, sess, nil
}

// takeLink takes a link out.
func (s *Service) takeLink(code string) (link invitation, ok bool) {
	given, now := digestOf(code), s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = slices.DeleteFunc(s.links, func(l invitation) bool {
		if !now.Before(l.until) {
			return true
		}
		if subtle.ConstantTimeCompare(l.code[:], given[:]) == 1 {
			link, ok = l, true
			return true
		}
		return false
	})
	return link, ok
}

// putBack makes a link good again whose use came to nothing.
func (s *Service) putBack(link invitation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.endedSince(link.round, link.who.Subject) && len(s.links) < maxLinks {
		s.links = append(s.links, link)
		slices.SortFunc(s.links, func(a, b invitation) int { return a.until.Compare(b.until) })
	}
}
