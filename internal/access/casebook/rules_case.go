package casebook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
)

const maxSubjects, maxParticipants = 100, 50

var (
	referencePattern = regexp.MustCompile(`^[\pL\pN][\pL\pN ._/:#()-]{0,79}$`)
	accountPattern   = regexp.MustCompile(`^[\pL\pN@._+:/|=-]{1,200}$`)
)

func (b *Book) judgeOpen(d *deed, now time.Time) (change, error) {
	if err := d.may(access.OpenCase); err != nil {
		return nil, err
	}
	if err := b.fresh("C", d.caseID); err != nil {
		return nil, err
	}
	c := &Case{
		ID: d.caseID, Kind: Kind(d.text(attrKind)), Purpose: Purpose(d.text(attrPurpose)), Basis: Basis(d.text(attrBasis)),
		Reference: d.text(attrReference), Owner: d.by, Privileged: d.list(attrPrivileged), State: Open, Opened: now,
	}
	c.Owner.Role = access.Role(d.text(attrOwnerRole))
	c.Participants = []Ref{c.Owner}
	subjects, _ := d.attrs.Get(attrSubjects)
	for _, s := range subjects.Items() {
		if list := texts(s); len(list) > 0 {
			c.Subjects = append(c.Subjects, Subject{Account: list[0], Known: list[1:]})
		}
	}
	if err := checkCase(c); err != nil {
		return nil, err
	}
	switch {
	case !d.has(c.Owner.Role) || !slices.Contains(access.Holders(access.OpenCase), c.Owner.Role):
		return nil, fmt.Errorf("%w: a case is opened as one of one's own roles that may", ErrRefused)
	case c.Owner.among(c.about()):
		return nil, fmt.Errorf("%w: nobody opens a case about themselves", ErrRefused)
	case len(c.Privileged) > 0 && !privileges(c, c.Owner, d):
		return nil, fmt.Errorf("%w: it is about somebody in a privileged group (%s), for which counsel opens a matter", ErrRefused, strings.Join(c.Privileged, ", "))
	}
	return func(seq uint64) {
		c.Seq = seq
		b.take("C", c.ID)
		b.cases[c.ID] = c
	}, nil
}

// checkCase refuses what says too little or too much.
func checkCase(c *Case) error {
	switch {
	case !slices.Contains(Kinds(), c.Kind):
		return fmt.Errorf("%w: %q is no kind of case: %s", ErrInvalid, c.Kind, oneOf(Kinds()))
	case !slices.Contains(Purposes(), c.Purpose):
		return fmt.Errorf("%w: %q is no purpose: %s", ErrInvalid, c.Purpose, oneOf(Purposes()))
	case !slices.Contains(Bases(), c.Basis):
		return fmt.Errorf("%w: %q is no legal basis: %s", ErrInvalid, c.Basis, oneOf(Bases()))
	case c.Reference != "" && !referencePattern.MatchString(c.Reference):
		return fmt.Errorf("%w: a reference is a file number of up to 80 letters, digits and ._/:#()-", ErrInvalid)
	case c.Purpose == PurposeEmployment && c.Reference == "":
		return fmt.Errorf("%w: the purpose employment asks for a reference to what the works council agreed to", ErrInvalid)
	case c.Kind == KindRequest && len(c.Subjects) == 0:
		return fmt.Errorf("%w: a request names whose it is", ErrInvalid)
	case len(c.Subjects) > maxSubjects:
		return fmt.Errorf("%w: a case is about %d accounts at most", ErrInvalid, maxSubjects)
	}
	for _, s := range c.Subjects {
		if !accountPattern.MatchString(s.Account) {
			return fmt.Errorf("%w: %.80q names no account: give an address or the vendor's id", ErrInvalid, s.Account)
		}
	}
	return nil
}

func oneOf[T ~string](list []T) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return "one of " + strings.Join(names, ", ")
}

// privileges reports whether somebody may act where a privileged group is touched: counsel, as which they take part in a
// matter, and still are.
func privileges(c *Case, part Ref, d *deed) bool {
	return c.Kind == KindMatter && part.Role == access.Counsel && d.has(access.Counsel)
}

// runs reports whether somebody may change who takes part in a case, or close it: its owner, or a privacy officer where it
// is no privileged matter.
func runs(c *Case, d *deed) error {
	if c.Owner.is(d.by) || d.has(access.PrivacyOfficer) && len(c.Privileged) == 0 {
		return nil
	}
	return fmt.Errorf("%w: the owner of case %s does this, or a privacy officer where the matter is not privileged", ErrRefused, c.ID)
}

func (b *Book) judgeClose(d *deed, now time.Time) (change, error) {
	c, err := b.open(d.caseID)
	if err != nil {
		return nil, err
	}
	if err := d.may(access.OpenCase); err != nil {
		return nil, err
	}
	if err := runs(c, d); err != nil {
		return nil, err
	}
	if b.holds != nil {
		if ids := b.holds(c.ID); len(ids) > 0 {
			return nil, fmt.Errorf("%w: matter %s has legal holds that are not released (%s): release them first, which takes two people, or leave it open", ErrRefused, c.ID, strings.Join(ids, ", "))
		}
	}
	return func(uint64) {
		c.State, c.Closed = Closed, &now
		b.end(c.ID, nil, now)
	}, nil
}

// participant is whom a joining or leaving is about.
func (d *deed) participant() Ref {
	return Ref{Subject: d.text(attrWhoSubject), Email: strings.ToLower(d.text(attrWhoEmail)), Role: access.Role(d.text(attrWhoRole))}
}

func (b *Book) judgeJoin(d *deed) (change, error) {
	c, err := b.open(d.caseID)
	if err != nil {
		return nil, err
	}
	if err := d.may(access.OpenCase); err != nil {
		return nil, err
	}
	if err := runs(c, d); err != nil {
		return nil, err
	}
	who := d.participant()
	switch _, in := c.part(who); {
	case who.Subject == "" && !strings.Contains(who.Email, "@") || !accountPattern.MatchString(who.Label()):
		return nil, fmt.Errorf("%w: name who joins by their address", ErrInvalid)
	case !slices.Contains(access.Holders(access.ReadCases), who.Role):
		return nil, fmt.Errorf("%w: nobody takes part in a case as %q: %s", ErrInvalid, who.Role, oneOf(access.Holders(access.ReadCases)))
	case in:
		return nil, fmt.Errorf("%w: %s takes part in case %s already", ErrInvalid, who.Label(), c.ID)
	case who.among(c.about()):
		return nil, fmt.Errorf("%w: case %s is about %s", ErrRefused, c.ID, who.Label())
	case len(c.Privileged) > 0 && who.Role != access.Counsel && who.Role != access.PrivacyOfficer:
		return nil, fmt.Errorf("%w: in a privileged matter counsel takes part, and a privacy officer to approve", ErrRefused)
	case len(c.Participants) >= maxParticipants:
		return nil, fmt.Errorf("%w: %d people take part at most", ErrInvalid, maxParticipants)
	}
	return func(uint64) { c.Participants = append(c.Participants, who) }, nil
}

func (b *Book) judgeLeave(d *deed, now time.Time) (change, error) {
	c, err := b.open(d.caseID)
	if err != nil {
		return nil, err
	}
	if err := d.may(access.ReadCases); err != nil {
		return nil, err
	}
	who, in := c.part(d.participant())
	if !in {
		return nil, fmt.Errorf("%w: %s takes no part in case %s", ErrInvalid, d.participant().Label(), c.ID)
	}
	if c.Owner.is(who) {
		return nil, fmt.Errorf("%w: the owner of case %s closes it and does not leave it", ErrRefused, c.ID)
	}
	if !who.is(d.by) {
		if err := runs(c, d); err != nil {
			return nil, err
		}
	}
	return func(uint64) {
		c.Participants = slices.DeleteFunc(c.Participants, func(p Ref) bool { return p.is(who) })
		b.end(c.ID, &who, now)
	}, nil
}
