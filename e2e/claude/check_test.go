//go:build claude

package claude

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// seen is what event and record have in common.
type seen struct {
	Sequence int64
	Name     string
	Time     time.Time
}

func (e event) seen() seen { return seen{e.Sequence, e.Name, e.Time.UTC()} }

func (r record) seen() seen {
	s := seen{Sequence: -1, Name: r.Type, Time: r.Occurred.UTC()}
	if r.Sequence != nil {
		s.Sequence = *r.Sequence
	}
	return s
}

// of keeps the records of one source.
func of(records []record, source string) []record {
	return slices.DeleteFunc(slices.Clone(records), func(r record) bool { return r.Source != source })
}

// inTripod checks that what reached the tee is in Tripod: everything once, under its own name, in order.
func (s *session) inTripod(t *testing.T) {
	t.Helper()
	if s.tripod == nil {
		return
	}
	events := s.events()
	records := s.awaitRecords(t, len(events))
	var want, got []seen
	for _, e := range events {
		want = append(want, e.seen())
	}
	logs := of(records, "otel.log")
	for _, r := range logs {
		got = append(got, r.seen())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tripod session has other events than reached it, or in another order (-want +got):\n%s", diff)
	} else {
		named(t, events, logs)
	}
	s.searchAgrees(t, records)
	s.spansAndMetrics(t, records)
	s.discrepancies(t)
}

// awaitRecords asks for the session until it holds as many events as it should: the views follow the journal, so the
// last of them may come a moment after the acknowledgement.
func (s *session) awaitRecords(t *testing.T, events int) []record {
	t.Helper()
	spans, metrics := s.sent()
	tick, limit := time.NewTicker(100*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		records, _ := s.tripod.session(t, s.id)
		if s.tripod.still || len(of(records, "otel.log")) >= events && len(of(records, "otel.span")) >= len(spans) &&
			len(of(records, "otel.metric")) >= metrics {
			return records
		}
		select {
		case <-limit:
			return records
		case <-tick.C:
		}
	}
}

// sent lists the acknowledged spans, each once, and counts the acknowledged ResourceMetrics.
func (s *session) sent() (spans []span, metrics int) {
	for _, x := range s.exports() {
		if x.acknowledged {
			spans = append(spans, x.spans...)
			metrics += x.resources
		}
	}
	slices.SortFunc(spans, compareSpans)
	return slices.Compact(spans), metrics
}

func compareSpans(a, b span) int { return strings.Compare(a.Trace+a.Span, b.Trace+b.Span) }

// searchAgrees checks that search finds the same records as session, newest first.
func (s *session) searchAgrees(t *testing.T, records []record) {
	t.Helper()
	found := s.tripod.search(t, "session:"+s.id)
	if !slices.IsSortedFunc(found, func(a, b record) int { return b.Occurred.Compare(a.Occurred) }) {
		t.Errorf("search does not list the session newest first")
	}
	lines := func(list []record) []string {
		var l []string
		for _, r := range list {
			l = append(l, fmt.Sprintf("%8d %s %s", r.Seq, r.Source, r.Type))
		}
		slices.Sort(l)
		return l
	}
	if diff := cmp.Diff(lines(records), lines(found)); diff != "" {
		t.Errorf("search and session disagree (-session +search):\n%s", diff)
	}
}

func (s *session) spansAndMetrics(t *testing.T, records []record) {
	t.Helper()
	want, metrics := s.sent()
	var got []span
	for _, r := range of(records, "otel.span") {
		got = append(got, span{r.Keys.Session, r.Keys.Trace, r.Keys.Span, r.Type})
	}
	slices.SortFunc(got, compareSpans)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if n := len(of(records, "otel.metric")); n != metrics {
		t.Errorf("got %d metric records, want %d", n, metrics)
	}
}

// discrepancies checks that the session has none, unless the test kept events from serve: then just these are missing.
func (s *session) discrepancies(t *testing.T) {
	t.Helper()
	var want, got []int64
	for _, x := range s.exports() {
		if x.verdict == drop {
			for _, e := range x.events {
				want = append(want, e.Sequence)
			}
		}
	}
	_, list := s.tripod.session(t, s.id)
	for _, d := range list {
		if d.Kind != "sequence_gap" && len(want) == 0 {
			t.Errorf("a discrepancy where there is none: %s: %s", d.Kind, d.Statement)
		}
		for _, r := range d.Details.Missing {
			for n := r.First; n <= r.Last; n++ {
				got = append(got, n)
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("missing event.sequence according to Tripod (-want +got):\n%s", diff)
	}
}

// activities are the names Tripod gives to the events every session has.
var activities = map[string]string{
	"user_prompt": "prompt", "assistant_response": "response", "api_request": "model_request",
	"tool_decision": "tool_decision", "tool_result": "tool_result", "api_error": "model_request",
	"mcp_server_connection": "connection", "plugin_loaded": "extension", "subagent_completed": "agent_run",
	"hook_execution_start": "hook_run", "hook_execution_complete": "hook_run", "api_refusal": "model_request",
}

// named checks that records carry the names and keys their events have.
func named(t *testing.T, events []event, records []record) {
	t.Helper()
	for i, e := range events {
		r := records[i]
		f := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s (sequence %d) has %s %q, want %q", e.Name, e.Sequence, what, got, want)
			}
		}
		f("surface", r.Surface, "claude_code")
		f("session", r.Keys.Session, e.Session)
		f("prompt", r.Keys.Prompt, e.attr("prompt.id"))
		f("request", r.Keys.Request, e.attr("request_id"))
		f("tool use", r.Keys.ToolUse, e.attr("tool_use_id"))
		f("agent", r.Keys.Agent, e.attr("agent_id"))
		if strings.HasPrefix(e.Name, "tool_") {
			server, tool := e.tool()
			f("tool", r.Tool, tool)
			f("MCP server", r.MCP, server)
		}
		if want, ok := activities[e.Name]; ok {
			f("activity", r.Activity, want)
		}
		switch {
		case e.Name == "tool_decision" && e.attr("decision") == "reject":
			f("outcome", r.Outcome, "denied")
		case e.attr("success") == "true":
			f("outcome", r.Outcome, "success")
		case e.attr("success") == "false", e.Name == "api_error":
			f("outcome", r.Outcome, "failure")
		}
		if slices.Contains(r.Flags, "unknown_type") {
			t.Errorf("%s is of no known type", e.Name)
		}
		if e.attr("prompt") != "" && !slices.ContainsFunc(records[i].Content, func(c content) bool { return c.Name == "prompt" }) {
			t.Errorf("the record of a prompt does not refer to it: %s", r.raw)
		}
	}
}

// tool tells which tool an event is about. Tools of MCP servers share one name; which it was stands in the details.
func (e event) tool() (server, tool string) {
	var p struct {
		Server string `json:"mcp_server_name"`
		Tool   string `json:"mcp_tool_name"`
	}
	if e.attr("tool_name") == "mcp_tool" && json.Unmarshal([]byte(e.attr("tool_parameters")), &p) == nil && p.Tool != "" {
		return p.Server, p.Tool
	}
	return "", e.attr("tool_name")
}

// canaryPattern finds any canary, of this run or another.
var canaryPattern = regexp.MustCompile(`cny[a-z]+[0-9a-f]{16}`)

// clean checks that b holds no canary.
func clean(t *testing.T, where string, b []byte) {
	t.Helper()
	for _, at := range canaryPattern.FindAllIndex(b, 3) {
		t.Errorf("%s holds %s, which is content: …%q…", where, b[at[0]:at[1]], b[max(0, at[0]-120):min(len(b), at[1]+40)])
	}
}

// cleanFiles checks every file of the data directory. What is no content must be found in one of them, or the search
// would prove nothing.
func cleanFiles(t *testing.T, dir, known string) {
	t.Helper()
	files, found := 0, false
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		found = found || bytes.Contains(b, []byte(known))
		clean(t, path, b)
		return err
	})
	if err != nil || !found {
		t.Errorf("none of the %d files of %s holds %s in the clear (%v)", files, dir, known, err)
	}
}

// sentContent checks that the client did send what the test looks for: else its absence would prove nothing.
func (s *session) sentContent(t *testing.T) {
	t.Helper()
	exports := s.exports()
	for _, word := range slices.Concat(s.always, s.planted) {
		if !slices.ContainsFunc(exports, func(x export) bool { return x.contains(word) }) {
			t.Errorf("the client never sent %s", word)
		}
	}
}
