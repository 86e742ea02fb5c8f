package config_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

func TestWithCapture(t *testing.T) {
	t.Parallel()
	policy := capture.Config{Rules: []capture.Rule{{Group: []string{"council", "a: #b"}, Keep: audit.ClassMetadata}, {Source: []audit.Source{audit.SourceGatewayLLM}, Keep: audit.ClassText}}}
	const section = "  rules:\n    - group:\n        - council\n        - \"a: #b\"\n      keep: metadata\n    - source:\n        - gateway.llm\n      keep: text\n"
	for name, f := range map[string]struct{ file, want string }{
		"in the middle": {
			"# ours\ndata: /srv/tripod # fast disk\n\n# agreed with the council\ncapture: # see the works agreement\n  # by group\n  rules:\n    - keep: text # for now\n\n# who answers\nowners:\n  otel.log: IT\n",
			"# ours\ndata: /srv/tripod # fast disk\n\n# agreed with the council\ncapture: # see the works agreement\n" + section + "\n# who answers\nowners:\n  otel.log: IT\n"},
		"at the end":   {"data: x\ncapture:\n  rules:\n  - keep: text\n# the end\n", "data: x\ncapture:\n" + section + "# the end\n"},
		"alone":        {"capture:\n  rules: []\n", "capture:\n" + section},
		"not there":    {"data: x", "data: x\ncapture:\n" + section},
		"in one line":  {"capture: {rules: [{keep: text}]}\ndata: x\n", "capture:\n" + section + "data: x\n"},
		"empty":        {"", "capture:\n" + section},
		"a comment":    {"# nothing yet\n", "# nothing yet\ncapture:\n" + section},
		"of Windows":   {"capture:\r\n  rules: []\r\ndata: x\r\n", strings.ReplaceAll("capture:\n"+section, "\n", "\r\n") + "data: x\r\n"},
		"with a start": {"---\ndata: x\ncapture:\n  rules: []\n", "---\ndata: x\ncapture:\n" + section},
		"quoted":       {"\"capture\":\n  rules: []\n\"data\": x\n", "capture:\n" + section + "\"data\": x\n"},
	} {
		got, err := config.WithCapture([]byte(f.file), policy)
		if diff := cmp.Diff(f.want, string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
			continue
		}
		if again, err := config.WithCapture(got, policy); err != nil || string(again) != string(got) {
			t.Errorf("%s: written once more it is another: %v\n%s", name, err, again)
		}
	}
	if got, err := config.WithCapture([]byte("data: x\ncapture:\n  rules:\n  - keep: text\n"), capture.Config{}); err != nil || string(got) != "data: x\ncapture:\n  rules: []\n" {
		t.Errorf("no rules: %v\n%s", err, got)
	}
}

// TestWithCaptureRefuses: what cannot be replaced line by line is left to people, and what is no configuration says so.
func TestWithCaptureRefuses(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"JSON":        `{"data": "x", "capture": {"rules": []}}`,
		"an anchor":   "capture: &c\n  rules:\n    - keep: text\n      group: &g [a]\naccess:\n  local:\n    - os_user: x\n      groups: *g\n      roles: [analyst]\n",
		"a second":    "data: x\n---\ndata: y\n",
		"a wrong key": "dta: x\n",
	} {
		if got, err := config.WithCapture([]byte(file), capture.Config{}); err == nil || name != "a wrong key" && !errors.Is(err, config.ErrByHand) {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// FuzzWithCapture: whatever a file looks like, it says all else as before, or it is refused.
func FuzzWithCapture(f *testing.F) {
	for _, seed := range []string{"", "data: x\n", "capture:\n  rules:\n    - keep: text\n# c\nowners: {otel.log: IT}\n", "{capture: {}}", "capture: |\n  x\ndata: x", "? capture\n: {}\n", "---\n...\n---\n", "#\n\ncapture:\n\n\n#\n"} {
		f.Add(seed)
	}
	policy := capture.Config{Rules: []capture.Rule{{Keep: audit.ClassDetail}}}
	f.Fuzz(func(t *testing.T, file string) {
		out, err := config.WithCapture([]byte(file), policy)
		if err != nil {
			return
		}
		c, err := config.Parse(out)
		if err != nil || c.Capture.Digest() != policy.Digest() {
			t.Fatalf("%v: %q became %q", err, file, out)
		}
	})
}
