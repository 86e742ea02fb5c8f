package console_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reviews"
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

// TestOverviewHasThreeRows holds what delivers, what waits and what is not seen apart, each with its time.
func TestOverviewHasThreeRows(t *testing.T) {
	t.Parallel()
	in3days := time.Now().Add(72 * time.Hour)
	b := consoletest.New(t, consoletest.Options{Configure: func(_ *console.Config, d *console.Deps) {
		d.Standing = func(context.Context) page.Standing {
			return page.Standing{Owners: map[string]string{"otel.log": "platform team"}}
		}
		d.Expiring = func(_ context.Context, before time.Time) ([]page.Expiry, error) {
			if !in3days.Before(before) {
				t.Errorf("asked until %s only", before)
			}
			return []page.Expiry{{Text: "the API token ci", At: in3days, Right: access.ReadSettings}, {Text: "the certificate of the console", At: time.Now().Add(-time.Hour), Right: access.ReadHealth}}, nil
		}
	}})
	b.Fill(2, time.Now())
	b.Health.Raise("disk.low", health.Warning, "the disk is nearly full")
	week := reviews.WeekOf(time.Now()).Previous()
	if _, err := b.Door.Record(context.Background(), intake.Act{Type: reviews.TypeDigest, Activity: audit.ActivityOperation, Attributes: audit.Attrs{audit.TextAttr("week", week.String())}}, nil); err != nil {
		t.Fatal(err)
	}
	b.CatchUp()
	b.SignIn()
	row := func(body, id string) string {
		_, rest, _ := strings.Cut(body, `aria-labelledby="`+id+`"`)
		part, _, _ := strings.Cut(rest, `<section class="card`)
		return part
	}
	body := b.Get("/").Body
	consoletest.CheckInert(t, "overview", body)
	holds(t, "connected", row(body, "connected"), "otel.log", "platform team", "<time datetime=", "lag ")
	holds(t, "attention", row(body, "attention"), "the disk is nearly full", "the API token ci runs out in 2 d", "the certificate of the console has run out",
		"No privacy officer has read the digest of "+week.String(), "/reviews/digest/"+week.String())
	holds(t, "not seen", row(body, "unseen"), "proxy.egress", "never", "Accepted by", "nobody", "<code>chrome</code>")
	if strings.Contains(row(body, "unseen"), "otel.log") || strings.Contains(row(body, "connected"), "proxy.egress") {
		t.Error("a source is in the wrong row")
	}
	// Two hours later the source is silent: no longer connected, and said so since when.
	later := time.Now().Add(2 * time.Hour)
	b.Clock.Store(&later)
	body = b.Get("/").Body
	holds(t, "silent", row(body, "unseen"), "otel.log", "silent</span> since")
	holds(t, "nothing connected", row(body, "connected"), "No source delivered within the last hour")
	b.Clock.Store(nil)
	b.Get("/reviews/digest/" + week.String())
	b.CatchUp()
	if strings.Contains(b.Get("/").Body, "has read the digest") {
		t.Error("what was read still waits")
	}
	// Who keeps it running sees that it runs, and nothing of records.
	b.SignInAs(&access.Person{Subject: "os:op", Roles: []access.Role{access.Operator}, Via: access.ViaLocal})
	body = b.Get("/").Body
	holds(t, "operator", body, "otel.log", "the disk is nearly full", "the certificate of the console has run out")
	for _, not := range []string{"The last 7 days", "Open discrepancies", "API token", "/activity?q"} {
		if strings.Contains(body, not) {
			t.Errorf("an operator sees %q", not)
		}
	}
}
