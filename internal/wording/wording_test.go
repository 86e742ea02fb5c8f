package wording_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/wording"
)

var update = flag.Bool("update", false, "write the reviewed files anew")

// known lists the names that each family of sources is known to use.
func known(t testing.TB) map[audit.Source][]string {
	t.Helper()
	list := map[audit.Source][]string{
		audit.SourceOTelLog: {
			"user_prompt", "assistant_response", "tool_decision", "tool_result", "api_request", "api_error", "api_retries_exhausted", "api_refusal",
			"api_request_body", "api_response_body", "system_prompt", "permission_mode_changed", "managed_settings_resolved", "hook_registered", "auth",
			"mcp_server_connection", "plugin_installed", "plugin_loaded", "skill_activated", "at_mention", "hook_execution_start",
			"hook_execution_complete", "hook_plugin_metrics", "subagent_completed", "compaction", "retention_sweep", "feedback_survey", "internal_error",
		},
		audit.SourceOTelMetric: {
			"metrics", "claude_code.session.count", "claude_code.lines_of_code.count", "claude_code.pull_request.count", "claude_code.commit.count",
			"claude_code.cost.usage", "claude_code.token.usage", "claude_code.code_edit_tool.decision", "claude_code.active_time.total",
		},
		audit.SourceOTelSpan: {
			"claude_code.interaction", "claude_code.llm_request", "claude_code.tool", "claude_code.tool.blocked_on_user", "claude_code.tool.execution",
			"claude_code.hook",
		},
		audit.SourceTripod: {
			"tripod.access.refused", "tripod.signin.end", "tripod.signin.end_all", "tripod.signin.takeover", "tripod.signin.kept", "tripod.token.make", "tripod.token.end", "tripod.token.end_all",
			"tripod.serve.start", "tripod.serve.stop", "tripod.serve.reload", "tripod.console.enter", "tripod.console.leave", "tripod.console.revoke",
			"tripod.console.open", "tripod.reviews.open", "tripod.reviews.digest", "tripod.reviews.read", "tripod.capture.change", "tripod.capture.write", "tripod.console.search", "tripod.console.export", "tripod.content.swept", "tripod.gateway.lost", "tripod.erase.record",
			"tripod.erase.records", "tripod.erase.content", "tripod.alert.acknowledge", "tripod.alert.resolve", "tripod.alert.except", "tripod.alert.except_end", "tripod.hold.set", "tripod.hold.ask_release", "tripod.hold.keep", "tripod.hold.release",
			"tripod.retention.purge", "tripod.retention.classes",
			"tripod.case.open", "tripod.case.close", "tripod.case.join", "tripod.case.leave", "tripod.grant.request", "tripod.grant.approve",
			"tripod.grant.deny", "tripod.grant.withdraw", "tripod.grant.break_glass", "tripod.grant.review", "tripod.content.open", "tripod.notice.break_glass",
			"tripod.erase.container", "tripod.erase.completed", "tripod.import.start", "tripod.import", "tripod.clock.back", "tripod.recover", "tripod.recover.signed",
			"tripod.compliance.key", "tripod.compliance.requests", "tripod.compliance.run", "tripod.compliance.examined", "tripod.compliance.unread", "tripod.feed.interrupted", "tripod.feed.resumed", "tripod.feed.statement",
		},
		audit.SourceComplianceDirectory: {
			"directory.organization", "directory.user", "directory.role", "directory.permission", "directory.group", "directory.member",
		},
		audit.SourceComplianceSettings: {"settings.value", "settings.api_key"},
		audit.SourceComplianceChat: {
			"session", "chat", "project", "project_knowledge", "project_access", "project_document", "file", "generated_file", "artifact", "code_artifact",
			"code_artifact_version",
		},
	}
	var feed struct{ Types []struct{ Type string } }
	if err := json.Unmarshal(read(t, "../collect/complianceapi/normalise/types.json"), &feed); err != nil {
		t.Fatal(err)
	}
	for _, x := range feed.Types {
		list[audit.SourceComplianceActivity] = append(list[audit.SourceComplianceActivity], x.Type)
	}
	lines := bufio.NewScanner(strings.NewReader(string(read(t, "../collect/auditexport/normalise/events.tsv"))))
	for lines.Scan() {
		if name, _, ok := strings.Cut(lines.Text(), "\t"); ok && !strings.HasPrefix(name, "#") {
			list[audit.SourceAuditExport] = append(list[audit.SourceAuditExport], name)
		}
	}
	if a, e := len(list[audit.SourceComplianceActivity]), len(list[audit.SourceAuditExport]); a < 519 || e < 172 {
		t.Fatalf("%d types of the feed and %d of the export are known", a, e)
	}
	return list
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEveryKnownType holds the sentence of every type anybody is known to use against a reviewed file: with an account, and
// without anything but the type.
func TestEveryKnownType(t *testing.T) {
	t.Parallel()
	for source, types := range known(t) {
		t.Run(string(source), func(t *testing.T) {
			t.Parallel()
			slices.Sort(types)
			var got strings.Builder
			for _, typ := range types {
				r := &audit.Record{Source: source, Type: typ}
				alone := wording.Sentence(r)
				r.Account.Proved.Email = "dana@example.com"
				fmt.Fprintf(&got, "%s\t%s\t%s\n", typ, wording.Sentence(r), alone)
			}
			golden(t, string(source)+".tsv", got.String())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, path)), got); diff != "" {
		t.Errorf("%s (-reviewed +got; -update writes it, read what changed):\n%s", path, diff)
	}
}

// checkSentence holds what every sentence must be, whatever the record.
func checkSentence(t *testing.T, r *audit.Record, s string) {
	t.Helper()
	switch {
	case s == "" || s != strings.TrimSpace(s):
		t.Errorf("%s %s: %q is empty or begins or ends with a blank", r.Source, r.Type, s)
	case strings.Contains(s, "  "), strings.Contains(s, " ,"), strings.Contains(s, " :"), strings.Contains(s, "()"):
		t.Errorf("%s %s: %q has a hole in it", r.Source, r.Type, s)
	case strings.ContainsAny(s, "{}[]|"):
		t.Errorf("%s %s: %q shows its template", r.Source, r.Type, s)
	case strings.Contains(s, "_"):
		t.Errorf("%s %s: %q shows a raw name", r.Source, r.Type, s)
	case unicode.IsLower([]rune(s)[0]) && !strings.Contains(s, "@"):
		t.Errorf("%s %s: %q does not begin as a sentence", r.Source, r.Type, s)
	}
}

// TestForm holds every known type, with each outcome, to the form of a sentence; and so that none is worded by luck: the
// names must tell apart what they name apart, as far as one source goes.
func TestForm(t *testing.T) {
	t.Parallel()
	for source, types := range known(t) {
		for _, typ := range types {
			for _, outcome := range []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown, ""} {
				r := &audit.Record{Source: source, Type: typ, Outcome: outcome}
				checkSentence(t, r, wording.Sentence(r))
				checkSentence(t, r, wording.Deed(r))
				r.Account.Asserted.Email = "dana@example.com"
				checkSentence(t, r, wording.Sentence(r))
			}
		}
	}
}
