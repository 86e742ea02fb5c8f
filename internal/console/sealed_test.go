package console_test

import (
	"archive/zip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/reviews"
)

// TestCaseIsSealed: what a case is about is told to nobody who does not see it, by none of the ways to a record; and whom it is
// about is not told of it by the log of who looked either.
func TestCaseIsSealed(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	c, err := b.Desk.Open(context.Background(), consoletest.Ana(), casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident,
		Basis: casebook.BasisLegitimateInterest, Reference: "INC-7777", Subjects: []string{"omar@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	b.CatchUp()
	record := fmt.Sprintf("/record/%d", c.Seq)
	for _, p := range []struct {
		who  *access.Person
		sees bool
	}{
		{consoletest.Ana(), true},   // who opened it
		{consoletest.Priya(), true}, // who sees all
		{consoletest.Somebody("zoe", access.Analyst), false},
		{consoletest.Somebody("adi", access.Administrator), false},
		{consoletest.Somebody("omar", access.PrivacyOfficer), false}, // whom it is about
	} {
		b.SignInAs(p.who)
		for _, way := range []string{
			"/activity" + query("source:tripod"), "/api/v1/search" + query("type:tripod.case.open"), "/activity/export" + query("type:tripod.case.open") + "&as=ndjson",
			record, record + "/source", record + "/proof", record + "/proof.json",
		} {
			a := b.Get(way)
			export := strings.Contains(way, "export")
			if export && p.who.Email == "adi@example.com" {
				continue // not for administrators
			}
			body := a.Body
			if z, err := zip.NewReader(strings.NewReader(body), int64(len(body))); export && err == nil {
				body = string(unzip(t, z.File[0]))
			}
			told := strings.Contains(body, "INC-7777") || strings.Contains(body, `"omar@example.com"`) || strings.Contains(body, "legitimate_interests")
			if !p.sees && told {
				t.Errorf("%s tells %s what it is about", way, p.who.Email)
			}
			if whole := export || strings.Contains(way, "/api/") || strings.HasSuffix(way, "/source"); whole && p.sees && !told {
				t.Errorf("%s does not tell %s, who sees the case: %d", way, p.who.Email, a.Status)
			}
			if strings.HasPrefix(way, record) && !p.sees && a.Status != http.StatusForbidden {
				t.Errorf("%s by %s: %d", way, p.who.Email, a.Status)
			}
		}
	}
	logs := []string{"/reviews", "/reviews/digest/" + reviews.WeekOf(c.Opened).String()}
	for _, path := range logs {
		if log := b.Get(path); log.Status != http.StatusOK || strings.Contains(log.Body, c.ID) {
			t.Errorf("%s tells whom a case is about: %d", path, log.Status)
		}
	}
	b.SignInAs(consoletest.Priya())
	for _, path := range logs {
		if log := b.Get(path); !strings.Contains(log.Body, c.ID) {
			t.Errorf("%s does not tell who may know", path)
		}
	}
}
