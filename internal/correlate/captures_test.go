package correlate

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

// capture is one log record that a real Claude Code sent, reduced to what matters here.
type capture struct {
	Capture      string         `json:"capture"`
	Activity     audit.Activity `json:"activity"`
	Type         string         `json:"type"`
	Occurred     time.Time      `json:"occurred"`
	Session      string         `json:"session"`
	Device       string         `json:"device"`
	N            *int64         `json:"n"`
	ToolUse      string         `json:"tool_use"`
	Decision     string         `json:"decision"`
	Version      string         `json:"version"`
	ScopeVersion string         `json:"scope_version"`
}

func (c *capture) record(r *audit.Record) {
	r.Activity, r.Type, r.Sequence, r.Keys.ToolUse = c.Activity, c.Type, c.N, c.ToolUse
	r.Account.Asserted.Device = c.Device
	r.Service.Version, r.Service.ScopeVersion = c.Version, c.ScopeVersion
	if c.Decision != "" {
		r.Attributes = audit.Attrs{{Name: "decision", Value: audit.String(c.Decision)}}
	}
}

// TestCaptures: what real clients of five versions sent shows no discrepancy that is not there. The captures that were
// published thinned out, by repetitions of plugin_loaded, miss just those; the raw ones miss nothing.
func TestCaptures(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/captures.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f := newFeed(t)
	names := make(map[string]string) // of captures, by session
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var c capture
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		// files-full is there thinned out and raw.
		session := c.Capture + " " + c.Session
		names[session] = c.Capture
		f.event(session, 0, c.Occurred, c.record, func(r *audit.Record) { r.Account.Asserted.Device = c.Capture })
	}
	f.apply()
	f.later(2 * ResultWithin)
	got := make(map[string][]Range)
	for _, d := range f.list(Filter{Limit: -1}) {
		if d.Kind != KindSequenceGap {
			t.Errorf("%s: %s", d.Session, d.Statement)
		}
		got[names[d.Session]] = append(got[names[d.Session]], d.Details.Missing...)
	}
	plugins := []Range{{2, 3}}
	want := map[string][]Range{
		"badinput": plugins, "commit-full": plugins, "deny-full": plugins, "e400": plugins, "e429": plugins, "e529": plugins, "files-full": plugins,
		"files-min": plugins, "hint": plugins, "mcp-full": plugins, "one-OTEL_LOG_TOOL_CONTENT": plugins, "one-OTEL_LOG_USER_PROMPTS": plugins,
		"rawbodies": plugins, "t1": plugins, "unknowntool": plugins, "stream2": {{6, 7}}, "tui": {{2, 4}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
