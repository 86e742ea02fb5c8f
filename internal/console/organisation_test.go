package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// organised is a bench with an organisation, signed in.
func organised(t *testing.T) *consoletest.Bench {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{})
	b.Organise(time.Now())
	b.SignIn()
	return b
}

func TestOrganisation(t *testing.T) {
	t.Parallel()
	b := organised(t)
	body := b.Get("/organisation").Body
	consoletest.CheckInert(t, "organisation", body)
	for _, want := range []string{
		`<a href="/organisation" aria-current="page">Organisation</a>`, "1 away from the baseline",
		"expects <bdi>on</bdi>", "<bdi>dana@example.com</bdi>", "<bdi>key:apikey_other</bdi>", "Tripod's own", "DELETE", "before records begin",
		">All</a>", "1 left</a>", `data-copy="tripod organisation`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if drift, rest := strings.Index(body, "sso_enabled"), strings.Index(body, "web_search_enabled"); drift < 0 || rest < drift {
		t.Error("what drifts does not come first")
	}
	opened := b.Own(console.TypeOpen)
	if name, _ := opened[len(opened)-1].Attributes.Get("tripod.page"); name.Str() != "organisation" {
		t.Errorf("opening it left %q", name.Str())
	}
}

func TestAccountsAreFiltered(t *testing.T) {
	t.Parallel()
	b := organised(t)
	f := func(path string, want, not string) {
		t.Helper()
		body := b.Get(path).Body
		_, list, _ := strings.Cut(body, `id="accounts"`)
		if !strings.Contains(list, want) || not != "" && strings.Contains(list, not) {
			t.Errorf("%s: want %s and not %s in %.3000s", path, want, not, list)
		}
	}
	f("/organisation?q=kofi", "kofi@example.com", "dana@example.com")
	f("/organisation?state=left", "kofi@example.com", "dana@example.com")
	f("/organisation?q=nobody", "No account matches", "")
	f("/organisation?from=9999", "No account", "dana@example.com")
	searched := false
	for _, r := range b.Own(console.TypeOpen) {
		for _, c := range r.Content {
			searched = searched || c.Name == "query" && c.Bytes == len("kofi")
		}
	}
	if !searched {
		t.Error("whom somebody looked for is not on record")
	}
	if a := b.Get("/organisation?q=" + strings.Repeat("a", 300)); a.Status != http.StatusBadRequest {
		t.Errorf("a long filter: %d", a.Status)
	}
}

func TestAccountPage(t *testing.T) {
	t.Parallel()
	b := organised(t)
	a := b.Get("/organisation/account?id=" + url.QueryEscape("user:user_kofi"))
	consoletest.CheckInert(t, "account", a.Body)
	for _, want := range []string{"<bdi>kofi@example.com</bdi>", "is no longer in the directory", "role changed from user to admin", "user:kofi@example.com"} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the account's page lacks %s", want)
		}
	}
	for path, want := range map[string]int{"/organisation/account?id=nobody": http.StatusNotFound, "/organisation/account": http.StatusBadRequest} {
		if a := b.Get(path); a.Status != want {
			t.Errorf("%s: %d, want %d", path, a.Status, want)
		}
	}
}

// TestEmptyOrganisationHelps: without a key the page says what to do.
func TestEmptyOrganisationHelps(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	b.CatchUp()
	holds(t, "without a key", b.Get("/organisation").Body, "TRIPOD_COMPLIANCE_KEY_FILE")
}

// TestSettingsNotRead: what the feed alone tells gets no tick.
func TestSettingsNotRead(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.Tell(time.Now(), "sso", audit.SourceComplianceActivity, "org_sso_toggled", audit.Identity{Email: "dana@example.com"}, "enabled", "true")
	b.CatchUp()
	b.SignIn()
	body := b.Get("/organisation").Body
	holds(t, "the feed alone", body, "The settings are not read, and none is judged", "not judged</span>")
	if strings.Contains(body, "is away from the baseline") || strings.Contains(body, "says nothing") {
		t.Error("the page speaks of the baseline, and nothing was judged")
	}
}

func TestOrganisationShowsHostileRecordsInert(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	for i, v := range consoletest.HostileValues() {
		v = v[:min(len(v), 200)]
		who := audit.Identity{User: v, Email: v + "@example.com", UUID: v, Org: v}
		tell := func(what string, source audit.Source, typ string, pairs ...string) {
			b.Tell(time.Now(), fmt.Sprint(what, i), source, typ, who, pairs...)
		}
		tell("role", audit.SourceComplianceActivity, "claude_user_role_updated", "user_id", v, "user_email", v, "current_role", v, "previous_role", v)
		tell("key", audit.SourceComplianceActivity, "api_key_created", "api_key_id", v, "scopes", v)
		tell("call", audit.SourceComplianceActivity, "compliance_api_accessed", "request_method", v, "url", v)
		tell("setting", audit.SourceComplianceSettings, "settings.value", "setting", v, "value", v, "change", v, "expected", v, "drift", "true", "baseline", v, "severity", v, "reason", v)
	}
	b.CatchUp()
	b.SignIn()
	for _, path := range []string{"/organisation", "/organisation/account?id=" + url.QueryEscape("user:"+consoletest.HostileValues()[0])} {
		a := b.Get(path)
		consoletest.CheckInert(t, path, a.Body)
		if a.Status != http.StatusOK || !strings.Contains(a.Body, consoletest.Mark) {
			t.Errorf("%s: %d, shows none of it: the test proves nothing", path, a.Status)
		}
	}
}
