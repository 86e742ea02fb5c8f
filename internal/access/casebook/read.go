package casebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Piece is one piece of content of a record, opened, or why it is not.
type Piece struct {
	Name      string      `json:"name"`
	Class     audit.Class `json:"class"`
	Bytes     int         `json:"bytes"`
	State     PieceState  `json:"state"`
	Truncated bool        `json:"truncated,omitempty"`
	Text      []byte      `json:"text,omitempty"`
}

// PieceState says whether a piece was opened.
type PieceState string

// The states.
const (
	Held       PieceState = "held" // opened: Text is it
	Erased     PieceState = "erased"
	Missing    PieceState = "missing"
	Withheld   PieceState = "withheld"    // never held: the capture policy or the source kept it back
	NotGranted PieceState = "not_granted" // more sensitive than the grant is for
)

// Read opens the content of one record under a grant, for who asked for it. That it opens is on record before anything is
// decrypted; what is erased, missing or withheld is told without. Errors wrap ErrNoGrant and say what to do, and never
// quote content.
func (d *Desk) Read(ctx context.Context, by *access.Person, grant string, seq uint64) ([]Piece, error) {
	pieces, err := d.read(ctx, by, grant, seq)
	if err != nil {
		return nil, fmt.Errorf("open content of record %d: %w", seq, err)
	}
	return pieces, nil
}

func (d *Desk) read(ctx context.Context, by *access.Person, grant string, seq uint64) ([]Piece, error) {
	if err := by.Allow(access.OpenContent); err != nil {
		return nil, err
	}
	if by.Via == access.ViaToken && !slices.Contains(by.Only, access.OpenContent) {
		return nil, fmt.Errorf("%w: a token opens content only where its scope names %s", access.ErrForbidden, access.OpenContent)
	}
	g, c, err := d.usable(ctx, by, grant)
	if err != nil {
		return nil, err
	}
	stored, unreadable, err := d.deps.Journal.GetReadable(ctx, seq)
	if err != nil || len(unreadable) > 0 || len(stored) == 0 {
		return nil, errors.Join(errors.New("it cannot be read; tripod verify says why"), err)
	}
	if stored[0].Tombstone != nil {
		return nil, fmt.Errorf("the record was %s", stored[0].Tombstone.Reason)
	}
	r, err := stored[0].Record()
	if err != nil {
		return nil, err
	}
	if err := d.covers(ctx, by, &g, seq, r); err != nil {
		return nil, err
	}
	if err := d.barRecord(ctx, by, &g, &c, r); err != nil {
		return nil, err
	}
	return d.open(ctx, by, &g, &c, seq, r)
}

// usable finds a grant that somebody may use now.
func (d *Desk) usable(ctx context.Context, by *access.Person, id string) (g Grant, c Case, err error) {
	err = d.deps.Acts.Within(ctx, func(now time.Time) error {
		var ok bool
		if g, ok = d.deps.Book.Grant(id, now); ok {
			c, ok = d.deps.Book.Case(g.Case)
		}
		who := refOf(by)
		if !ok || bound(by, g.Case) != nil || !g.By.is(who) {
			return fmt.Errorf("%w: you have no grant %.20q; ask for one in a case you take part in", ErrNoGrant, id)
		}
		part, in := c.part(who)
		switch {
		case g.State == Requested:
			return fmt.Errorf("%w: %s waits for somebody else to approve it", ErrNoGrant, id)
		case g.State != Opened || c.State != Open:
			return fmt.Errorf("%w: %s is %s; ask for another", ErrNoGrant, id, g.State)
		case !in:
			return fmt.Errorf("%w: you take no part in case %s any more", ErrNoGrant, c.ID)
		case g.Alone && d.two(g.Class):
			return fmt.Errorf("%w: %s was opened by one person, and it takes two by now; ask for another", ErrNoGrant, id)
		case who.among(c.about()) || who.among(g.Owners):
			return fmt.Errorf("%w: nobody opens their own content", ErrRefused)
		case len(g.Privileged)+len(c.Privileged) > 0 && !privileges(&c, part, &deed{roles: by.Roles}):
			return fmt.Errorf("%w: content of a privileged group opens to counsel who takes part in a matter alone", ErrRefused)
		}
		return nil
	})
	return g, c, err
}

// covers refuses a record that a grant does not name.
func (d *Desk) covers(ctx context.Context, by *access.Person, g *Grant, seq uint64, r *audit.Record) error {
	if slices.Contains(g.Records, seq) || r.Container != "" && r.Source != audit.SourceTripod && slices.Contains(g.Containers, r.Container) {
		return nil
	}
	if g.QueryDigest != "" && seq < g.Seq {
		match, err := d.matcher(ctx, by, g)
		if err != nil {
			return err
		}
		if match(r) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is for %s, and not for this record; ask for another grant", ErrNoGrant, g.ID, g.Covers())
}

// matcher is the query of a grant. Its text is content beside the request.
func (d *Desk) matcher(ctx context.Context, by *access.Person, g *Grant) (func(*audit.Record) bool, error) {
	d.mu.Lock()
	text, ok := d.queries[g.ID]
	d.mu.Unlock()
	if !ok {
		c, _, err := d.Peek(ctx, by, g.Case)
		if err != nil {
			return nil, err
		}
		texts, err := d.texts(ctx, by, &c, []uint64{g.Seq})
		if err != nil {
			return nil, err
		}
		text = texts[g.Seq][pieceQuery]
	}
	if text == "" || digest(text) != g.QueryDigest || d.deps.Queries == nil {
		return nil, fmt.Errorf("%w: the query of %s is not held any more; ask for a grant that names records", ErrNoGrant, g.ID)
	}
	d.mu.Lock()
	d.queries[g.ID] = text
	d.mu.Unlock()
	match, err := d.deps.Queries.Matcher(text, g.At)
	if err != nil {
		return nil, fmt.Errorf("%w: the query of %s cannot be read any more: %w", ErrNoGrant, g.ID, err)
	}
	return match, nil
}

// barRecord refuses by what is known now of whose content it is: also what was not when the grant was asked for.
func (d *Desk) barRecord(ctx context.Context, by *access.Person, g *Grant, c *Case, r *audit.Record) error {
	s := newSurveyor(d)
	if err := s.record(ctx, r); err != nil {
		return err
	}
	cov, err := s.sum()
	if err != nil {
		return err
	}
	if err := d.barOwn(ctx, by, cov); err != nil {
		return err
	}
	part, _ := c.part(refOf(by))
	switch kinds := d.cfg.privileged(cov.groups); {
	case len(kinds) > 0 && !privileges(c, part, &deed{roles: by.Roles}):
		return fmt.Errorf("%w: it is content of a privileged group (%s), which opens to counsel who takes part in a matter alone", ErrRefused, strings.Join(kinds, ", "))
	case len(kinds) > 0 && (g.Alone || g.BreakGlass):
		return fmt.Errorf("%w: content of a privileged group takes two people; ask for another grant", ErrNoGrant)
	case cov.unknown && !g.OwnerUnknown:
		return fmt.Errorf("%w: nobody is known as owner of this record; ask for a grant that says so", ErrNoGrant)
	case g.ApprovedBy.Subject != "" && g.ApprovedBy.among(cov.owners):
		return fmt.Errorf("%w: it is content of who approved %s; ask for another grant", ErrNoGrant, g.ID)
	}
	return nil
}

// open opens what a record refers to, as far as the grant goes.
func (d *Desk) open(ctx context.Context, by *access.Person, g *Grant, c *Case, seq uint64, r *audit.Record) ([]Piece, error) {
	pieces := make([]Piece, len(r.Content))
	for i, ref := range r.Content {
		p := &pieces[i]
		*p = Piece{Name: ref.Name, Class: ref.Class, Bytes: ref.Bytes, Truncated: ref.Truncated, State: NotGranted}
		if ref.Withheld != "" || ref.Address == "" {
			p.State = Withheld
			continue
		}
		state, err := d.deps.Content.State(ctx, r.Container, content.Address(ref.Address))
		switch {
		case err != nil:
			return nil, err
		case state == content.Erased:
			p.State = Erased
		case state == content.Missing:
			p.State = Missing
		case g.Class.Allows(ref.Class):
			p.State = Held
		}
	}
	opener, err := d.opener(by, g, c, seq, r, pieces)
	if err != nil {
		return nil, err
	}
	for i := range pieces {
		if pieces[i].State != Held {
			continue
		}
		pieces[i].Text, err = d.deps.Content.Open(ctx, opener.For(pieces[i].Class), r.Container, content.Address(r.Content[i].Address))
		switch {
		case errors.Is(err, content.ErrErased):
			pieces[i].State = Erased
		case errors.Is(err, content.ErrMissing):
			pieces[i].State = Missing
		case err != nil:
			return nil, err
		}
	}
	return pieces, nil
}

// opener is the content store's grant for one record. It records the opening of each class once, and only while the grant
// is still open.
func (d *Desk) opener(by *access.Person, g *Grant, c *Case, seq uint64, r *audit.Record, pieces []Piece) (content.Grant, error) {
	if r.Container == "" {
		return content.Grant{}, nil // opens nothing, and there is nothing
	}
	told := make(map[audit.Class]bool)
	return content.NewGrant(content.Terms{
		Purpose: string(c.Purpose), Case: c.ID, Who: refOf(by).Label(), Class: g.Class, Containers: []string{r.Container}, Expires: g.Until,
		Record: func(ctx context.Context, o content.Opening) error {
			if told[o.Class] {
				return nil
			}
			if _, _, err := d.usable(ctx, by, g.ID); err != nil {
				return err
			}
			n := 0
			for _, p := range pieces {
				if p.State == Held && p.Class == o.Class {
					n++
				}
			}
			attrs := audit.Attrs{
				audit.TextAttr(attrGrant, g.ID), audit.TextAttr(attrPurpose, string(c.Purpose)), audit.CountAttr(attrPosition, int64(seq)),
				audit.TextAttr(attrClass, string(o.Class)), audit.CountAttr(attrPieces, int64(n)), audit.TextAttr(attrContainer, o.Container),
			}
			_, err := d.deps.Door.Record(ctx, intake.Act{Type: TypeContentOpen, Activity: audit.ActivityView, Account: by.Identity(), Case: c.ID, Attributes: attrs}, nil)
			told[o.Class] = err == nil
			return err
		},
	})
}
