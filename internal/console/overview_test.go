package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// TestDiscrepanciesNameWhoAndWhere holds that the overview says whose account a discrepancy concerns, and leads to its place.
func TestDiscrepanciesNameWhoAndWhere(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	other := &told{session: "other", at: time.Now().Add(-time.Hour)}
	other.account = audit.Account{
		Asserted: audit.Identity{Email: "marit@example.com", Device: "laptop-7"},
		Proved:   audit.Identity{Email: "sneha@example.com", Credential: "fleet-7"},
	}
	other.event("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{Prompt: "p"}).Flags = []string{audit.FlagIdentityMismatch}
	lost := &told{session: "lost", at: time.Now().Add(-2 * time.Hour), account: audit.Account{Asserted: audit.Identity{Email: "dana@example.com"}}}
	for n := range int64(60) {
		if n > 40 && n < 44 {
			continue
		}
		r := lost.event("user_prompt", audit.ActivityPrompt, audit.OutcomeSuccess, audit.Keys{Prompt: "p"})
		r.Sequence, r.Service = &n, audit.Service{Name: "claude-code", Version: "2.1.330"}
		if n == 40 {
			s := lost.event("claude_code.llm_request", audit.ActivityModelRequest, audit.OutcomeSuccess, audit.Keys{Prompt: "p", Request: "r"})
			s.Source = audit.SourceOTelSpan
		}
	}
	b.Submit("fleet-7", append(other.drafts, lost.drafts...)...)
	b.CatchUp()
	b.SignIn()
	a := b.Get("/")
	consoletest.CheckInert(t, "overview", a.Body)
	holds(t, "overview", a.Body, "<b><bdi>marit@example.com</bdi></b>, credential proves <b><bdi>sneha@example.com</bdi></b>", "credential <code><bdi>fleet-7</bdi></code>",
		`href="/session/other?record=1#record-1"`, "says</span> <bdi>dana@example.com</bdi>", `id="discrepancies"`)
	spot := regexp.MustCompile(`href="(/session/lost\?record=\d+)#(dsc_[0-9a-f]+)"`).FindStringSubmatch(a.Body)
	if spot == nil {
		t.Fatalf("the gap has no link to its place: %s", a.Body)
	}
	u, err := url.Parse(spot[1])
	if err != nil {
		t.Fatal(err)
	}
	gap := b.Get(u.String())
	if gap.Status != http.StatusOK || !strings.Contains(gap.Body, `id="`+spot[2]+`"`) {
		t.Errorf("the session's page has no place %s", spot[2])
	}
	holds(t, "gap", gap.Body, "expected, not received: 3 events", "spans tell of 1 request in it")
}
