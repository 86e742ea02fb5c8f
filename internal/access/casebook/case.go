package casebook

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

// Dialog is what everybody is told before content opens.
const Dialog = "This access is logged. The data subject may receive its date and purpose."

// Kind is what sort of case it is.
type Kind string

// The kinds.
const (
	KindRequest       Kind = "request" // of a data subject
	KindMatter        Kind = "matter"  // legal
	KindInvestigation Kind = "investigation"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{KindRequest, KindMatter, KindInvestigation} }

// Purpose is why content may be opened in a case.
type Purpose string

// The purposes.
const (
	PurposeIncident       Purpose = "incident"
	PurposeAccessRequest  Purpose = "access_request"
	PurposeErasureRequest Purpose = "erasure_request"
	PurposeLegalMatter    Purpose = "legal_matter"
	PurposeEmployment     Purpose = "employment" // asks for a reference to what the works council agreed to
	PurposeEDiscovery     Purpose = "ediscovery"
	PurposeAuditSample    Purpose = "audit_sample"
	PurposeServiceTest    Purpose = "service_test"
)

// Purposes lists them.
func Purposes() []Purpose {
	return []Purpose{PurposeIncident, PurposeAccessRequest, PurposeErasureRequest, PurposeLegalMatter, PurposeEmployment, PurposeEDiscovery,
		PurposeAuditSample, PurposeServiceTest}
}

// Basis is the legal basis that who opens a case names, after Article 6(1) GDPR and, for legal claims, Article 9(2)(f).
type Basis string

// The bases.
const (
	BasisConsent            Basis = "consent"
	BasisContract           Basis = "contract"
	BasisLegalObligation    Basis = "legal_obligation"
	BasisVitalInterests     Basis = "vital_interests"
	BasisPublicTask         Basis = "public_task"
	BasisLegitimateInterest Basis = "legitimate_interests"
	BasisLegalClaims        Basis = "legal_claims"
	BasisOther              Basis = "other" // where other law applies; the reference says which
)

// Bases lists them.
func Bases() []Basis {
	return []Basis{BasisConsent, BasisContract, BasisLegalObligation, BasisVitalInterests, BasisPublicTask, BasisLegitimateInterest,
		BasisLegalClaims, BasisOther}
}

// State of a case.
type State string

// The states.
const (
	Open   State = "open"
	Closed State = "closed"
)

// Case is one case. It is not opened again once it is closed.
type Case struct {
	ID           string     `json:"case"` // "C-2026-0007"
	Kind         Kind       `json:"kind"`
	Purpose      Purpose    `json:"purpose,omitempty"`
	Basis        Basis      `json:"basis,omitempty"`
	Reference    string     `json:"reference,omitempty"` // file number, works agreement
	Owner        Ref        `json:"owner"`
	Participants []Ref      `json:"participants,omitempty"` // the owner first
	Subjects     []Subject  `json:"subjects,omitempty"`
	Privileged   []string   `json:"privileged,omitempty"` // kinds of privileged groups it touches
	State        State      `json:"state"`
	Opened       time.Time  `json:"opened"`
	Closed       *time.Time `json:"closed,omitempty"`
	Seq          uint64     `json:"record"` // where it was opened
	// Hidden: a privileged matter, and who asks takes no part in it. Purpose, people and subjects are left out.
	Hidden bool `json:"hidden,omitempty"`
	// Title is told by Show alone; it is content.
	Title string `json:"title,omitempty"`
}

// Ref is somebody as records prove them.
type Ref struct {
	Subject string      `json:"subject,omitempty"`
	Email   string      `json:"email,omitempty"`
	Role    access.Role `json:"role,omitempty"` // in which they take part
}

// Label is how pages show them.
func (r Ref) Label() string {
	if r.Email != "" {
		return r.Email
	}
	return r.Subject
}

// is reports whether two are known to be one: what lets somebody act as who they were.
func (r Ref) is(q Ref) bool {
	return r.Subject != "" && r.Subject == q.Subject || r.Email != "" && strings.EqualFold(r.Email, q.Email)
}

// apart reports whether two are known to be different people: what four eyes ask for. Somebody may come in by several
// ways, so people are told apart by the addresses they are proved to have; who proves none may be anybody.
func (r Ref) apart(q Ref) bool {
	a, b := &access.Person{Subject: r.Subject, Email: r.Email}, &access.Person{Subject: q.Subject, Email: q.Email}
	return !a.Same(b) && r.Email != "" && q.Email != ""
}

// identifiers are what the accounts of records may know somebody by.
func (r Ref) identifiers() []string {
	var ids []string
	if r.Email != "" {
		ids = append(ids, "email:"+strings.ToLower(r.Email))
	}
	if sub, ok := strings.CutPrefix(r.Subject, "oidc:"); ok {
		ids = append(ids, "subject:"+r.Subject)
		if i := strings.LastIndexByte(sub, '@'); i > 0 {
			ids = append(ids, "subject:"+sub[:i])
		}
	}
	if login, ok := strings.CutPrefix(r.Subject, "os:"); ok {
		ids = append(ids, "os_user:"+login)
	}
	return ids
}

// refOf is somebody as a case keeps them.
func refOf(p *access.Person) Ref { return Ref{Subject: p.Subject, Email: strings.ToLower(p.Email)} }

// Subject is an account that a case is about.
type Subject struct {
	Account string   `json:"account"`            // as it was named: an address, or an id of the vendor
	Known   []string `json:"known_as,omitempty"` // "email:…", "user:…", …: what else it was known by when the case was opened
}

func (s Subject) identifiers() []string {
	return append([]string{guess(s.Account)}, s.Known...)
}

// guess makes an identifier of an account as people write it.
func guess(account string) string {
	kind, _, found := strings.Cut(account, ":")
	switch {
	case found && slices.Contains([]string{"email", "user", "uuid", "subject", "key", "service", "os_user"}, kind):
		return account
	case strings.Contains(account, "@"):
		return "email:" + strings.ToLower(account)
	}
	return "user:" + account
}

// among reports whether somebody is known by one of the identifiers.
func (r Ref) among(identifiers []string) bool {
	return slices.ContainsFunc(r.identifiers(), func(id string) bool { return slices.Contains(identifiers, id) })
}

// part is who takes part as this person, if they do.
func (c *Case) part(r Ref) (Ref, bool) {
	i := slices.IndexFunc(c.Participants, func(p Ref) bool { return p.is(r) })
	if i < 0 {
		return Ref{}, false
	}
	return c.Participants[i], true
}

// about lists the identifiers of all subjects.
func (c *Case) about() []string {
	var ids []string
	for _, s := range c.Subjects {
		ids = append(ids, s.identifiers()...)
	}
	return ids
}

func (c *Case) clone() Case {
	out := *c
	out.Participants = slices.Clone(c.Participants)
	out.Subjects = slices.Clone(c.Subjects)
	out.Privileged = slices.Clone(c.Privileged)
	return out
}
