package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// shown is a page as the test opens it.
type shown struct {
	name, path string
}

// noPages are routes whose answers are parts of pages, files, or the way in, which is a page of who is not signed in.
var noPages = []string{"/static/", "/enter", "/activity/counts", "/activity/new", "/activity/words", "/activity/values", "/activity/export", "/record/{seq}/source", "/record/{seq}/proof", "/session", "/record/{seq}/proof.json",
	"/health/now", "/reviews/export", "/reviews/consultations/export", "/signin/callback", "/signin"}

// pages are what is opened of each route; a route that is not named here is opened as it is.
func pages(f consoletest.Filed, sessions []string, alert string) map[string][]shown {
	content := fmt.Sprintf("/record/%d/content?grant=%s", f.Seqs[1], f.Grant)
	return map[string][]shown{
		"/{$}":                   {{"overview", "/"}},
		"/activity":              {{"activity", "/activity"}, {"activity-wrong", "/activity?q=tool%3ABash+actvity%3Aprompt"}, {"activity-empty", "/activity?q=tool%3ANothing+after%3A-7d"}},
		"/session/{id}":          {{"session", "/session/" + sessions[len(sessions)/2]}, {"session-asks", "/session/" + f.Session}},
		"/record/{seq}":          {{"record", "/record/7"}, {"nowhere", nowhere[0]}, {"record-content", fmt.Sprintf("/record/%d", f.Seqs[2])}},
		"/record/{seq}/content":  {{"content", content}},
		"/session/{id}/content":  {{"session-content", "/session/" + f.Session + "/content?grant=" + f.Grant}},
		"/organisation":          {{"organisation", "/organisation"}},
		"/organisation/account":  {{"account", "/organisation/account?id=user%3Auser_kofi"}},
		"/health":                {{"health", "/health"}},
		"/alerts/{id}":           {{"alert", "/alerts/" + alert}},
		"/cases":                 {{"cases", "/cases"}},
		"/cases/{id}":            {{"case", "/cases/" + f.Open}, {"case-closed", "/cases/" + f.Closed}},
		"/cases/new":             {{"case-new", "/cases/new"}},
		"/cases/ask":             {{"ask", fmt.Sprintf("/cases/ask?record=%d", f.Seqs[0])}},
		"/cases/glass":           {{"glass", "/cases/glass?case=" + f.Open}},
		"/reviews":               {{"reviews", "/reviews"}},
		"/reviews/consultations": {{"consultations", "/reviews/consultations?account=kofi%40example.com"}},
		"/settings/capture": {{"capture", "/settings/capture"},
			{"capture-would", "/settings/capture?at=1&source=&plane=&surface=&group=works-council&credential=&keep=metadata&account=kofi%40example.com"}},
		"/reviews/digest":        {{"digests", "/reviews/digest"}},
		"/reviews/digest/{week}": {{"digest", "/reviews/digest/" + lastWeek()}},
	}
}

func lastWeek() string {
	year, week := time.Now().AddDate(0, 0, -7).ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// fire makes an alert and returns its id.
func fire(t *testing.T, b *consoletest.Bench, f consoletest.Filed) string {
	t.Helper()
	at := time.Now().Add(-time.Hour)
	b.Rules = map[string]alert.Rule{"sent-away": {ID: "sent-away", Title: "Much was sent away", Why: "It may be how data leaves.", Benign: []string{"A migration that was announced."}, Respond: []string{"Ask who owns the account."}}}
	b.Fire(alert.Firing{ID: strings.Repeat("1f", 16), Seq: f.Seqs[1], Rule: "sent-away", Title: "Much was sent away", Version: "0123456789ab", Severity: alert.High, At: at, Recorded: at,
		Seqs: f.Seqs[:2], Group: map[string]string{"account": "kofi@example.com"}, Count: 2, Threshold: "2 in 10 minutes", Sentence: "kofi@example.com's account sent much away"})
	list, _, err := b.Alerts.List(t.Context(), consoletest.Ana(), alert.Filter{})
	if err != nil || len(list) != 1 {
		t.Fatalf("%d alerts, %v", len(list), err)
	}
	return list[0].ID
}

// TestEveryPage opens every page that the console has in every look, and walks it by keys: no trouble in the browser, nothing
// wider than the window, nothing serious for axe, and every control reached in order with its focus to be seen.
func TestEveryPage(t *testing.T) {
	chromium(t)
	keep := capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	b := consoletest.New(t, consoletest.Options{Capture: keep, Retention: retention.Config{Classes: []retention.Class{
		{Name: "raw text", What: retention.Texts, Keep: retention.Period{Days: 90}, Basis: "retention of the organisation, policy 7", Owner: "privacy officer"},
		{Name: "metadata", What: retention.Records, Keep: retention.Period{Months: 72}, Sources: []audit.Source{audit.SourceComplianceActivity, audit.SourceAuditExport}, Basis: "commercial code", Owner: "counsel", Statutory: true},
	}}, Configure: func(_ *console.Config, d *console.Deps) { d.Capture = consoletest.Kept{Policy: keep} }})
	sessions := b.Fill(40, time.Now())
	b.Organise(time.Now())
	filed := b.File(time.Now().Add(-time.Hour))
	matter := b.Hold()
	fired := fire(t, b, filed)
	br := open(t, b)
	all := pages(filed, sessions, fired)
	var mine, anas []shown
	for _, pattern := range b.Console.Routes() {
		path, isPage := strings.CutPrefix(pattern, "GET ")
		switch {
		case !isPage || slices.Contains(noPages, path) || strings.HasPrefix(path, "/api/"):
		case all[path] == nil && !strings.Contains(path, "{"):
			mine = append(mine, shown{strings.ReplaceAll(path[1:], "/", "-"), path})
		case all[path] == nil:
			t.Errorf("%s is no page that this test opens", pattern)
		case strings.HasPrefix(path, "/cases") || strings.HasSuffix(path, "}/content"):
			anas = append(anas, all[path]...)
		default:
			mine = append(mine, all[path]...)
		}
	}
	for _, turn := range []struct {
		who  *access.Person
		list []shown
	}{{consoletest.Auditor(), mine}, {consoletest.Ana(), anas}, {consoletest.Carl(), []shown{{"lifecycle-set", "/lifecycle?case=" + matter}, {"overview-counsel", "/"}}}, {consoletest.Priya(), []shown{{"cases-waiting", "/cases"}, {"case-decide", "/cases/" + filed.Open}}}} {
		br.as(turn.who)
		for _, l := range looks {
			br.look(l)
			for _, p := range turn.list {
				br.visit(p.path)
				br.shoot(p.name + "-" + l.String())
				if wide := eval[int64](br, "document.documentElement.scrollWidth"); wide > l.width {
					t.Errorf("%s %s: %d pixels wide", p.name, l, wide)
				}
				if l.width > 390 || !l.dark { // the colours and the order of the fourth have been looked at by then
					for _, finding := range br.axe() {
						t.Errorf("%s %s: %s", p.name, l, finding)
					}
				}
				if l == looks[0] {
					for _, missed := range br.walk() {
						t.Errorf("%s %s: %s", p.name, l, missed)
					}
				}
			}
		}
	}
}

// mostSteps bounds how far a page is walked: lists repeat themselves.
const mostSteps = 60

// controls lists what can be acted on, of a group of radio buttons one; watch notes what gets the focus and whether that shows.
const controls = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((el) =>
	el.tabIndex >= 0 && !el.disabled && el.type !== "hidden" && el.checkVisibility({visibilityProperty: true}) && !el.closest("[inert]") &&
	!(el.type === "radio" && [...document.getElementsByName(el.name)].some((o) => o !== el && (o.checked || !el.checked && o.compareDocumentPosition(el) & 4))))`

const watch = `window.walked = []; document.addEventListener("focusin", (e) => {
	const shows = (el) => { const s = getComputedStyle(el); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none" || parseFloat(s.strokeWidth) > 2; };
	const r = e.target.getBoundingClientRect();
	window.walked.push({el: e.target, shows: [e.target, e.target.parentElement, ...e.target.querySelectorAll(".slot")].some(shows), in: r.bottom > 0 && r.top < innerHeight && r.right > 0 && r.left < innerWidth});
}), document.activeElement?.blur(), ""`

// walk goes through a page by Tab and tells what was not reached, or was without anybody seeing it.
func (br *browser) walk() (missed []string) {
	br.t.Helper()
	eval[string](br, watch)
	n := min(eval[int64](br, controls+".length"), mostSteps)
	for range n + 2 + 6*eval[int64](br, `document.querySelectorAll("input[type^=date], input[type=time], input[type=week]").length`) { // those have parts
		br.run(command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "rawKeyDown", Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9}),
			command(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyUp", Key: "Tab", Code: "Tab", WindowsVirtualKeyCode: 9}))
	}
	text := eval[string](br, fmt.Sprintf(`(() => {
	const name = (el) => el.outerHTML.slice(0, 120), been = new Map(walked.map((w) => [w.el, w])), list = [];
	for (const el of %s.slice(0, %d)) {
		const w = been.get(el);
		if (!w) list.push("keys do not reach " + name(el));
		else if (!w.shows) list.push("nobody sees the focus on " + name(el));
		else if (!w.in) list.push("the focus is out of sight on " + name(el));
	}
	return list.join("\n");
})()`, controls, n))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
