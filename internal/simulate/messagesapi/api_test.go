package messagesapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// ask posts a body the way a client does.
func ask(t *testing.T, h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("X-Api-Key", messagesapi.FakeKey)
	r.Header.Set("Anthropic-Version", "2023-06-01")
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// prompt makes a request body: messages alternate between user and assistant, each one text.
func prompt(stream bool, texts ...string) string {
	type msg struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	msgs := make([]msg, len(texts))
	for i, text := range texts {
		msgs[i] = msg{[]string{"user", "assistant"}[i%2], text}
	}
	b, err := json.Marshal(map[string]any{
		"model": "claude-opus-5-5", "max_tokens": 100, "stream": stream, "messages": msgs,
		"tools": []map[string]string{{"name": "Bash"}, {"name": "Agent"}},
	})
	if err != nil {
		panic(err)
	}
	return string(b)
}

type reply struct {
	ID      string
	Type    string
	Content []struct {
		Type, Text, ID, Name, Thinking, Signature, Caption string
		ServerName                                         string `json:"server_name"`
		ToolUseID                                          string `json:"tool_use_id"`
		Input                                              map[string]any
		Content                                            any
		Citations                                          []any
	}
	StopReason string `json:"stop_reason"`
	Usage      map[string]any
	Error      struct{ Type, Message string }
	RequestID  string `json:"request_id"`
}

func decode(t *testing.T, w *httptest.ResponseRecorder) reply {
	t.Helper()
	var r reply
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("decode %s: %v", w.Body, err)
	}
	return r
}

func TestScriptsFollowTheConversation(t *testing.T) {
	t.Parallel()
	f := func(name string, texts []string, wantStop, wantText, wantTool string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages?beta=true", prompt(false, texts...)))
			text, tool := "", ""
			for _, b := range got.Content {
				text += b.Text
				if b.Type == "tool_use" {
					tool += fmt.Sprint(b.Name, b.Input["command"], b.Input["prompt"], ";")
				}
			}
			if got.StopReason != wantStop || text != wantText || tool != wantTool {
				t.Errorf("got stop %q, text %q, tools %q; want %q, %q, %q", got.StopReason, text, tool, wantStop, wantText, wantTool)
			}
		})
	}
	f("no marker", []string{"hi"}, "end_turn", "Hello from a simulated model.", "")
	f("first turn", []string{"please [[s:bash say=abc]] now"}, "tool_use", "I will run a command.", "Bashecho abc<nil>;")
	f("default argument", []string{"[[s:bash]]"}, "tool_use", "I will run a command.", "Bashecho hello<nil>;")
	f("second turn", []string{"[[s:bash say=abc]]", "I will", "abc"}, "end_turn", "Done: abc.", "")
	f("past the end", []string{"[[s:text]]", "a", "b", "c", "d"}, "end_turn", "Nothing more to do.", "")
	f("the last prompt counts", []string{"[[s:bash]]", "done", "[[s:text say=two]]"}, "end_turn", "You said two.", "")
	f("markers of the model do not count", []string{"[[s:text say=one]]", "[[s:bash]]", "go on"}, "end_turn", "Nothing more to do.", "")
	f("a marker within a marker", []string{"[[s:subagent say=deep]]"}, "tool_use", "I will delegate.",
		"Agent<nil>[[s:bash say=deep]] and report;")
	f("unknown", []string{"[[s:nosuch]]"}, "end_turn", "There is no script named nosuch.", "")
	f("refusal", []string{"[[s:refusal]]"}, "refusal", "", "")
}

func TestToolResultsAreNoPrompts(t *testing.T) {
	t.Parallel()
	body := `{"model":"m","max_tokens":1,"tools":[{"name":"Bash"}],"messages":[
		{"role":"user","content":[{"type":"text","text":"[[s:bash say=a]]"}]},
		{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"Bash","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"[[s:bash say=b]]"}]}]}`
	got := decode(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", body))
	if len(got.Content) != 1 || got.Content[0].Text != "Done: a." {
		t.Errorf("got %+v, want the second turn of the first script", got.Content)
	}
}

func TestErrands(t *testing.T) {
	t.Parallel()
	body := `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a title for: [[s:bash]]"}]}`
	got := decode(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", body))
	if got.StopReason != "end_turn" {
		t.Errorf("a request without tools got stop reason %q, want end_turn", got.StopReason)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	api := messagesapi.New(messagesapi.Options{Key: messagesapi.FakeKey})
	f := func(name, method, path, body string, wantStatus int, wantType string, header ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ask(t, api, method, path, body, header...)
			got := decode(t, w)
			if w.Code != wantStatus || got.Type != "error" || got.Error.Type != wantType || got.Error.Message == "" {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, wantStatus, wantType)
			}
			if id := w.Header().Get("request-id"); id == "" || id != got.RequestID {
				t.Errorf("request-id header %q, in the body %q; want the same", id, got.RequestID)
			}
		})
	}
	good := prompt(false, "hi")
	f("no key", "POST", "/v1/messages", good, 401, "authentication_error", "X-Api-Key", "")
	f("wrong key", "POST", "/v1/messages", good, 401, "authentication_error", "X-Api-Key", "sk-ant-api03-other")
	f("wrong bearer", "GET", "/v1/models", "", 401, "authentication_error", "X-Api-Key", "", "Authorization", "Bearer x")
	f("no version", "POST", "/v1/messages", good, 400, "invalid_request_error", "Anthropic-Version", "")
	f("no JSON", "POST", "/v1/messages", "{", 400, "invalid_request_error")
	f("no model", "POST", "/v1/messages", `{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, 400, "invalid_request_error")
	f("no messages", "POST", "/v1/messages", `{"model":"m","max_tokens":1}`, 400, "invalid_request_error")
	f("no max_tokens", "POST", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, 400, "invalid_request_error")
	f("odd role", "POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"x"}]}`, 400, "invalid_request_error")
	f("odd content", "POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":7}]}`, 400, "invalid_request_error")
	f("no such model", "GET", "/v1/models/none", "", 404, "not_found_error")
	f("no such path", "GET", "/v1/nothing", "", 404, "not_found_error")
	f("scripted", "POST", "/v1/messages", prompt(true, "[[s:e403]]"), 403, "permission_error")
	f("too large", "POST", "/v1/messages", `{"x":"`+strings.Repeat("x", 32<<20)+`"}`, 413, "request_too_large")
}

func TestFailuresPass(t *testing.T) {
	t.Parallel()
	api := messagesapi.New(messagesapi.Options{})
	statuses := func(session, text string) []int {
		var got []int
		for range 4 {
			got = append(got, ask(t, api, "POST", "/v1/messages", prompt(true, text), "X-Claude-Code-Session-Id", session).Code)
		}
		return got
	}
	if diff := cmp.Diff([]int{529, 529, 200, 529}, statuses("a", "[[s:e529]]")); diff != "" {
		t.Errorf("e529 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{429, 200, 429, 200}, statuses("b", "[[s:e429]]")); diff != "" {
		t.Errorf("e429 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{400, 400, 400, 400}, statuses("c", "[[s:e400]]")); diff != "" {
		t.Errorf("e400 (-want +got):\n%s", diff)
	}
	w := ask(t, api, "POST", "/v1/messages", prompt(true, "[[s:e429]]"), "X-Claude-Code-Session-Id", "d")
	if w.Header().Get("Retry-After") != "1" {
		t.Errorf("429 without Retry-After: %v", w.Header())
	}
}

// event is one server-sent event.
type event struct {
	Name string
	Data map[string]any
}

func events(t *testing.T, r io.Reader) []event {
	t.Helper()
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	var list []event
	for frame := range strings.SplitSeq(string(all), "\n\n") {
		var e event
		var data strings.Builder
		for line := range strings.SplitSeq(frame, "\n") {
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				e.Name = name
			}
			if part, ok := strings.CutPrefix(line, "data: "); ok {
				data.WriteString(part)
			}
		}
		if data.Len() == 0 {
			continue
		}
		if err := json.Unmarshal([]byte(data.String()), &e.Data); err != nil {
			t.Fatalf("decode %q: %v", frame, err)
		}
		list = append(list, e)
	}
	return list
}

// A stream must add up to the answer of the same request without a stream.
func TestStreamAddsUp(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		"text say=grüße-und-ein-langes-ende-ééééééééééééééé", "parallel say=x", "subagent", "refusal", "think", "interleave say=ö", "search",
		"connector", "odd", "empty", "limit", "big",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			text := "[[s:" + script + "]]"
			want := decode(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", prompt(false, text)))
			w := ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", prompt(true, text))
			if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
				t.Fatalf("content type %q", got)
			}
			if diff := cmp.Diff(want, assemble(t, events(t, w.Body))); diff != "" {
				t.Errorf("stream differs (-whole +stream):\n%s", diff)
			}
		})
	}
}

// assemble does what a client does with a stream.
func assemble(t *testing.T, list []event) reply {
	t.Helper()
	var whole map[string]any
	var content []any
	inputs := map[int]string{}
	for _, e := range list {
		if e.Data["type"] != e.Name && e.Name != "" {
			t.Errorf("event %q says it is %v", e.Name, e.Data["type"])
		}
		index, _ := e.Data["index"].(float64)
		switch e.Name {
		case "message_start":
			whole = e.Data["message"].(map[string]any)
		case "content_block_start":
			content = append(content, e.Data["content_block"])
		case "content_block_delta":
			delta, b := e.Data["delta"].(map[string]any), content[int(index)].(map[string]any)
			switch delta["type"] {
			case "text_delta":
				b["text"] = b["text"].(string) + delta["text"].(string)
			case "thinking_delta":
				b["thinking"] = b["thinking"].(string) + delta["thinking"].(string)
			case "signature_delta":
				b["signature"] = delta["signature"]
			case "citations_delta":
				b["citations"] = append(b["citations"].([]any), delta["citation"])
			case "input_json_delta":
				inputs[int(index)] += delta["partial_json"].(string)
			}
		case "message_delta":
			whole["stop_reason"] = e.Data["delta"].(map[string]any)["stop_reason"]
			whole["usage"] = e.Data["usage"]
		}
	}
	if list[len(list)-1].Name != "message_stop" {
		t.Errorf("stream ends with %q", list[len(list)-1].Name)
	}
	for i, in := range inputs {
		content[i].(map[string]any)["input"] = json.RawMessage(in)
	}
	whole["content"] = content
	b, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if r.Content == nil {
		r.Content = decode(t, &httptest.ResponseRecorder{Body: bytes.NewBufferString(`{"content":[]}`)}).Content
	}
	return r
}

func TestCut(t *testing.T) {
	t.Parallel()
	list := events(t, ask(t, messagesapi.New(messagesapi.Options{}), "POST", "/v1/messages", prompt(true, "[[s:cut]]")).Body)
	if last := list[len(list)-1]; last.Name != "error" {
		t.Errorf("a cut stream ends with %q, want error", last.Name)
	}
}

func TestIDsRepeat(t *testing.T) {
	t.Parallel()
	ids := func(seed string) []string {
		api := messagesapi.New(messagesapi.Options{Seed: seed})
		var list []string
		for range 3 {
			w := ask(t, api, "POST", "/v1/messages", prompt(false, "[[s:parallel]]"))
			list = append(list, w.Header().Get("request-id"))
			r := decode(t, w)
			list = append(list, r.ID)
			for _, b := range r.Content {
				list = append(list, b.ID)
			}
		}
		return list
	}
	if diff := cmp.Diff(ids("a"), ids("a")); diff != "" {
		t.Errorf("the same seed gives other ids:\n%s", diff)
	}
	seen := map[string]bool{}
	for _, id := range append(ids("a"), ids("b")...) {
		if id != "" && seen[id] {
			t.Errorf("id %s came twice", id)
		}
		seen[id] = true
	}
}

func TestSmallEndpoints(t *testing.T) {
	t.Parallel()
	api := messagesapi.New(messagesapi.Options{Models: []string{"m1", "m2"}})
	f := func(method, path, body, want string) {
		t.Helper()
		w := ask(t, api, method, path, body)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: got %d %s, want %s", method, path, w.Code, w.Body, want)
		}
	}
	f("GET", "/v1/models?limit=1000", "", `"first_id":"m1","has_more":false,"last_id":"m2"`)
	f("GET", "/v1/models/m2", "", `"id":"m2"`)
	f("POST", "/v1/messages/count_tokens?beta=true", prompt(false, "hi"), `{"input_tokens":`)
	f("GET", "/api/hello", "", `{"message":"hello"}`)
	f("HEAD", "/api/hello", "", "")
}

func TestServer(t *testing.T) {
	t.Parallel()
	seen := make(chan messagesapi.Exchange, 1)
	srv, err := messagesapi.Listen(t.Context(), "127.0.0.1:0", messagesapi.Options{
		Observe: func(e messagesapi.Exchange) { seen <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	var line bytes.Buffer
	if err := srv.Announce(&line); err != nil {
		t.Fatal(err)
	}
	var said struct{ URL, Key string }
	if err := json.Unmarshal(line.Bytes(), &said); err != nil || said.URL != srv.URL() || said.Key != messagesapi.FakeKey {
		t.Fatalf("announced %q (%v), want url %s and key %s", &line, err, srv.URL(), messagesapi.FakeKey)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- srv.Run(ctx) }()

	req, err := http.NewRequestWithContext(t.Context(), "POST", said.URL+"/v1/messages", strings.NewReader(
		prompt(true, "[[s:slow say=x]]", "I will", "x")))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+said.Key)
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("X-Claude-Code-Session-Id", "s1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := <-seen
	if got.Digest == [32]byte{} || got.Bytes == 0 || got.Header.Get("Authorization") == "" {
		t.Errorf("observed no body or no headers: %+v", got)
	}
	got.RequestID, got.Header, got.Digest, got.Bytes = "", nil, [32]byte{}, 0
	want := messagesapi.Exchange{Method: "POST", Path: "/v1/messages", Session: "s1", Script: "slow", Turn: 1, Stream: true, Status: 200}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
	stop() // in the middle of the answer: Run must cut it and return
	if err := <-ran; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(prompt(true, "[[s:parallel say=x]]"))
	f.Add(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"[[s:files dir=/tmp say=a]]"}]}]}`)
	f.Add(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":null}]}`)
	f.Add(conversation(2, "system", mark))
	api := messagesapi.New(messagesapi.Options{PromptCache: true, Scripts: map[string]messagesapi.Script{"slow": {}, "late": {}, "drop": {}}})
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(t, api, "POST", "/v1/messages", body)
		if w.Code == 200 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && decode(t, w).Type != "message" {
			t.Errorf("200 with %s", w.Body)
		}
	})
}
