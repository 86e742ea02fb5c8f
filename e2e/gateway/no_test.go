package gateway

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/policy"
)

// Rules whose words nobody else says.
const (
	denyWords     = "Acme security: there is an access key in this prompt. Take it out and ask again; questions go to security@example.com."
	withholdWords = "Acme security: this command touches what is not yours to touch."
	rules         = `rules:
- id: no-keys-in-prompts
  title: Access keys do not leave the house
  points: [prompt]
  detectors: [credential.aws_access_key]
  effect: deny
  message: "` + denyWords + `"
  severity: high
  mode: enforce
- id: no-touching
  title: Commands that touch
  points: [tool_call]
  tools: [Bash, Write]
  effect: deny
  message: "` + withholdWords + `"
  severity: critical
  mode: enforce
`
	redactRules = `rules:
- id: keys-are-blackened
  title: Access keys are taken out
  points: [prompt, tool_result]
  detectors: [credential.aws_access_key]
  effect: redact
  message: "An access key was taken out."
  severity: high
  mode: enforce
`
)

// key is made up; it has the shape of a real one.
const key = "AKIA" + "2E3A7F5B244C6Q7R"

// ruled puts rules in force, and no others.
func ruled(t *testing.T, text string) func(*config.Config) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		c.Gateway.Redact = strings.Contains(text, "redact")
		c.Policy.Mode, c.Policy.Starter, c.Policy.Files = policy.Enforce, false, []string{file}
		c.Policy.Budget.Least, c.Policy.Budget.Most = c.Policy.Budget.Most*10, c.Policy.Budget.Most*10 // a busy machine is no reason to fail
	}
}

// verdicts are the rules on record as having stopped or changed something.
func verdicts(t *testing.T, l *lab) map[string][]audit.Record {
	t.Helper()
	of := map[string][]audit.Record{}
	for _, r := range l.records(t) {
		if r.Type == "llm.verdict" {
			of[r.Rule] = append(of[r.Rule], r)
		}
	}
	return of
}

func TestSaysNo(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulated(nil), ruled(t, rules))
	t.Run("prompt", func(t *testing.T) {
		c := newClient(t, l.front.url)
		c.padding = "is " + key + " still in use? "
		since := l.back.count()
		if got := c.ask(t, "text"); got.status != http.StatusOK || got.text != denyWords || got.stopReason != "end_turn" || !got.stopped {
			t.Errorf("streaming: %d %q %q", got.status, got.text, got.stopReason)
		}
		c.stream = false
		if got := c.ask(t, "text"); got.status != http.StatusUnavailableForLegalReasons || !bytes.Contains(got.raw, []byte(denyWords)) {
			t.Errorf("not streaming: %d %s", got.status, got.raw)
		}
		if n := l.back.count() - since; n != 0 {
			t.Errorf("%d requests reached the upstream", n)
		}
	})
	t.Run("tool call", func(t *testing.T) {
		c := newClient(t, l.front.url)
		got := c.ask(t, "parallel")
		if len(got.calls) != 0 || got.stopReason != "end_turn" || !got.stopped || !strings.Contains(got.text, withholdWords) || !strings.HasPrefix(got.text, "Three at once.") {
			t.Errorf("streaming: %d calls, %q, %q", len(got.calls), got.stopReason, got.text)
		}
		c.stream = false
		if got := c.ask(t, "parallel"); len(got.calls) != 0 || got.stopReason != "end_turn" || !strings.Contains(got.text, withholdWords) {
			t.Errorf("not streaming: %d calls, %q, %q", len(got.calls), got.stopReason, got.text)
		}
		if got := c.ask(t, "mcp"); len(got.calls) != 1 || got.stopReason != "tool_use" {
			t.Errorf("a tool that no rule is about: %d calls, %q", len(got.calls), got.stopReason)
		}
	})
	t.Run("nothing to say", func(t *testing.T) {
		c := newClient(t, l.front.url)
		front, back := l.front.count(), l.back.count()
		says("text", "You said canary.")(t, c)
		works("mcp", 2)(t, c)
		same(t, l.front.quiet(t, front), l.back.quiet(t, back))
	})
	of := verdicts(t, l)
	for rule, n := range map[string]int{"no-keys-in-prompts": 2, "no-touching": 6} {
		if len(of[rule]) != n {
			t.Errorf("%d verdicts of %s are on record, want %d", len(of[rule]), rule, n)
		}
		for i := range of[rule] {
			if r := &of[rule][i]; r.Outcome != audit.OutcomeDenied || r.Keys.Session == "" {
				t.Errorf("a verdict of %s has outcome %q and session %q", rule, r.Outcome, r.Keys.Session)
			}
		}
	}
}

func TestRedacts(t *testing.T) {
	t.Parallel()
	l := newLab(t, simulated(nil), ruled(t, redactRules))
	c := newClient(t, l.front.url)
	c.padding = "is " + key + " still in use? "
	back := l.back.count()
	works("bash", 1)(t, c)
	checkRedacted(t, l.back.quiet(t, back), 2)
	if of := verdicts(t, l); len(of["keys-are-blackened"]) == 0 {
		t.Error("no verdict is on record")
	}
}

// checkRedacted checks that no key reached the upstream, and that its place holder is the same in each request, so that the
// vendor's prompt cache holds.
func checkRedacted(t *testing.T, back []*passage, n int) {
	t.Helper()
	of := posts(back)
	if len(of) != n {
		t.Errorf("%d requests reached the upstream, want %d", len(of), n)
	}
	var holder string
	for _, x := range of {
		if bytes.Contains(x.Body, []byte(key)) {
			t.Errorf("the key reached the upstream: %.300s", x.Body)
		}
		_, after, ok := strings.Cut(string(x.Body), "[REDACTED:")
		place, _, _ := strings.Cut(after, "]")
		if !ok || holder != "" && place != holder {
			t.Errorf("its place is held by %q, was %q", place, holder)
		}
		holder = place
		if int64(len(x.Body)) != x.Length || x.Status != http.StatusOK {
			t.Errorf("%d bytes of %d, answered %d", len(x.Body), x.Length, x.Status)
		}
	}
}
