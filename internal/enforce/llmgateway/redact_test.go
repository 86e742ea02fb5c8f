package llmgateway

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// TestRedactsInOneWay: many findings cost no more each than one does. Quadratic, this test does not end.
func TestRedactsInOneWay(t *testing.T) {
	t.Parallel()
	const one, many = `é\u0041x `, 200_000
	long := messages.Text{What: "text", Value: strings.Repeat("éAx ", many), Start: 0}
	long.End = len(one)*many + 2
	body := []byte(`"` + strings.Repeat(one, many) + `"`)
	block := messages.Block{Type: "text", Part: messages.Message, Texts: []messages.Text{long}}
	var found []policy.Finding
	for i := range many {
		found = append(found, policy.Finding{Kind: "k", Start: 5*i + 2, End: 5*i + 4})
	}
	for i := range many {
		at, offset := len(body), len(long.Value)+1+3*i
		body = append(body, `"Ax"`...)
		block.Texts = append(block.Texts, messages.Text{What: "text", Value: "Ax", Start: at, End: at + 4})
		found = append(found, policy.Finding{Kind: "k", Start: offset, End: offset + 2})
	}
	g := &Gateway{cfg: Config{Key: new([32]byte)}}
	cuts, ok := g.redactions(body, &block, found)
	if !ok || len(cuts) != 2*many {
		t.Fatalf("%d replacements, %t", len(cuts), ok)
	}
	for i, c := range cuts {
		if got, want := string(body[c.start:c.end]), `\u0041x`; got != want && (i < many || got != "Ax") {
			t.Fatalf("replacement %d stands for %s", i, got)
		}
	}
}

// FuzzRawRange: what stands between the offsets that are found decodes to what stands between those asked for.
func FuzzRawRange(f *testing.F) {
	f.Add(`"plain"`, 1, 3)
	f.Add(`"a\"\\\/\b\n\u00e9\ud83d\ude00é😀"`, 2, 9)
	f.Add(`"\ud800 \udc00x\ud800\ud800"`, 0, 3)
	f.Add(`"\ud8000000"`, 0, 3)
	f.Fuzz(func(t *testing.T, raw string, start, end int) {
		var value string
		if !utf8.ValidString(raw) || len(raw) < 2 || raw[0] != '"' || json.Unmarshal([]byte(raw), &value) != nil {
			return
		}
		if start < 0 || end <= start || end > len(value) {
			return
		}
		from, to, ok := (&rawPlace{raw: 1}).find([]byte(raw), start, end)
		whole := utf8.RuneStart(value[start]) && (end == len(value) || utf8.RuneStart(value[end]))
		if !ok {
			if whole && !bytes.Contains([]byte(raw), []byte(`\u`)) {
				t.Fatalf("%s [%d:%d]: not found", raw, start, end)
			}
			return
		}
		var got string
		if err := json.Unmarshal([]byte(`"`+raw[from:to]+`"`), &got); err != nil || got != value[start:end] {
			t.Fatalf("%s [%d:%d] is %q, found %s: %v", raw, start, end, value[start:end], raw[from:to], err)
		}
	})
}
