package casebook

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Types of the records that cases are made of.
const (
	TypeCaseOpen        = "tripod.case.open"
	TypeCaseClose       = "tripod.case.close"
	TypeCaseJoin        = "tripod.case.join"
	TypeCaseLeave       = "tripod.case.leave"
	TypeGrantRequest    = "tripod.grant.request"
	TypeGrantApprove    = "tripod.grant.approve"
	TypeGrantDeny       = "tripod.grant.deny"
	TypeGrantWithdraw   = "tripod.grant.withdraw"
	TypeGrantBreakGlass = "tripod.grant.break_glass"
	TypeGrantReview     = "tripod.grant.review"
	// TypeContentOpen is on record before each opening; TypeNotice once privacy officers were told of a break-glass.
	TypeContentOpen = "tripod.content.open"
	TypeNotice      = "tripod.notice.break_glass"
)

// What a caller decides on; all are found with errors.Is.
var (
	// ErrInvalid: what was asked for is incomplete or malformed.
	ErrInvalid = errors.New("not valid")
	// ErrUnknown: there is no such case or grant, or who asks may not know of it.
	ErrUnknown = errors.New("no such case or grant")
	// ErrRefused: a rule of cases stands against it. It wraps access.ErrForbidden.
	ErrRefused = fmt.Errorf("%w by the rules of cases", access.ErrForbidden)
	// ErrOver: the case or grant is not in a state that allows it any more.
	ErrOver = errors.New("it is over")
	// ErrNoGrant: no grant covers what was to be opened. It wraps access.ErrForbidden.
	ErrNoGrant = fmt.Errorf("%w: no grant covers this", access.ErrForbidden)
)

// Attributes of the records.
const (
	attrRoles       = "roles" // that who acts had, as the deciding service saw it
	attrKind        = "kind"
	attrPurpose     = "purpose"
	attrBasis       = "basis"
	attrReference   = "reference"
	attrSubjects    = "subjects" // lists: an account as it was named, then what else it is known by
	attrPrivileged  = "privileged"
	attrOwnerRole   = "as" // role in which who opens a case takes part
	attrWhoSubject  = "participant_subject"
	attrWhoEmail    = "participant_email"
	attrWhoRole     = "participant_role"
	attrGrant       = "grant"
	attrClass       = "class"
	attrContainers  = "containers"
	attrRecords     = "records"
	attrQuery       = "query_digest"
	attrMatches     = "matches"
	attrMinutes     = "minutes"
	attrOwners      = "owners"
	attrUnknown     = "owner_unknown"
	attrAlone       = "alone"
	attrTerms       = "terms"
	attrReviewHours = "review_hours"
	attrJustified   = "justified"
	attrPosition    = "position"
	attrContainer   = "container"
	attrPieces      = "pieces"
	attrWhat        = "what"
)

// Names of the pieces of content beside the records.
const (
	pieceTitle  = "title"
	pieceReason = "reason"
	pieceQuery  = "query"
)

// deed is one act as rules judge it: the same whether it is about to be recorded or stands in the journal.
type deed struct {
	typ    string
	by     Ref
	roles  []access.Role
	caseID string
	attrs  audit.Attrs
	reason bool // a text says why
}

func deedOf(a intake.Act) *deed {
	d := &deed{typ: a.Type, caseID: a.Case, attrs: a.Attributes}
	for _, p := range a.Pieces {
		d.reason = d.reason || p.Name == pieceReason && len(p.Value) > 0
	}
	return d.of(a.Account)
}

func deedOfRecord(r *audit.Record) *deed {
	d := &deed{typ: r.Type, caseID: r.Case, attrs: r.Attributes}
	for _, c := range r.Content {
		d.reason = d.reason || c.Name == pieceReason && c.Bytes > 0
	}
	return d.of(r.Account.Proved)
}

// of sets who did it: as records prove it, see access.Person.Identity.
func (d *deed) of(id audit.Identity) *deed {
	d.by = Ref{Subject: id.Subject, Email: id.Email}
	if id.Subject == "" && id.OSUser != "" {
		d.by.Subject = "os:" + id.OSUser
	}
	for _, r := range d.list(attrRoles) {
		d.roles = append(d.roles, access.Role(r))
	}
	return d
}

// may reports whether the roles hold a right.
func (d *deed) may(r access.Right) error {
	if d.by.Subject == "" {
		return fmt.Errorf("%w: nobody is proved to have done it", ErrRefused)
	}
	p := &access.Person{Subject: d.by.Subject, Roles: d.roles}
	return p.Allow(r)
}

func (d *deed) has(r access.Role) bool { return slices.Contains(d.roles, r) }

func (d *deed) text(name string) string {
	v, _ := d.attrs.Get(name)
	return v.Str()
}

func (d *deed) yes(name string) bool {
	v, _ := d.attrs.Get(name)
	is, _ := v.IsTrue()
	return is
}

func (d *deed) number(name string) int {
	v, _ := d.attrs.Get(name)
	n, _ := v.Int64()
	return int(n)
}

func (d *deed) list(name string) []string {
	v, _ := d.attrs.Get(name)
	return texts(v)
}

func texts(v audit.Value) []string {
	var list []string
	for _, item := range v.Items() {
		list = append(list, item.Str())
	}
	return list
}

func (d *deed) positions(name string) []uint64 {
	v, _ := d.attrs.Get(name)
	var list []uint64
	for _, item := range v.Items() {
		if n, ok := item.Int64(); ok && n > 0 {
			list = append(list, uint64(n))
		}
	}
	return list
}

// listAttr is an attribute with texts; it is left out where there are none.
func listAttr[T ~string](attrs audit.Attrs, name string, list []T) audit.Attrs {
	if len(list) == 0 {
		return attrs
	}
	values := make([]audit.Value, len(list))
	for i, s := range list {
		values[i] = audit.String(string(s))
	}
	return append(attrs, audit.Attr{Name: name, Value: audit.Array(values...)})
}

// textAttr is an attribute with a text; it is left out where that is empty.
func textAttr[T ~string](attrs audit.Attrs, name string, s T) audit.Attrs {
	if s == "" {
		return attrs
	}
	return append(attrs, audit.TextAttr(name, string(s)))
}

// yesAttr is an attribute that is there where something is so.
func yesAttr(attrs audit.Attrs, name string, is bool) audit.Attrs {
	if !is {
		return attrs
	}
	return append(attrs, audit.Attr{Name: name, Value: audit.Bool(true)})
}

var numbered = regexp.MustCompile(`^([CG])-(\d{4})-(\d{4,9})$`)

// serial reads a number such as C-2026-0007.
func serial(letter, id string) (year, n int, ok bool) {
	m := numbered.FindStringSubmatch(id)
	if m == nil || m[1] != letter {
		return 0, 0, false
	}
	year, _ = strconv.Atoi(m[2])
	n, _ = strconv.Atoi(m[3])
	return year, n, n > 0
}
