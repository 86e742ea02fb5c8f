package normalise_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/normalise"
)

var origin = normalise.Origin{Credential: "compliance", Received: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Salt: []byte("salt")}

func normaliser(t testing.TB) *normalise.Normaliser {
	t.Helper()
	n, err := normalise.New()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const actor = `"actor":{"type":"user_actor","email_address":"Dana@example.com","user_id":"user_01","ip_address":"192.0.2.7","user_agent":"Mozilla/5.0"}`

func row(typ, fields string) string {
	return `{"id":"activity_01","created_at":"2026-11-20T08:09:10.5Z","organization_id":"org_01","organization_uuid":"0f0e",` + actor + `,"type":"` + typ + `"` + fields + `}`
}

// exampleOf makes a value of a field as the vendor's schema has it.
func exampleOf(kind, enum string) any {
	switch {
	case enum != "":
		return enum
	case kind == "string":
		return "a value"
	case kind == "number":
		return 7
	case kind == "boolean":
		return true
	case kind == "array<string>":
		return []string{"one", "two"}
	case kind == "map":
		return map[string]any{"standard": 3}
	case kind == "object":
		return map[string]any{"type": "message", "id": "msg_01", "tomorrow": map[string]any{"deep": []any{1, "x"}}}
	}
	return []any{map[string]any{"type": "name", "current_value": "new", "previous_value": false, "tomorrow": []int{1}}, map[string]any{"type": "list", "current_value": []string{"a"}}}
}

// leaves lists every scalar of a value under its path.
func leaves(path string, v any, to map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			leaves(path+"."+name, item, to)
		}
	case []any:
		for i, item := range v {
			leaves(fmt.Sprintf("%s.%d", path, i), item, to)
		}
	default:
		to[strings.TrimPrefix(path, ".")] = fmt.Sprint(v)
	}
}

func leavesOf(t *testing.T, doc []byte, path string, to map[string]string) {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	leaves(path, v, to)
}

// TestEveryTypeRoundTrips has every type the vendor names, with every field of it, and finds all of it again in the
// record and the pieces beside it.
func TestEveryTypeRoundTrips(t *testing.T) {
	t.Parallel()
	n := normaliser(t)
	b, err := os.ReadFile("testdata/fields.json")
	if err != nil {
		t.Fatal(err)
	}
	var types []struct {
		Type   string
		Fields [][]string
	}
	if err := json.Unmarshal(b, &types); err != nil {
		t.Fatal(err)
	}
	if len(types) < 500 {
		t.Fatalf("%d types", len(types))
	}
	for _, typ := range types {
		var fields strings.Builder
		for _, f := range typ.Fields {
			enum := ""
			if len(f) > 2 {
				enum = f[2]
			}
			value, err := json.Marshal(exampleOf(f[1], enum))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&fields, ",%q:%s", f[0], value)
		}
		sent := row(typ.Type, fields.String())
		d := n.Activity([]byte(sent), origin).Draft
		checkKnown(t, d)
		want, got := map[string]string{}, map[string]string{}
		leavesOf(t, []byte(sent), "", want)
		said(t, d, got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-sent +kept):\n%s", typ.Type, diff)
		}
	}
}

func checkKnown(t *testing.T, d normalise.Draft) {
	t.Helper()
	r := d.Record
	if r.Activity == audit.ActivityUnclassified || !slices.Contains(audit.Activities(), r.Activity) || r.HasFlag(audit.FlagUnknownType) || len(r.Flags) > 0 {
		t.Errorf("%s: activity %q, flags %v", r.Type, r.Activity, r.Flags)
	}
	if !slices.Contains([]audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown}, r.Outcome) {
		t.Errorf("%s: outcome %q", r.Type, r.Outcome)
	}
	r.Version = audit.SchemaVersion
	if _, err := audit.Decode(r.AppendCanonical(nil)); err != nil {
		t.Errorf("%s: %v", r.Type, err)
	}
}

// said collects what a draft says, under the feed's own names.
func said(t *testing.T, d normalise.Draft, to map[string]string) {
	t.Helper()
	r := d.Record
	to["id"], to["type"], to["created_at"] = r.ID, r.Type, "2026-11-20T08:09:10.5Z"
	if !r.Occurred.Equal(time.Date(2026, 11, 20, 8, 9, 10, 500e6, time.UTC)) && !r.Observed.Equal(time.Date(2026, 11, 20, 8, 9, 10, 500e6, time.UTC)) {
		t.Errorf("%s: occurred %v", r.Type, r.Occurred)
	}
	to["actor.user_id"], to["actor.ip_address"] = r.Account.Proved.User, r.IP
	for _, a := range r.Attributes {
		if a.Value.Kind == audit.KindArray {
			for i, item := range a.Value.Items() {
				to[fmt.Sprintf("%s.%d", a.Name, i)] = item.Text()
			}
			continue
		}
		to[a.Name] = a.Value.Text()
	}
	for _, p := range d.Pieces {
		if p.Kind == audit.KindString {
			to[p.Name] = string(p.Value)
			continue
		}
		leavesOf(t, p.Value, p.Name, to)
	}
}

func TestUnknownTypeIsKept(t *testing.T) {
	t.Parallel()
	d := normaliser(t).Activity([]byte(row("quantum_chat_entangled", `,"with":"somebody","strength":0.25,"sure":true,"list":[1,2],"nothing":null`)), origin).Draft
	r := d.Record
	if r.Activity != audit.ActivityUnclassified || r.Type != "quantum_chat_entangled" || !r.HasFlag(audit.FlagUnknownType) {
		t.Errorf("%s %s %v", r.Activity, r.Type, r.Flags)
	}
	if strings.Contains(string(r.AppendCanonical(nil)), "somebody") {
		t.Error("a text nobody knows stays in the record")
	}
	if len(d.Pieces) != 2 || d.Pieces[0].Name != "with" || d.Pieces[0].Class != audit.ClassText || d.Pieces[1].Name != "list" {
		t.Errorf("pieces %+v", d.Pieces)
	}
}

func TestActors(t *testing.T) {
	t.Parallel()
	n := normaliser(t)
	f := func(actor string, want audit.Account, wantIP string) {
		t.Helper()
		r := n.Activity([]byte(`{"id":"a","type":"api_key_created","created_at":"2026-11-20T08:09:10Z","actor":`+actor+`}`), origin).Draft.Record
		want.Proved.Credential = "compliance"
		if diff := cmp.Diff(want, r.Account); diff != "" || r.IP != wantIP {
			t.Errorf("%s: IP %q (-want +got):\n%s", actor, r.IP, diff)
		}
	}
	proved := func(id audit.Identity) audit.Account { return audit.Account{Proved: id} }
	f(`{"type":"user_actor","email_address":"Dana@Example.com","user_id":"user_01","ip_address":"192.0.2.1","user_agent":"x"}`,
		proved(audit.Identity{Email: "dana@example.com", User: "user_01"}), "192.0.2.1")
	f(`{"type":"api_actor","api_key_id":"apikey_01","ip_address":"192.0.2.1"}`, proved(audit.Identity{Key: "apikey_01"}), "192.0.2.1")
	f(`{"type":"admin_api_key_actor","admin_api_key_id":"apikey_02"}`, proved(audit.Identity{Key: "apikey_02"}), "")
	f(`{"type":"unauthenticated_user_actor","unauthenticated_email_address":"who@example.com"}`, audit.Account{Asserted: audit.Identity{Email: "who@example.com"}}, "")
	f(`{"type":"unauthenticated_user_actor","unauthenticated_email_address":null}`, audit.Account{}, "")
	f(`{"type":"anthropic_actor","email_address":null}`, proved(audit.Identity{Service: "anthropic"}), "")
	f(`{"type":"system_actor","service":"retention"}`, proved(audit.Identity{Service: "retention"}), "")
	f(`{"type":"system_actor","service":null}`, proved(audit.Identity{Service: "anthropic"}), "")
	f(`{"type":"service_account_actor","service_account_id":"svc_01"}`, proved(audit.Identity{Service: "svc_01"}), "")
	f(`{"type":"scim_directory_sync_actor","directory_id":"directory_01","workos_event_id":"e","idp_connection_type":"OktaSCIMV2"}`, proved(audit.Identity{Service: "directory_01"}), "")
	f(`{"type":"federated_identity_actor","issuer":"https://idp.example","subject":"repo:x","audience":["a"]}`, proved(audit.Identity{Subject: "repo:x"}), "")
	f(`{"type":"federated_actor","provider":{"type":"aws","account_id":"1","signed_principal":"arn"},"subject":"s"}`, proved(audit.Identity{Subject: "s"}), "")
	f(`{"type":"attested_device_actor","external_client_id":"device_01","kid_hash":"h"}`, proved(audit.Identity{Device: "device_01"}), "")
	f(`{"type":"tomorrow_actor","user_id":"user_02","colour":"red"}`, proved(audit.Identity{User: "user_02"}), "")
	f(`null`, audit.Account{}, "")
	f(`"a string"`, audit.Account{}, "")
}

func TestMappings(t *testing.T) {
	t.Parallel()
	n := normaliser(t)
	f := func(typ, fields string, activity audit.Activity, outcome audit.Outcome, surface audit.Surface) *audit.Record {
		t.Helper()
		r := n.Activity([]byte(row(typ, fields)), origin).Draft.Record
		if r.Activity != activity || r.Outcome != outcome || r.Surface != surface {
			t.Errorf("%s %s: %s %s %s", typ, fields, r.Activity, r.Outcome, r.Surface)
		}
		return r
	}
	f("sso_login_succeeded", "", audit.ActivitySignIn, audit.OutcomeSuccess, audit.SurfaceUnknown)
	f("sso_login_failed", "", audit.ActivitySignIn, audit.OutcomeFailure, audit.SurfaceUnknown)
	f("sso_login_initiated", "", audit.ActivitySignIn, audit.OutcomeUnknown, audit.SurfaceUnknown)
	f("org_sso_toggled", `,"enabled":false`, audit.ActivitySettingChange, audit.OutcomeSuccess, audit.SurfaceUnknown)
	f("compliance_api_accessed", `,"status_code":200,"request_method":"GET"`, audit.ActivityView, audit.OutcomeSuccess, audit.SurfaceUnknown)
	f("compliance_api_accessed", `,"status_code":403,"request_method":"GET"`, audit.ActivityView, audit.OutcomeDenied, audit.SurfaceUnknown)
	f("compliance_api_accessed", `,"status_code":500,"request_method":"DELETE"`, audit.ActivityDelete, audit.OutcomeFailure, audit.SurfaceUnknown)
	f("platform_federated_authentication", `,"status":{"outcome":"denied","reason":"x"}`, audit.ActivitySignIn, audit.OutcomeDenied, audit.SurfaceConsole)
	f("org_join_proposal_decided", `,"approved":false`, audit.ActivityAdminChange, audit.OutcomeDenied, audit.SurfaceUnknown)
	f("inference_hooks_request_denied", `,"surface":"cowork"`, audit.ActivityModelRequest, audit.OutcomeDenied, audit.SurfaceCowork)
	f("inference_hooks_request_denied", `,"surface":"A Sentence"`, audit.ActivityModelRequest, audit.OutcomeDenied, audit.SurfaceUnknown)
	r := f("claude_file_uploaded", `,"claude_chat_id":"claude_chat_01","claude_project_id":"claude_proj_01","claude_file_id":"claude_file_01","filename":null`, audit.ActivityFileWrite, audit.OutcomeSuccess, audit.SurfaceChat)
	if r.Keys.Chat != "claude_chat_01" || r.Keys.Project != "claude_proj_01" || r.Container != "chat/compliance/claude_chat_01" {
		t.Errorf("keys %+v, container %s", r.Keys, r.Container)
	}
	if r := f("cowork_session_updated", `,"cowork_session_id":"sess_01"`, audit.ActivityUpdate, audit.OutcomeSuccess, audit.SurfaceCowork); r.Keys.Session != "sess_01" {
		t.Errorf("keys %+v", r.Keys)
	}
	if r := f("anthropic_access", `,"accessed_at":"2026-11-18T01:00:00Z"`, audit.ActivityView, audit.OutcomeSuccess, audit.SurfaceAPI); r.Occurred.Day() != 18 || r.Observed.Day() != 20 {
		t.Errorf("occurred %v, observed %v", r.Occurred, r.Observed)
	}
}

func TestSettingsSayWhatChanged(t *testing.T) {
	t.Parallel()
	d := normaliser(t).Activity([]byte(row("claude_organization_settings_updated",
		`,"updates":[{"type":"web_search_enabled","current_value":true,"previous_value":false},{"type":"name","current_value":"Clinic","previous_value":null}]`)), origin).Draft
	line := string(d.Record.AppendCanonical(nil))
	for _, want := range []string{`"updates.0.type":"web_search_enabled"`, `"updates.0.current_value":true`, `"updates.1.previous_value":null`} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in %s", want, line)
		}
	}
	if strings.Contains(line, "Clinic") || len(d.Pieces) != 1 || d.Pieces[0].Name != "updates.1.current_value" || d.Pieces[0].Class != audit.ClassDetail {
		t.Errorf("%s %+v", line, d.Pieces)
	}
}

func TestOddActivities(t *testing.T) {
	t.Parallel()
	n := normaliser(t)
	f := func(raw string, flags ...string) *audit.Record {
		t.Helper()
		d := n.Activity([]byte(raw), origin).Draft
		for _, flag := range flags {
			if !d.Record.HasFlag(flag) {
				t.Errorf("%.80s: flags %v, want %s", raw, d.Record.Flags, flag)
			}
		}
		if len(d.Record.AppendCanonical(nil)) > 1<<20 || d.Record.ID == "" || d.Record.Occurred.IsZero() {
			t.Errorf("%.80s: record of %d bytes, id %q", raw, len(d.Record.AppendCanonical(nil)), d.Record.ID)
		}
		return d.Record
	}
	f(`"x"`, audit.FlagMalformed, audit.FlagNoTime)
	f(`{"id":`, audit.FlagMalformed)
	f(`{"type":"x"}`, audit.FlagMalformed, audit.FlagNoTime)
	f(`{"id":7,"type":{},"created_at":[]}`, audit.FlagMalformed, audit.FlagNoTime)
	f(`{"id":"a","created_at":"2036-11-20T08:09:10Z"}`, audit.FlagClockAbsurd)
	f(`{"id":"a","id":"b","created_at":"2026-11-20T08:09:10"}`, audit.FlagDuplicateAttribute)
	f("{\"id\":\"a\",\"x\":\"\xff\"}", audit.FlagInvalidText)
	f(`{"id":"a","x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+`}`, audit.FlagMalformed)
	f(`{"id":"a","reason_code":"`+strings.Repeat("x", 300)+`"}`, audit.FlagTruncated)
	var many strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&many, `,"n%d":%d,"s%d":"text"`, i, i, i)
	}
	f(`{"id":"a"`+many.String()+`}`, audit.FlagTruncated)
	if a, b := f(`{"type":"x"}`), f(`{"type":"x"}`); a.ID != b.ID {
		t.Errorf("the same without an id: %s, %s", a.ID, b.ID)
	}
	if a, b := n.Activity([]byte(`{"id":"a","x":{"a":1,"b":[]}}`), origin), n.Activity([]byte(`{"x":{"b":[],"a":1}, "id":"a"}`), origin); string(a.Draft.Form) != string(b.Draft.Form) {
		t.Errorf("forms differ: %s %s", a.Draft.Form, b.Draft.Form)
	}
}

func FuzzActivity(f *testing.F) {
	n := normaliser(f)
	f.Add([]byte(row("claude_chat_created", `,"claude_chat_id":"c"`)))
	f.Add([]byte(row("claude_organization_settings_updated", `,"updates":[{"type":"x","current_value":{"a":[1.5e300,null]}}]`)))
	f.Add([]byte(`{"id":"a","id":"b","x":1e400,"actor":[],"created_at":"2026-11-20T08:09:10+02:00"}`))
	f.Add([]byte(`{"accessed_at":"0000-01-01T00:00:00Z","type":"anthropic_access"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := n.Activity(raw, origin).Draft
		d.Record.Version = audit.SchemaVersion
		line := d.Record.AppendCanonical(nil)
		r, err := audit.Decode(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if r.ID == "" || len(d.Form) == 0 && len(raw) > 0 {
			t.Errorf("id %q, form %q", r.ID, d.Form)
		}
		if again := n.Activity(d.Form, origin).Draft; !d.Record.HasFlag(audit.FlagMalformed) && !d.Record.HasFlag(audit.FlagInvalidText) && string(again.Form) != string(d.Form) {
			t.Errorf("form of a form: %s, %s", again.Form, d.Form)
		}
	})
}
