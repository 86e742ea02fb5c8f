package complianceapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documented are the routes of https://platform.claude.com/docs/en/api/compliance with the scope each needs and the most its limit
// takes; 0 for no limit.
const documented = `
GET    /activities read:compliance_activities 5000
GET    /apps/chats read:compliance_user_data 1000
GET    /apps/chats/{claude_chat_id}/messages read:compliance_user_data 1000
DELETE /apps/chats/{claude_chat_id} delete:compliance_user_data 0
GET    /apps/chats/files/{claude_file_id} read:compliance_user_data 0
GET    /apps/chats/files/{claude_file_id}/content read:compliance_user_data 0
DELETE /apps/chats/files/{claude_file_id} delete:compliance_user_data 0
GET    /apps/chats/generated-files/{claude_gen_file_id} read:compliance_user_data 0
GET    /apps/chats/generated-files/{claude_gen_file_id}/content read:compliance_user_data 0
GET    /apps/artifacts/{artifact_version_id} read:compliance_user_data 0
GET    /apps/artifacts/{artifact_version_id}/content read:compliance_user_data 0
GET    /apps/projects read:compliance_user_data 100
GET    /apps/projects/{project_id} read:compliance_user_data 0
DELETE /apps/projects/{project_id} delete:compliance_user_data 0
GET    /apps/projects/{project_id}/attachments read:compliance_user_data 100
GET    /apps/projects/{project_id}/collaborators read:compliance_user_data 100
GET    /apps/projects/documents/{document_id} read:compliance_user_data 0
GET    /apps/projects/documents/{document_id}/metadata read:compliance_user_data 0
DELETE /apps/projects/documents/{document_id} delete:compliance_user_data 0
GET    /apps/sessions/local read:compliance_user_data 500
GET    /apps/sessions/local/{session_id} read:compliance_user_data 0
GET    /apps/sessions/local/{session_id}/messages read:compliance_user_data 1000
GET    /apps/sessions/remote read:compliance_user_data 500
GET    /apps/sessions/remote/{session_id}/messages read:compliance_user_data 1000
GET    /apps/code/artifacts read:compliance_user_data 100
GET    /apps/code/artifacts/{artifact_id}/versions/{version_id} read:compliance_user_data 0
GET    /apps/code/artifacts/{artifact_id}/content read:compliance_user_data 0
DELETE /apps/code/artifacts/{artifact_id} delete:compliance_user_data 0
GET    /organizations read:compliance_org_data 1000
GET    /organizations/{org_uuid}/users read:compliance_user_data 1000
GET    /organizations/{org_uuid}/roles read:compliance_org_data 1000
GET    /organizations/{org_uuid}/roles/{role_id} read:compliance_org_data 0
GET    /organizations/{org_uuid}/roles/{role_id}/permissions read:compliance_org_data 1000
GET    /organizations/{organization_id}/settings read:compliance_org_data 0
GET    /groups read:compliance_org_data 1000
GET    /groups/{group_id} read:compliance_org_data 0
GET    /groups/{group_id}/members read:compliance_user_data 1000
`

// TestRoutes asks each documented route with keys of every reach and with parameters nobody knows.
func TestRoutes(t *testing.T) {
	t.Parallel()
	b := reader(t)
	k := b.api.Keys()
	variable := regexp.MustCompile(`\{[^}]*\}`)
	n := 0
	for line := range strings.Lines(documented) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		n++
		method, path, scope, most := f[0], variable.ReplaceAllString(f[1], "x"), f[2], f[3]
		deletes := method == http.MethodDelete
		able, unable := k.Read, []string{k.Delete, k.AdminEarly}
		if deletes {
			able, unable = k.Delete, []string{k.Read, k.Audit}
		}
		if scope != "read:compliance_activities" {
			unable = append(unable, k.Limited, k.Admin, k.Standalone)
		}
		for _, key := range unable {
			r := b.do(method, key, path)
			want := "Needed one of: ['" + scope + "', 'read:org_audit']"
			if deletes {
				want = "Needed: ['" + scope + "']"
			}
			if kind, message := r.message(); r.status != http.StatusForbidden || kind != "permission_error" || !strings.HasSuffix(message, want) {
				t.Errorf("%s %s with %s: %d %s", method, path, key, r.status, r.raw)
			}
		}
		if !deletes {
			if r := b.do(method, k.Audit, path); r.status == http.StatusForbidden {
				t.Errorf("%s %s: read:org_audit is not enough", method, path)
			}
		}
		if _, message := b.do(method, able, path, "colour", "red").message(); message != "Unknown query parameter: 'colour'." {
			t.Errorf("%s %s?colour=red: %s", method, path, message)
		}
		_, message := b.do(method, able, path, "limit", "100000").message()
		if want := map[bool]string{true: "Unknown query parameter: 'limit'.", false: "limit: Input should be less than or equal to " + most}[most == "0"]; message != want {
			t.Errorf("%s %s?limit=100000: %s", method, path, message)
		}
		if r := b.do(http.MethodPut, able, path); r.status != http.StatusMethodNotAllowed {
			t.Errorf("PUT %s: %d", path, r.status)
		}
	}
	if n != 37 {
		t.Errorf("%d routes", n)
	}
}

// TestLists walks every list that does not need an id with pages of several sizes: each element comes once, in the same order.
func TestLists(t *testing.T) {
	t.Parallel()
	b := reader(t)
	org := b.world.Org.UUID
	project := b.get("/apps/projects", "limit", "1").data()[0]["id"].(string)
	group := b.get("/groups", "limit", "1").data()[0]["id"].(string)
	local := b.get("/apps/sessions/local", "limit", "1").data()[0]["id"].(string)
	f := func(path string, more bool, least int, query ...string) {
		t.Helper()
		var whole []string
		for _, limit := range []string{"100", "1", "3", "17"} {
			var all []string
			next := ""
			for pages := 0; ; pages++ {
				q := append(slices.Clone(query), "limit", limit)
				if next != "" {
					q = append(q, "page", next)
				}
				r := b.get(path, q...)
				for _, v := range r.data() {
					all = append(all, identity(v))
				}
				has, there := r.body["has_more"]
				if there != more {
					t.Fatalf("%s: has_more %v", path, there)
				}
				next = r.text("next_page")
				if there && has != (next != "") {
					t.Fatalf("%s: has_more %v and next_page %q", path, has, next)
				}
				if next == "" {
					break
				}
				if pages > 5000 {
					t.Fatalf("%s does not end", path)
				}
			}
			if whole == nil {
				whole = all
			}
			if diff := cmp.Diff(whole, all); diff != "" {
				t.Errorf("%s, limit %s (-100 +%s):\n%s", path, limit, limit, diff)
			}
		}
		if u := slices.Clone(whole); len(whole) < least || len(slices.Compact(sorted(u))) != len(whole) {
			t.Errorf("%s: %d elements", path, len(whole))
		}
	}
	f("/apps/projects", true, 4)
	f("/apps/projects/"+project+"/attachments", true, 3)
	f("/apps/projects/"+project+"/collaborators", true, 4)
	f("/apps/sessions/local", false, 30)
	f("/apps/sessions/local/"+local+"/messages", false, 3)
	f("/apps/sessions/remote", false, 3)
	f("/apps/code/artifacts", true, 2)
	f("/organizations", true, 2)
	f("/organizations/"+org+"/users", true, 50)
	f("/organizations/"+org+"/roles", true, 3)
	f("/groups", true, 5)
	f("/groups", true, 3, "name_prefix", "nw-c")
	f("/groups/"+group+"/members", true, 1)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func identity(v map[string]any) string {
	for _, name := range []string{"id", "uuid", "user_id", "group_id", "organization_uuid", "organization_role", "action"} {
		if s, ok := v[name].(string); ok {
			return s
		}
	}
	return ""
}
