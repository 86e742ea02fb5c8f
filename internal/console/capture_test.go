package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// rule is one row of the form.
func rule(v url.Values, at, keep, source, group string) {
	for name, value := range map[string]string{"at": at, "keep": keep, "source": source, "group": group, "plane": "", "surface": "", "credential": ""} {
		v.Add(name, value)
	}
}

func TestCaptureEditor(t *testing.T) {
	t.Parallel()
	inForce := capture.Config{Rules: []capture.Rule{{Group: []string{"council"}, Keep: audit.ClassMetadata}, {Source: []audit.Source{audit.SourceGatewayLLM}, Keep: audit.ClassMetadata}}}
	b := consoletest.New(t, consoletest.Options{Configure: func(_ *console.Config, d *console.Deps) {
		d.Capture = func() capture.Config { return inForce }
		d.CaptureYAML = func(c capture.Config) (string, error) { return "capture: " + c.Digest(), nil }
	}})
	b.SignIn()
	a := b.Get("/settings/capture")
	consoletest.CheckInert(t, "capture", a.Body)
	holds(t, "capture", a.Body, "group council: keep metadata", "else plane control: keep metadata", `value="council"`)
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
	a = b.Get("/settings/capture?" + other.Encode())
	consoletest.CheckInert(t, "other rules", a.Body)
	want := capture.Config{Rules: []capture.Rule{{Source: []audit.Source{audit.SourceOTelLog}, Group: []string{"<b>legal</b>"}, Keep: audit.ClassText}, inForce.Rules[1]}}
	holds(t, "other rules", a.Body, "capture: "+want.Digest(), "group council: keep metadata", "text if its records carry the group", "nothing has changed yet")
	if strings.Contains(a.Body, `<li class="went"><span class="mark">−<span class="hidden"> gone: </span></span><code><bdi>2. source gateway.llm`) {
		t.Error("a rule that only moved is told as gone")
	}

	wrong := make(url.Values)
	rule(wrong, "1", "everything", "otel.lgo", "")
	holds(t, "wrong", b.Get("/settings/capture?"+wrong.Encode()).Body, "is not metadata, detail or text", "is not a source")
	for _, bad := range []string{"?keep=text", "?" + strings.Repeat("keep=text&at=1&source=&plane=&surface=&group=&credential=&", 101)} {
		if a := b.Get("/settings/capture" + bad); a.Status != http.StatusBadRequest {
			t.Errorf("%d for %.40s", a.Status, bad)
		}
	}
	if inForce.Digest() == want.Digest() || len(b.Own("tripod.capture")) != 0 {
		t.Error("looking changed something")
	}
}
