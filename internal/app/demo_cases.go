package app

import (
	"context"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// demoCases makes the cases of a demo, as the acts of the people who would: what the gateway stopped is investigated, with a
// grant that is open; somebody asked for access, and opening theirs waits for a second person; a legal matter is closed. It
// tells the number of the investigation.
func (a *App) demoCases(ctx context.Context, w *world.World) (string, error) {
	analyst, err := a.demoPerson(demoAnalyst)
	if err != nil {
		return "", err
	}
	officer, err := a.demoPerson(demoOfficer)
	if err != nil {
		return "", err
	}
	counsel, err := a.demoPerson(demoCounsel)
	if err != nil {
		return "", err
	}
	c, err := a.demoInvestigation(ctx, analyst, officer)
	if err != nil {
		return "", fmt.Errorf("investigation: %w", err)
	}
	if err := a.demoRequest(ctx, "dana@"+w.Org.Domain, officer); err != nil {
		return "", fmt.Errorf("request: %w", err)
	}
	matter, err := a.desk.Open(ctx, counsel, casebook.NewCase{Kind: casebook.KindMatter, Purpose: casebook.PurposeLegalMatter, Basis: casebook.BasisLegalClaims,
		Reference: "LIT-0417", Title: "Invoice of a supplier, settled"})
	if err == nil {
		_, err = a.desk.Close(ctx, counsel, matter.ID, "settled out of court")
	}
	if err != nil {
		return "", fmt.Errorf("matter: %w", err)
	}
	return c, nil
}

// demoInvestigation asks for the session in which the gateway stopped something or, without a gateway, a hook did.
func (a *App) demoInvestigation(ctx context.Context, asks, approves *access.Person) (string, error) {
	found, err := a.demoFind(ctx, "source:gateway.llm outcome:denied session:*", "source:otel.log outcome:denied")
	if err != nil || found == nil {
		return "", err
	}
	who, _ := found.Record.Account.Telling()
	c, err := a.desk.Open(ctx, asks, casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident, Basis: casebook.BasisLegitimateInterest,
		Reference: "INC-2211", Title: "A script from the network was to be run unread", Subjects: []string{who}})
	if err != nil {
		return "", err
	}
	g, err := a.demoAsk(ctx, asks, casebook.Ask{Case: c.ID, Class: audit.ClassText, Containers: []string{found.Record.Container},
		Reason: "What was asked of the model before it answered with a command that the gateway stopped."})
	if err != nil {
		return "", err
	}
	if _, err := a.desk.Approve(ctx, approves, g.ID, g.Terms, "One session; an hour is enough."); err != nil {
		return "", err
	}
	_, err = a.desk.Read(ctx, asks, g.ID, found.Seq)
	return c.ID, err
}

// demoRequest is of an account that wants to know what is held of it.
func (a *App) demoRequest(ctx context.Context, account string, asks *access.Person) error {
	found, err := a.demoFind(ctx, "activity:prompt user:"+search.Quote(account))
	if err != nil || found == nil {
		return err
	}
	c, err := a.desk.Open(ctx, asks, casebook.NewCase{Kind: casebook.KindRequest, Purpose: casebook.PurposeAccessRequest, Basis: casebook.BasisLegalObligation,
		Reference: "DSR-0093", Title: "Asks for a copy of what is held", Subjects: []string{account}})
	if err != nil {
		return err
	}
	_, err = a.demoAsk(ctx, asks, casebook.Ask{Case: c.ID, Class: audit.ClassText, Containers: []string{found.Record.Container}, Minutes: 45,
		Reason: "To see whether others are named in what is handed over."})
	return err
}

// demoAsk asks; where nobody is known as owner of some of it, it says so.
func (a *App) demoAsk(ctx context.Context, by *access.Person, ask casebook.Ask) (casebook.Grant, error) {
	g, err := a.desk.Request(ctx, by, ask)
	if err != nil {
		ask.OwnerUnknown = true
		g, err = a.desk.Request(ctx, by, ask)
	}
	return g, err
}

// demoFind is the latest record with a container that one of some queries finds, nil where none does.
func (a *App) demoFind(ctx context.Context, queries ...string) (*reading.Item, error) {
	for _, text := range queries {
		q, err := search.Parse(text, time.Now())
		if err != nil {
			return nil, err
		}
		found, err := a.reader().Find(ctx, q, search.Page{Limit: 50})
		if err != nil {
			return nil, err
		}
		for i := range found.Items {
			if found.Items[i].Record.Container != "" {
				return &found.Items[i], nil
			}
		}
	}
	return nil, nil
}
