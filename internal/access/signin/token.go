package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TokenPrefix begins every API token, so that scanners of sources and logs recognise one.
const TokenPrefix = "tripod_"

// maxTokens bounds the tokens that are good at once.
const maxTokens = 1000

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Token is an API token without its secret, which is nowhere.
type Token struct {
	ID    string         `json:"id"`
	Name  string         `json:"name"`
	Owner string         `json:"owner"` // subject of the person it stands for
	Email string         `json:"email,omitempty"`
	Roles []access.Role  `json:"roles"`
	Only  []access.Right `json:"rights,omitempty"` // nil: what the roles allow
	Cases []string       `json:"cases,omitempty"`  // nil: no bound
	By    string         `json:"by"`               // who made it
	Made  time.Time      `json:"made"`
	Until time.Time      `json:"until"`
	Ended time.Time      `json:"ended,omitzero"`

	digest  digest
	manager string        // of the owner, as the identity provider told
	maker   []access.Role // of who made it for somebody else; nil where the owner did
	seq     uint64
}

// TokenSpec says what token is wanted.
type TokenSpec struct {
	Name  string         `json:"name"`            // small letters, digits, dots, dashes; names it in records
	Owner string         `json:"owner,omitempty"` // subject, address or login name; "" is who makes it
	Roles []access.Role  `json:"roles,omitempty"` // none: all of the owner's
	Only  []access.Right `json:"rights,omitempty"`
	Cases []string       `json:"cases,omitempty"`
	Until time.Time      `json:"until,omitzero"` // zero: 90 days
}

// MakeToken makes a token and returns its secret, which is shown this once. The owner is who makes it, or somebody who is
// under access.local or signed in just now; it has none of the roles that the owner lacks. Where it is made for somebody
// else it covers, beside the export of records, only what its maker may do, too. The error wraps access.ErrForbidden, or
// says what to change.
func (s *Service) MakeToken(ctx context.Context, by *access.Person, spec TokenSpec) (Token, string, error) {
	if err := by.Allow(access.WriteSettings); err != nil {
		return Token{}, "", err
	}
	if by.Via == access.ViaToken { // else none would ever expire, or stay as narrow as it was made
		return Token{}, "", fmt.Errorf("%w: a token makes no tokens: sign in", access.ErrForbidden)
	}
	owner, err := s.person(by, spec.Owner)
	if err != nil {
		return Token{}, "", err
	}
	now := s.clock.now()
	t, err := s.plan(owner, spec, now)
	if err != nil {
		return Token{}, "", err
	}
	if by.Subject != owner.Subject {
		t.maker = by.Roles
	}
	secret := TokenPrefix + newSecret()
	t.ID, t.By, t.digest = rand.Text()[:12], telling(by), digestOf(secret)
	if _, err = s.deps.Acts.Decide(ctx, s.deps.Door, func(now time.Time) (intake.Act, error) {
		if s.deps.Book.named(t.Name) != nil {
			return intake.Act{}, fmt.Errorf("a token named %q is in use: end it first, or choose another name", t.Name)
		}
		if s.deps.Book.good(now) >= maxTokens {
			return intake.Act{}, fmt.Errorf("there are %d tokens already: end some", maxTokens)
		}
		return t.act(by), nil
	}); err != nil {
		return Token{}, "", fmt.Errorf("make token: %w", err)
	}
	t.Made = now
	return *t, secret, nil
}

// plan checks what is wanted.
func (s *Service) plan(owner *access.Person, spec TokenSpec, now time.Time) (*Token, error) {
	longest := s.config().Tokens.Longest
	t := &Token{Name: spec.Name, Owner: owner.Subject, Email: owner.Email, Roles: spec.Roles, Only: spec.Only, Cases: spec.Cases, Until: spec.Until, manager: owner.Manager}
	if t.Until.IsZero() {
		t.Until = now.Add(min(tokenPeriod, longest))
	}
	t.Until = t.Until.UTC().Truncate(time.Second)
	if len(t.Roles) == 0 {
		t.Roles = owner.Roles
	}
	if len(t.Cases) == 0 {
		t.Cases = owner.Cases
	}
	var errs []error
	for _, c := range t.Cases {
		if owner.Cases != nil && !slices.Contains(owner.Cases, c) {
			errs = append(errs, fmt.Errorf("%w: %s is bound to other cases than %.40q", access.ErrForbidden, owner.Label(), c))
		}
	}
	if !tokenName.MatchString(t.Name) {
		errs = append(errs, errors.New("name: want up to 64 small letters, digits, dots, dashes"))
	}
	for _, r := range t.Roles {
		if !slices.Contains(owner.Roles, r) {
			errs = append(errs, fmt.Errorf("%w: %s does not have the role %s", access.ErrForbidden, owner.Label(), r))
		}
	}
	for _, r := range t.Only {
		if !slices.Contains(access.Rights(), r) {
			errs = append(errs, fmt.Errorf("rights: %q is no right; tripod access table lists them", r))
		}
	}
	if !t.Until.After(now) || t.Until.Sub(now) > longest {
		errs = append(errs, fmt.Errorf("until: want a time within %v from now (access.tokens.longest)", longest))
	}
	for _, list := range []string{joined(t.Roles), joined(t.Only), joined(t.Cases)} {
		if len(list) > audit.MaxKeptString {
			errs = append(errs, errors.New("that many rights or cases do not fit into one record: name fewer"))
		}
	}
	return t, errors.Join(errs...)
}

func (t *Token) act(by *access.Person) intake.Act {
	attrs := audit.Attrs{
		attr(attrToken, t.ID), attr(attrTokenName, t.Name), attr(attrTokenDigest, hex.EncodeToString(t.digest[:])), attr(attrTokenOwner, t.Owner),
		attr(attrTokenRoles, joined(t.Roles)), attr(attrTokenUntil, t.Until.Format(time.RFC3339)),
	}
	for _, a := range []audit.Attr{attr(attrTokenEmail, t.Email), attr(attrTokenManager, t.manager), attr(attrTokenOnly, joined(t.Only)), attr(attrTokenCases, joined(t.Cases)), attr(attrTokenMaker, joined(t.maker))} {
		if a.Value.Str() != "" {
			attrs = append(attrs, a)
		}
	}
	return intake.Act{Type: TypeToken, Activity: audit.ActivityAdminChange, Account: identity(by), Attributes: attrs}
}

// person finds the owner of a token.
func (s *Service) person(by *access.Person, owner string) (*access.Person, error) {
	is := func(p *access.Person) bool {
		return owner == p.Subject || p.Email != "" && strings.EqualFold(owner, p.Email) || "os:"+owner == p.Subject
	}
	if owner == "" || is(by) {
		return by, nil
	}
	for _, x := range s.Sessions() {
		if is(&x.Person) {
			return &x.Person, nil
		}
	}
	for _, l := range s.config().Local {
		if p, err := s.Local(l.OSUser); err == nil && is(&p) {
			return &p, nil
		}
	}
	return nil, fmt.Errorf("owner: nobody known as %q: it has to be somebody under access.local, or who is signed in just now", owner)
}

// EndToken ends a token by its id or name. ErrNobody: there is none that is good.
func (s *Service) EndToken(ctx context.Context, by *access.Person, id string) error {
	if err := by.Allow(access.WriteSettings); err != nil {
		return err
	}
	_, err := s.deps.Acts.Decide(ctx, s.deps.Door, func(time.Time) (intake.Act, error) {
		t := s.deps.Book.tokens[id]
		if t == nil {
			t = s.deps.Book.named(id)
		}
		if t == nil || !t.Ended.IsZero() {
			return intake.Act{}, fmt.Errorf("no token %q: %w", id, ErrNobody)
		}
		return intake.Act{Type: TypeUntoken, Activity: audit.ActivityAdminChange, Account: identity(by), Attributes: audit.Attrs{
			attr(attrToken, t.ID), attr(attrTokenName, t.Name), attr(attrTokenOwner, t.Owner),
		}}, nil
	})
	if err != nil {
		return fmt.Errorf("end token: %w", err)
	}
	return nil
}

// Tokens lists every token there ever was, the newest first.
func (s *Service) Tokens(ctx context.Context) ([]Token, error) {
	var list []Token
	err := s.deps.Acts.Within(ctx, func(time.Time) error {
		for _, t := range s.deps.Book.list() {
			list = append(list, *t)
		}
		return nil
	})
	return list, err
}

// Bearer is who a token stands for. ErrNobody: it is wrong, has run out or was ended; ErrTooMany: and so were many before
// it. A token that is good is never refused for what others tried.
func (s *Service) Bearer(ctx context.Context, token string, from From) (*access.Person, error) {
	var found *Token
	d, now := digestOf(token), s.clock.now()
	if strings.HasPrefix(token, TokenPrefix) {
		if err := s.deps.Acts.Within(ctx, func(at time.Time) error {
			if at.After(now) {
				now = at
			}
			for _, t := range s.deps.Book.tokens { // every one is compared, in constant time
				if subtle.ConstantTimeCompare(t.digest[:], d[:]) == 1 {
					found = t
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if found == nil || !found.Ended.IsZero() || !now.Before(found.Until) {
		return nil, s.fail(ctx, "api token", "token", from, ErrNobody)
	}
	return s.holder(found, now), nil
}

// holder makes the person of a token: never more than its roles that are still mapped, its scope, and what tokens may do.
func (s *Service) holder(t *Token, now time.Time) *access.Person {
	s.mu.Lock()
	cfg, over := s.cfg, s.isOver()
	s.mu.Unlock()
	p := &access.Person{Subject: t.Owner, Email: t.Email, Manager: t.manager, Roles: cfg.still(t, over, now), Via: access.ViaToken, Token: t.Name, Cases: t.Cases, Only: []access.Right{}}
	if cfg.Tokens.Content {
		p.Since = now
	}
	maker := &access.Person{Roles: t.maker}
	for _, r := range access.Rights() {
		switch {
		case t.Only != nil && !slices.Contains(t.Only, r):
		case access.StepUp(r) && !cfg.Tokens.Content:
		case t.maker != nil && r != access.ExportRecords && !maker.May(r):
		default:
			p.Only = append(p.Only, r)
		}
	}
	return p
}

// still is which roles of a token its owner can still have.
func (c Config) still(t *Token, over bool, now time.Time) []access.Role {
	login, isLocal := strings.CutPrefix(t.Owner, "os:")
	var can []access.Role
	if _, ok := c.local(login); isLocal && ok {
		can = c.localRoles(login, now).roles
	} else if isLocal && !over {
		can = []access.Role{access.Administrator}
	} else if !isLocal && c.OIDC.Issuer != "" {
		for _, m := range c.Roles {
			if m.Until.IsZero() || now.Before(m.Until) {
				can = append(can, m.Role)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(t.Roles), func(r access.Role) bool { return !slices.Contains(can, r) })
}

// good counts the tokens that are good.
func (b *Book) good(now time.Time) (n int) {
	for _, t := range b.tokens {
		if t.Ended.IsZero() && now.Before(t.Until) {
			n++
		}
	}
	return n
}

// State says what is to be shown of a token: "good", "ended" or "over".
func (t *Token) State(now time.Time) string {
	switch {
	case !t.Ended.IsZero():
		return "ended"
	case !now.Before(t.Until):
		return "over"
	}
	return "good"
}
