package console_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
)

// fired makes an alert about the second record of a session, by Kofi.
func fired(b *consoletest.Bench) (id string, f consoletest.Filed) {
	b.T.Helper()
	at := time.Now().UTC().Add(-time.Minute).Truncate(time.Millisecond)
	f = b.File(at)
	b.Rules = map[string]alert.Rule{"sent-away": {ID: "sent-away", Title: "Much was sent away", Why: "It may be how data leaves.", Benign: []string{"A migration that was announced."},
		Respond: []string{"Ask who owns the account."}, Sources: []audit.Source{audit.SourceOTelLog, audit.SourceGatewayLLM}, Tags: []string{"attack.t1567"}}}
	b.Fire(alert.Firing{ID: strings.Repeat("1f", 16), Seq: f.Seqs[1], Rule: "sent-away", Title: "Much was sent away", Version: "0123456789ab", Severity: alert.High, At: at.Add(time.Second), Recorded: at.Add(time.Second),
		Seqs: f.Seqs[:2], Group: map[string]string{"account": "kofi@example.com"}, Fields: map[string]string{"type": "claude_code.user_prompt"}, Count: 2, Threshold: "2 in 10 min",
		Sentence: "kofi@example.com's account <b>sent</b> two prompts"})
	list, _, err := b.Alerts.List(context.Background(), consoletest.Ana(), alert.Filter{})
	if err != nil || len(list) != 1 {
		b.T.Fatalf("alerts: %v, %v", list, err)
	}
	return list[0].ID, f
}

func TestAlertPages(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignInAs(consoletest.Ana())
	if body := text(b.Get("/alerts").Body); !strings.Contains(body, "Nothing waits") {
		t.Errorf("the empty list does not explain itself: %s", body)
	}
	id, f := fired(b)
	for path, wants := range map[string][]string{
		"/alerts":                   {"two prompts", "open", "high", "1 alert"},
		"/alerts?state=resolved":    {"No alert is like that"},
		"/alerts?severity=critical": {"No alert is like that"},
		"/alerts?state=all&rule=x":  {"No alert is like that", "Of every rule"},
		"/":                         {"1 alert that nobody looks into, 1 of high severity or above"},
		"/cases/new?alert=" + id:    {"alert " + id},
		"/alerts/" + id: {"two prompts", "Much was sent away", "0123456789ab", "2 in 10 min", "It may be how data leaves", "A migration that was announced", "Ask who owns the account",
			"it fired on this", "it rests on this", "gateway.llm", "had told nothing yet", "sourcetype=", "TimeGenerated", "session:" + f.Session, "Acknowledge", "of this rule"},
	} {
		raw := b.Get(path).Body
		body := text(raw) + raw
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s does not have %q", path, want)
			}
		}
		if strings.Contains(raw, "<b>sent</b>") {
			t.Errorf("%s: what a record says is mark-up", path)
		}
	}
	if dir := os.Getenv("TRIPOD_KEEP_PAGES"); dir != "" {
		for name, path := range map[string]string{"alerts": "/alerts", "alert": "/alerts/" + id} {
			if err := os.WriteFile(dir+"/"+name+".html", []byte(b.Get(path).Body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{"/alerts/" + strings.Repeat("0", 32), "/alerts/x"} {
		if status := b.Get(path).Status; status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// TestAlertDecisions walks an alert through what people decide, each under the token of the sign-in.
func TestAlertDecisions(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignInAs(consoletest.Ana())
	id, f := fired(b)
	at := "/alerts/" + id
	if a := send(b, at+"/acknowledge", "", url.Values{"up_to": {"1"}}); a.Status != http.StatusForbidden {
		t.Errorf("without its token: %d", a.Status)
	}
	upTo := strconv.FormatUint(f.Seqs[1], 10)
	for _, step := range []struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		{at + "/resolve", url.Values{"up_to": {upTo}}, http.StatusBadRequest, "say what it was"},
		{at + "/acknowledge", url.Values{"up_to": {"x"}}, http.StatusBadRequest, "up to which firing"},
		{at + "/except", url.Values{"up_to": {upTo}, "until": {"soon"}, "reason": {"kept"}}, http.StatusBadRequest, "A day is written as"},
		{at + "/acknowledge", url.Values{"up_to": {upTo}, "note": {"on it"}}, http.StatusSeeOther, "acknowledged it"},
		{at + "/acknowledge", url.Values{"up_to": {upTo}}, http.StatusConflict, "already"},
		{at + "/except", url.Values{"up_to": {upTo}, "until": {time.Now().AddDate(0, 0, 3).UTC().Format(time.DateOnly)}, "reason": {"a migration"}}, http.StatusSeeOther, "made an exception"},
		{at + "/resolve", url.Values{"up_to": {upTo}, "reason": {"a drill"}}, http.StatusSeeOther, "resolved it"},
	} {
		a := send(b, step.path, at, step.form)
		body := text(a.Body)
		if a.Status == http.StatusSeeOther {
			body = text(b.Get(at).Body)
		}
		if a.Status != step.status || !strings.Contains(body, step.want) {
			t.Errorf("%s %v: %d, want %d and %q in %s", step.path, step.form, a.Status, step.status, step.want, body)
		}
	}
	list, err := b.Alerts.Exceptions(context.Background(), consoletest.Ana())
	if err != nil || len(list) != 1 {
		t.Fatalf("exceptions: %v, %v", list, err)
	}
	if body := text(b.Get("/alerts?state=all").Body); !strings.Contains(body, list[0].ID) || !strings.Contains(body, "resolved") {
		t.Error("the list has no exception or no state")
	}
	if a := send(b, "/alerts/exceptions/"+list[0].ID+"/end", at, url.Values{}); a.Status != http.StatusSeeOther {
		t.Errorf("end: %d", a.Status)
	}
}

// send posts a form with the token that a page has; without one where page is "".
func send(b *consoletest.Bench, path, page string, form url.Values) consoletest.Answer {
	b.T.Helper()
	if page != "" {
		form.Set("csrf", valueOf(b.Get(page).Body, "csrf"))
	}
	return b.Do(http.MethodPost, b.Server.URL+path, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader(form.Encode()))
	})
}
