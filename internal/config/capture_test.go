package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

func TestCaptureLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]int{
		"":                                   nil,
		"data: x\n":                          nil,
		"capture:\n  rules: []\n":            nil,
		"capture: {rules: [{keep: text}]}\n": {1},
		"data: x\ncapture:\n  rules:\n    # why\n    - {group: [council], keep: metadata}\n    - keep: text\n      source: [otel.log]\n    - {keep: detail}\n": {5, 6, 8},
	} {
		got, err := captureLines([]byte(text))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestCaptureYAML(t *testing.T) {
	t.Parallel()
	want := capture.Config{Rules: []capture.Rule{{Group: []string{"works-council"}, Keep: audit.ClassMetadata}, {Source: []audit.Source{audit.SourceGatewayLLM}, Keep: audit.ClassText}}}
	text, err := CaptureYAML(want)
	if err != nil || !strings.HasPrefix(text, "capture:\n") {
		t.Fatalf("%v: %s", err, text)
	}
	c, err := Parse([]byte(text))
	if diff := cmp.Diff(want, c.Capture); err != nil || diff != "" {
		t.Errorf("%v\n%s\n%s", err, text, diff)
	}
}
