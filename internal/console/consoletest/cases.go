package consoletest

import (
	"context"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Ana investigates, and Priya decides.
func Ana() *access.Person   { return Somebody("ana", access.Analyst) }
func Priya() *access.Person { return Somebody("priya", access.PrivacyOfficer) }

// Filed is what File made.
type Filed struct {
	Seqs                 []uint64 // records with content, in one session
	Session              string
	Open, Asked, Closed  string // cases
	Grant, Waits, Broken string // of Open: one that is open, one that waits, one that was opened alone
}

// File submits a session with content, and makes cases about whose it is, as Ana and Priya would: an investigation with a
// grant of each kind, a request that waits, a closed matter. The views have caught up.
func (b *Bench) File(at time.Time) Filed {
	b.T.Helper()
	ctx := context.Background()
	f := Filed{Session: "5e55f11e-0000-4000-8000-000000000001"}
	for i, text := range []string{"Summarise the mail of ward 4 for me.", "{\"to\":\"kofi@example.com\",\"body\":\"<b>Ward 4</b> is full.\\nTell \u202eeno on.\"}", longText()} {
		f.Seqs = append(f.Seqs, b.written(f.Session, "kofi@example.com", at.Add(time.Duration(i)*time.Second), text, i == 1))
	}
	b.CatchUp()
	ana, priya := Ana(), Priya()
	open := func(n casebook.NewCase) string {
		c, err := b.Desk.Open(ctx, ana, n)
		must(b.T, err)
		return c.ID
	}
	f.Open = open(casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident, Basis: casebook.BasisLegitimateInterest,
		Title: "Mail of ward 4 left the house", Reference: "INC-2211", Subjects: []string{"kofi@example.com"}})
	f.Asked = open(casebook.NewCase{Kind: casebook.KindRequest, Purpose: casebook.PurposeAccessRequest, Basis: casebook.BasisLegalObligation, Subjects: []string{"kofi@example.com"}})
	f.Closed = open(casebook.NewCase{Kind: casebook.KindMatter, Purpose: casebook.PurposeLegalMatter, Basis: casebook.BasisLegalClaims})
	_, err := b.Desk.Close(ctx, ana, f.Closed, "settled")
	must(b.T, err)
	ask := func(c string, do func(context.Context, *access.Person, casebook.Ask) (casebook.Grant, error), a casebook.Ask) casebook.Grant {
		a.Case, a.Reason = c, "the alert named this session"
		g, err := do(ctx, ana, a)
		must(b.T, err)
		return g
	}
	g := ask(f.Open, b.Desk.Request, casebook.Ask{Class: audit.ClassText, Containers: []string{"session/fleet/" + f.Session}, Minutes: 45})
	_, err = b.Desk.Approve(ctx, priya, g.ID, g.Terms, "go ahead")
	must(b.T, err)
	f.Grant = g.ID
	f.Waits = ask(f.Open, b.Desk.Request, casebook.Ask{Class: audit.ClassDetail, Records: f.Seqs[:2], Minutes: 10}).ID
	f.Broken = ask(f.Open, b.Desk.BreakGlass, casebook.Ask{Class: audit.ClassText, Records: f.Seqs[:1], Minutes: 5}).ID
	ask(f.Asked, b.Desk.Request, casebook.Ask{Class: audit.ClassText, Containers: []string{"session/fleet/" + f.Session}, Minutes: 60})
	_, err = b.Desk.Read(ctx, ana, f.Grant, f.Seqs[0])
	must(b.T, err)
	b.CatchUp()
	return f
}

func longText() string {
	text := ""
	for i := range 200 {
		text += fmt.Sprintf("Line %d of what the model answered about the beds of ward 4.\n", i+1)
	}
	return text
}

// written submits one prompt with its text and a path.
func (b *Bench) written(session, email string, at time.Time, text string, structure bool) uint64 {
	b.T.Helper()
	r := &audit.Record{
		Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "claude_code.user_prompt",
		Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Container: "session/fleet/" + session,
	}
	r.Keys.Session = session
	r.Account.Asserted.Email, r.Account.Proved.Email, r.Account.Proved.Credential = email, email, "fleet"
	kind := audit.KindString
	if structure {
		kind = audit.KindMap
	}
	return b.Submit("fleet", intake.Draft{Record: r, Form: []byte(text), Pieces: []intake.Piece{
		{Name: "prompt", Class: audit.ClassText, Kind: kind, Value: []byte(text)},
		{Name: "cwd", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte("/home/kofi/ward")},
	}})[0]
}
