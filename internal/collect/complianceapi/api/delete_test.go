package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/secret"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// estate is a simulated vendor, asked without a client where a test needs to know what is there.
type estate struct {
	t      *testing.T
	vendor *simulated.API
	url    string
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	friday := time.Date(2026, 11, 20, 16, 0, 0, 0, time.UTC)
	vendor, err := simulated.New(simulated.Options{
		World: world.New(world.Options{Seed: 3}), Seed: 3, Rate: -1, Since: friday.AddDate(0, 0, -1), Now: func() time.Time { return friday },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(vendor.Handler())
	t.Cleanup(s.Close)
	return &estate{t, vendor, s.URL}
}

// chats are all chats, of however many pages.
func (e *estate) chats() (all []map[string]any) {
	for after := ""; ; {
		page, last := e.page("/apps/chats?limit=1000"+after, "data")
		if all = append(all, page...); last == "" || len(page) < 1000 {
			return all
		}
		after = "&after_id=" + url.QueryEscape(last)
	}
}

// list are the rows of a list of one page.
func (e *estate) list(path, under string) []map[string]any {
	e.t.Helper()
	rows, _ := e.page(path, under)
	return rows
}

func (e *estate) page(path, under string) (rows []map[string]any, last string) {
	e.t.Helper()
	r, err := http.NewRequestWithContext(e.t.Context(), http.MethodGet, e.url+"/v1/compliance"+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	r.Header.Set("X-Api-Key", e.vendor.Keys().Read)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	var body map[string]json.RawMessage
	if json.Unmarshal(b, &body) != nil || json.Unmarshal(body[under], &rows) != nil {
		e.t.Fatalf("%s: %s", path, b)
	}
	_ = json.Unmarshal(body["last_id"], &last) // other lists have none
	return rows, last
}

func (e *estate) deleter(key string, change ...func(*api.Options)) *api.Deleter {
	e.t.Helper()
	o := api.Options{URL: e.url, Key: func(context.Context) (secret.String, error) { return secret.New(key), nil }}
	for _, f := range change {
		f(&o)
	}
	d, err := api.NewDeleter(o)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(d.Close)
	return d
}

func TestDelete(t *testing.T) {
	t.Parallel()
	e := newEstate(t)
	d := e.deleter(e.vendor.Keys().Delete)
	gone := func(what, id string, remove func(context.Context, string) (api.Deletion, error)) {
		t.Helper()
		done, err := remove(t.Context(), id)
		if err != nil || done.ID != id || done.RequestID == "" || done.Gone {
			t.Errorf("%s %s: %+v, %v", what, id, done, err)
		}
		var refused *api.Error
		if _, err := remove(t.Context(), id); what != "artifact" && (!errors.As(err, &refused) || refused.Status != http.StatusNotFound) {
			t.Errorf("%s %s again: %v", what, id, err)
		}
	}
	chats := e.chats()
	file, busy, plain := "", "", ""
	for _, ch := range chats {
		id := ch["id"].(string)
		if p, ok := ch["project_id"].(string); ok && ch["deleted_at"] == nil {
			busy = p
		}
		if file == "" {
			for _, m := range e.list("/apps/chats/"+id+"/messages", "chat_messages") {
				if files, ok := m["files"].([]any); ok && len(files) > 0 {
					file = files[0].(map[string]any)["id"].(string)
				}
			}
		} else if ch["deleted_at"] == nil {
			plain = id
		}
	}
	gone("file", file, d.File)
	gone("chat", plain, d.Chat)
	if _, err := d.Project(t.Context(), busy); !errors.Is(err, api.ErrAttached) {
		t.Errorf("a project with chats: %v", err)
	}
	document := ""
	for _, p := range e.list("/apps/projects?limit=100", "data") {
		for _, a := range e.list("/apps/projects/"+p["id"].(string)+"/attachments", "data") {
			if id := a["id"].(string); strings.HasPrefix(id, "claude_proj_doc_") {
				document = id
			}
		}
	}
	gone("document", document, d.Document)
	for _, ch := range chats {
		if ch["project_id"] == busy && ch["deleted_at"] == nil && ch["id"] != plain {
			if _, err := d.Chat(t.Context(), ch["id"].(string)); err != nil {
				t.Error(err)
			}
		}
	}
	gone("project", busy, d.Project)
	if code := e.list("/apps/code/artifacts?limit=100", "data"); len(code) > 0 {
		gone("artifact", code[0]["id"].(string), d.Artifact)
	}
	var refused *api.Error
	if _, err := e.deleter(e.vendor.Keys().Read).Chat(t.Context(), chats[0]["id"].(string)); !errors.As(err, &refused) || !refused.Forbidden() {
		t.Errorf("the reading key deletes: %v", err)
	}
	if _, err := d.Chat(t.Context(), "../projects/x"); err == nil {
		t.Error("an id reaches another route")
	}
}

// TestDeleteWithALostAnswer: the object is gone and nobody heard, so the second try finds nothing. That is success; what
// was never there is not.
func TestDeleteWithALostAnswer(t *testing.T) { synctest.Test(t, deleteWithALostAnswer) }

func deleteWithALostAnswer(t *testing.T) {
	f := func(body string, status int, first, ok bool) {
		t.Helper()
		s := &server{}
		s.answer = func(n int) *http.Response {
			if s.last.Method != http.MethodDelete {
				t.Errorf("method %s", s.last.Method)
			}
			if n == 1 && first {
				return nil
			}
			return response(status, body)
		}
		d, err := api.NewDeleter(api.Options{URL: "https://vendor.example", Transport: s, Attempts: 2, Key: func(context.Context) (secret.String, error) { return secret.New(key), nil }})
		if err != nil {
			t.Fatal(err)
		}
		done, err := d.Chat(t.Context(), "claude_chat_1")
		if (err == nil) != ok || ok && done.Gone != (status == 404) {
			t.Errorf("%s: %+v, %v", body, done, err)
		}
	}
	const missing = `{"error":{"type":"not_found_error","message":"Chat conversation not found: 'claude_chat_1'"}}`
	f(missing, 404, true, true)
	f(missing, 404, false, false)
	f(`{"error":{"type":"not_found_error","message":"Not found"}}`, 404, true, false) // that is the key
	f(`{"id":"claude_chat_1","type":"claude_chat_deleted"}`, 200, true, true)
	f(`{"id":"claude_chat_2","type":"claude_chat_deleted"}`, 200, false, false)
	f(`{"id":"claude_chat_1","type":"claude_file_deleted"}`, 200, false, false)
	f(`<html>`, 200, false, false)
}
