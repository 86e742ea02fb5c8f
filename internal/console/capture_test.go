package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// captured is a capture policy in a file of a test's own.
type inFile struct {
	rules   capture.Config
	closed  error
	fails   error // what writing fails with
	written []capture.Config
	by      []string
	version []string
}

func (f *inFile) Rules() capture.Config                 { return f.rules }
func (f *inFile) YAML(c capture.Config) (string, error) { return "capture: " + c.Digest(), nil }
func (f *inFile) File() (path, version string, closed error) {
	return "/etc/tripod/tripod.yaml", "v1", f.closed
}
func (f *inFile) Write(_ context.Context, by *access.Person, version string, c capture.Config) error {
	if f.fails != nil {
		return f.fails
	}
	f.written, f.by, f.version = append(f.written, c), append(f.by, by.Subject), append(f.version, version)
	return nil
}

// rule is one row of the form.
func rule(v url.Values, at, keep, source, group string) {
	for name, value := range map[string]string{"at": at, "keep": keep, "source": source, "group": group, "plane": "", "surface": "", "credential": ""} {
		v.Add(name, value)
	}
}

func captureBench(t *testing.T, f *inFile) *consoletest.Bench {
	t.Helper()
	return consoletest.New(t, consoletest.Options{Configure: func(_ *console.Config, d *console.Deps) { d.Capture = f },
		Access: func(c *signin.Config, _ *signin.Deps) { c.StepUp = time.Minute }})
}

func TestCaptureEditor(t *testing.T) {
	t.Parallel()
	f := &inFile{rules: capture.Config{Rules: []capture.Rule{{Group: []string{"council"}, Keep: audit.ClassMetadata}, {Source: []audit.Source{audit.SourceGatewayLLM}, Keep: audit.ClassMetadata}}}}
	inForce := f.rules
	b := captureBench(t, f)
	b.SignIn()
	a := b.Get("/settings/capture")
	consoletest.CheckInert(t, "capture", a.Body)
	holds(t, "capture", a.Body, "group council: keep metadata", "else plane control: keep metadata", `value="council"`, "/etc/tripod/tripod.yaml")
	if strings.Contains(a.Body, "What would change") {
		t.Error("something would change though nobody asked")
	}

	same := make(url.Values)
	rule(same, "1", "metadata", "", "council")
	rule(same, "2", "metadata", "gateway.llm", "")
	rule(same, "3", "", "", "")
	holds(t, "the same", b.Get("/settings/capture?"+same.Encode()).Body, "These are the rules in force")

	other := make(url.Values) // the first goes, the second moves behind a new one
	rule(other, "1", "", "", "council")
	rule(other, "5", "metadata", "gateway.llm", "")
	rule(other, "2", "text", "otel.log", "<b>legal</b>")
	other.Set("account", "dana@example.com")
	a = b.Get("/settings/capture?" + other.Encode())
	consoletest.CheckInert(t, "other rules", a.Body)
	want := capture.Config{Rules: []capture.Rule{{Source: []audit.Source{audit.SourceOTelLog}, Group: []string{"<b>legal</b>"}, Keep: audit.ClassText}, inForce.Rules[1]}}
	holds(t, "other rules", a.Body, "capture: "+want.Digest(), "group council: keep metadata", "text if its records carry the group", "nothing has changed yet",
		"No account was ever known by this name", "Write it and put it in force", "the directory lists no account in a group of this name")
	if strings.Contains(a.Body, `<li class="went"><span class="mark">−<span class="hidden"> gone: </span></span><code><bdi>2. source gateway.llm`) {
		t.Error("a rule that only moved is told as gone")
	}
	if own := b.Own("tripod.console.open"); len(own[len(own)-1].Content) != 1 {
		t.Error("whom somebody asked about is not on record")
	}

	wrong := make(url.Values)
	rule(wrong, "1", "everything", "otel.lgo", "")
	holds(t, "wrong", b.Get("/settings/capture?"+wrong.Encode()).Body, "is not metadata, detail or text", "is not a source")
	for _, bad := range []string{"?keep=text", "?" + strings.Repeat("keep=text&at=1&source=&plane=&surface=&group=&credential=&", 101)} {
		if a := b.Get("/settings/capture" + bad); a.Status != http.StatusBadRequest {
			t.Errorf("%d for %.40s", a.Status, bad)
		}
	}
	if len(f.written) != 0 || len(b.Own("tripod.capture")) != 0 {
		t.Error("looking changed something")
	}
	f.closed = errors.New("it is a symbolic link")
	a = b.Get("/settings/capture?" + other.Encode())
	holds(t, "closed", a.Body, "it is a symbolic link", "capture: "+want.Digest(), "SIGHUP")
	if strings.Contains(a.Body, "Write it and put it in force") {
		t.Error("what cannot be written is offered")
	}
}

// TestCaptureIsWritten: by an administrator alone, under the token of the sign-in, soon after it.
func TestCaptureIsWritten(t *testing.T) {
	t.Parallel()
	f := new(inFile)
	b := captureBench(t, f)
	form := make(url.Values)
	rule(form, "1", "text", "otel.log", "legal")
	form.Set("version", "v1")
	rules := capture.Config{Rules: []capture.Rule{{Source: []audit.Source{audit.SourceOTelLog}, Group: []string{"legal"}, Keep: audit.ClassText}}}
	write := func(csrf string) consoletest.Answer {
		sent := make(url.Values)
		for name, values := range form {
			sent[name] = values
		}
		sent.Set("csrf", csrf)
		return b.Do(http.MethodPost, b.Server.URL+"/settings/capture", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body, r.ContentLength = body(sent.Encode())
		})
	}
	b.SignInAs(consoletest.Somebody("priya", access.PrivacyOfficer, access.Auditor))
	if a := write(valueOf(b.Get("/me").Body, "csrf")); a.Status != http.StatusForbidden {
		t.Errorf("who may not write settings: %d", a.Status)
	}
	page := b.Get("/settings/capture?" + form.Encode()).Body
	if strings.Contains(page, "Write it and put it in force") || !strings.Contains(page, "An administrator can do that") {
		t.Error("who may not write it is offered to")
	}

	now := time.Now()
	b.Clock.Store(&now)
	b.SignInAs(consoletest.Somebody("ada", access.Administrator))
	csrf := valueOf(b.Get("/me").Body, "csrf")
	for what, wrong := range map[string]string{"none": "", "another": "x" + csrf} {
		if a := write(wrong); a.Status != http.StatusForbidden {
			t.Errorf("%s token: %d", what, a.Status)
		}
	}
	later := now.Add(2 * time.Minute)
	b.Clock.Store(&later)
	if a := write(csrf); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "Sign in once more") {
		t.Errorf("long after signing in: %d", a.Status)
	}
	holds(t, "typed before", b.Get("/settings/capture").Body, "What would change", "source otel.log, group legal: keep text")
	if len(f.written) != 0 {
		t.Fatal("it was written")
	}
	b.SignInAs(consoletest.Somebody("ada", access.Administrator))
	csrf = valueOf(b.Get("/me").Body, "csrf")
	if a := write(csrf); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/settings/capture?written=yes" {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if len(f.written) != 1 || f.written[0].Digest() != rules.Digest() || f.by[0] != "os:ada" || f.version[0] != "v1" {
		t.Errorf("%+v", f)
	}
	holds(t, "written", b.Get("/settings/capture?written=yes").Body, "Written to")

	for what, k := range map[string]struct {
		err    error
		status int
		want   string
	}{
		"stale":      {&console.StaleError{File: "/etc/x.yaml", Settings: []string{"owners"}, Rules: &rules}, http.StatusConflict, "(owners). Its capture rules are others"},
		"in force":   {&console.StaleError{InForce: true, Rules: &rules}, http.StatusConflict, "change is in force since"},
		"unreadable": {&console.StaleError{Unreadable: errors.New("line 3")}, http.StatusConflict, "line 3"},
		"closed":     {&console.ClosedError{Reason: errors.New("/etc/x.yaml: permission denied")}, http.StatusConflict, "permission denied"},
		"invalid":    {&console.InvalidError{Reason: errors.New("no token is named ci")}, http.StatusBadRequest, "no token is named ci"},
		"refused":    {errors.New("the journal is full"), http.StatusServiceUnavailable, "could not be recorded"},
	} {
		f.fails = k.err
		if a := write(csrf); a.Status != k.status || !strings.Contains(a.Body, k.want) || strings.Contains(a.Body, "Written to") {
			t.Errorf("%s: %d, want %d and %q", what, a.Status, k.status, k.want)
		}
	}
}
