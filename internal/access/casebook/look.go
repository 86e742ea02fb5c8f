package casebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
)

// sight is how much of a case somebody sees.
type sight int

const (
	unseen sight = iota
	veiled       // that there is a privileged matter
	seen
)

// sight tells how much of a case somebody sees: who takes part all of it; whom it is about nothing, whatever their role;
// who sees all cases that there is a privileged matter; who may approve those where something waits for them.
func (b *Book) sight(by *access.Person, c *Case, now time.Time) sight {
	who := refOf(by)
	_, in := c.part(who)
	switch {
	case !by.May(access.ReadCases), bound(by, c.ID) != nil, who.among(c.about()):
		return unseen
	case in:
		return seen
	case len(c.Privileged) > 0:
		if by.May(access.AllCases) {
			return veiled
		}
		return unseen
	case by.May(access.AllCases):
		return seen
	case by.May(access.ApproveGrant) && slices.ContainsFunc(b.of[c.ID], func(g *Grant) bool { return g.stands(now) == Requested }):
		return seen
	}
	return unseen
}

// Sees reports whether somebody sees what a case is about. It is read under State.Within.
func (b *Book) Sees(by *access.Person, id string, now time.Time) bool {
	c := b.cases[id]
	return c != nil && b.sight(by, c, now) == seen
}

// veil leaves out what only those who take part in a privileged matter may know.
func veil(c Case) Case {
	return Case{ID: c.ID, Kind: c.Kind, Privileged: nil, State: c.State, Opened: c.Opened, Closed: c.Closed, Seq: c.Seq, Hidden: true}
}

// List lists the cases somebody may know of, the latest first, without their titles.
func (d *Desk) List(ctx context.Context, by *access.Person) ([]Case, error) {
	if err := by.Allow(access.ReadCases); err != nil {
		return nil, err
	}
	var list []Case
	err := d.deps.Acts.Within(ctx, func(now time.Time) error {
		for _, c := range d.deps.Book.Cases() {
			switch d.deps.Book.sight(by, &c, now) {
			case seen:
				list = append(list, c)
			case veiled:
				list = append(list, veil(c))
			}
		}
		return nil
	})
	return list, err
}

// Peek is Show without titles, reasons and queries, which are content: for pages that refresh.
func (d *Desk) Peek(ctx context.Context, by *access.Person, id string) (c Case, grants []Grant, err error) {
	if err := by.Allow(access.ReadCases); err != nil {
		return Case{}, nil, err
	}
	err = d.deps.Acts.Within(ctx, func(now time.Time) error {
		var ok bool
		if c, ok = d.deps.Book.Case(id); !ok {
			return fmt.Errorf("%w: %.40q", ErrUnknown, id)
		}
		switch d.deps.Book.sight(by, &c, now) {
		case unseen:
			return fmt.Errorf("%w: %.40q", ErrUnknown, id)
		case veiled:
			c = veil(c)
			return nil
		}
		grants = d.deps.Book.Grants(id, now)
		return nil
	})
	return c, grants, err
}

// Show is a case with its grants, the latest first, and what people wrote: title, reasons, queries. That somebody looked at
// those is on record before they are opened.
func (d *Desk) Show(ctx context.Context, by *access.Person, id string) (Case, []Grant, error) {
	c, grants, err := d.Peek(ctx, by, id)
	if err != nil || c.Hidden {
		return c, grants, err
	}
	seqs := []uint64{c.Seq}
	for i := range grants {
		seqs = append(seqs, grants[i].Seq)
		if grants[i].noted > 0 {
			seqs = append(seqs, grants[i].noted)
		}
	}
	texts, err := d.texts(ctx, by, &c, seqs)
	if err != nil {
		return Case{}, nil, fmt.Errorf("show case %s: %w", id, err)
	}
	c.Title = texts[c.Seq][pieceTitle]
	for i := range grants {
		g := &grants[i]
		g.Reason, g.Query, g.Note = texts[g.Seq][pieceReason], texts[g.Seq][pieceQuery], texts[g.noted][pieceReason]
	}
	return c, grants, nil
}

// Said opens why things were done under a case: the reasons beside its acts at some positions, for who sees the case. That
// somebody looked is on record before they are opened.
func (d *Desk) Said(ctx context.Context, by *access.Person, id string, seqs ...uint64) (map[uint64]string, error) {
	c, _, err := d.Peek(ctx, by, id)
	if err != nil || c.Hidden {
		return nil, err
	}
	texts, err := d.texts(ctx, by, &c, seqs)
	if err != nil {
		return nil, fmt.Errorf("show why, under case %s: %w", id, err)
	}
	said := make(map[uint64]string, len(texts))
	for seq, named := range texts {
		said[seq] = named[pieceReason]
	}
	return said, nil
}

// Waiting lists the requests that wait for somebody to approve, and what was opened alone and waits for their review.
func (d *Desk) Waiting(ctx context.Context, by *access.Person) (approve, review []Grant, err error) {
	if err := by.Allow(access.SignedIn); err != nil {
		return nil, nil, err
	}
	approves, reviews := by.May(access.ApproveGrant), by.May(access.ReviewGrant)
	if !approves && !reviews {
		return nil, nil, nil
	}
	err = d.deps.Acts.Within(ctx, func(now time.Time) error {
		act := &deed{by: refOf(by), roles: by.Roles}
		for _, g := range d.deps.Book.living() {
			c := d.deps.Book.cases[g.Case]
			asked, owed := approves && c.State == Open && g.stands(now) == Requested, reviews && g.Unreviewed()
			if !asked && !owed || bound(by, g.Case) != nil || second(c, g, act) != nil {
				continue
			}
			if asked {
				approve = append(approve, g.clone(now))
			} else {
				review = append(review, g.clone(now))
			}
		}
		return nil
	})
	return approve, review, err
}

// texts opens what people wrote beside acts of a case: texts by position and name. Erased ones are left out.
func (d *Desk) texts(ctx context.Context, by *access.Person, c *Case, seqs []uint64) (map[uint64]map[string]string, error) {
	out := make(map[uint64]map[string]string)
	stored, _, err := d.deps.Journal.GetReadable(ctx, seqs...)
	if err != nil {
		return nil, err
	}
	recorded := false
	for i := range stored {
		r, err := stored[i].Record()
		if err != nil || r.Source != audit.SourceTripod || r.Case != c.ID {
			continue
		}
		for _, ref := range r.Content {
			if ref.Address == "" || ref.Class != audit.ClassDetail {
				continue
			}
			grant, err := content.NewGrant(content.Terms{
				Purpose: string(c.Purpose), Case: c.ID, Who: refOf(by).Label(), Class: audit.ClassDetail, Containers: []string{r.Container},
				Expires: time.Now().Add(time.Minute),
				Record: func(ctx context.Context, _ content.Opening) error {
					if recorded {
						return nil
					}
					recorded = true
					_, err := d.deps.Door.Record(ctx, intake.Act{Type: TypeContentOpen, Activity: audit.ActivityView, Account: by.Identity(), Case: c.ID,
						Attributes: audit.Attrs{audit.TextAttr(attrWhat, "case_file"), audit.TextAttr(attrPurpose, string(c.Purpose))}}, nil)
					return err
				},
			})
			if err != nil {
				return nil, err
			}
			text, err := d.deps.Content.Open(ctx, grant.For(ref.Class), r.Container, content.Address(ref.Address))
			if errors.Is(err, content.ErrErased) || errors.Is(err, content.ErrMissing) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if out[stored[i].Seq] == nil {
				out[stored[i].Seq] = make(map[string]string)
			}
			out[stored[i].Seq][ref.Name] = string(text)
		}
	}
	return out, nil
}
