package llmgateway

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/policy"
)

func TestClean(t *testing.T) {
	t.Parallel()
	c := newClean()
	base := policy.Event{Model: "m", Surface: audit.SurfaceAPI, Keys: audit.Keys{Session: "s"}}
	seen := map[uint64]string{c.around("v1", nil, &base): "the same"}
	for name, change := range map[string]func(*policy.Event){
		"model":      func(e *policy.Event) { e.Model = "n" },
		"session":    func(e *policy.Event) { e.Keys.Session = "t" },
		"may":        func(e *policy.Event) { e.Capabilities = []string{"files"} },
		"proved":     func(e *policy.Event) { e.Account.Proved.Email = "a@example.com" },
		"asserted":   func(e *policy.Event) { e.Account.Asserted.Email = "a@example.com" },
		"user":       func(e *policy.Event) { e.Account.Proved.User = "a@example.com" },
		"group":      func(e *policy.Event) { e.Account.Proved.Groups = []string{"a"} },
		"two groups": func(e *policy.Event) { e.Account.Proved.Groups = []string{"a", "b"} },
		"one group":  func(e *policy.Event) { e.Account.Proved.Groups = []string{"ab"} },
		"surface":    func(e *policy.Event) { e.Surface = audit.SurfaceClaudeCode },
	} {
		ev := base
		change(&ev)
		a := c.around("v1", nil, &ev)
		if other, is := seen[a]; is {
			t.Errorf("%s is judged as %s is", name, other)
		}
		seen[a] = name
	}
	if _, is := seen[c.around("v2", nil, &base)]; is {
		t.Error("other rules, the same verdict")
	}
	if _, is := seen[c.around("v1", []string{"tainted"}, &base)]; is {
		t.Error("something was noted of the session, the same verdict")
	}
	key := func(i int) cleanKey { return cleanKey{around: uint64(i)} }
	for i := range mostClean + 10 {
		c.add(key(i))
		c.add(key(i))
	}
	if c.has(key(9)) || !c.has(key(10)) || !c.has(key(mostClean+9)) || len(c.in) != mostClean {
		t.Errorf("%d are remembered, not the last %d", len(c.in), mostClean)
	}
}
