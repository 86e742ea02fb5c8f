package messages_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

// same compares what two readings found, but for what only a Memory tells.
var same = []cmp.Option{cmpopts.IgnoreFields(messages.Block{}, "Known"), cmpopts.IgnoreUnexported(messages.Block{})}

// remembers reads bodies through one memory, checks each against Read, and checks Known against the body before.
func remembers(t testing.TB, m *messages.Memory, before *messages.Request, body []byte) *messages.Request {
	t.Helper()
	want, wantErr := messages.Read(body)
	got, err := m.Read("c", body)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %v, alone %v", body, err, wantErr)
	}
	if err != nil {
		return before
	}
	if diff := cmp.Diff(want, got, same...); diff != "" {
		t.Fatalf("%s: %s", body, diff)
	}
	if before == nil {
		return got
	}
	type key struct {
		part messages.Part
		role string
		hash [32]byte
	}
	old, now, known := map[key]int{}, map[key]int{}, map[key]int{}
	for _, b := range before.Blocks {
		old[key{b.Part, b.Role, b.Hash}]++
	}
	for _, b := range got.Blocks {
		k := key{b.Part, b.Role, b.Hash}
		now[k]++
		if b.Known {
			known[k]++
		}
	}
	for k, n := range now {
		if want := min(n, old[k]); known[k] != want {
			t.Fatalf("%d of %d equal blocks are known, and %d stood in the body before\n%s", known[k], n, old[k], body)
		}
	}
	return got
}

// dialogue makes bodies of a conversation that is edited at random, as clients do it and as they do not.
type dialogue struct {
	rnd      *rand.Rand
	system   []any
	tools    []any
	messages []any
	extra    int
}

func (d *dialogue) word() string { return fmt.Sprint("word ", d.rnd.IntN(6), "é\n\"") }

func (d *dialogue) block() any {
	b := map[string]any{"type": "text", "text": d.word()}
	switch d.rnd.IntN(5) {
	case 0:
		b = map[string]any{"type": "tool_use", "id": "t", "name": "Bash", "input": map[string]any{"command": d.word()}}
	case 1:
		b = map[string]any{"type": "tool_result", "tool_use_id": "t", "content": []any{map[string]any{"type": "text", "text": d.word()}}}
	case 2:
		b = map[string]any{"type": "image", "source": map[string]any{"type": "base64", "media_type": "image/png", "data": "aGk="}}
	}
	if d.rnd.IntN(3) == 0 {
		b["cache_control"] = map[string]any{"type": "ephemeral"}
	}
	return b
}

func (d *dialogue) message() any {
	var content any = d.word()
	if d.rnd.IntN(3) > 0 {
		content = []any{d.block(), d.block()}[:1+d.rnd.IntN(2)]
	}
	return map[string]any{"role": []string{"user", "assistant", "system"}[d.rnd.IntN(3)], "content": content}
}

func (d *dialogue) edit() {
	at := d.rnd.IntN(len(d.messages) + 1)
	switch d.rnd.IntN(8) {
	case 0, 1, 2:
		d.messages = append(d.messages, d.message(), d.message())
	case 3:
		if at < len(d.messages) {
			d.messages[at] = d.message()
		}
	case 4:
		d.messages = d.messages[:at]
	case 5:
		d.system = []any{d.block(), d.block()}
	case 6:
		d.tools = append(d.tools, map[string]any{"name": d.word(), "input_schema": map[string]any{"d": d.word()}})
	case 7:
		d.extra++
	}
}

func (d *dialogue) body() []byte {
	part := func(name string, v any) string {
		b, _ := json.Marshal(v)
		return fmt.Sprintf("%q:%s", name, b)
	}
	list := []string{part("model", "m"), part("messages", d.messages), part("system", d.system), part("tools", d.tools), part("output_format", d.extra%3), part("mcp_servers", []any{"x"})}
	if d.rnd.IntN(6) == 0 {
		d.rnd.Shuffle(len(list), func(a, b int) { list[a], list[b] = list[b], list[a] })
	}
	return []byte("{" + strings.Join(list, ",") + "}")
}

func TestMemoryReadsWhatReadReads(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		d := &dialogue{rnd: rand.New(rand.NewPCG(seed, 1))}
		m := messages.NewMemory(1 << 20)
		for range 20 {
			d.edit()
			remembers(t, m, nil, d.body())
		}
	}
}

// TestKnown follows one conversation whose every body goes on from the one before.
func TestKnown(t *testing.T) {
	t.Parallel()
	d := &dialogue{rnd: rand.New(rand.NewPCG(7, 7)), system: []any{map[string]any{"type": "text", "text": "s"}}, messages: []any{map[string]any{"role": "user", "content": "first"}}}
	m := messages.NewMemory(1 << 20)
	var before *messages.Request
	for range 60 {
		d.messages = append(d.messages, d.message())
		before = remembers(t, m, before, d.body())
	}
}

// TestKnownWhenTheBreakpointMoves: the client's last message loses its cache_control, or becomes a bare string.
func TestKnownWhenTheBreakpointMoves(t *testing.T) {
	t.Parallel()
	m := messages.NewMemory(1 << 20)
	f := func(body string, want ...bool) {
		t.Helper()
		r, err := m.Read("c", []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		var got []bool
		for _, b := range r.Blocks {
			got = append(got, b.Known)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	f(`{"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}],"system":"s"}`, false, false)
	f(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}],"system":"s"}`,
		true, false, false, true)
	f(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":"b"}],"system":"s"}`,
		true, true, true, false, true)
}

// TestMemoryKeepsBranches: a title asked for in between does not make the dialogue unknown.
func TestMemoryKeepsBranches(t *testing.T) {
	t.Parallel()
	m := messages.NewMemory(1 << 20)
	long := `{"model":"big","messages":[{"role":"user","content":"` + strings.Repeat("long ", 200) + `"}]}`
	for range 3 {
		if _, err := m.Read("c", []byte(long)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Read("c", []byte(`{"model":"small","messages":[{"role":"user","content":"title?"}]}`)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := m.Read("c", []byte(long))
	if err != nil || !r.Blocks[0].Known {
		t.Errorf("the dialogue was forgotten (%v)", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := messages.NewMemory(100_000)
	body := func(i int) []byte {
		return fmt.Appendf(nil, `{"messages":[{"role":"user","content":"%d%s"}]}`, i, strings.Repeat("x", 10_000))
	}
	for i := range 20 {
		if _, err := m.Read(fmt.Sprint(i), body(i)); err != nil {
			t.Fatal(err)
		}
	}
	known := func(i int) bool {
		r, err := m.Read(fmt.Sprint(i), body(i))
		if err != nil {
			t.Fatal(err)
		}
		return r.Blocks[0].Known
	}
	if known(0) || !known(19) {
		t.Error("the oldest is known, or the newest is not")
	}
}

func FuzzMemory(f *testing.F) {
	f.Add([]byte(`{"messages":[{"role":"user","content":"a"}],"system":"s"}`), []byte(`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]}],"system":"s"}`))
	f.Add([]byte(`{"tools":[{"name":"a"}],"x":"y","messages":[1]}`), []byte(`{"x":"y","tools":[{"name":"a"}],"x":"y"}`))
	f.Add([]byte(`{"messages":[{"a":1},{"b":2}]}`), []byte(`{"messages":[{"a":1}{"b":2}]}`))
	for _, name := range []string{"hint.json"} {
		c := captured(f, name)
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		m := messages.NewMemory(1 << 20)
		before := remembers(t, m, nil, a)
		remembers(t, m, before, b)
	})
}

func BenchmarkRead(b *testing.B) {
	d := &dialogue{rnd: rand.New(rand.NewPCG(1, 1))}
	for range 400 {
		d.messages = append(d.messages, d.message())
	}
	d.messages = append(d.messages, map[string]any{"role": "user", "content": strings.Repeat("prose with a line\n", 3000)})
	body := d.body()
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := messages.Read(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		m := messages.NewMemory(10 << 20)
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := m.Read("c", body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// TestMemoryCountsSmallBodies: a body of a few bytes costs some thousand to know it again, and counts for that.
func TestMemoryCountsSmallBodies(t *testing.T) {
	t.Parallel()
	const body, conversations = `{"messages":[{"role":"user","content":"hi"}]}`, 1000
	m := messages.NewMemory(1 << 20)
	known := func(i int) bool {
		r, err := m.Read(strconv.Itoa(i), []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return r.Blocks[0].Known
	}
	for i := range conversations {
		known(i)
	}
	if known(0) || !known(conversations-1) {
		t.Errorf("%d conversations are remembered in a MiB", conversations)
	}
}
