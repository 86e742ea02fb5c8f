package casebook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Ask is what somebody asks to open.
type Ask struct {
	Case         string      `json:"case"`
	Class        audit.Class `json:"class"`
	Containers   []string    `json:"containers,omitempty"`
	Records      []uint64    `json:"records,omitempty"`
	Query        string      `json:"query,omitempty"`
	Minutes      int         `json:"minutes,omitempty"` // 0: as long as the configuration allows
	OwnerUnknown bool        `json:"owner_unknown,omitempty"`
	Reason       string      `json:"reason"` // content
}

// Request asks for a grant. Where the configuration asks for one person alone it is open at once.
func (d *Desk) Request(ctx context.Context, by *access.Person, a Ask) (Grant, error) {
	g, err := d.ask(ctx, by, a, TypeGrantRequest, access.RequestGrant)
	if err != nil {
		return Grant{}, fmt.Errorf("request grant: %w", err)
	}
	return g, nil
}

// BreakGlass opens content alone and at once. Privacy officers are told, and one of them must review it.
func (d *Desk) BreakGlass(ctx context.Context, by *access.Person, a Ask) (Grant, error) {
	g, err := d.ask(ctx, by, a, TypeGrantBreakGlass, access.BreakGlass)
	if err != nil {
		return Grant{}, fmt.Errorf("break glass: %w", err)
	}
	d.log.WarnContext(ctx, "content was opened alone by breaking the glass", "grant", g.ID, "case", g.Case, "covers", g.Covers(), "review_due", g.ReviewDue)
	return g, nil
}

func (d *Desk) ask(ctx context.Context, by *access.Person, a Ask, typ string, right access.Right) (Grant, error) {
	if err := by.Allow(right); err != nil {
		return Grant{}, err
	}
	a.Reason, a.Query = strings.TrimSpace(a.Reason), strings.TrimSpace(a.Query)
	if err := d.checkAsk(by, &a); err != nil {
		return Grant{}, err
	}
	c, _, err := d.Peek(ctx, by, a.Case) // before anything is looked up for them
	if err != nil {
		return Grant{}, err
	}
	if _, in := c.part(refOf(by)); !in {
		return Grant{}, fmt.Errorf("%w: you take no part in case %s; its owner adds you", ErrRefused, c.ID)
	}
	covers, err := d.survey(ctx, &a)
	if err != nil {
		return Grant{}, err
	}
	if err := d.barOwn(ctx, by, covers); err != nil {
		return Grant{}, err
	}
	attrs := covers.attrs(&a, d.cfg.privileged(covers.groups))
	if typ == TypeGrantBreakGlass {
		attrs = append(attrs, audit.CountAttr(attrReviewHours, int64(max(d.cfg.Review/time.Hour, 1))))
	} else {
		attrs = yesAttr(attrs, attrAlone, !d.two(a.Class))
	}
	pieces := reasonPiece(a.Reason)
	if a.Query != "" {
		pieces = append(pieces, detail(pieceQuery, a.Query))
	}
	var id string
	seq, err := d.decide(ctx, by, right, func(now time.Time) (intake.Act, error) {
		id = d.deps.Book.next("G", now)
		return intake.Act{Type: typ, Case: a.Case, Attributes: append(slices.Clone(attrs), audit.TextAttr(attrGrant, id)), Pieces: slices.Clone(pieces)}, nil
	})
	if err != nil {
		return Grant{}, err
	}
	if a.Query != "" {
		d.mu.Lock()
		d.queries[id] = a.Query
		d.mu.Unlock()
	}
	g, err := d.grantNow(ctx, id, func(g *Grant) bool { return g.Seq == seq })
	g.Reason, g.Query = a.Reason, a.Query
	return g, err
}

// two reports whether a class takes two people.
func (d *Desk) two(class audit.Class) bool {
	if class == audit.ClassDetail {
		return d.cfg.TwoPeople.Detail
	}
	return d.cfg.TwoPeople.Text
}

func (d *Desk) checkAsk(by *access.Person, a *Ask) error {
	if err := bound(by, a.Case); err != nil {
		return err
	}
	if a.Reason == "" {
		return fmt.Errorf("%w: say why; it goes on record", ErrInvalid)
	}
	if err := checkText("the reason", a.Reason); err != nil {
		return err
	}
	if err := checkText("the query", a.Query); err != nil {
		return err
	}
	if a.Query != "" && d.deps.Queries == nil {
		return fmt.Errorf("%w: a query cannot be asked for here; name containers or records", ErrInvalid)
	}
	most := int(d.cfg.Grant / time.Minute)
	if a.Minutes == 0 {
		a.Minutes = most
	}
	if a.Minutes < 1 || a.Minutes > most {
		return fmt.Errorf("%w: a grant lasts from 1 to %d minutes here", ErrInvalid, most)
	}
	if len(a.Containers) > MaxContainers || len(a.Records) > MaxRecords {
		return fmt.Errorf("%w: a grant names %d containers and %d records at most", ErrInvalid, MaxContainers, MaxRecords)
	}
	slices.Sort(a.Containers)
	slices.Sort(a.Records)
	a.Containers, a.Records = slices.Compact(a.Containers), slices.Compact(a.Records)
	return nil
}

func (c *cover) attrs(a *Ask, privileged []string) audit.Attrs {
	attrs := textAttr(nil, attrClass, a.Class)
	attrs = append(attrs, audit.CountAttr(attrMinutes, int64(a.Minutes)))
	attrs = listAttr(attrs, attrContainers, a.Containers)
	if len(a.Records) > 0 {
		list := make([]audit.Value, len(a.Records))
		for i, seq := range a.Records {
			list[i] = audit.Int(int64(seq))
		}
		attrs = append(attrs, audit.Attr{Name: attrRecords, Value: audit.Array(list...)})
	}
	if a.Query != "" {
		attrs = append(attrs, audit.TextAttr(attrQuery, digest(a.Query)), audit.CountAttr(attrMatches, int64(c.matches)))
	}
	attrs = listAttr(attrs, attrOwners, c.owners)
	attrs = yesAttr(attrs, attrUnknown, a.OwnerUnknown)
	return listAttr(attrs, attrPrivileged, privileged)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Approve opens what somebody else asked for. Terms are Grant.Terms as they were shown to who approves.
func (d *Desk) Approve(ctx context.Context, by *access.Person, grant, terms, note string) (Grant, error) {
	g, err := d.answer(ctx, by, grant, note, access.ApproveGrant, TypeGrantApprove, audit.TextAttr(attrTerms, terms))
	if err != nil {
		return Grant{}, fmt.Errorf("approve %.20q: %w", grant, err)
	}
	if g.State != Opened {
		return g, errNotTaken
	}
	return g, nil
}

// Deny refuses what somebody else asked for.
func (d *Desk) Deny(ctx context.Context, by *access.Person, grant, note string) (Grant, error) {
	g, err := d.answer(ctx, by, grant, note, access.ApproveGrant, TypeGrantDeny)
	if err != nil {
		return Grant{}, fmt.Errorf("deny %.20q: %w", grant, err)
	}
	return g, nil
}

// Withdraw ends a grant or a request: by who asked, who owns the case, or who may approve.
func (d *Desk) Withdraw(ctx context.Context, by *access.Person, grant, note string) (Grant, error) {
	g, err := d.answer(ctx, by, grant, note, access.ReadCases, TypeGrantWithdraw)
	if err != nil {
		return Grant{}, fmt.Errorf("withdraw %.20q: %w", grant, err)
	}
	return g, nil
}

// Review says whether breaking the glass was justified, and why it was or not.
func (d *Desk) Review(ctx context.Context, by *access.Person, grant string, justified bool, note string) (Grant, error) {
	g, err := d.answer(ctx, by, grant, note, access.ReviewGrant, TypeGrantReview, audit.Attr{Name: attrJustified, Value: audit.Bool(justified)})
	if err != nil {
		return Grant{}, fmt.Errorf("review %.20q: %w", grant, err)
	}
	return g, nil
}

// answer records an act upon a grant of a case that somebody may know of.
func (d *Desk) answer(ctx context.Context, by *access.Person, id, note string, right access.Right, typ string, attrs ...audit.Attr) (Grant, error) {
	if err := by.Allow(right); err != nil {
		return Grant{}, err
	}
	note = strings.TrimSpace(note)
	if err := checkText("the note", note); err != nil {
		return Grant{}, err
	}
	if err := d.barKnown(ctx, by, id, typ); err != nil {
		return Grant{}, err
	}
	_, err := d.decide(ctx, by, right, func(now time.Time) (intake.Act, error) {
		g := d.deps.Book.grants[id]
		if g == nil || bound(by, g.Case) != nil || refOf(by).among(d.deps.Book.cases[g.Case].about()) {
			return intake.Act{}, fmt.Errorf("%w: %.40q", ErrUnknown, id)
		}
		all := append(audit.Attrs{audit.TextAttr(attrGrant, id)}, attrs...)
		return intake.Act{Type: typ, Case: g.Case, Attributes: all, Pieces: reasonPiece(note)}, nil
	})
	if err != nil {
		return Grant{}, err
	}
	return d.grantNow(ctx, id, func(*Grant) bool { return true })
}

// barKnown refuses who decides about content that is theirs by an identifier that only the directory knows.
func (d *Desk) barKnown(ctx context.Context, by *access.Person, id, typ string) error {
	if typ == TypeGrantWithdraw {
		return nil
	}
	var about []string
	if err := d.deps.Acts.Within(ctx, func(now time.Time) error {
		if g, ok := d.deps.Book.Grant(id, now); ok {
			about = append(g.Owners, d.deps.Book.cases[g.Case].about()...)
		}
		return nil
	}); err != nil {
		return err
	}
	mine, err := d.everything(ctx, refOf(by).identifiers())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(mine, func(id string) bool { return slices.Contains(about, id) }) {
		return fmt.Errorf("%w: it is about you", ErrRefused)
	}
	return nil
}
