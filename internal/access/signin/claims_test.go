package signin

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	o := Config{OIDC: OIDC{Issuer: "https://idp.example.com"}}.withDefaults().OIDC
	f := func(o OIDC, body string) *access.Person {
		t.Helper()
		c := make(claims)
		if err := json.Unmarshal([]byte(body), &c); err != nil {
			t.Fatal(err)
		}
		p, err := o.person(o.Issuer, c, time.Unix(1_800_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := f(o, `{"sub":"1","email":"Dana@Example.com","email_verified":"true","groups":"one","auth_time":1799999990}`); p.Email != "dana@example.com" || !slices.Equal(p.Groups, []string{"one"}) || p.Since.IsZero() {
		t.Errorf("%+v", p)
	}
	if p := f(o, `{"sub":"1","email":"dana@example.com","groups":[1,"two",null],"auth_time":1900000000}`); p.Email != "" || !slices.Equal(p.Groups, []string{"two"}) || !p.Since.IsZero() {
		t.Errorf("an address that is not verified, a sign-in in the future: %+v", p)
	}
	for _, email := range []string{"\u212Aim@example.com", "\u017Fam@example.com", "k\u0130m@example.com", "kim @example.com", "kim@example.com\u200b"} {
		if p := f(o, `{"sub":"1","email":"`+email+`","email_verified":true}`); p.Email != "" {
			t.Errorf("%q became the address %q", email, p.Email)
		}
	}
	if p := f(o, `{"sub":"1","email":"Jürgen@Example.com","email_verified":true}`); p.Email != "jürgen@example.com" {
		t.Errorf("%+v", p)
	}
	nested := o
	nested.Claims.Groups, nested.Claims.UnverifiedEmail = "realm_access.roles", true
	if p := f(nested, `{"sub":"1","email":"dana@example.com","realm_access":{"roles":["a","b"]}}`); p.Email == "" || len(p.Groups) != 2 {
		t.Errorf("%+v", p)
	}
	if p := f(nested, `{"sub":"1","realm_access":"x","realm_access.roles":["exact"]}`); len(p.Groups) != 1 {
		t.Errorf("%+v", p)
	}
	c := claims{"sub": "1", "_claim_names": map[string]any{"groups": "src1"}}
	if _, err := o.person(o.Issuer, c, time.Now()); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("groups that stand elsewhere: %v", err)
	}
}

// FuzzClaims: whatever a provider puts into a token, nobody gets an address that is not verified or a subject that is not
// theirs, and nothing is longer than a record holds.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"sub":"1","email":"a@b","email_verified":true,"groups":["x"],"auth_time":1,"acr":"x","name":"n"}`, `{"sub":7,"groups":{"a":1},"auth_time":"x"}`,
		`{"sub":"1","email_verified":"yes","email":"a@b","auth_time":1e300,"realm_access":{"roles":[["x"]]},"_claim_names":[]}`, `{"sub":"1","events":{"x":{}},"jti":"j","iat":1}`,
	} {
		f.Add(s)
	}
	o := Config{OIDC: OIDC{Issuer: "https://idp.example.com"}}.withDefaults().OIDC
	f.Fuzz(func(t *testing.T, body string) {
		c := make(claims)
		if json.Unmarshal([]byte(body), &c) != nil {
			return
		}
		p, err := o.person(o.Issuer, c, time.Now())
		if err != nil {
			return
		}
		sub, _ := c["sub"].(string)
		if p.Subject != "oidc:"+sub+"@"+o.Issuer || p.Email != "" && !c.yes("email_verified") || p.Since.After(time.Now().Add(skew)) {
			t.Errorf("%q: %+v", body, p)
		}
		for _, s := range []string{p.Subject, p.Name, p.Manager, p.ACR} {
			if len(s) > audit.MaxKeptString {
				t.Errorf("%q: %d bytes", body, len(s))
			}
		}
	})
}

func TestNetwork(t *testing.T) {
	t.Parallel()
	same := func(a, b string, want bool) {
		t.Helper()
		if (network(a) == network(b)) != want {
			t.Errorf("%s and %s: %v", a, b, !want)
		}
	}
	same("192.0.2.1", "192.0.2.2", false)
	same("192.0.2.1", "::ffff:192.0.2.1", true)
	same("2001:db8::1", "2001:db8::2:3", true)
	same("2001:db8::1", "2001:db8:0:1::1", false)
	same("", "nonsense", true)
}
