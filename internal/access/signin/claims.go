package signin

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

// errOverage says that somebody is in more groups than the provider puts into a token.
var errOverage = errors.New("the provider left your groups out, since there are too many: have it send only groups that are assigned to this application")

// claims are those of a verified id token.
type claims map[string]any

func claimsOf(t *oidc.IDToken) (claims, error) {
	c := make(claims)
	if err := t.Claims(&c); err != nil {
		return nil, fmt.Errorf("its claims: %w", err)
	}
	return c, nil
}

// find looks a claim up by its name, or by its path through objects.
func (c claims) find(name string) any {
	if name == "" {
		return nil
	}
	if v, ok := c[name]; ok {
		return v
	}
	var at any = map[string]any(c)
	for step := range strings.SplitSeq(name, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[step]
	}
	return at
}

func (c claims) text(name string) string {
	s, _ := c.find(name).(string)
	return s
}

// list is a claim that is one string or several.
func (c claims) list(name string) []string {
	switch v := c.find(name).(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				list = append(list, s)
			}
		}
		return list
	}
	return nil
}

// instant is a claim that is a time.
func (c claims) instant(name string) time.Time {
	f, ok := c[name].(float64)
	if !ok || f <= 0 || f > math.MaxInt32*8 {
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}

// yes is a claim that is true; some providers write it as a string.
func (c claims) yes(name string) bool {
	v := c[name]
	return v == true || v == "true"
}

// checkID is what a token has to say beyond what verifying it shows: made for us, now, and for this sign-in.
// https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
func checkID(t *oidc.IDToken, c claims, clientID, nonce string, began, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(nonce)) != 1 {
		return errors.New("its nonce is that of another sign-in")
	}
	if err := checkParty(t, c, clientID); err != nil {
		return err
	}
	if _, isEvent := c["events"]; isEvent {
		return errors.New("it is no id token")
	}
	switch {
	case t.IssuedAt.IsZero() || t.IssuedAt.After(now.Add(skew)):
		return errors.New("it was issued in the future: compare the clocks of provider and Tripod")
	case t.IssuedAt.Before(began.Add(-skew)):
		return errors.New("it was issued before this sign-in began")
	}
	return nil
}

// checkParty wants a token that was made for this client and nobody else.
func checkParty(t *oidc.IDToken, c claims, clientID string) error {
	azp, named := c["azp"]
	switch {
	case t.Subject == "":
		return errors.New("it names nobody")
	case named && azp != clientID, !named && len(t.Audience) > 1:
		return errors.New("it was made for another client")
	}
	return nil
}

// person makes somebody of the claims. since is zero where the provider does not vouch for when, or how, they proved it.
func (o OIDC) person(issuer string, c claims, now time.Time) (*access.Person, error) {
	p := &access.Person{
		Subject: "oidc:" + c.text("sub") + "@" + issuer, Name: cut(c.text(o.Claims.Name)), Groups: c.list(o.Claims.Groups),
		Manager: cut(c.text(o.Claims.Manager)), Via: access.ViaOIDC, ACR: cut(c.text("acr")),
	}
	if len(p.Subject) > audit.MaxKeptString {
		return nil, errors.New("its subject is too long")
	}
	if o.Claims.UnverifiedEmail || c.yes("email_verified") {
		p.Email = address(cut(c.text(o.Claims.Email)))
	}
	if len(p.Groups) == 0 && overage(c, o.Claims.Groups) {
		return nil, errOverage
	}
	if at := c.instant("auth_time"); !at.After(now.Add(skew)) && (len(o.ACR) == 0 || slices.Contains(o.ACR, p.ACR)) {
		p.Since = at
	}
	return p, nil
}

// address is an address in small letters. It is none where a letter beyond ASCII would become one of ASCII by that, or count as
// one where case does not (K, the sign of the kelvin; ſ; İ): it would be somebody else's. Nor does one have spaces.
func address(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || r > unicode.MaxASCII && (unicode.ToLower(r) <= unicode.MaxASCII || unicode.ToUpper(r) <= unicode.MaxASCII)
	}) {
		return ""
	}
	return strings.ToLower(s)
}

// overage reports whether a claim was left out and stands elsewhere.
// https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims
func overage(c claims, name string) bool {
	elsewhere, _ := c["_claim_names"].(map[string]any)
	_, ok := elsewhere[name]
	return ok
}

// cut keeps a claim to what a record holds.
func cut(s string) string {
	if len(s) > audit.MaxKeptString {
		return ""
	}
	return s
}

// logoutEvent is what a logout token is about.
// https://openid.net/specs/openid-connect-backchannel-1_0.html#Validation
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// checkLogout is what a logout token has to say beyond what verifying it shows.
func checkLogout(t *oidc.IDToken, c claims, now time.Time) (id string, err error) {
	events, _ := c["events"].(map[string]any)
	_, isLogout := events[logoutEvent].(map[string]any)
	_, nonce := c["nonce"]
	id = c.text("jti")
	switch {
	case !isLogout || nonce:
		return "", errors.New("it is no logout token")
	case id == "" || len(id) > 512:
		return "", errors.New("it has no jti")
	case t.Subject == "" && c.text("sid") == "":
		return "", errors.New("it names neither sub nor sid")
	case t.IssuedAt.After(now.Add(skew)) || now.Sub(t.IssuedAt) > logoutLife:
		return "", errors.New("it was not issued just now")
	}
	return id, nil
}
