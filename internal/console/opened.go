package console

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/wording"
)

// opensContent says whose content is asked for, and under which grant. The desk records each opening besides, before it opens
// anything.
func (v *visit) opensContent() (opening, error) {
	seq, err := v.seq()
	if err != nil {
		return opening{}, err
	}
	grant, err := v.grantNamed()
	if err != nil {
		return opening{}, err
	}
	return opens("record.content", audit.Attr{Name: "position", Value: audit.Int(int64(seq))}, audit.TextAttr("grant", grant)), nil
}

// grantNamed is the number of a grant in the address.
func (v *visit) grantNamed() (string, error) {
	grant := v.r.URL.Query().Get("grant")
	if grant == "" || len(grant) > longestCaseID || !audit.InertText(grant) {
		return "", invalid("grant is the number of a grant, as the page of its case shows it")
	}
	return grant, nil
}

// opened opens the content of the record in the address. Nothing of it may go anywhere but to the answer.
func (v *visit) opened() (*reading.Item, *casebook.Grant, []casebook.Piece, error) {
	desk, err := v.desk()
	if err != nil {
		return nil, nil, nil, err
	}
	seq, err := v.seq()
	if err != nil {
		return nil, nil, nil, err
	}
	ctx, id := v.r.Context(), v.r.URL.Query().Get("grant")
	grants, err := desk.Usable(ctx, v.person())
	if err != nil {
		return nil, nil, nil, err
	}
	at := slices.IndexFunc(grants, func(g casebook.Grant) bool { return g.ID == id })
	if at < 0 { // says why
		_, err := desk.Read(ctx, v.person(), id, seq)
		return nil, nil, nil, cmp.Or(err, casebook.ErrNoGrant)
	}
	item, err := v.item()
	switch {
	case err != nil:
		return nil, nil, nil, err
	case item.Tombstone != nil:
		return nil, nil, nil, notFound(fmt.Sprintf("Record %d is no longer there, nor what belonged to it.", seq), "Its commitment and its proof remain.")
	}
	pieces, err := desk.Read(ctx, v.person(), id, seq)
	if err != nil {
		return nil, nil, nil, err
	}
	return item, &grants[at], pieces, nil
}

// showContent shows what a record refers to: as a part of a page that asked for it, else as a page.
func (v *visit) showContent() error {
	item, g, pieces, err := v.opened()
	if err != nil {
		return err
	}
	p := v.openedOf(item, g, pieces)
	if v.r.Header.Get("HX-Request") != "" {
		return v.fragment("content", "opened", p)
	}
	return v.print("content", v.frame(fmt.Sprintf("Content of record %d", item.Seq), "cases", v.cli("record", fmt.Sprint(item.Seq), "--content", "--grant", g.ID)), p)
}

// openedOf is what was opened of a record, as pages show it.
func (v *visit) openedOf(item *reading.Item, g *casebook.Grant, pieces []casebook.Piece) *page.Opened {
	r := item.Record
	p := &page.Opened{
		Seq: item.Seq, Case: g.Case, Grant: g.ID, Until: g.Until, Reads: v.may(access.ReadRecords), Says: wording.Sentence(r), Type: r.Type,
		Source: string(r.Source), Occurred: r.Occurred, Session: r.Keys.Session,
	}
	for i := range pieces {
		p.Pieces = append(p.Pieces, pieceOf(&r.Content[i], &pieces[i]))
	}
	return p
}

// pieceOf is a piece as the page shows it, or why it cannot.
func pieceOf(c *audit.Content, p *casebook.Piece) page.OpenedPiece {
	out := page.OpenedPiece{Name: p.Name, Class: string(p.Class), Kind: c.Kind, Bytes: int64(p.Bytes), Truncated: p.Truncated, State: pieceState(c, p)}
	if out.State == "" {
		out.Text = page.NewWritten(p.Text, c.Kind != string(audit.KindString))
	}
	return out
}

// pieceState says in words why a piece has no text, "" where it has one.
func pieceState(c *audit.Content, p *casebook.Piece) string {
	switch p.State {
	case casebook.Held:
		return ""
	case casebook.Erased:
		return "Erased by order: nothing is left of it."
	case casebook.Missing:
		return "Missing: the record refers to it, and the content store does not have it. A restore or a fault took it."
	case casebook.NotGranted:
		return "Not opened: the grant is for detail, and this is text."
	case casebook.Withheld:
		switch c.Withheld {
		case audit.WithheldPolicy:
			return "Withheld by the capture policy: it was never stored."
		case audit.WithheldSource:
			return "Withheld by its source: it never arrived."
		}
		return "Never held."
	}
	return "Not opened: " + string(p.State) + "."
}

// addOpenables says what opens the content of a record, or asks for a grant.
func (v *visit) addOpenables(p *page.Record, item *reading.Item) {
	if !holdsContent(item.Record) {
		return
	}
	p.Openables = v.openables(item.Seq, item.Record)
	if v.deps.Desk != nil && v.may(access.RequestGrant) {
		p.Ask = addressWith("/cases/ask", "record", strconv.FormatUint(item.Seq, 10))
	}
}

// openables are the open grants of who looks that cover something, each with the address that opens it.
func (v *visit) openables(seq uint64, record *audit.Record) []page.Openable {
	if v.deps.Desk == nil || !v.may(access.OpenContent) || record == nil {
		return nil
	}
	grants, err := v.deps.Desk.Covering(v.r.Context(), v.person(), seq, record)
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "list grants", "error", err)
		return nil
	}
	var list []page.Openable
	for i := range grants {
		g := &grants[i]
		list = append(list, page.Openable{Grant: g.ID, Case: g.Case, Until: g.Until, Class: string(g.Class), URL: page.ContentURL(seq, g.ID)})
	}
	return list
}
