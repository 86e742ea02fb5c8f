package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Ended is how much an end of many ended.
type Ended struct {
	SignIns int `json:"sign_ins"`
	Links   int `json:"links"` // that nobody had used yet
}

// End ends one sign-in by its id. It has ended even where the error says that this could not be recorded. ErrNobody: there
// is none.
func (s *Service) End(ctx context.Context, id string, by *access.Person) error {
	s.mu.Lock()
	gone := s.table.take(func(x *Session) bool { return x.ID == id })
	s.mu.Unlock()
	if len(gone) == 0 {
		return ErrNobody
	}
	reason := "ended"
	if by != nil && by.Subject == gone[0].Person.Subject {
		reason = "left"
	}
	return s.recordEnd(ctx, gone[0], reason, identity(by))
}

// replace ends the sign-in that another one has taken the place of.
func (s *Service) replace(ctx context.Context, id string, by *Session) {
	s.mu.Lock()
	gone := s.table.take(func(x *Session) bool { return x.ID == id })
	s.mu.Unlock()
	for _, x := range gone {
		if err := s.recordEnd(ctx, x, "replaced", by.Person.Identity()); err != nil {
			s.deps.Logger.WarnContext(ctx, "the end of the sign-in before", "error", err)
		}
	}
}

// recordEnd makes the end of a sign-in that is out of the table last.
func (s *Service) recordEnd(ctx context.Context, x *Session, reason string, by audit.Identity) error {
	_, err := s.deps.Acts.Decide(context.WithoutCancel(ctx), s.deps.Door, func(time.Time) (intake.Act, error) {
		return intake.Act{Type: TypeEnd, Activity: audit.ActivitySignOut, Account: by, Attributes: audit.Attrs{
			attr(attrSession, x.ID), attr(attrSubject, x.Person.Subject), attr(attrReason, reason),
		}}, nil
	})
	s.forget(ctx, x.ID)
	if err != nil {
		return fmt.Errorf("the sign-in has ended, but that is not on record: %w", err)
	}
	return nil
}

// EndAll ends every sign-in of a subject, or of everybody where it is "", with the links that nobody has used yet and the
// sign-ins under way. They have ended even where the error says that this could not be recorded.
func (s *Service) EndAll(ctx context.Context, subject string, by *access.Person) (Ended, error) {
	now := s.clock.now()
	s.mu.Lock()
	s.round++
	if len(s.ends) >= maxSessions {
		clear(s.ends)
		s.ends[""] = s.round
	}
	s.ends[subject] = s.round
	if subject == "" {
		s.flights.clear()
	}
	gone := s.table.take(func(x *Session) bool { return subject == "" || x.Person.Subject == subject })
	kept := s.links[:0]
	var n Ended
	for _, l := range s.links {
		if subject != "" && l.who.Subject != subject {
			kept = append(kept, l)
		} else if now.Before(l.until) {
			n.Links++
		}
	}
	s.links = slices.Clip(kept)
	s.mu.Unlock()
	n.SignIns = len(gone)
	_, err := s.deps.Acts.Decide(context.WithoutCancel(ctx), s.deps.Door, func(time.Time) (intake.Act, error) {
		act := intake.Act{Type: TypeEndAll, Activity: audit.ActivitySignOut, Account: identity(by)}
		if subject != "" {
			act.Attributes = audit.Attrs{attr(attrSubject, subject)}
		}
		return act, nil
	})
	for _, x := range gone {
		s.forget(ctx, x.ID)
	}
	if err != nil {
		return n, fmt.Errorf("every sign-in was ended, but not recorded: %w", err)
	}
	return n, nil
}

// endedSince reports whether all sign-ins of a subject were ended after a round. s.mu is held.
func (s *Service) endedSince(round int, subject string) bool {
	return s.ends[""] > round || s.ends[subject] > round
}

// identity is somebody as the account of a record; nobody is Tripod itself.
func identity(p *access.Person) audit.Identity {
	if p == nil {
		return audit.Identity{Service: "tripod"}
	}
	return p.Identity()
}

func telling(p *access.Person) string {
	id := identity(p)
	return id.Telling()
}

// Fresh is nil where somebody proved who they are within a time; else it wraps ErrNotFresh. A token proves nobody present.
func Fresh(p *access.Person, now time.Time, within time.Duration) error {
	switch {
	case p == nil:
		return ErrNotFresh
	case p.Via == access.ViaToken && p.Since.IsZero():
		return fmt.Errorf("%w: an API token proves nobody present", ErrNotFresh)
	case p.Since.IsZero() || now.Sub(p.Since) > within || p.Since.After(now.Add(skew)):
		return ErrNotFresh
	}
	return nil
}

// Fresh is the function Fresh with the time that is configured.
func (s *Service) Fresh(p *access.Person) error {
	return Fresh(p, s.clock.now(), s.config().StepUp)
}

// Reload takes over roles, local people and bounds; the provider itself needs a restart. Nobody gains a role by it until
// the next sign-in; who has none left is signed out.
func (s *Service) Reload(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	s.mu.Lock()
	cfg.OIDC, cfg.Bootstrap = s.cfg.OIDC, s.cfg.Bootstrap
	s.cfg = cfg
	gone := s.narrow()
	s.mu.Unlock()
	var errs []error
	for _, x := range gone {
		errs = append(errs, s.recordEnd(ctx, x, "no_role", audit.Identity{Service: "tripod"}))
	}
	return errors.Join(errs...)
}

// narrow takes away roles that are mapped no more, and what is left with none. s.mu is held, or nobody else is there yet.
func (s *Service) narrow() (gone []*Session) {
	for d, x := range s.table.byDigest {
		mapped := s.mapped(x)
		next := *x // what was given out does not change
		next.Person.Roles = slices.DeleteFunc(slices.Clone(x.Person.Roles), func(r access.Role) bool { return !slices.Contains(mapped.roles, r) })
		if !mapped.until.IsZero() && mapped.until.Before(next.Until) {
			next.Until = mapped.until
		}
		if len(next.Person.Roles) == 0 {
			delete(s.table.byDigest, d)
			gone = append(gone, x)
			continue
		}
		if mapped.cases != nil {
			next.Person.Cases = mapped.cases
		}
		s.table.byDigest[d] = &next
	}
	return gone
}

// mapped is what the configuration gives somebody now.
func (s *Service) mapped(x *Session) given {
	switch {
	case x.bootstrap:
		return given{roles: []access.Role{access.Administrator}}
	case x.Person.Via == access.ViaOIDC:
		return s.cfg.rolesOf(&x.Person, s.clock.now())
	}
	return s.cfg.localRoles(loginOf(x.Person.Subject), s.clock.now())
}
