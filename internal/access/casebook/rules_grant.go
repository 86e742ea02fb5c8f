package casebook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
)

var digestPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// asked reads a request out of an act.
func (d *deed) asked(now time.Time) *Grant {
	g := &Grant{
		ID: d.text(attrGrant), Case: d.caseID, Class: audit.Class(d.text(attrClass)), Containers: d.list(attrContainers), Records: d.positions(attrRecords),
		QueryDigest: d.text(attrQuery), Matches: d.number(attrMatches), Minutes: d.number(attrMinutes), Owners: d.list(attrOwners),
		OwnerUnknown: d.yes(attrUnknown), Privileged: d.list(attrPrivileged), By: d.by, At: now, State: Requested, Alone: d.yes(attrAlone),
	}
	g.Terms = g.terms()
	return g
}

func (b *Book) judgeRequest(d *deed, now time.Time) (change, error) {
	c, err := b.open(d.caseID)
	if err != nil {
		return nil, err
	}
	alone := d.typ == TypeGrantBreakGlass
	right := access.RequestGrant
	if alone {
		right = access.BreakGlass
	}
	if err := d.may(right); err != nil {
		return nil, err
	}
	g := d.asked(now)
	if err := b.fresh("G", g.ID); err != nil {
		return nil, err
	}
	if err := checkGrant(g); err != nil {
		return nil, err
	}
	if err := barred(c, g, d); err != nil {
		return nil, err
	}
	if alone {
		if len(g.Privileged)+len(c.Privileged) > 0 {
			return nil, fmt.Errorf("%w: content of a privileged group always takes two people; ask for it", ErrRefused)
		}
		if err := b.breaks(d, g, now); err != nil {
			return nil, err
		}
	}
	if g.Alone = g.Alone && !alone && !g.OwnerUnknown && len(g.Privileged)+len(c.Privileged) == 0; g.Alone || alone {
		g.State, g.Until = Opened, now.Add(time.Duration(g.Minutes)*time.Minute)
	}
	return func(seq uint64) {
		g.Seq = seq
		b.add(g)
		for _, kind := range g.Privileged {
			if !slices.Contains(c.Privileged, kind) {
				c.Privileged = append(c.Privileged, kind)
			}
		}
	}, nil
}

// breaks judges what is special to breaking the glass.
func (b *Book) breaks(d *deed, g *Grant, now time.Time) error {
	if !d.reason {
		return fmt.Errorf("%w: who breaks the glass says why", ErrInvalid)
	}
	for _, other := range b.alive {
		if other.Unreviewed() && other.By.is(d.by) && now.After(other.ReviewDue) {
			return fmt.Errorf("%w: the review of %s, which you opened alone, is overdue; a privacy officer reviews it first", ErrRefused, other.ID)
		}
	}
	hours := d.number(attrReviewHours)
	if hours < 1 || hours > 14*24 {
		return fmt.Errorf("%w: a review is due within 1 to 336 hours", ErrInvalid)
	}
	g.BreakGlass, g.ReviewDue = true, now.Add(time.Duration(hours)*time.Hour)
	return nil
}

// checkGrant refuses what says too little or too much.
func checkGrant(g *Grant) error {
	switch {
	case g.Class != audit.ClassDetail && g.Class != audit.ClassText:
		return fmt.Errorf("%w: a grant is for detail or for text", ErrInvalid)
	case g.Minutes < 1 || g.Minutes > MaxMinutes:
		return fmt.Errorf("%w: a grant lasts from 1 to %d minutes", ErrInvalid, MaxMinutes)
	case len(g.Containers)+len(g.Records) == 0 && g.QueryDigest == "":
		return fmt.Errorf("%w: a grant names containers, records or a query", ErrInvalid)
	case len(g.Containers) > MaxContainers || len(g.Records) > MaxRecords:
		return fmt.Errorf("%w: a grant names %d containers and %d records at most", ErrInvalid, MaxContainers, MaxRecords)
	case g.QueryDigest != "" && !digestPattern.MatchString(g.QueryDigest):
		return fmt.Errorf("%w: the digest of the query is no SHA-256", ErrInvalid)
	case g.Matches > MaxMatches:
		return fmt.Errorf("%w: the query finds more than %d records; narrow it", ErrInvalid, MaxMatches)
	case slices.Contains(g.Containers, ""):
		return fmt.Errorf("%w: a container has a name", ErrInvalid)
	case len(g.Owners) == 0 && !g.OwnerUnknown:
		return fmt.Errorf("%w: nobody is known as owner of this content; say that the owner is unknown", ErrInvalid)
	}
	return nil
}

// barred judges who asks: somebody who takes part, whose content it is not, and counsel where a privileged group is touched.
func barred(c *Case, g *Grant, d *deed) error {
	part, in := c.part(d.by)
	switch {
	case d.by.Email == "":
		return fmt.Errorf("%w: it takes somebody who is proved to have an address, since by that one's own content is told", ErrRefused)
	case !in:
		return fmt.Errorf("%w: you take no part in case %s; its owner adds you", ErrRefused, c.ID)
	case d.by.among(c.about()) || d.by.among(g.Owners):
		return fmt.Errorf("%w: nobody opens their own content", ErrRefused)
	case len(g.Privileged)+len(c.Privileged) > 0 && !privileges(c, part, d):
		return fmt.Errorf("%w: content of a privileged group opens to counsel who takes part in a matter alone", ErrRefused)
	}
	return nil
}

// second judges who decides about what somebody else asked for, or did.
func second(c *Case, g *Grant, d *deed) error {
	_, in := c.part(d.by)
	switch {
	case !d.by.apart(g.By):
		return fmt.Errorf("%w: it takes somebody else than who asked, told apart by the address they are proved to have", ErrRefused)
	case d.by.among(c.about()) || d.by.among(g.Owners):
		return fmt.Errorf("%w: it is about you", ErrRefused)
	case len(g.Privileged)+len(c.Privileged) > 0 && !in:
		return fmt.Errorf("%w: in a privileged matter somebody who takes part decides", ErrRefused)
	}
	return nil
}

func (b *Book) judgeApprove(d *deed, now time.Time) (change, error) {
	g, c, err := b.waiting(d, now)
	if err != nil {
		return nil, err
	}
	if _, err := b.open(c.ID); err != nil {
		return nil, err
	}
	if err := second(c, g, d); err != nil {
		return nil, err
	}
	if d.text(attrTerms) != g.Terms {
		return nil, fmt.Errorf("%w: what is asked for is not what you were shown; look again", ErrOver)
	}
	return func(seq uint64) {
		by := d.by
		g.State, g.ApprovedBy, g.Until, g.noted = Opened, by, now.Add(time.Duration(g.Minutes)*time.Minute), seq
	}, nil
}

// waiting finds the request that an act is about, for who may decide.
func (b *Book) waiting(d *deed, now time.Time) (*Grant, *Case, error) {
	if err := d.may(access.ApproveGrant); err != nil {
		return nil, nil, err
	}
	g, c, err := b.grant(d.text(attrGrant))
	if err != nil {
		return nil, nil, err
	}
	if d.caseID != g.Case {
		return nil, nil, fmt.Errorf("%w: %s belongs to another case", ErrInvalid, g.ID)
	}
	if as := g.clone(now); as.State != Requested {
		return nil, nil, fmt.Errorf("%s is %s: %w", g.ID, as.State, ErrOver)
	}
	return g, c, nil
}

func (b *Book) judgeDeny(d *deed, now time.Time) (change, error) {
	g, c, err := b.waiting(d, now)
	if err != nil {
		return nil, err
	}
	if err := second(c, g, d); err != nil {
		return nil, err
	}
	return func(seq uint64) { g.State, g.DeniedBy, g.noted = Denied, d.by, seq }, nil
}

// judgeWithdraw: who asked, who owns the case, or who could have approved it ends a grant at any time.
func (b *Book) judgeWithdraw(d *deed, now time.Time) (change, error) {
	g, c, err := b.grant(d.text(attrGrant))
	if err != nil {
		return nil, err
	}
	if d.caseID != g.Case {
		return nil, fmt.Errorf("%w: %s belongs to another case", ErrInvalid, g.ID)
	}
	_, in := c.part(d.by)
	ends := g.By.is(d.by) || c.Owner.is(d.by) || d.may(access.ApproveGrant) == nil && (in || len(c.Privileged) == 0)
	if err := d.may(access.SignedIn); err != nil {
		return nil, err
	}
	if !ends {
		return nil, fmt.Errorf("%w: who asked for %s withdraws it, or the owner of the case, or who may approve", ErrRefused, g.ID)
	}
	if as := g.clone(now); !as.lives() {
		return nil, fmt.Errorf("%s is %s: %w", g.ID, as.State, ErrOver)
	}
	return func(uint64) {
		if g.State == Opened {
			g.Until = now
		}
		g.State = Withdrawn
	}, nil
}

func (b *Book) judgeReview(d *deed) (change, error) {
	if err := d.may(access.ReviewGrant); err != nil {
		return nil, err
	}
	g, c, err := b.grant(d.text(attrGrant))
	if err != nil {
		return nil, err
	}
	switch {
	case d.caseID != g.Case:
		return nil, fmt.Errorf("%w: %s belongs to another case", ErrInvalid, g.ID)
	case !g.BreakGlass:
		return nil, fmt.Errorf("%w: %s was not opened by breaking the glass", ErrInvalid, g.ID)
	case !g.Unreviewed():
		return nil, fmt.Errorf("%s was reviewed by %s: %w", g.ID, g.ReviewedBy.Label(), ErrOver)
	case !d.by.apart(g.By):
		return nil, fmt.Errorf("%w: it takes somebody else than who opened it, told apart by the address they are proved to have", ErrRefused)
	case d.by.among(c.about()) || d.by.among(g.Owners):
		return nil, fmt.Errorf("%w: it is about you; another privacy officer reviews it", ErrRefused)
	case !d.reason:
		return nil, fmt.Errorf("%w: a review says what was found", ErrInvalid)
	}
	return func(seq uint64) { g.ReviewedBy, g.Justified, g.noted = d.by, d.yes(attrJustified), seq }, nil
}

// Covers puts what a grant covers into words, for logs and terminals: no content.
func (g *Grant) Covers() string {
	var parts []string
	for _, of := range []struct {
		n    int
		what string
	}{{len(g.Containers), "container"}, {len(g.Records), "record"}} {
		if of.n == 1 {
			parts = append(parts, "1 "+of.what)
		} else if of.n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", of.n, of.what))
		}
	}
	if g.QueryDigest != "" {
		parts = append(parts, fmt.Sprintf("what a query finds (%d when it was asked for)", g.Matches))
	}
	return strings.Join(parts, ", ")
}
