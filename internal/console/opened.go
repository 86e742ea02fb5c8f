package console

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/content"
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
	grant := v.r.URL.Query().Get("grant")
	if grant == "" || len(grant) > longestCaseID || !audit.InertText(grant) {
		return opening{}, invalid("grant is the number of a grant, as the page of its case shows it")
	}
	return opens("record.content", audit.Attr{Name: "position", Value: audit.Int(int64(seq))}, audit.TextAttr("grant", grant)), nil
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
	pieces, err := desk.Read(ctx, v.person(), id, seq)
	if err != nil {
		return nil, nil, nil, err
	}
	g, err := desk.Grant(ctx, v.person(), id)
	if err != nil {
		return nil, nil, nil, err
	}
	item, err := v.item()
	if err != nil {
		return nil, nil, nil, err
	}
	return item, &g, pieces, nil
}

// showContent shows what a record refers to: as a part of a page that asked for it, else as a page.
func (v *visit) showContent() error {
	item, g, pieces, err := v.opened()
	if err != nil {
		return err
	}
	p := &page.Opened{Seq: item.Seq, Case: g.Case, Grant: g.ID, Until: g.Until, Reads: v.may(access.ReadRecords)}
	if r := item.Record; r != nil {
		p.Says, p.Type, p.Source, p.Occurred, p.Session = wording.Sentence(r), r.Type, string(r.Source), r.Occurred, r.Keys.Session
	}
	for i := range pieces {
		p.Pieces = append(p.Pieces, pieceOf(item.Record, &pieces[i]))
	}
	if v.r.Header.Get("HX-Request") != "" {
		return v.fragment("content", "opened", p)
	}
	return v.print("content", v.frame(fmt.Sprintf("Content of record %d", item.Seq), "cases", v.cli("record", fmt.Sprint(item.Seq), "--content", "--grant", g.ID)), p)
}

// pieceOf is a piece as the page shows it, or why it cannot.
func pieceOf(r *audit.Record, p *casebook.Piece) page.OpenedPiece {
	out := page.OpenedPiece{Name: p.Name, Class: string(p.Class), Bytes: int64(p.Bytes)}
	if r != nil {
		if at := slices.IndexFunc(r.Content, func(c audit.Content) bool { return c.Name == p.Name }); at >= 0 {
			out.Kind, out.Truncated = r.Content[at].Kind, r.Content[at].Truncated
		}
	}
	if out.State = pieceState(p); out.State == "" {
		structure := out.Kind != string(audit.KindString)
		out.Text = page.NewWritten(p.Text, structure)
	}
	return out
}

// pieceState says in words why a piece has no text, "" where it has one.
func pieceState(p *casebook.Piece) string {
	switch p.State {
	case string(content.Held):
		return ""
	case string(content.Erased):
		return "Erased by order: nothing is left of it."
	case string(content.Missing):
		return "Missing: the record refers to it, and the content store does not have it. A restore or a fault took it."
	case "withheld:" + audit.WithheldPolicy, audit.WithheldPolicy:
		return "Withheld by the capture policy: it was never stored."
	case "withheld:" + audit.WithheldSource, audit.WithheldSource:
		return "Withheld by its source: it never arrived."
	}
	return "Not opened: " + string(p.State) + "."
}

// openables are the open grants of who looks that cover something, each with the address that opens it.
func (v *visit) openables(seq uint64, record *audit.Record) []page.Openable {
	if v.deps.Desk == nil || !v.may(access.OpenContent) {
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

var _ = http.MethodGet
