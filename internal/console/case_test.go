package console_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// canary is content that no page shows without a grant.
const canary = "the merger is called Kingfisher"

// secondary is content of the class detail beside it.
const secondary = "/home/kofi/kingfisher"

// desk is a bench with one session of kofi's and people of three roles.
type desk struct {
	*consoletest.Bench
	t               *testing.T
	prompt, reply   uint64
	ana, ben, priya *access.Person
	carl, dpo2      *access.Person
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	b := consoletest.New(t, consoletest.Options{Capture: capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}})
	d := &desk{
		Bench: b, t: t, ana: consoletest.Somebody("ana", access.Analyst), ben: consoletest.Somebody("ben", access.Analyst),
		priya: consoletest.Somebody("priya", access.PrivacyOfficer), carl: consoletest.Somebody("carl", access.Counsel),
		dpo2: consoletest.Somebody("paul", access.PrivacyOfficer),
	}
	d.prompt, d.reply = d.say("kofi@example.com", "s1", canary), d.say("kofi@example.com", "s1", "Kingfisher it is")
	b.CatchUp()
	return d
}

// say records one prompt with content and returns its position.
func (d *desk) say(email, session, text string) uint64 {
	d.t.Helper()
	at := time.Now().Add(-time.Hour)
	r := &audit.Record{
		Normaliser: "otlp/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "claude_code.user_prompt",
		Outcome: audit.OutcomeSuccess, Occurred: at, Observed: at, Container: "session/fleet/" + session,
	}
	r.Keys.Session = session
	r.Account.Asserted.Email, r.Account.Proved.Email, r.Account.Proved.Credential = email, email, "fleet"
	return d.Submit("fleet", intake.Draft{Record: r, Form: []byte(text), Pieces: []intake.Piece{
		{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte(text)},
		{Name: "cwd", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(secondary)},
	}})[0]
}

// send fills in a form of a page as somebody and sends it. The fields are pairs of name and value.
func (d *desk) send(who *access.Person, page, action string, pairs ...string) consoletest.Answer {
	d.t.Helper()
	d.SignInAs(who)
	a := d.Get(page)
	if a.Status != http.StatusOK {
		d.t.Fatalf("%s for %s: %d %s", page, who.Name, a.Status, a.Body)
	}
	fields := url.Values{"csrf": {valueOf(a.Body, "csrf")}}
	for i := 0; i+1 < len(pairs); i += 2 {
		fields.Add(pairs[i], pairs[i+1])
	}
	a = d.Do(http.MethodPost, d.Server.URL+action, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body, r.ContentLength = body(fields.Encode())
	})
	d.CatchUp()
	return a
}

// done wants an answer that goes on, and tells where to.
func (d *desk) done(a consoletest.Answer) string {
	d.t.Helper()
	if a.Status != http.StatusSeeOther {
		d.t.Fatalf("%d: %s", a.Status, text(a.Body))
	}
	return a.Header.Get("Location")
}

// open opens a case as somebody and returns its number.
func (d *desk) open(who *access.Person, pairs ...string) string {
	d.t.Helper()
	all := append([]string{"title", "The mail of Tuesday", "kind", "investigation", "purpose", "incident", "basis", "legitimate_interests", "subjects", "kofi@example.com"}, pairs...)
	return strings.TrimPrefix(d.done(d.send(who, "/cases/new", "/cases", all...)), "/cases/")
}

// ask asks for the content of the prompt, and returns the grant.
func (d *desk) ask(who *access.Person, c, class string) string {
	d.t.Helper()
	at := d.done(d.send(who, "/cases/ask?record="+d.seq(), "/cases/ask", "case", c, "record", d.seq(), "what", "record", "class", class, "minutes", "20",
		"reason", "the alert named this session"))
	_, grant, _ := strings.Cut(at, "#")
	return grant
}

func (d *desk) seq() string { return strconv.FormatUint(d.prompt, 10) }

// answer decides about a grant from the page of its case.
func (d *desk) answer(who *access.Person, c, grant, what string, pairs ...string) consoletest.Answer {
	d.t.Helper()
	d.SignInAs(who)
	_, form, _ := strings.Cut(d.Get("/cases/"+c).Body, `action="/grants/`+grant+"/")
	return d.send(who, "/cases/"+c, "/grants/"+grant+"/"+what, append([]string{"case", c, "terms", valueOf(form, "terms")}, pairs...)...)
}

// text is what a page says, without its markup.
func text(page string) string {
	var b strings.Builder
	depth := 0
	for i, r := range page {
		switch {
		case r == '<':
			depth++
			if end := page[i+1:]; len(end) > 2 && end[0] == '/' && strings.ContainsRune("dtlph", rune(end[1])) {
				b.WriteByte(' ')
			}
		case r == '>':
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestCaseFromAskToContent walks the whole way: a case, a request, an approval by somebody else, content, the end.
func TestCaseFromAskToContent(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.open(d.ana)
	grant := d.ask(d.ana, c, "text")
	content := "/record/" + d.seq() + "/content?grant=" + grant

	d.SignInAs(d.ana)
	if a := d.Get(content); a.Status != http.StatusForbidden || strings.Contains(a.Body, "Kingfisher") {
		t.Errorf("before its approval: %d %s", a.Status, text(a.Body))
	}
	holds(t, "case", text(d.Get("/cases/"+c).Body), "The mail of Tuesday", "kofi@example.com", "asked for", "the alert named this session", "record "+d.seq(), "Withdraw")

	d.SignInAs(d.priya)
	list := d.Get("/cases")
	holds(t, "cases", text(list.Body), "1 waiting", "Waiting for you", grant, "ana@example.com", "the alert named this session",
		"This access is logged. The data subject may receive its date and purpose.")
	consoletest.CheckInert(t, "cases", list.Body)
	d.done(d.answer(d.priya, c, grant, "approve"))

	d.SignInAs(d.ana)
	holds(t, "record", d.Get("/record/"+d.seq()).Body, content)
	opened := d.Get(content)
	holds(t, "content", text(opened.Body), canary, secondary, "Content ("+c+", until ")
	consoletest.CheckInert(t, "content", opened.Body)
	if opened.Header.Get("Cache-Control") != "no-store" {
		t.Error("content may be cached")
	}
	fragment := d.Do(http.MethodGet, d.Server.URL+content, func(r *http.Request) { r.Header.Set("HX-Request", "true") })
	if holds(t, "fragment", text(fragment.Body), canary); strings.Contains(fragment.Body, "<html") {
		t.Error("a page where a part of one was asked for")
	}
	openings := d.Own("tripod.content.open")
	last := openings[len(openings)-1]
	if position, _ := last.Attributes.Get("position"); last.Case != c || position.Text() != d.seq() || last.Account.Proved.Email != d.ana.Email {
		t.Errorf("the opening on record: %+v", last)
	}

	// Only what the grant names, and only for who asked.
	other := "/record/" + strconv.FormatUint(d.reply, 10) + "/content?grant=" + grant
	if a := d.Get(other); a.Status != http.StatusForbidden || strings.Contains(a.Body, "Kingfisher") {
		t.Errorf("another record: %d", a.Status)
	}
	d.SignInAs(d.priya)
	if a := d.Get(content); a.Status != http.StatusForbidden || strings.Contains(a.Body, "Kingfisher") {
		t.Errorf("who approved opens it: %d", a.Status)
	}
	holds(t, "case", text(d.Get("/cases/"+c).Body), "open until", "approved by priya@example.com")

	d.done(d.send(d.ana, "/cases/"+c, "/cases/"+c+"/close"))
	if a := d.Get(content); a.Status != http.StatusForbidden || strings.Contains(a.Body, "Kingfisher") {
		t.Errorf("after the end: %d", a.Status)
	}
	holds(t, "closed case", text(d.Get("/cases/"+c).Body), "closed", "over since")
}
