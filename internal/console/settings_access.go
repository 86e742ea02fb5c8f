package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/page"
)

// accessFacts tells who signs people in, and as what.
func (v *visit) accessFacts() (facts []page.Fact, mapping []page.Mapped) {
	told := v.deps.SignIn.Told()
	cfg := told.Config
	if o := cfg.OIDC; o.Issuer != "" {
		facts = append(facts, page.Fact{Name: "identity provider", Text: o.Name, Note: o.Issuer}, page.Fact{Name: "client", Text: o.ClientID, Note: secretWords(o.ClientSecret)},
			page.Fact{Name: "claims", Text: "groups: " + o.Claims.Groups + ", address: " + o.Claims.Email, Note: claimWords(o.Claims)})
		if len(o.ACR) > 0 {
			facts = append(facts, page.Fact{Name: "fresh sign-in by", Text: strings.Join(o.ACR, ", ")})
		}
	} else {
		facts = append(facts, page.Fact{Name: "identity provider", Text: "none", Kind: "warn", Note: "people sign in with links of this machine; access.oidc names one"})
	}
	facts = append(facts, bootstrapFact(told),
		page.Fact{Name: "a sign-in lasts", Text: page.Duration(cfg.Session), Note: "and ends after " + page.Duration(cfg.Idle) + " without a request"}, page.Fact{Name: "is fresh for", Text: page.Duration(cfg.StepUp), Note: "opening content, approving, releasing, erasing, changing what is kept"})
	if cfg.Tokens.Content {
		facts = append(facts, page.Fact{Name: "API tokens", Text: "may do what people need a fresh sign-in for", Kind: "warn", Note: "access.tokens.content"})
	}
	return facts, v.mappingOf(cfg)
}

func bootstrapFact(told signin.Told) page.Fact {
	f := page.Fact{Name: "local administrator", Text: "signs in with a link of this machine"}
	switch {
	case !told.Bootstrap:
		f.Text, f.Kind, f.Note = "is no more", "good", "an administrator has signed in at the identity provider"
	case told.Config.OIDC.Issuer != "" && told.Config.Bootstrap:
		f.Kind, f.Note = "warn", "kept by access.bootstrap, although an administrator may sign in at the identity provider"
	case told.Config.OIDC.Issuer != "":
		f.Note = "until an administrator signs in at the identity provider"
	}
	return f
}

func secretWords(s signin.Secret) string {
	if s.None() {
		return "public: without a secret"
	}
	return "with a secret, which is shown nowhere"
}

func claimWords(c signin.Claims) string {
	if c.UnverifiedEmail {
		return "addresses that the provider has not verified are taken, too"
	}
	return ""
}

// mappingOf lists who has which roles.
func (v *visit) mappingOf(cfg signin.Config) []page.Mapped {
	me := v.person()
	var list []page.Mapped
	for _, m := range cfg.Roles {
		row := page.Mapped{Who: m.Group, How: "a group", Roles: m.Role.Words(), Until: m.Until, Cases: strings.Join(m.Cases, ", "),
			Mine: m.Group != "" && slices.Contains(me.Groups, m.Group) || m.Email != "" && strings.EqualFold(m.Email, me.Email)}
		if m.Group == "" {
			row.Who, row.How = m.Email, "an address"
		}
		list = append(list, row)
	}
	for _, l := range cfg.Local {
		row := page.Mapped{Who: l.OSUser, How: "a login name of this machine", Roles: roleWords(l.Roles), Until: l.Until, Cases: strings.Join(l.Cases, ", "), Mine: me.Subject == "os:"+l.OSUser}
		if l.Email != "" {
			row.Who += " (" + l.Email + ")"
		}
		list = append(list, row)
	}
	return list
}

// firstRoles is what an administrator puts into the configuration to have more roles, for as long as it gives none to anybody:
// whoever sets Tripod up alone begins as an administrator, who sees no cases, no reviews and no content. "" for anybody else.
func (v *visit) firstRoles() string {
	cfg := v.deps.SignIn.Told().Config
	login, here := strings.CutPrefix(v.person().Subject, "os:")
	if cfg.OIDC.Issuer != "" || len(cfg.Local) > 0 || !here || !v.may(access.WriteSettings) {
		return ""
	}
	return "access:\n  local:\n    - os_user: " + strconv.Quote(login) + "\n      email: you@example.com\n      roles: [administrator, privacy_officer, analyst]\n"
}

// roleWords are roles as people read them.
func roleWords(roles []access.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.Words()
	}
	return strings.Join(words, ", ")
}
