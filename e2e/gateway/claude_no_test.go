//go:build claude

package gateway

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/tripod-audit/tripod/e2e/claude/cli"
)

// TestClaudeIsToldNo: what the real client makes of each way of saying no. It asks once, shows our words as they are, and
// does nothing of what was withheld.
func TestClaudeIsToldNo(t *testing.T) {
	proxy := cli.NewRefuser(t)
	l := newLab(t, simulated(nil), ruled(t, rules))
	t.Run("prompt", func(t *testing.T) {
		c := newClaude(t, proxy, l.front.url)
		front, back := l.front.count(), l.back.count()
		if out := c.say("is " + key + " still in use? [[s:text]]"); out != denyWords || c.codes[0] != 0 {
			t.Errorf("claude ended with %d and said %q, want %q", c.codes[0], out, denyWords)
		}
		if n := len(posts(l.front.quiet(t, front))); n != 1 {
			t.Errorf("claude asked %d times, want once", n)
		}
		if n := len(posts(l.back.quiet(t, back))); n != 0 {
			t.Errorf("%d requests reached the upstream", n)
		}
	})
	t.Run("tool call", func(t *testing.T) {
		c := newClaude(t, proxy, l.front.url)
		front := l.front.count()
		out := c.say("[[s:denied say=canary dir="+c.Dir+"]]", "--allowedTools", "Bash,Write")
		if out != withholdWords || c.codes[0] != 0 {
			t.Errorf("claude ended with %d and said %q, want %q", c.codes[0], out, withholdWords)
		}
		if n := len(posts(l.front.quiet(t, front))); n != 1 {
			t.Errorf("claude asked %d times, want once", n)
		}
		if _, err := os.Stat(filepath.Join(c.Dir, "canary.denied")); err == nil {
			t.Error("what was withheld was done")
		}
	})
	t.Run("after a refusal", func(t *testing.T) {
		c := newClaude(t, proxy, l.front.url)
		c.say("is " + key + " still in use? [[s:text]]")
		back := l.back.count()
		if out := c.say("and what about this? [[s:text say=canary]]"); out != denyWords {
			t.Errorf("the key is still in the history, and claude said %q, want %q", out, denyWords)
		}
		if n := len(posts(l.back.quiet(t, back))); n != 0 {
			t.Errorf("%d requests reached the upstream", n)
		}
	})
	t.Run("redacted", func(t *testing.T) {
		l := newLab(t, simulated(nil), ruled(t, redactRules))
		c := newClaude(t, proxy, l.front.url)
		back := l.back.count()
		if out := c.say("is "+key+" still in use? [[s:bash say=canary]]", "--allowedTools", "Bash"); out != "Done: canary." || c.codes[0] != 0 {
			t.Errorf("claude ended with %d and said %q", c.codes[0], out)
		}
		checkRedacted(t, l.back.quiet(t, back), 2)
	})
	if asked := proxy.String(); asked != "nothing" {
		t.Errorf("the client wanted to leave loopback: %s", asked)
	}
}
