package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
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

// TestBrokenGlass: opens alone and at once, stands on every page of who must review it, and is reviewed by somebody else.
func TestBrokenGlass(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.open(d.ana)
	at := d.done(d.send(d.ana, "/cases/glass?record="+d.seq(), "/cases/glass", "case", c, "record", d.seq(), "what", "record", "class", "text", "minutes", "10",
		"reason", "a patient is at risk"))
	_, grant, _ := strings.Cut(at, "#")
	d.SignInAs(d.ana)
	holds(t, "content", text(d.Get("/record/"+d.seq()+"/content?grant="+grant).Body), canary)
	const banner = "ana@example.com broke the glass under"
	for _, path := range []string{"/", "/cases", "/activity"} {
		if strings.Contains(text(d.Get(path).Body), banner) {
			t.Errorf("%s shows the banner to who broke it", path)
		}
	}
	d.SignInAs(d.priya)
	for _, path := range []string{"/", "/activity", "/health", "/nowhere"} {
		holds(t, path, text(d.Get(path).Body), banner, "1 waiting")
	}
	if a := d.answer(d.priya, c, grant, "review", "note", "it was right"); a.Status == http.StatusSeeOther {
		t.Error("a review that says nothing of whether it was justified")
	}
	d.done(d.answer(d.priya, c, grant, "review", "note", "it was right", "justified", "yes"))
	if body := text(d.Get("/").Body); strings.Contains(body, banner) || strings.Contains(body, "waiting") {
		t.Error("the banner outlives the review")
	}
	holds(t, "case", text(d.Get("/cases/"+c).Body), "by priya@example.com: justified", "it was right")
}

// TestCaseRefusals: what the rules of cases refuse, and nothing of it is told.
func TestCaseRefusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.open(d.ana)
	grant := d.ask(d.ana, c, "text")
	refused := func(what string, a consoletest.Answer, status int) {
		t.Helper()
		if a.Status != status || strings.Contains(a.Body, "Kingfisher") {
			t.Errorf("%s: %d %s", what, a.Status, text(a.Body))
		}
	}
	refused("no token", d.Do(http.MethodPost, d.Server.URL+"/grants/"+grant+"/approve", func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}), http.StatusForbidden)
	refused("an analyst approves", d.send(d.ana, "/cases/"+c, "/grants/"+grant+"/approve", "case", c), http.StatusForbidden)
	refused("other terms", d.send(d.priya, "/cases/"+c, "/grants/"+grant+"/approve", "case", c, "terms", strings.Repeat("0", 64)), http.StatusConflict)
	d.SignInAs(d.ben)
	refused("a case of others", d.Get("/cases/"+c), http.StatusNotFound)
	refused("no case", d.Get("/cases/C-2026-9999"), http.StatusNotFound)
	if a, b := d.Get("/cases/"+c), d.Get("/cases/C-2026-9999"); text(a.Body[strings.Index(a.Body, "<main"):strings.Index(a.Body, "<footer")]) != text(b.Body[strings.Index(b.Body, "<main"):strings.Index(b.Body, "<footer")]) {
		t.Error("whether there is a case can be told")
	}
	refused("a grant of others", d.Get("/record/"+d.seq()+"/content?grant="+grant), http.StatusForbidden)
	refused("asks in a case of others", d.send(d.ben, "/cases", "/cases/ask", "case", c, "record", d.seq(), "what", "record", "class", "text", "minutes", "5", "reason", "x"),
		http.StatusNotFound)
	kofi := consoletest.Somebody("kofi", access.Analyst, access.PrivacyOfficer)
	d.SignInAs(kofi)
	refused("whom it is about", d.Get("/cases/"+c), http.StatusNotFound)
	if strings.Contains(d.Get("/cases").Body, c) {
		t.Error("the list shows a case to whom it is about")
	}
	d.SignInAs(consoletest.Somebody("omar", access.Operator))
	for _, path := range []string{"/cases", "/cases/" + c, "/cases/new", "/cases/ask", "/record/" + d.seq() + "/content?grant=" + grant, "/api/v1/cases"} {
		refused("an operator at "+path, d.Get(path), http.StatusForbidden)
	}
	wrong := d.send(d.ana, "/cases/ask", "/cases/ask", "case", c, "what", "query", "class", "detail", "minutes", "99", "query", "tool:Bash", "reason", "kept as typed")
	refused("too long", wrong, http.StatusBadRequest)
	position := d.send(d.ana, "/cases/ask?case="+c, "/cases/ask", "case", c, "what", "record", "record", d.seq(), "class", "detail", "minutes", "99", "reason", "x")
	holds(t, "the form again", position.Body, `name="record" min="1" value="`+d.seq()+`"`)
	holds(t, "the form again", wrong.Body, "kept as typed", `value="99"`)
}

// TestCounselSeesTheCasesRecords: who reads no records sees, on the page of a case, those of whom it is about, and those alone.
func TestCounselSeesTheCasesRecords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	other := strconv.FormatUint(d.say("mireille@example.com", "s2", "something else"), 10)
	d.CatchUp()
	c := d.open(d.carl, "kind", "matter", "purpose", "legal_matter", "basis", "legal_claims")
	d.SignInAs(d.carl)
	page := d.Get("/cases/" + c)
	holds(t, "case", text(page.Body), "Records about them", "record "+d.seq(), "kofi@example.com sent a prompt", "Ask to open…")
	if strings.Contains(page.Body, `href="/record/`) || strings.Contains(text(page.Body), "mireille") {
		t.Error("a link or a record that is not for counsel")
	}
	if a := d.Get("/record/" + d.seq()); a.Status != http.StatusForbidden {
		t.Errorf("a record: %d", a.Status)
	}
	if body := d.Get("/cases/ask?case=" + c + "&record=" + other).Body; strings.Contains(body, "session/fleet/s2") {
		t.Error("the form tells what a record outside the case belongs to")
	}
	holds(t, "ask", d.Get("/cases/ask?case="+c+"&record="+d.seq()).Body, "session/fleet/s1")
	at := d.done(d.send(d.carl, "/cases/ask?case="+c+"&record="+d.seq(), "/cases/ask", "case", c, "record", d.seq(), "what", "container", "class", "text", "minutes", "20",
		"reason", "discovery"))
	_, grant, _ := strings.Cut(at, "#")
	d.done(d.answer(d.priya, c, grant, "approve"))
	d.SignInAs(d.carl)
	holds(t, "content", text(d.Get("/record/"+d.seq()+"/content?grant="+grant).Body), canary)
	session := d.Get("/session/s1/content?grant=" + grant)
	holds(t, "session", text(session.Body), canary, "Kingfisher it is", "1 to 2 of 2 records")
	consoletest.CheckInert(t, "session", session.Body)
	if a := d.Get("/session/s2/content?grant=" + grant); a.Status != http.StatusForbidden {
		t.Errorf("another session: %d", a.Status)
	}
}

// TestCaseAPI walks the way by the API.
// TestWhoSeesACaseNoMoreGoesOnToTheList holds that who approved in a case of others, or left one, is not led to a page that
// says there is no such case.
func TestWhoSeesACaseNoMoreGoesOnToTheList(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	c := d.open(d.ana)
	grant := d.ask(d.ana, c, "text")
	if at := d.done(d.answer(d.carl, c, grant, "approve")); at != "/cases" {
		t.Errorf("who approved goes on to %s", at)
	}
	if at := d.done(d.answer(d.ana, c, grant, "withdraw")); !strings.HasPrefix(at, "/cases/"+c) {
		t.Errorf("who takes part goes on to %s", at)
	}
	d.done(d.send(d.ana, "/cases/"+c, "/cases/"+c+"/join", "email", "ben@example.com", "role", "analyst"))
	if at := d.done(d.send(d.ben, "/cases/"+c, "/cases/"+c+"/leave")); at != "/cases" {
		t.Errorf("who left goes on to %s", at)
	}
}

func TestCaseAPI(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	call := func(who *access.Person, path, sent string, into any) consoletest.Answer {
		t.Helper()
		d.SignInAs(who)
		csrf := valueOf(d.Get("/cases").Body, "csrf")
		a := d.Do(http.MethodPost, d.Server.URL+path, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("X-CSRF-Token", csrf)
			r.Body, r.ContentLength = body(sent)
		})
		if into != nil {
			if err := json.Unmarshal([]byte(a.Body), into); err != nil || a.Status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, a.Status, a.Body)
			}
		}
		return a
	}
	var c casebook.Case
	call(d.ana, "/api/v1/cases", `{"kind":"investigation","purpose":"incident","basis":"legitimate_interests","subjects":["kofi@example.com"]}`, &c)
	var g casebook.Grant
	call(d.ana, "/api/v1/cases/"+c.ID+"/grants", `{"class":"text","records":[`+d.seq()+`],"minutes":5,"reason":"why"}`, &g)
	for what, answer := range map[string]consoletest.Answer{
		"no body":      call(d.ana, "/api/v1/cases", ``, nil),
		"another name": call(d.ana, "/api/v1/cases", `{"kind":"investigation","colour":"red"}`, nil),
		"more behind":  call(d.ana, "/api/v1/cases", `{"kind":"investigation"} {}`, nil),
		"another case": call(d.ana, "/api/v1/cases/"+c.ID+"/grants", `{"case":"C-2026-0099","class":"text","reason":"why"}`, nil),
	} {
		if answer.Status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", what, answer.Status, answer.Body)
		}
	}
	d.SignInAs(d.priya)
	if a := d.Do(http.MethodPost, d.Server.URL+"/api/v1/grants/"+g.ID+"/approve", func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Body, r.ContentLength = body(`{"terms":"` + g.Terms + `"}`)
	}); a.Status != http.StatusForbidden {
		t.Errorf("without the token: %d %s", a.Status, a.Body)
	}
	call(d.priya, "/api/v1/grants/"+g.ID+"/approve", `{"terms":"`+g.Terms+`"}`, &g)
	d.SignInAs(d.ana)
	a := d.Get("/api/v1/content/" + d.seq() + "?grant=" + g.ID)
	holds(t, "content", a.Body, `"text":"`+canary+`"`, `"state":"held"`, `"grant":"`+g.ID+`"`)
	holds(t, "case", d.Get("/api/v1/cases/"+c.ID).Body, `"state":"open"`, g.ID, `"reason":"why"`)
	holds(t, "cases", d.Get("/api/v1/cases").Body, `"cases":[{"case":"`+c.ID+`"`)
	if a := d.Get("/api/v1/content/" + strconv.FormatUint(d.reply, 10) + "?grant=" + g.ID); a.Status != http.StatusForbidden || strings.Contains(a.Body, "Kingfisher") {
		t.Errorf("another record: %d %s", a.Status, a.Body)
	}
}

// TestContentIsInert opens what somebody wrote to harm who reads it: a browser gets text and codes.
func TestContentIsInert(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, value := range consoletest.HostileValues() {
		d.say("kofi@example.com", "s1", value)
	}
	d.CatchUp()
	c := d.open(d.ana, "title", consoletest.HostileValues()[0], "reference", "")
	at := d.done(d.send(d.ana, "/cases/ask?session=s1", "/cases/ask", "case", c, "session", "s1", "what", "container", "class", "text", "minutes", "5",
		"reason", consoletest.HostileValues()[1]))
	_, grant, _ := strings.Cut(at, "#")
	d.done(d.answer(d.priya, c, grant, "approve", "note", consoletest.HostileValues()[3]))
	d.SignInAs(d.ana)
	for _, path := range []string{"/session/s1/content?grant=" + grant, "/cases/" + c, "/cases"} {
		a := d.Get(path)
		if a.Status != http.StatusOK || path != "/cases" && !strings.Contains(a.Body, consoletest.Mark) {
			t.Errorf("%s: %d, or nothing hostile on it", path, a.Status)
		}
		consoletest.CheckInert(t, path, a.Body)
	}
}
