package messages_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

// captured are the request bodies of a capture, as the client's JSON writer would put them.
func captured(t testing.TB, name string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for _, e := range list {
		if len(e.Body) > 2 {
			bodies = append(bodies, e.Body)
		}
	}
	return bodies
}

func read(t testing.TB, body string) *messages.Request {
	t.Helper()
	r, err := messages.Read([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	holds(t, []byte(body), r)
	return r
}

// holds checks what is true of every request that was read.
func holds(t testing.TB, body []byte, r *messages.Request) {
	t.Helper()
	end := 0
	for i, b := range r.Blocks {
		if b.Start < end || b.End <= b.Start || b.End > len(body) {
			t.Fatalf("block %d stands at %d to %d, behind %d, of %d", i, b.Start, b.End, end, len(body))
		}
		end = b.End
		if !json.Valid(body[b.Start:b.End]) {
			t.Fatalf("block %d is no JSON: %q", i, body[b.Start:b.End])
		}
		last := b.Start
		for _, s := range b.Texts {
			var v string
			if s.Start < last || s.End > b.End {
				t.Fatalf("a text of block %d stands at %d to %d", i, s.Start, s.End)
			}
			last = s.End
			if err := json.Unmarshal(body[s.Start:s.End], &v); err != nil || v != s.Value {
				t.Fatalf("the body has %q where the text is %q (%v)", body[s.Start:s.End], s.Value, err)
			}
		}
		if b.Input != nil && !json.Valid(b.Input) {
			t.Fatalf("the input of block %d is no JSON", i)
		}
	}
}

func TestReadCaptures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hint.json", "mitm.json", "tui.json", "v1.0.128.json"} {
		for i, body := range captured(t, name) {
			r := read(t, string(body))
			if r.Model == "" || r.Identity.Session == "" || r.Identity.Device == "" || r.Messages == 0 || len(r.Blocks) < 2 {
				t.Errorf("%s %d: model %q, identity %+v, %d messages, %d blocks", name, i, r.Model, r.Identity, r.Messages, len(r.Blocks))
			}
		}
	}
	sub := read(t, string(captured(t, "hint.json")[2]))
	if diff := cmp.Diff(map[string]string{"cc_version": "2.1.330.2cb", "cc_entrypoint": "sdk-cli", "cc_is_subagent": "true"}, sub.Billing); diff != "" {
		t.Error(diff)
	}
	direct := read(t, string(captured(t, "mitm.json")[1]))
	if direct.Billing["cc_prompt_id"] == "" || direct.Billing["cc_prev_req"] == "" {
		t.Errorf("billing of a direct connection: %v", direct.Billing)
	}
}

// brief is a block for comparison.
func brief(b messages.Block) string {
	var texts []string
	for _, s := range b.Texts {
		texts = append(texts, s.What+"="+s.Value)
	}
	for _, m := range b.Media {
		texts = append(texts, "media="+m.Type)
	}
	head := strings.Join([]string{b.Part.String(), b.Role, b.Type, b.ID, b.Tool, b.Server}, ",")
	return strings.TrimRight(head, ",") + " " + strings.Join(texts, "; ")
}

func TestReadShapes(t *testing.T) {
	t.Parallel()
	f := func(body string, want ...string) {
		t.Helper()
		var got []string
		for _, b := range read(t, body).Blocks {
			got = append(got, brief(b))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	user := func(content string) string { return `{"messages":[{"role":"user","content":` + content + `}]}` }

	f(`{}`)
	f(`{"system":"be kind","messages":[]}`, "system,system,text text=be kind")
	f(`{"system":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, "system,system,text text=a", "system,system,text text=b")
	f(user(`"hi"`), "message,user,text text=hi")
	f(user(`null`))
	f(user(`[{"type":"text","text":"h\u00e9\n"}]`), "message,user,text text=hé\n")
	f(user(`[{"type":"text","text":""}]`), "message,user,text ")
	f(`{"messages":[{"content":"late","role":"system"}]}`, "message,system,text text=late")
	f(`{"messages":[{"content":"x","role":"oracle","omen":"doom"}]}`, "message,oracle,text text=x", "message,oracle,omen omen=doom")
	f(user(`[{"type":"tool_result","tool_use_id":"t1","content":"out","is_error":true}]`), "message,user,tool_result,t1 content=out")
	f(user(`[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}]}]`),
		"message,user,tool_result,t1 text=a; media=image/png")
	f(user(`[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"ls","n":1,"deep":[{"x":"y"}],"cache_control":"kept"}}]`),
		"message,user,tool_use,t1,Bash name=command; input=ls; name=n; name=deep; name=x; input=y; name=cache_control; input=kept")
	f(user(`[{"type":"mcp_tool_use","id":"m","name":"find","server_name":"files","input":{}}]`), "message,user,mcp_tool_use,m,find,files ")
	f(user(`[{"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"plain"}}]`), "message,user,document title=T; data=plain")
	f(user(`[{"type":"document","source":{"data":"JVBERi0=","media_type":"application/pdf","type":"base64"}}]`), "message,user,document media=application/pdf")
	f(user(`[{"type":"document","source":{"type":"content","content":[{"type":"text","text":"in"}]}}]`), "message,user,document text=in")
	f(user(`[{"type":"image","source":{"type":"url","url":"https://e.example/x.png"}}]`), "message,user,image url=https://e.example/x.png")
	f(user(`[{"type":"search_result","source":"s","title":"t","content":[{"type":"text","text":"c"}]}]`), "message,user,search_result source=s; title=t; text=c")
	f(user(`[{"type":"thinking","thinking":"hm","signature":"c2ln"},{"type":"redacted_thinking","data":"ZW5j"}]`), "message,user,thinking thinking=hm", "message,user,redacted_thinking ")
	f(user(`[{"type":"tomorrow","payload":{"words":["a",{"type":"x","more":"b"}]}}]`), "message,user,tomorrow words=a; more=b")
	f(user(`["bare",7]`), "message,user,text text=bare", "message,user ")
	f(`{"tools":[{"name":"Bash","description":"runs","input_schema":{"type":"object","properties":{"command":{"description":"what"}}}},{"type":"web_search_20260301","name":"web_search"}]}`,
		"tools,,custom,,Bash description=runs; schema=object; schema=what", "tools,,web_search_20260301,,web_search ")
	f(`{"output_format":{"type":"json_schema","schema":{"description":"secret plan"}},"mcp_servers":[{"name":"n","url":"u","authorization_token":"hush"}]}`,
		"field,,output_format description=secret plan", "field,,mcp_servers name=n; url=u")
	f(`{"messages":{"role":"odd"}}`, "field,,messages role=odd")
	f(`{"mess\u0061ges":[{"role":"user","content":"escaped"}]}`, "message,user,text text=escaped")
}

func TestReadScalars(t *testing.T) {
	t.Parallel()
	r := read(t, ` { "model" : "m" , "stream":true,"container":"c1","tools":[{"type":"code_execution_20250825","name":"x"},{"type":"mcp_toolset","mcp_server_name":"s"}],
	 "metadata":{"other":[1],"user_id":"user_abc_account__session_11-22"},"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]},{"role":"assistant","content":"a"}]} `)
	want := &messages.Request{
		Model: "m", Stream: true, Identity: messages.Identity{Device: "abc", Session: "11-22"}, Messages: 2,
		Capabilities: []string{"code_execution", "container", "files", "mcp_servers"},
	}
	r.Blocks, r.Digest = nil, [32]byte{}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Error(diff)
	}
}

func TestHashIsWithoutCacheControl(t *testing.T) {
	t.Parallel()
	hash := func(block string) [32]byte {
		t.Helper()
		return read(t, `{"messages":[{"role":"user","content":`+block+`}]}`).Blocks[0].Hash
	}
	f := func(same bool, a, b string) {
		t.Helper()
		if (hash(a) == hash(b)) != same {
			t.Errorf("equal must be %v: %s and %s", same, a, b)
		}
	}
	f(true, `[{"type":"text","text":"x"}]`, `"x"`)
	f(true, `[{"cache_control":{"type":"ephemeral"},"text":"x","type":"text"}]`, `"x"`)
	f(true, `[{"type":"image","source":{"type":"url","url":"u"},"cache_control":{"type":"ephemeral"}}]`, `[{"type":"image","source":{"type":"url","url":"u"}}]`)
	f(true, `[{"cache_control" : {"ttl":"1h"} , "type":"image","a":1}]`, `[{ "type":"image","a":1}]`)
	f(true, `[{"type":"tool_result","content":[{"type":"text","text":"x","cache_control":{}}]}]`, `[{"type":"tool_result","content":[{"type":"text","text":"x"}]}]`)
	f(false, `[{"type":"text","text":"x"}]`, `"y"`)
	f(false, `[{"type":"text","text":"x","citations":[]}]`, `"x"`)
	f(false, `[{"type":"tool_use","input":{"cache_control":"a"}}]`, `[{"type":"tool_use","input":{"cache_control":"b"}}]`)
	f(false, `[{"type":"image","source":{"type":"url","url":"u"}}]`, `[{"type":"image","source":{"type":"url","url":"v"}}]`)
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	f := func(reason, body string) {
		t.Helper()
		_, err := messages.Read([]byte(body))
		var bad *messages.Malformed
		if !errors.As(err, &bad) || bad.Reason != reason {
			t.Errorf("%.60q: %v, want %q", body, err, reason)
		}
	}
	f("no JSON object", ``)
	f("no JSON object", `[]`)
	f("it ends early", `{"model":"x"`)
	f("it ends early", `{"messages":[{"role":"user"`)
	f("it ends early", `{"messages":[{"content":{"input" `)
	f("bytes behind the end", `{} {}`)
	f("bytes behind the end", `{"a":1}]`)
	f("a name stands twice in one object", `{"model":"a","model":"b"}`)
	f("a name stands twice in one object", `{"model":"a","mod\u0065l":"b"}`)
	f("a name stands twice in one object", `{"messages":[{"role":"user","content":"a","content":"b"}]}`)
	f("a name stands twice in one object", `{"messages":[{"role":"user","content":[{"type":"tool_use","input":{"a":1,"a":2}}]}]}`)
	f("a name stands twice in one object", `{"x":{"a":1,"a":2}}`)
	f("text that is no UTF-8", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\xff\"}]}")
	f("text that is no UTF-8", "{\"temperature\":1,\"thinking\":{\"a\":\"\xc3\"}}")
	f("no valid JSON", `{"messages":[{"role":"user"},]}`)
	f("no valid JSON", `{"messages":[{"role":"user"}}`)
	f("no valid JSON", `{"a":1,}`)
	f("no valid JSON", `{"a" 1}`)
	f("no valid JSON", `{"max_tokens":01}`)
	f("no valid JSON", `{"model":"\ud800"}`)
	f("nested too deeply", `{"x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+`}`)
	f("nested too deeply", `{"messages":[{"role":"user","content":[{"type":"tool_use","input":`+strings.Repeat(`{"a":`, 500)+`1`+strings.Repeat("}", 500)+`}]}]}`)
	f("too many blocks or strings", `{"messages":[{"role":"user","content":[`+strings.Repeat(`1,`, 60_000)+`1]}]}`)
	f("too many blocks or strings", `{"x":[`+strings.Repeat(`"a",`, 300_000)+`"a"]}`)
}

func TestErrorsHoldNoContent(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"canary":1,"canary":2}`, `{"messages":[{"canary":"canary` + "\xff" + `"}]}`, `{"x":canary}`} {
		if _, err := messages.Read([]byte(body)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"hint.json", "v1.0.128.json"} {
		for _, b := range captured(f, name) {
			f.Add(b)
		}
	}
	f.Add([]byte(`{"system":"a","tools":[{"name":"x","input_schema":{"a":"b"}}],"messages":[{"role":"user","content":[{"type":"tool_use","input":{"a":"b"},"cache_control":{}}]}]}`))
	f.Add([]byte(`{"messages":[{"content":[{"source":{"data":"a\/=","type":"base64"},"data":"x"}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := messages.Read(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatal("accepted what is no JSON")
		}
		holds(t, body, r)
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add(`{"device_id":"d","account_uuid":"a","session_id":"s"}`)
	f.Add("user_ab12_account_1-2_session_3-4")
	f.Fuzz(func(t *testing.T, s string) {
		if id := messages.ReadIdentity(s); len(id.Device)+len(id.Account)+len(id.Session) > len(s) {
			t.Fatalf("%+v out of %q", id, s)
		}
	})
}
