package normalise

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
)

var received = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func messages(t *testing.T, raw string, s Subject) ([]Draft, []Attached) {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return n.Message([]byte(raw), s, 7, Origin{Credential: "compliance", Received: received, Salt: []byte("salt")})
}

// sketch is what a draft comes to, in a line: who did what with which tool, what is beside it, what is odd about it.
func sketch(d *Draft) string {
	r := d.Record
	parts := []string{r.ID, string(r.Activity), r.Type, string(r.Outcome), r.Tool, r.MCP, r.Keys.ToolUse}
	for _, a := range r.Attributes {
		parts = append(parts, a.Name+"="+a.Value.Text())
	}
	for _, p := range d.Pieces {
		s := p.Name + ":" + string(p.Class) + ":" + string(p.Value)
		if p.Withheld != "" {
			s = p.Name + " withheld by " + p.Withheld
		}
		parts = append(parts, s)
	}
	return strings.Join(append(parts, r.Flags...), " | ")
}

var asked = Subject{Session: "clls_01", User: "user_01", Email: "dana@example.com", Org: "org", Surface: audit.SurfaceCowork}

func TestMessages(t *testing.T) {
	t.Parallel()
	f := func(name, raw string, s Subject, want ...string) {
		t.Helper()
		drafts, _ := messages(t, raw, s)
		var got []string
		for i := range drafts {
			got = append(got, sketch(&drafts[i]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	f("a prompt of two blocks", `{"type":"compliance_local_session_message","id":"clsm_1","role":"user","created_at":"2026-11-23T10:00:00.000000Z","model":null,
		"content":[{"type":"text","text":"look","truncated":false},{"type":"text","text":"here","truncated":false}],"provenance":null}`, asked,
		"clsm_1 | prompt | user_message | success |  |  |  | prompt:text:look | prompt.1:text:here")
	f("a reply and two tools", `{"id":"clsm_2","role":"assistant","created_at":"2026-11-23T10:00:01Z","model":"claude-opus-5-5","content":[
		{"type":"tool_use","id":"toolu_1","name":"mcp__files__read","input":"{\"path\":\"a\"}","truncated":false},{"type":"text","text":"so"},
		{"type":"tool_use","id":"toolu_2","name":"Bash","input":"{\"command\":\"ls","truncated":true}],"provenance":{"type":"client_asserted"}}`, asked,
		`clsm_2/0 | tool_call | tool_use | unknown | read | files | toolu_1 | provenance=client_asserted | tool_input:detail:{"path":"a"}`,
		"clsm_2 | response | assistant_message | success |  |  |  | provenance=client_asserted | response:text:so",
		`clsm_2/2 | tool_call | tool_use | unknown | Bash |  | toolu_2 | provenance=client_asserted | truncated=true | tool_input:detail:{"command":"ls | truncated`)
	f("results", `{"id":"clsm_3","role":"user","created_at":"2026-11-23T10:00:02","content":[
		{"type":"tool_result","tool_use_id":"toolu_1","name":"search","is_error":true,"integration_name":"SharePoint","mcp_server_url":"https://mcp.example/sse",
		"content":[{"type":"text","text":"no"},{"type":"image"}]}]}`, asked,
		"clsm_3/0 | tool_result | tool_result | failure | search | SharePoint | toolu_1 | is_error=true | tool.output:text:no | tool.output.1:text:{\"type\":\"image\"} | mcp_server_url:detail:https://mcp.example/sse")
	f("nothing captured", `{"id":"clsm_4","role":"assistant","created_at":"2026-11-23T10:00:03Z","content":[],"provenance":{"type":"content_unavailable","reason":"cmek_key_revoked"}}`, asked,
		"clsm_4 | response | assistant_message | unknown |  |  |  | provenance=content_unavailable | provenance.reason=cmek_key_revoked | response withheld by source")
	f("nothing left of a remote one", `{"id":"csev_4","role":"user","created_at":"2026-11-23T10:00:03Z","content":[],"sent_by_user_id":"user_02","content_unavailable":true}`, asked,
		"csev_4 | prompt | user_message | unknown |  |  |  | sent_by_user_id=user_02 | content_unavailable=true | prompt withheld by source")
	f("nothing left of a deleted chat", `{"id":"claude_chat_msg_1","role":"user","created_at":"2026-11-23T10:00:03Z","content":[]}`, Subject{Chat: "claude_chat_1", Deleted: true})
	f("a block of tomorrow", `{"id":"clsm_5","role":"assistant","created_at":"2026-11-23T10:00:04Z","content":[{"type":"hologram","data":"x"}]}`, asked,
		`clsm_5/0 | unclassified | hologram | unknown |  |  |  | block:text:{"type":"hologram","data":"x"} | unknown_type`)
	f("a role of tomorrow", `{"id":"clsm_6","role":"moderator","created_at":"2026-11-23T10:00:04Z","content":[{"type":"text","text":"x"}],"mood":"grim"}`, asked,
		`clsm_6 | unclassified | moderator | success |  |  |  | response:text:x | mood:text:grim | unknown_type`)
}

// TestMessageBelongs: a message is its account's, of its session, at its place.
func TestMessageBelongs(t *testing.T) {
	t.Parallel()
	drafts, _ := messages(t, `{"id":"clsm_1","role":"user","created_at":"2026-11-23T10:00:00","content":[{"type":"text","text":"x"}]}`, asked)
	r := drafts[0].Record
	want := audit.Identity{User: "user_01", Email: "dana@example.com", Org: "org", Credential: "compliance"}
	if diff := cmp.Diff(want, r.Account.Proved); diff != "" || r.Keys.Session != "clls_01" || r.Keys.Message != "clsm_1" || *r.Sequence != 7 ||
		r.Container != "session/compliance/clls_01" || r.Surface != audit.SurfaceCowork || r.Source != audit.SourceComplianceSession ||
		!r.Occurred.Equal(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v %s", r, diff)
	}
}

func TestAttached(t *testing.T) {
	t.Parallel()
	drafts, attached := messages(t, `{"id":"m","role":"assistant","created_at":"2026-11-23T10:00:00Z","content":[{"type":"text","text":"x"}],
		"files":[{"id":"claude_file_1","filename":"a.pdf","md5":"00","size_bytes":3}],"generated_files":[{"id":"claude_gen_file_1","filename":"b.pdf"}],
		"artifacts":[{"id":"claude_artifact_1","version_id":"claude_artifact_version_1","title":"Plan"}]}`, Subject{Chat: "claude_chat_1"})
	want := []Attached{{KindFile, "claude_file_1"}, {KindGenerated, "claude_gen_file_1"}, {KindArtifact, "claude_artifact_version_1"}}
	if diff := cmp.Diff(want, attached); diff != "" {
		t.Errorf("attached (-want +got):\n%s", diff)
	}
	if got := sketch(&drafts[0]); !strings.Contains(got, "files.0.filename:detail:a.pdf") || !strings.Contains(got, "files.0.size_bytes=3") {
		t.Error(got)
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	f := func(k Kind, s Subject, raw, want string) *audit.Record {
		t.Helper()
		d, _ := n.Object([]byte(raw), k, s, Origin{Credential: "compliance", Received: received, Salt: []byte("salt")})
		if diff := cmp.Diff(want, sketch(&d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", k, diff)
		}
		return d.Record
	}
	r := f(KindSession, Subject{}, `{"type":"compliance_local_session","id":"clls_1","created_at":"2026-11-23T10:00:00Z","updated_at":"2026-11-23T11:00:00Z",
		"organization_uuid":"o","product_surface":"office_agents/excel","truncated":false,"user":{"id":"user_1","email_address":"dana@example.com"},"workspace_id":null}`,
		"clls_1 | state | session | success |  |  |  | type=compliance_local_session | created_at=2026-11-23T10:00:00Z | updated_at=2026-11-23T11:00:00Z | "+
			"organization_uuid=o | product_surface=office_agents/excel | truncated=false | workspace_id=")
	if r.Surface != audit.SurfaceOffice || r.Keys.Session != "clls_1" || r.Account.Proved.Email != "dana@example.com" || r.Container != "session/compliance/clls_1" {
		t.Errorf("%+v", r)
	}
	r = f(KindSession, Subject{}, `{"id":"cse_1","agent_id":"cagt_1","created_at":"2026-11-23T10:00:00Z","product_surface":"cowork_remote","status":"active","user":null}`,
		"cse_1 | state | session | success |  |  |  | agent_id=cagt_1 | created_at=2026-11-23T10:00:00Z | product_surface=cowork_remote | status=active | user=")
	if r.Account.Proved.Service != "cagt_1" || r.Surface != audit.SurfaceCoworkRemote {
		t.Errorf("%+v", r)
	}
	r = f(KindChat, Subject{}, `{"id":"claude_chat_1","name":"Pay","created_at":"2026-11-23T10:00:00Z","updated_at":"2026-11-23T11:00:00Z","deleted_at":"2026-11-23T11:30:00Z",
		"href":"https://claude.ai/chat/abcdef01-2345-6789-abcd-ef0123456789"}`,
		"claude_chat_1 | state | chat | success |  |  |  | created_at=2026-11-23T10:00:00Z | updated_at=2026-11-23T11:00:00Z | deleted_at=2026-11-23T11:30:00Z | "+
			"href=https://claude.ai/chat/abcdef01-2345-6789-abcd-ef0123456789 | name:detail:Pay")
	if !r.Occurred.Equal(time.Date(2026, 11, 23, 11, 30, 0, 0, time.UTC)) || r.Surface != audit.SurfaceChat {
		t.Errorf("%+v", r)
	}
	f(KindCollaborator, Subject{Project: "claude_proj_1"}, `{"type":"group","group_id":"rbac_group_1","role":"viewer","granted_at":"2026-11-23T10:00:00Z"}`,
		"claude_proj_1/rbac_group_1 | state | project_access | success |  |  |  | type=group | group_id=rbac_group_1 | role=viewer | granted_at=2026-11-23T10:00:00Z")
	f(KindKnowledge, Subject{}, `{"id":"claude_proj_1","name":"Pay","created_at":"2026-11-23T10:00:00Z","instructions":"Be brief","chats_count":2}`,
		"claude_proj_1/knowledge | state | project_knowledge | success |  |  |  | created_at=2026-11-23T10:00:00Z | chats_count=2 | name:detail:Pay | instructions:text:Be brief")
	f(KindFile, Subject{Chat: "c"}, `{"id":"claude_file_1","href":"https://evil.example/?q=secret","filename":null}`,
		"claude_file_1 | state | file | success |  |  |  | filename= | href:detail:https://evil.example/?q=secret | no_time")
}

// TestSameObjectSameForm: fields in another order are the same object, another value is a changed one.
func TestSameObjectSameForm(t *testing.T) {
	t.Parallel()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	form := func(raw string) string {
		d, _ := n.Object([]byte(raw), KindChat, Subject{}, Origin{})
		return string(d.Form)
	}
	a, b, c := form(`{"id":"x","name":"n"}`), form(`{"name":"n","id":"x"}`), form(`{"id":"x","name":"m"}`)
	if a != b || a == c {
		t.Errorf("%s, %s, %s", a, b, c)
	}
}

func FuzzMessage(f *testing.F) {
	n, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"m","role":"assistant","created_at":"2026-11-23T10:00:00Z","content":[{"type":"tool_use","id":"t","name":"mcp__a__b","input":"{"},{"type":"text","text":"x"}]}`))
	f.Add([]byte(`{"id":7,"role":"user","content":[{"type":"tool_result","content":"x"},{"type":1},null,"text"],"files":[{"id":"f"}],"provenance":{"type":"content_unavailable"}}`))
	f.Add([]byte(`{"content":{},"user":{"id":"u","email_address":"X@Y"},"deleted_at":"2026"}`))
	f.Add([]byte(`nonsense`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := Origin{Credential: "c", Received: received, Salt: []byte("s")}
		drafts, _ := n.Message(raw, asked, 1, o)
		if len(raw) == 0 {
			return // a row of a list is never empty
		}
		if len(drafts) == 0 {
			t.Error("nothing is left of it")
		}
		for _, k := range []Kind{KindSession, KindChat, KindFile, KindCollaborator} {
			d, _ := n.Object(raw, k, Subject{}, o)
			drafts = append(drafts, d)
		}
		for _, d := range drafts {
			r := d.Record
			if r.ID == "" || r.Occurred.IsZero() || r.Container == "" || len(d.Form) == 0 || r.Type == "" && !r.HasFlag(audit.FlagMalformed) {
				t.Errorf("%+v", r)
			}
			for _, a := range r.Attributes {
				if len(a.Value.Text()) > audit.MaxKeptString && a.Value.Kind == audit.KindString {
					t.Errorf("%s holds %d bytes", a.Name, len(a.Value.Text()))
				}
			}
			r.AppendCanonical(nil)
		}
	})
}
