package complianceapi_test

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// chats walks the list of chats.
func (b *bench) chats(query ...string) []map[string]any {
	b.t.Helper()
	var all []map[string]any
	for cursor := ""; ; {
		q := slices.Clone(query)
		if cursor != "" {
			q = append(q, "after_id", cursor)
		}
		r := b.get("/apps/chats", q...)
		all = append(all, r.data()...)
		if r.body["has_more"] != true {
			return all
		}
		cursor = r.text("last_id")
	}
}

// TestChats holds the list and the messages against the world, in both orders and any page size.
func TestChats(t *testing.T) {
	t.Parallel()
	b := reader(t)
	whole := b.chats("limit", "1000")
	for _, limit := range []string{"23", "100"} {
		if diff := cmp.Diff(ids(whole), ids(b.chats("limit", limit))); diff != "" {
			t.Errorf("limit %s:\n%s", limit, diff)
		}
	}
	updated := b.chats("limit", "90", "order_by", "updated_at")
	if !slices.IsSortedFunc(updated, func(x, y map[string]any) int {
		return strings.Compare(x["updated_at"].(string), y["updated_at"].(string))
	}) {
		t.Error("not in order of updated_at")
	}
	if diff := cmp.Diff(sorted(ids(whole)), sorted(ids(updated))); diff != "" {
		t.Errorf("the two orders differ:\n%s", diff)
	}
	have := map[string]bool{}
	for _, ch := range whole {
		have[ch["id"].(string)] = true
	}
	from, to := day(b)
	n := 0
	for _, act := range b.world.Between(from, to) {
		if act.Control == nil || act.Control.Type != "claude_chat_created" {
			continue
		}
		if n++; !have[act.Keys.Chat] {
			t.Errorf("chat %s is not listed", act.Keys.Chat)
		}
		if n%10 == 0 {
			b.compareChat(&act)
		}
	}
	if n < 50 {
		t.Errorf("%d chats in a day", n)
	}
}

func (b *bench) compareChat(act *world.Act) {
	r := b.get("/apps/chats/" + act.Keys.Chat + "/messages")
	if r.body["deleted_at"] != nil {
		return
	}
	var got, want []string
	for _, m := range r.body["chat_messages"].([]any) {
		m := m.(map[string]any)
		content := m["content"].([]any)
		got = append(got, m["id"].(string)+" "+content[len(content)-1].(map[string]any)["text"].(string))
	}
	for _, m := range act.Control.Messages {
		want = append(want, m.ID+" "+m.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("chat %s (-world +api):\n%s", act.Keys.Chat, diff)
	}
	if user := r.body["user"].(map[string]any); user["email_address"] != act.Account.Email {
		b.t.Errorf("chat %s is of %v", act.Keys.Chat, user)
	}
}

func TestChatCombinations(t *testing.T) {
	t.Parallel()
	b := reader(t)
	now := noon().Format(time.RFC3339)
	first := b.get("/apps/chats", "limit", "1").text("last_id")
	f := func(query ...string) {
		t.Helper()
		if r := b.do(http.MethodGet, b.api.Keys().Read, "/apps/chats", query...); r.status != http.StatusBadRequest {
			t.Errorf("%v: %d", query, r.status)
		}
	}
	f("project_ids[]", "claude_proj_01")
	f("user_ids[]", "user_01", "order_by", "updated_at")
	f("user_ids[]", "user_01", "updated_at.gte", now)
	f("before_id", first)
	f("updated_at.gte", now)
	f("created_at.gte", now, "order_by", "updated_at")
	f("after_id", first, "order_by", "updated_at")
	f("order_by", "name")
	eleven := []string{}
	for range 11 {
		eleven = append(eleven, "user_ids[]", "user_01")
	}
	f(eleven...)
	user := b.world.Account("marit@" + b.world.Org.Domain).User
	all := b.chats("user_ids[]", user, "limit", "2")
	last := b.get("/apps/chats", "user_ids[]", user, "limit", "1000").text("last_id")
	if back := b.get("/apps/chats", "user_ids[]", user, "before_id", last).data(); len(back) != len(all)-1 {
		t.Errorf("%d chats before the last of %d", len(back), len(all))
	}
}

// find finds the first file, generated file and artifact version among the chats' messages.
func (b *bench) parts() map[string][]string {
	found := map[string][]string{}
	for _, ch := range b.chats("limit", "1000") {
		for _, m := range b.get("/apps/chats/" + ch["id"].(string) + "/messages").body["chat_messages"].([]any) {
			for list, name := range map[string]string{"files": "id", "generated_files": "id", "artifacts": "version_id"} {
				parts, _ := m.(map[string]any)[list].([]any)
				for _, p := range parts {
					found[list] = append(found[list], p.(map[string]any)[name].(string))
				}
			}
		}
		if len(found["files"]) > 30 && len(found["generated_files"]) > 3 && len(found["artifacts"]) > 3 {
			break
		}
	}
	return found
}

// TestDownloads: what is served has its own checksum, which need not be that of the metadata, and no length.
func TestDownloads(t *testing.T) {
	t.Parallel()
	var fault *complianceapi.Fault
	b := newBench(t, complianceapi.Options{Rate: -1, Inject: func(complianceapi.Call) *complianceapi.Fault { return fault }})
	parts := b.parts()
	same, other := 0, 0
	for _, id := range parts["files"] {
		meta, r := b.get("/apps/chats/files/"+id), b.get("/apps/chats/files/"+id+"/content")
		sum := md5.Sum(r.raw)
		if r.header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("%s: Content-MD5 %s", id, r.header.Get("Content-Md5"))
		}
		name, err := url.PathUnescape(strings.TrimPrefix(r.header.Get("Content-Disposition"), "attachment; filename*=utf-8''"))
		if err != nil || name != meta.text("filename") || r.header.Get("Content-Length") != "" {
			t.Errorf("%s: headers %v", id, r.header)
		}
		if meta.text("md5") == hex.EncodeToString(sum[:]) {
			same++
		} else {
			other++
		}
	}
	if same == 0 || other == 0 {
		t.Errorf("%d files are served as uploaded, %d not", same, other)
	}
	for _, id := range parts["generated_files"][:2] {
		if b.get("/apps/chats/generated-files/"+id).text("claude_chat_id") == "" || len(b.get("/apps/chats/generated-files/"+id+"/content").raw) == 0 {
			t.Errorf("generated file %s", id)
		}
	}
	for _, id := range parts["artifacts"][:2] {
		text := b.get("/apps/artifacts/" + id + "/content").text("content")
		if sum := md5.Sum([]byte(text)); b.get("/apps/artifacts/"+id).text("md5") != hex.EncodeToString(sum[:]) {
			t.Errorf("artifact %s", id)
		}
	}
	fault = &complianceapi.Fault{Mismatch: true}
	r := b.get("/apps/chats/files/" + parts["files"][0] + "/content")
	if sum := md5.Sum(r.raw); r.header.Get("Content-Md5") == base64.StdEncoding.EncodeToString(sum[:]) {
		t.Error("the checksum matches what was to be spoilt")
	}
}

// TestDeletion: gone at once, with what hangs on it; gone the second time.
func TestDeletion(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Rate: -1})
	k := b.api.Keys()
	remove := func(path, kind, again string) {
		t.Helper()
		r := b.do(http.MethodDelete, k.Delete, path)
		if r.status != http.StatusOK || r.text("type") != kind || !strings.HasSuffix(path, r.text("id")) {
			t.Errorf("DELETE %s: %d %s", path, r.status, r.raw)
		}
		r = b.do(http.MethodDelete, k.Delete, path)
		if typ, message := r.message(); r.status != http.StatusNotFound || typ != "not_found_error" || message != again {
			t.Errorf("DELETE %s again: %d %s", path, r.status, r.raw)
		}
	}
	gone := func(path string) {
		t.Helper()
		if r := b.do(http.MethodGet, k.Read, path); r.status != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.status)
		}
	}
	file := b.parts()["files"][0]
	chat := b.get("/apps/chats/files/" + file).body["claude_chat_ids"].([]any)[0].(string)
	remove("/apps/chats/"+chat, "claude_chat_deleted", "Chat conversation not found: '"+chat+"'")
	gone("/apps/chats/" + chat + "/messages")
	gone("/apps/chats/files/" + file)
	gone("/apps/chats/files/" + file + "/content")
	file = b.parts()["files"][0]
	remove("/apps/chats/files/"+file, "claude_file_deleted", "File not found: "+file)

	var busy string
	for _, ch := range b.chats("limit", "1000") {
		if p, ok := ch["project_id"].(string); ok && ch["deleted_at"] == nil {
			busy = p
			break
		}
	}
	r := b.do(http.MethodDelete, k.Delete, "/apps/projects/"+busy)
	if kind, message := r.message(); r.status != http.StatusConflict || kind != "invalid_request_error" || !strings.Contains(message, "has chats attached to it") {
		t.Errorf("a project with chats: %d %s", r.status, r.raw)
	}
	held := b.get("/apps/projects/" + busy + "/attachments").data()
	for _, ch := range b.chats("limit", "1000") {
		if ch["project_id"] == busy {
			b.do(http.MethodDelete, k.Delete, "/apps/chats/"+ch["id"].(string))
		}
	}
	doc := held[slices.IndexFunc(held, func(v map[string]any) bool { return v["type"] == "project_doc" })]["id"].(string)
	remove("/apps/projects/documents/"+doc, "claude_project_document_deleted", "No project document found with provided id, or it has already been deleted.")
	remove("/apps/projects/"+busy, "claude_project_deleted", "No project found with provided id, or it has already been deleted.")
	for _, v := range held {
		if v["type"] == "project_file" {
			gone("/apps/chats/files/" + v["id"].(string) + "/content")
		} else {
			gone("/apps/projects/documents/" + v["id"].(string))
		}
	}
	gone("/apps/projects/" + busy)
}

// TestLostAnswer: a deletion whose answer was lost is done.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	var fault *complianceapi.Fault
	b := newBench(t, complianceapi.Options{Inject: func(complianceapi.Call) *complianceapi.Fault { return fault }})
	chat := b.chats("limit", "1000")[0]["id"].(string)
	fault = &complianceapi.Fault{Status: 500, Late: true}
	if r := b.do(http.MethodDelete, b.api.Keys().Delete, "/apps/chats/"+chat); r.status != 500 {
		t.Errorf("%d", r.status)
	}
	fault = nil
	if r := b.do(http.MethodDelete, b.api.Keys().Delete, "/apps/chats/"+chat); r.status != http.StatusNotFound {
		t.Errorf("again: %d", r.status)
	}
}

// TestCodeArtifacts: pages are short, removal takes its time, documents come as a zip file.
func TestCodeArtifacts(t *testing.T) {
	t.Parallel()
	b := newBench(t, complianceapi.Options{Since: noon().AddDate(0, 0, -25), Rate: -1})
	k := b.api.Keys()
	list := b.get("/apps/code/artifacts", "limit", "100").data()
	empty := false
	for next := ""; ; {
		q := []string{"limit", "1"}
		if next != "" {
			q = append(q, "page", next)
		}
		r := b.get("/apps/code/artifacts", q...)
		next = r.text("next_page")
		empty = empty || len(r.data()) == 0 && next != ""
		if next == "" {
			break
		}
	}
	if !empty {
		t.Error("no page was empty")
	}
	docs, id := false, ""
	for _, v := range list {
		id = v["id"].(string)
		version := v["versions"].([]any)[0].(map[string]any)["id"].(string)
		r := b.do(http.MethodGet, k.Read, "/apps/code/artifacts/"+id+"/versions/"+version)
		if v["artifact_type"] != "claude_docs" {
			if r.status != http.StatusOK || len(r.raw) == 0 {
				t.Errorf("%s: %d", id, r.status)
			}
			continue
		}
		docs = true
		if r.status != http.StatusUnprocessableEntity || !strings.Contains(string(r.raw), `"details":{"error_code":"multi_file_unavailable"}`) {
			t.Errorf("%s: %d %s", id, r.status, r.raw)
		}
		if r := b.get("/apps/code/artifacts/"+id+"/content", "multi_file_format", "zip"); !strings.HasPrefix(string(r.raw), "PK") {
			t.Errorf("%s is no zip file", id)
		}
	}
	if !docs {
		t.Error("no document of several files")
	}
	if r := b.do(http.MethodDelete, k.Delete, "/apps/code/artifacts/"+id); r.text("type") != "code_artifact_deleted" {
		t.Errorf("DELETE: %d %s", r.status, r.raw)
	}
	if r := b.do(http.MethodDelete, k.Delete, "/apps/code/artifacts/"+id); r.status != http.StatusNotFound {
		t.Errorf("DELETE again: %d", r.status)
	}
	has := func() bool { return slices.Contains(ids(b.get("/apps/code/artifacts", "limit", "100").data()), id) }
	if !has() {
		t.Error("removed at once")
	}
	b.clock.pass(time.Minute)
	if has() {
		t.Error("never removed")
	}
}

// TestDeletedChats: what is left of a chat that its user deleted.
func TestDeletedChats(t *testing.T) {
	t.Parallel()
	f := func(mode complianceapi.DeletedChats, listed, named, read bool) {
		t.Helper()
		b := newBench(t, complianceapi.Options{DeletedChats: mode})
		chats := b.chats("limit", "1000")
		i := slices.IndexFunc(chats, func(ch map[string]any) bool { return ch["deleted_at"] != nil })
		if (i >= 0) != listed {
			t.Errorf("mode %d: listed %v", mode, i >= 0)
		}
		if i < 0 {
			return
		}
		messages := b.get("/apps/chats/" + chats[i]["id"].(string) + "/messages").body["chat_messages"].([]any)
		content := messages[0].(map[string]any)["content"].([]any)
		if (chats[i]["name"] != "") != named || (len(content) > 0) != read {
			t.Errorf("mode %d: %v, %v", mode, chats[i], content)
		}
	}
	f(complianceapi.Emptied, true, false, false)
	f(complianceapi.Readable, true, true, true)
	f(complianceapi.Hidden, false, false, false)
}

// TestTruncation: long tool blocks are cut unless asked for whole; a cut input is no JSON.
func TestTruncation(t *testing.T) {
	t.Parallel()
	b := reader(t)
	cut := 0
	for _, ch := range b.chats("limit", "1000")[:200] {
		path := "/apps/chats/" + ch["id"].(string) + "/messages"
		blocks := func(query ...string) (list []map[string]any) {
			for _, m := range b.get(path, query...).body["chat_messages"].([]any) {
				for _, c := range m.(map[string]any)["content"].([]any) {
					list = append(list, c.(map[string]any))
				}
			}
			return list
		}
		for i, bl := range blocks() {
			if bl["type"] != "tool_use" {
				continue
			}
			if input := blocks("tool_use_input_max_chars", "5")[i]; input["truncated"] != true || json.Valid([]byte(input["input"].(string))) {
				t.Errorf("an input cut to 5 is %v", input)
			}
			if blocks()[i+1]["truncated"] == true {
				cut++
				if whole := blocks("tool_result_max_chars", "-1")[i+1]; whole["truncated"] != false {
					t.Errorf("whole: %v", whole["truncated"])
				}
			}
		}
	}
	if cut == 0 {
		t.Error("no result is longer than usual")
	}
}
