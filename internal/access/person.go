package access

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Via says how somebody proved who they are.
type Via string

// The ways.
const (
	ViaOIDC  Via = "oidc"  // the identity provider
	ViaToken Via = "token" // an API token, which stands for the person it was made for
	ViaLocal Via = "local" // the operating system
)

// Person is who asks, as far as it is proved. It is made by what authenticates and not changed afterwards.
type Person struct {
	// Subject is one human, whatever they came in by: "oidc:SUB@ISSUER" or "os:LOGIN". Tokens carry that of their owner.
	Subject string
	Email   string // lower-cased; "" where the way in proves none
	Name    string // as pages show it
	Groups  []string
	Manager string // address or subject of their manager, where the identity provider tells; ""
	Roles   []Role
	Via     Via
	Token   string    // name of the API token; ""
	Since   time.Time // when they last proved it to the provider: what step-up measures
	ACR     string    // authentication context the provider vouches for; ""
	// Only narrows what a token may do; nil: all that the roles allow.
	Only []Right
	// Cases narrows an auditor or a token to these cases; nil: no such bound.
	Cases []string
}

// ErrForbidden says that none of somebody's roles holds a right.
var ErrForbidden = errors.New("not allowed")

// May reports whether somebody holds a right.
func (p *Person) May(r Right) bool { return p.Allow(r) == nil }

// Allow is nil where somebody holds a right; else an error that wraps ErrForbidden and names the roles that do.
func (p *Person) Allow(r Right) error {
	switch {
	case r == Anybody:
		return nil
	case p == nil:
		return fmt.Errorf("%w: nobody is signed in", ErrForbidden)
	case r == SignedIn:
		return nil
	case p.Only != nil && !slices.Contains(p.Only, r):
		return fmt.Errorf("%w: the token %q is not for %s", ErrForbidden, p.Token, r)
	}
	for _, role := range held[r] {
		if slices.Contains(p.Roles, role) {
			return nil
		}
	}
	names := make([]string, len(held[r]))
	for i, role := range held[r] {
		names[i] = string(role)
	}
	return fmt.Errorf("%w: %s needs the role %s", ErrForbidden, r, strings.Join(names, " or "))
}

// Has reports whether somebody has a role.
func (p *Person) Has(r Role) bool { return p != nil && slices.Contains(p.Roles, r) }

// Same reports whether two are one human, as far as it is known: the same subject, or the same address. Nobody without
// either is anybody else: where two people are asked for, that counts as the same.
func (p *Person) Same(q *Person) bool {
	if p == nil || q == nil || p.Subject == "" || q.Subject == "" {
		return true
	}
	return p.Subject == q.Subject || p.Email != "" && strings.EqualFold(p.Email, q.Email)
}

// Identity is the person as the account of a record.
func (p *Person) Identity() audit.Identity {
	id := audit.Identity{Email: strings.ToLower(p.Email), Subject: p.Subject, Credential: p.Token}
	if login, ok := strings.CutPrefix(p.Subject, "os:"); ok {
		id.Subject, id.OSUser = "", login
	}
	return id
}

// Label is the person as pages show them.
func (p *Person) Label() string { return cmp.Or(p.Name, p.Email, strings.TrimPrefix(p.Subject, "os:")) }
