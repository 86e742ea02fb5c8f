package organisation

import (
	"encoding/json"

	"github.com/tripod-audit/tripod/internal/audit"
)

// subject names an account, or something like one, by the identifier that tells it best: "user:user_01…",
// "email:dana@example.com", "uuid:…", "subject:…", "key:apikey_01…", "service:…".
type subject = string

// Kinds of identifiers.
const (
	kindUser    = "user"
	kindEmail   = "email"
	kindUUID    = "uuid"
	kindSubject = "subject"
	kindOrg     = "org"
	kindKey     = "key"
	kindService = "service"
)

// alias is an identifier beside the one that names its account.
type alias struct{ kind, value string }

// seen is what one account object of records says: whom to count as seen, and what else they are known by.
type seen struct {
	subject subject // "" where nobody is named
	proved  bool
	aliases []alias
	org     string
	by      string // who acted, as histories say it
}

// readAccount reads the account of a record. What a credential proves goes before what a client asserts.
func readAccount(raw []byte) seen {
	var a audit.Account
	if err := json.Unmarshal(raw, &a); err != nil {
		return seen{}
	}
	return seenOf(&a)
}

func seenOf(a *audit.Account) seen {
	s := seen{org: a.Proved.Org}
	s.by, _ = a.Telling()
	for _, id := range []*audit.Identity{&a.Proved, &a.Asserted} {
		if s.subject = subjectOf(id); s.subject != "" {
			s.proved = id == &a.Proved
			s.aliases = aliasesOf(id, s.subject)
			break
		}
	}
	return s
}

func subjectOf(id *audit.Identity) subject {
	switch {
	case id.User != "":
		return kindUser + ":" + id.User
	case id.Email != "":
		return kindEmail + ":" + id.Email
	case id.UUID != "":
		return kindUUID + ":" + id.UUID
	case id.Key != "":
		return kindKey + ":" + id.Key
	case id.Subject != "":
		return kindSubject + ":" + id.Subject
	case id.Service != "":
		return kindService + ":" + id.Service
	}
	return ""
}

func aliasesOf(id *audit.Identity, of subject) []alias {
	var list []alias
	for _, a := range []alias{
		{kindUser, id.User}, {kindEmail, id.Email}, {kindUUID, id.UUID}, {kindSubject, id.Subject}, {kindOrg, id.Org}, {kindKey, id.Key},
	} {
		if a.value != "" && a.kind+":"+a.value != of {
			list = append(list, a)
		}
	}
	return list
}
