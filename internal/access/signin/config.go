package signin

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// Bounds of what may be configured.
const (
	MaxSession  = 8 * time.Hour
	MaxStepUp   = time.Hour
	MaxToken    = 366 * 24 * time.Hour
	tokenPeriod = 90 * 24 * time.Hour // unless told otherwise
	idlePeriod  = 30 * time.Minute    // likewise
)

// Config says who may sign in and as what.
type Config struct {
	// OIDC is the identity provider; none where its issuer is empty.
	OIDC OIDC `yaml:"oidc"`
	// Roles says which groups, or people, of the identity provider have which role.
	Roles []Mapping `yaml:"roles"`
	// Local are people who are known by their login name on this machine.
	Local []Local `yaml:"local"`
	// Session is how long a sign-in lasts, at most 8 hours (the default).
	Session time.Duration `yaml:"session"`
	// Idle is how long a sign-in may go without a request before it ends, at most as long as it lasts (default 30 minutes).
	Idle time.Duration `yaml:"idle"`
	// StepUp is how fresh a sign-in has to be for opening content, approving, releasing a hold and erasing (default 10 minutes).
	StepUp time.Duration `yaml:"step_up"`
	// Bootstrap keeps the local administrator although an administrator has signed in at the identity provider.
	Bootstrap bool `yaml:"bootstrap"`
	// Tokens bounds API tokens.
	Tokens Tokens `yaml:"tokens"`
}

// OIDC is how people sign in at the identity provider.
type OIDC struct {
	// Name is what the sign-in page calls it (default: the host of the issuer).
	Name string `yaml:"name"`
	// Issuer is the provider's issuer identifier, from which everything else is discovered.
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// ClientSecret says where the client's secret is; none for a public client, which PKCE alone protects.
	ClientSecret Secret `yaml:"client_secret"`
	// Scopes are asked for beside openid (default: email and profile).
	Scopes []string `yaml:"scopes"`
	Claims Claims   `yaml:"claims"`
	// ACR are the authentication contexts, one of which has to vouch for a fresh sign-in; none: any.
	ACR []string `yaml:"acr"`
	// Algorithms are the signatures that are accepted (default RS256, ES256, PS256 and EdDSA).
	Algorithms []string `yaml:"algorithms"`
	// CA is a PEM file trusted for the provider beside what the system trusts.
	CA string `yaml:"ca"`
}

// Secret says where a secret is: in a file (mode 0600), in an environment variable, or what a command prints.
type Secret struct {
	File    string   `yaml:"file"`
	Env     string   `yaml:"env"`
	Command []string `yaml:"command"`
}

// None reports whether nothing is named.
func (s Secret) None() bool { return s.File == "" && s.Env == "" && len(s.Command) == 0 }

// Claims names the claims of the id token; a dot leads into an object: realm_access.roles.
type Claims struct {
	Groups  string `yaml:"groups"`  // default groups
	Email   string `yaml:"email"`   // default email
	Name    string `yaml:"name"`    // default name
	Manager string `yaml:"manager"` // address or subject of somebody's manager; none by default
	// UnverifiedEmail takes addresses that the provider does not call verified.
	UnverifiedEmail bool `yaml:"unverified_email"`
}

// Mapping gives a role to a group, or to one address.
type Mapping struct {
	Group string      `yaml:"group"`
	Email string      `yaml:"email"`
	Role  access.Role `yaml:"role"`
	// Until is when the mapping ends; auditors need one.
	Until time.Time `yaml:"until"`
	// Cases narrows it to these cases.
	Cases []string `yaml:"cases"`
}

// Local is somebody known by login name.
type Local struct {
	OSUser string        `yaml:"os_user"`
	Email  string        `yaml:"email"`
	Name   string        `yaml:"name"`
	Groups []string      `yaml:"groups"`
	Roles  []access.Role `yaml:"roles"`
	Until  time.Time     `yaml:"until"` // auditors need one
	Cases  []string      `yaml:"cases"`
}

// Tokens bounds API tokens.
type Tokens struct {
	// Content lets tokens do what people need a fresh sign-in for. A token proves nobody present, so this is off.
	Content bool `yaml:"content"`
	// Longest is how long a token may last (default and at most a year).
	Longest time.Duration `yaml:"longest"`
}

// withDefaults fills in what is not said.
func (c Config) withDefaults() Config {
	c.Session = cmp.Or(c.Session, MaxSession)
	c.Idle = cmp.Or(c.Idle, min(idlePeriod, c.Session))
	c.StepUp = cmp.Or(c.StepUp, 10*time.Minute)
	c.Tokens.Longest = cmp.Or(c.Tokens.Longest, MaxToken)
	o := &c.OIDC
	o.Claims.Groups, o.Claims.Email = cmp.Or(o.Claims.Groups, "groups"), cmp.Or(o.Claims.Email, "email")
	o.Claims.Name = cmp.Or(o.Claims.Name, "name")
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{"RS256", "ES256", "PS256", "EdDSA"}
	}
	if u, err := url.Parse(o.Issuer); err == nil {
		o.Name = cmp.Or(o.Name, u.Hostname())
	}
	return c
}

// Validate gathers every problem with its path.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("access."+format, args...)) }
	if c.Session < 0 || c.Session > MaxSession || c.Session > 0 && c.Session < time.Minute {
		bad("session: %v is not between 1m and 8h", c.Session)
	}
	if c.Idle < 0 || c.Idle > cmp.Or(c.Session, MaxSession) || c.Idle > 0 && c.Idle < time.Minute {
		bad("idle: %v is not between 1m and what access.session says", c.Idle)
	}
	if c.StepUp < 0 || c.StepUp > MaxStepUp || c.StepUp > 0 && c.StepUp < time.Minute {
		bad("step_up: %v is not between 1m and 1h", c.StepUp)
	}
	if l := c.Tokens.Longest; l < 0 || l > MaxToken || l > 0 && l < time.Hour {
		bad("tokens.longest: %v is not between 1h and a year", l)
	}
	if c.OIDC.Issuer == "" && (c.OIDC.ClientID != "" || len(c.Roles) > 0) {
		bad("oidc.issuer: name the identity provider")
	}
	if c.OIDC.Issuer != "" {
		errs = append(errs, c.OIDC.validate())
		if len(c.Roles) == 0 {
			bad("roles: map groups to roles, since nobody has any without")
		}
	}
	for i, m := range c.Roles {
		if (m.Group == "") == (m.Email == "") {
			bad("roles[%d]: name a group or an address", i)
		}
		if err := boxed([]access.Role{m.Role}, m.Until); err != nil {
			bad("roles[%d]: %w", i, err)
		}
	}
	names := map[string]bool{}
	for i, l := range c.Local {
		if l.OSUser == "" || names[l.OSUser] {
			bad("local[%d].os_user: want a login name that no other entry has", i)
		}
		names[l.OSUser] = true
		if len(l.Roles) == 0 {
			bad("local[%d].roles: name at least one", i)
		}
		if err := boxed(l.Roles, l.Until); err != nil {
			bad("local[%d]: %w", i, err)
		}
	}
	return errors.Join(errs...)
}

// boxed wants roles that there are, and a time for auditors.
func boxed(roles []access.Role, until time.Time) error {
	for _, r := range roles {
		if !slices.Contains(access.Roles(), r) {
			return fmt.Errorf("%q is no role", r)
		}
		if r == access.Auditor && until.IsZero() {
			return errors.New("an auditor looks for a time only: set until")
		}
	}
	return nil
}

func (o OIDC) validate() error {
	var errs []error
	if err := checkIssuer(o.Issuer); err != nil {
		errs = append(errs, fmt.Errorf("access.oidc.issuer: %w", err))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("access.oidc.client_id: the id that the provider gave this client"))
	}
	named := 0
	for _, is := range []bool{o.ClientSecret.File != "", o.ClientSecret.Env != "", len(o.ClientSecret.Command) > 0} {
		if is {
			named++
		}
	}
	if named > 1 {
		errs = append(errs, errors.New("access.oidc.client_secret: name one of file, env and command"))
	}
	for _, a := range o.Algorithms {
		if !slices.Contains(signatures, a) {
			errs = append(errs, fmt.Errorf("access.oidc.algorithms: %q is not one of %s", a, strings.Join(signatures, ", ")))
		}
	}
	return errors.Join(errs...)
}

// signatures are those that only who has a private key can make.
var signatures = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}

// checkIssuer keeps codes and tokens from travelling in the clear.
func checkIssuer(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("want https://HOST, with a path at most")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return errors.New("want https; http is for a provider on this machine")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
