package messagesapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// conversation makes a body of n turns, whose last message is a breakpoint, as clients set them.
func conversation(n int, system, mark string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"model":"claude-opus-5-5","max_tokens":9,"tools":[{"name":"Bash","description":%q}],`, strings.Repeat("t", 2000))
	fmt.Fprintf(&b, `"system":[{"type":"text","text":"head"},{"type":"text","text":%q%s}],"messages":[`, system, mark)
	for i := range n {
		if i > 0 {
			fmt.Fprintf(&b, `{"role":"assistant","content":[{"type":"text","text":"answer %d %s"}]},`, i, strings.Repeat("a", 400))
		}
		text := fmt.Sprintf(`question %d %s`, i, strings.Repeat("q", 400))
		if i == n-1 {
			fmt.Fprintf(&b, `{"role":"user","content":[{"type":"text","text":"%s"%s}]}`, text, mark)
		} else {
			fmt.Fprintf(&b, `{"role":"user","content":"%s"},`, text)
		}
	}
	b.WriteString("]}")
	return b.String()
}

const mark = `,"cache_control":{"type":"ephemeral"}`

// used asks and tells what was read from the cache, written to it, and neither.
func used(t *testing.T, api *messagesapi.API, body string, header ...string) [3]int {
	t.Helper()
	w := ask(t, api, "POST", "/v1/messages", body, header...)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	u := decode(t, w).Usage
	n := func(name string) int { v, _ := u[name].(float64); return int(v) }
	return [3]int{n("cache_read_input_tokens"), n("cache_creation_input_tokens"), n("input_tokens")}
}

func TestPromptCache(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
	api := messagesapi.New(messagesapi.Options{PromptCache: true, Now: func() time.Time { return now }})
	system := strings.Repeat("s", 4000)
	first := used(t, api, conversation(1, system, mark))
	if first[0] != 0 || first[1] < 1500 || first[2] != 0 {
		t.Fatalf("a first request: %v; want all written", first)
	}
	all := first[1]
	if got := used(t, api, conversation(1, system, mark)); got != [3]int{all, 0, 0} {
		t.Errorf("the same again: %v; want %d read", got, all)
	}
	for turn := 2; turn <= 12; turn++ {
		got := used(t, api, conversation(turn, system, mark))
		if got[0] != all || got[1] < 150 || got[1] > 300 || got[2] != 0 {
			t.Errorf("turn %d: %v; want %d read and the new messages written", turn, got, all)
		}
		all += got[1]
	}
	body := conversation(12, system, mark)
	if got := used(t, api, strings.Replace(body, "ssss", "sssS", 1)); got[0] >= 1024 {
		t.Errorf("with one byte of the system prompt changed: %v; want nothing read but what stands before it", got)
	}
	if got := used(t, api, strings.Replace(body, "question 3", `question\u00203`, 1)); got[0] >= all || got[0] == 0 {
		t.Errorf("with one message written otherwise: %v; want what stands before it read, at most", got)
	}
	if got := used(t, api, body, "X-Api-Key", "another"); got[0] != 0 {
		t.Errorf("under another key: %v; want nothing read", got)
	}
	if got := used(t, api, strings.ReplaceAll(body, mark, "")); got[0] != 0 || got[1] != 0 || got[2] != all {
		t.Errorf("without breakpoints: %v; want %d neither read nor written", got, all)
	}
	now = now.Add(messagesapi.CacheLifetime - time.Second)
	if got := used(t, api, body); got[0] != all {
		t.Errorf("just before its end: %v; want %d read", got, all)
	}
	now = now.Add(messagesapi.CacheLifetime - time.Second) // each use makes it last
	if got := used(t, api, body); got[0] != all {
		t.Errorf("after it was used: %v; want %d read", got, all)
	}
	now = now.Add(messagesapi.CacheLifetime)
	if got := used(t, api, body); got[0] != 0 {
		t.Errorf("after its end: %v; want nothing read", got)
	}
}

func TestPromptCacheHour(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
	api := messagesapi.New(messagesapi.Options{PromptCache: true, Now: func() time.Time { return now }})
	body := conversation(1, strings.Repeat("s", 6000), `,"cache_control":{"type":"ephemeral","ttl":"1h"}`)
	w := ask(t, api, "POST", "/v1/messages", body)
	if kept, _ := decode(t, w).Usage["cache_creation"].(map[string]any); kept["ephemeral_1h_input_tokens"].(float64) < 1024 || kept["ephemeral_5m_input_tokens"].(float64) != 0 {
		t.Errorf("usage %s; want all for an hour", w.Body)
	}
	now = now.Add(59 * time.Minute)
	if got := used(t, api, body); got[0] < 1024 {
		t.Errorf("after 59 minutes: %v; want it read", got)
	}
}

func TestPromptCacheLimits(t *testing.T) {
	t.Parallel()
	api := messagesapi.New(messagesapi.Options{PromptCache: true})
	for range 2 {
		if got := used(t, api, prompt(false, "short")); got[0] != 0 || got[1] != 0 {
			t.Errorf("a prompt shorter than the minimum: %v; want it neither read nor written", got)
		}
	}
	marked := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, `{"role":"user","content":[{"type":"text","text":"x"%s}]},`, mark)
		}
		return `{"model":"m","max_tokens":1,"messages":[` + strings.TrimSuffix(b.String(), ",") + `]}`
	}
	if w := ask(t, api, "POST", "/v1/messages", marked(4)); w.Code != 200 {
		t.Errorf("four breakpoints: %d %s", w.Code, w.Body)
	}
	if w := ask(t, api, "POST", "/v1/messages", marked(5)); w.Code != 400 || !strings.Contains(w.Body.String(), "maximum of 4 blocks with cache_control") {
		t.Errorf("five breakpoints: %d %s", w.Code, w.Body)
	}
}
