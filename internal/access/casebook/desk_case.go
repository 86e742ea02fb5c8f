package casebook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// NewCase is what somebody says to open a case.
type NewCase struct {
	Kind      Kind        `json:"kind"`
	Purpose   Purpose     `json:"purpose"`
	Basis     Basis       `json:"basis"`
	Reference string      `json:"reference,omitempty"`
	Title     string      `json:"title,omitempty"` // content
	Subjects  []string    `json:"subjects,omitempty"`
	As        access.Role `json:"as,omitempty"` // in which role; "" for the first of one's own that may
}

// Open opens a case. Who opens it owns it and takes part.
func (d *Desk) Open(ctx context.Context, by *access.Person, n NewCase) (Case, error) {
	if by == nil {
		return Case{}, fmt.Errorf("%w: %w", access.ErrForbidden, errNobody)
	}
	if by.Cases != nil {
		return Case{}, fmt.Errorf("%w: who is bound to certain cases opens none", ErrRefused)
	}
	if err := checkText("the title", n.Title); err != nil {
		return Case{}, err
	}
	attrs := textAttr(nil, attrKind, n.Kind)
	attrs = textAttr(attrs, attrPurpose, n.Purpose)
	attrs = textAttr(attrs, attrBasis, n.Basis)
	attrs = textAttr(attrs, attrReference, strings.TrimSpace(n.Reference))
	attrs = textAttr(attrs, attrOwnerRole, ownerRole(by, n))
	attrs, err := d.subjectAttrs(ctx, attrs, by, n.Subjects)
	if err != nil {
		return Case{}, err
	}
	var id string
	seq, err := d.decide(ctx, by, access.OpenCase, func(now time.Time) (intake.Act, error) {
		id = d.deps.Book.next("C", now)
		act := intake.Act{Type: TypeCaseOpen, Case: id, Attributes: slices.Clone(attrs)}
		if n.Title != "" {
			act.Pieces = []intake.Piece{detail(pieceTitle, n.Title)}
		}
		return act, nil
	})
	if err != nil {
		return Case{}, fmt.Errorf("open case: %w", err)
	}
	c, err := d.caseNow(ctx, id, func(c *Case) bool { return c.Seq == seq })
	c.Title = n.Title
	return c, err
}

// ownerRole is the role in which somebody opens a case.
func ownerRole(by *access.Person, n NewCase) access.Role {
	if n.As != "" {
		return n.As
	}
	if n.Kind == KindMatter && by.Has(access.Counsel) {
		return access.Counsel
	}
	for _, r := range access.Holders(access.OpenCase) {
		if by.Has(r) {
			return r
		}
	}
	return ""
}

// subjectAttrs says what a case is about: the accounts as they are named, what else the directory knows them by, and which
// privileged groups they belong to.
func (d *Desk) subjectAttrs(ctx context.Context, attrs audit.Attrs, by *access.Person, subjects []string) (audit.Attrs, error) {
	if len(subjects) > maxSubjects {
		return nil, fmt.Errorf("%w: a case is about %d accounts at most", ErrInvalid, maxSubjects)
	}
	var list []audit.Value
	var groups []string
	for _, s := range subjects {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		o, err := d.known(ctx, guess(s))
		if err != nil {
			return nil, err
		}
		if mine, err := d.everything(ctx, refOf(by).identifiers()); err != nil {
			return nil, err
		} else if slices.ContainsFunc(o.Identifiers, func(id string) bool { return slices.Contains(mine, id) }) {
			return nil, fmt.Errorf("%w: nobody opens a case about themselves", ErrRefused)
		}
		one := []audit.Value{audit.String(s)}
		for _, id := range o.Identifiers {
			one = append(one, audit.String(id))
		}
		list, groups = append(list, audit.Array(one...)), append(groups, o.Groups...)
	}
	if len(list) > 0 {
		attrs = append(attrs, audit.Attr{Name: attrSubjects, Value: audit.Array(list...)})
	}
	return listAttr(attrs, attrPrivileged, d.cfg.privileged(groups)), nil
}

// Close closes a case for good and ends its grants.
func (d *Desk) Close(ctx context.Context, by *access.Person, id, reason string) (Case, error) {
	if err := d.change(ctx, by, id, access.OpenCase, intake.Act{Type: TypeCaseClose, Pieces: reasonPiece(reason)}); err != nil {
		return Case{}, fmt.Errorf("close case: %w", err)
	}
	return d.caseNow(ctx, id, func(c *Case) bool { return c.State == Closed })
}

// Join adds somebody to a case, by address or subject, in a role.
func (d *Desk) Join(ctx context.Context, by *access.Person, id string, who Ref) (Case, error) {
	who.Email = strings.ToLower(strings.TrimSpace(who.Email))
	if err := d.change(ctx, by, id, access.OpenCase, intake.Act{Type: TypeCaseJoin, Attributes: who.attrs()}); err != nil {
		return Case{}, fmt.Errorf("join case: %w", err)
	}
	return d.caseNow(ctx, id, func(c *Case) bool { _, in := c.part(who); return in })
}

// Leave takes somebody out of a case, the zero Ref oneself, and ends their grants in it.
func (d *Desk) Leave(ctx context.Context, by *access.Person, id string, who Ref) (Case, error) {
	if by != nil && who.Subject == "" && who.Email == "" {
		who = refOf(by)
	}
	if err := d.change(ctx, by, id, access.ReadCases, intake.Act{Type: TypeCaseLeave, Attributes: who.attrs()}); err != nil {
		return Case{}, fmt.Errorf("leave case: %w", err)
	}
	return d.caseNow(ctx, id, func(c *Case) bool { _, in := c.part(who); return !in })
}

func (r Ref) attrs() audit.Attrs {
	attrs := textAttr(nil, attrWhoSubject, r.Subject)
	attrs = textAttr(attrs, attrWhoEmail, r.Email)
	return textAttr(attrs, attrWhoRole, r.Role)
}

// change records an act upon a case that somebody may know of.
func (d *Desk) change(ctx context.Context, by *access.Person, id string, right access.Right, act intake.Act) error {
	if err := bound(by, id); err != nil {
		return err
	}
	for _, p := range act.Pieces {
		if err := checkText("the reason", string(p.Value)); err != nil {
			return err
		}
	}
	act.Case = id
	_, err := d.decide(ctx, by, right, func(now time.Time) (intake.Act, error) {
		if c := d.deps.Book.cases[id]; c == nil || d.deps.Book.sight(by, c, now) == unseen {
			return intake.Act{}, fmt.Errorf("%w: %.40q", ErrUnknown, id)
		}
		one := act
		one.Attributes = slices.Clone(act.Attributes)
		return one, nil
	})
	return err
}
